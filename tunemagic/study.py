"""One study in this process: start, stop, wait, look at it."""

from __future__ import annotations

import contextvars
import dataclasses
import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from tunemagic import events as ev
from tunemagic.analysis.frame import trials_frame
from tunemagic.compressed import Compressing
from tunemagic.errors import OptionError, StorageError, StudyBusyError, StudyError, TuneError
from tunemagic.explained import Explained, texts_in
from tunemagic.export.measure import gauge_for
from tunemagic.exported import Exported, study_facts
from tunemagic.journal import Journal
from tunemagic.judged import Judged
from tunemagic.ledger import Ledger
from tunemagic.modelled import Modelled
from tunemagic.request import Pruner, Tuner, TuneRequest
from tunemagic.search.borrowed import borrowed_by
from tunemagic.search.data import TrainingData
from tunemagic.search.executors.base import Executor
from tunemagic.search.faults import describe_error
from tunemagic.search.hyperparameters import hyperparameters_of
from tunemagic.search.job import Measure, TrialProgram, Work
from tunemagic.search.loop import SearchLoop
from tunemagic.search.oracle import Strategy, make_strategy
from tunemagic.search.probe import line_finder
from tunemagic.search.pruning import make_pruner
from tunemagic.search.settings import keras_settings
from tunemagic.search.steering import Steering
from tunemagic.search.weights import WeightsFolder
from tunemagic.steerable import Steerable
from tunemagic.tested import Tested
from tunemagic.text import counted, one_line
from tunemagic.trial import StudyState, StudyView

if TYPE_CHECKING:
    import pandas as pd

    from tunemagic.plots import Picture

__all__ = ["MakeExecutor", "Study", "new_session"]

# What runs a study's trials from now on, and in words why that.
MakeExecutor: TypeAlias = Callable[[Work, StudyView], tuple[Executor, str]]

_LOOK_SECONDS = 0.1  # an endless wait can't be interrupted on every system


def new_session() -> str:
    """An id for one start or resume of a study; commands that carry another one are stale."""
    return uuid.uuid4().hex[:12]


