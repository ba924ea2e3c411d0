"""Runs trials in a thread of this process: takes any Python object, isolates nothing."""

from __future__ import annotations

import contextvars
import queue
import threading

from tunemagic.errors import OptionError
from tunemagic.search.job import Report, StopFlag, TrialJob, TrialOutcome
from tunemagic.search.settings import keras_settings, use_keras_settings
from tunemagic.search.train import run_job
from tunemagic.search.twins import forget_twins

__all__ = ["InlineExecutor"]


class InlineExecutor:
    """One trial at a time, each in a thread of its own.

    The thread runs in a copy of the creating thread's context, so what the model code prints
    lands in the notebook cell that started the study.
    """

    kind = "inline"
    slots = 1

    def __init__(self) -> None:
        self._context = contextvars.copy_context()
        self._settings = keras_settings()
        self._reports: queue.SimpleQueue[Report] = queue.SimpleQueue()
        self._cancelled: dict[int, StopFlag] = {}
        self._thread: threading.Thread | None = None

    def submit(self, job: TrialJob) -> None:
        """Start the job's thread."""
        cancelled = self._cancelled[job.trial] = StopFlag()
        context = self._context.copy()
        self._thread = threading.Thread(
            target=context.run, args=(self._run, job, cancelled), name=f"tunemagic-trial-{job.trial}", daemon=True
        )
        self._thread.start()

    def _run(self, job: TrialJob, cancelled: StopFlag) -> None:
        use_keras_settings(self._settings)  # Keras keeps its dtype policy for each thread
        self._reports.put(run_job(job, self._reports.put, cancelled))

    def next_report(self, timeout: float) -> Report | None:
        """The next report, or None when none came within ``timeout`` seconds."""
        try:
            report = self._reports.get(timeout=timeout)
        except queue.Empty:
            return None
        if isinstance(report, TrialOutcome):
            self._cancelled.pop(report.trial, None)
        return report

    def cancel(self, trial: int) -> None:
        """End this trial at its next batch."""
        if trial in self._cancelled:
            self._cancelled[trial].set()

    def hold(self, trial: int) -> None:
        """Let this trial's thread wait after its epoch."""
        if trial in self._cancelled:
            self._cancelled[trial].hold()

    def release(self, trial: int) -> None:
        """Let it go on."""
        if trial in self._cancelled:
            self._cancelled[trial].release()

    def resize(self, workers: int) -> None:
        """Always refused: only workers can train side by side."""
        raise OptionError(
            f"workers: received {workers}; these trials run in the kernel, one at a time. Stop the study and resume "
            f"it with --workers {max(1, workers)}."
        )

    def close(self) -> None:
        """Cancel what runs, wait for its thread, and free what was compiled."""
        for trial in tuple(self._cancelled):
            self.cancel(trial)
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        forget_twins()  # the kernel goes on without a search, and wants its memory back