class Study(Steerable, Modelled, Exported, Judged, Explained, Tested, Compressing):
    """A named search. Made by StudyBook; safe to look at from any thread.

    ``program`` and ``data`` are None for a study that was only read from disk: it can be shown,
    but its model can't be rebuilt until its cell runs again. ``make_executor`` is asked at every
    start; ``measure`` gives further values of trained models. ``interrupted`` says that its
    process died while it ran.
    """

    def __init__(
        self,
        *,
        name: str,
        directory: Path,
        request: TuneRequest,
        ledger: Ledger,
        journal: Journal | None,
        program: TrialProgram | None = None,
        data: TrainingData | None = None,
        make_executor: MakeExecutor | None = None,
        measure: Measure | None = None,
        read_only_reason: str = "",
        interrupted: bool = False,
    ) -> None:
        super().__init__()
        self.name = name
        self.directory = directory
        self.request = request
        self.program = program
        self.data = data
        self.make_executor = make_executor
        self.measure = measure
        self.read_only_reason = read_only_reason
        self._interrupted = interrupted
        self._ledger = ledger
        self._journal = journal
        self._weights = WeightsFolder(directory)
        self._settings: Mapping[str, Any] = {}
        self._ended = threading.Event()
        self._ended.set()
        self._thread: threading.Thread | None = None
        self._best_lock = threading.Lock()
        self._best = None

    def __repr__(self) -> str:
        view = self.view
        best = view.best_trial
        score = "no score yet" if best is None else f"best {view.objective} {best.score:.6g} (trial {best.number})"
        return f"<Study {self.name}: {view.state}, {counted(view.ended_trials, 'trial')}, {score}>"

    @property
    def view(self) -> StudyView:
        """The state now; an immutable value."""
        view = self._ledger.view
        return dataclasses.replace(view, state=StudyState.INTERRUPTED) if self._interrupted else view

    @property
    def session(self) -> str:
        """The id of the current start or resume."""
        return self.view.session

    @property
    def running(self) -> bool:
        """Whether the search has a thread: trials are run now, or wait in a pause."""
        return not self._ended.is_set()

    @property
    def writable(self) -> bool:
        """Whether what happens is kept on disk: not read-only, not closed, and its disk has not failed."""
        return not self.read_only_reason and self._ledger.writing

    def subscribe(self, listener: Callable[[ev.Event], None]) -> Callable[[], None]:
        """Call ``listener`` for every later event, in order; returns what ends that.

        It is called on the thread that recorded the event and must be quick.
        """
        return self._ledger.subscribe(listener)

    def events_after(self, seq: int) -> list[ev.Event]:
        """The events with a larger ``seq``, in order."""
        return self._ledger.events_after(seq)

    def record(self, event: ev.Event) -> ev.Event:
        """Add a fact to the study. Raises StudyError when the study is read-only."""
        self._check_writable()
        return self._ledger.record(event)

    def start(self) -> None:
        """Start the study's thread. Raises StudyBusyError when it runs, StudyError without a cell."""
        self._check_writable()
        if self.program is None or self.data is None or self.make_executor is None:
            raise self._without_cell()
        with self._start_lock:
            if self.running:
                raise StudyBusyError(
                    f"study {self.name} is running already. Wait for it, or stop it with `%tune stop`."
                )
            self.check_unverified()
            self._check_writable()  # it may have been closed meanwhile
            # From here on a stop counts, and what is asked waits for the loop.
            steering = self._steering = Steering(threading.current_thread())
            try:
                loop = self._made_loop(self.program, self.data, self.make_executor)
            except BaseException:
                steering.close()  # nobody would ever answer
                raise
            self._ended.clear()
            # A copy of this thread's context, so that what trials print lands in the cell that started them.
            context = contextvars.copy_context()
            self._thread = steering.thread = threading.Thread(
                target=context.run, args=(self._run, loop), name=f"tunemagic-study-{self.name}", daemon=True
            )
            self._thread.start()

    def _made_loop(self, program: TrialProgram, data: TrainingData, make_executor: MakeExecutor) -> SearchLoop:
        """The loop. Where it can't be made the study ends with an error, which is raised too."""
        try:
            return self._make_loop(program, data, make_executor)
        # Workers that can't be had, or whatever a strategy makes of old trials: the study must not stay
        # "running" with nobody running it.
        except Exception as error:
            known = isinstance(error, TuneError)
            message = str(error) if known else f"the search could not start: {describe_error(error)}"
            self._end_unstarted(ev.StudyEnded(reason=ev.EndReason.ERROR, message=message))
            if known:
                raise
            raise StudyError(f"study {self.name}: {message}") from error

    def _end_unstarted(self, ended: ev.StudyEnded) -> None:
        try:
            self._ledger.record(ended)
        except StorageError:  # the disk is what failed
            self._ledger.show(ended)

    def _make_loop(self, program: TrialProgram, data: TrainingData, make_executor: MakeExecutor) -> SearchLoop:
        view = self.view
        strategy = self._make_strategy(view)
        work = self._work()
        self._settings = keras_settings()
        executor, why = make_executor(work, view)
        try:
            self._ledger.record(ev.ExecutorChosen(kind=executor.kind, workers=executor.slots, reason=why))
        except BaseException:
            executor.close()
            raise
        return SearchLoop(
            ledger=self._ledger,
            strategy=strategy,
            executor=executor,
            weights=self._weights,
            work=work,
            pruner=make_pruner(Pruner(view.pruner), direction=view.direction, epochs=view.epochs),
            steering=self._steering,
            memos=self._memos(),
            line_of=line_finder(program),
            findings=self._findings,
        )

    def _without_cell(self) -> StudyError:
        return StudyError(
            f"study {self.name} was read from disk; `%tune resume {self.name}`, or its cell, goes on with it."
        )

    def _work(self) -> Work:
        """What all trials share. Raises StudyError without a cell."""
        view = self.view
        if self.program is None or self.data is None:
            raise self._without_cell()
        return Work(
            program=self.program,
            data=self.data,
            objective=view.objective,
            direction=view.direction,
            repeats=view.repeats,
            folds=view.folds,
            measure=self.measure,
            max_params=self.request.max_params,
            gauge=gauge_for(self.request.device_mode, study_facts(view, self.data)),
            max_kb=self.request.max_kb,
            max_ms=self.request.max_ms,
            seed=view.seed,
        )

    def _make_executor(self, work: Work) -> tuple[Executor, str]:
        if self.make_executor is None:
            raise self._without_cell()
        return self.make_executor(work, self.view)

    def _make_strategy(self, view: StudyView) -> Strategy:
        events = self.events_after(0)
        # How long a strategy explores was decided when the study began, and stays so when it is extended.
        first = next((event.max_trials for event in events if isinstance(event, ev.StudyStarted)), view.max_trials)
        strategy = make_strategy(
            Tuner(view.strategy),
            hyperparameters=hyperparameters_of(view.space),
            objective=view.objective,
            direction=view.direction,
            seed=view.seed,
            epochs=view.epochs,
            max_trials=first,
            objectives=view.objectives,
        )
        strategy.restore(view.trials, self._memos())
        return strategy

    def _memos(self) -> dict[int, dict[str, Any]]:
        """The strategy's notes by trial."""
        return {event.trial: event.memo for event in self.events_after(0) if isinstance(event, ev.TrialStarted)}

    def _run(self, loop: SearchLoop) -> None:
        try:
            loop.run()
        finally:
            borrowed_by(self.program).restore()
            self._ended.set()

    def log(self, number: int) -> str:
        """The last lines that this trial's worker printed, at most 200; empty when there are none."""
        return self._weights.read_log(number)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the search has ended; False when ``timeout`` seconds passed first."""
        return self._ended.wait(timeout)

    def wait_for_results(self) -> None:
        """Wait until the search has ended. Raises StudyError when it is paused: it would never end by itself."""
        while not self.wait(_LOOK_SECONDS):
            if self.view.state is StudyState.PAUSED and not self._steering.stop.is_set():
                raise StudyError(
                    f"study {self.name} is paused; `%tune resume {self.name}` goes on with it, "
                    f"`%tune stop {self.name}` ends it."
                )

    def close(self) -> None:
        """Stop, wait, and give the study's folder free for other processes."""
        self.stop()
        with self._start_lock:
            self.stop()  # also what has started meanwhile
            thread, verification = self._thread, self._verification
            if self._journal is not None:
                self.read_only_reason = f"study {self.name} was closed"  # nothing starts any more
        if thread is not None:
            thread.join()
        if verification is not None:
            verification.wait()
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def moved_to(self, directory: Path) -> None:
        """The study's folder was set aside under another name; its files are found there."""
        self.directory = directory
        self._weights = WeightsFolder(directory)

    def _check_open(self) -> None:
        self._check_writable()
        if not self.writable:
            raise StorageError(f"study {self.name} can't be written any more: {self.view.end_message}")

    def _check_writable(self) -> None:
        if self.read_only_reason:
            raise StudyBusyError(self.read_only_reason)

    # -- views -----------------------------------------------------------------------------

    @property
    def trials(self) -> pd.DataFrame:
        """One row per trial so far: number, state, score, best epoch, values, seconds, reason.

        Several runs of a trial and further objectives have columns of their own.
        """
        return trials_frame(self.view)

    def plot(self, kind: str, *others: object, lang: str = "en", **options: Any) -> Picture:
        """A picture of the study as it is now, as ``%tune plot`` shows it; ``.save(path)`` writes it.

        ``kind`` and ``options`` are those of ``tunemagic.plots.plot``, ``lang`` is ``en`` or ``zh``.
        Raises OptionError for others.
        """
        from tunemagic.plots import plot

        if others:
            raise OptionError(
                f"plot: received {one_line(repr(others[0]), 60)} after the kind; expected options by name. "
                f'To write a file: study.plot("{kind}").save("{kind}.png").'
            )
        return plot(self, kind, texts=texts_in(lang, "plot"), **options)
