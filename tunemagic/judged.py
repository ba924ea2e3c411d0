"""What is to be said of a study's trials: diagnosis, why, comparison, and training the best again."""

from __future__ import annotations

import contextlib
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tunemagic import events as ev
from tunemagic.analysis.compare import CompareInfo, compare_info
from tunemagic.analysis.diagnosis import diagnose
from tunemagic.analysis.finding import Findings
from tunemagic.analysis.known import known_trial
from tunemagic.analysis.next_cell import Again
from tunemagic.analysis.training import epoch_seconds
from tunemagic.analysis.verification import VerificationInfo, trials_to_verify, verification_info
from tunemagic.analysis.why import TrialStory, explain_trial
from tunemagic.errors import OptionError, StudyBusyError, StudyError
from tunemagic.part import StudyPart
from tunemagic.request import TuneRequest
from tunemagic.search.borrowed import borrowed_by
from tunemagic.search.cell import TrialSetup
from tunemagic.search.data import TrainingData
from tunemagic.search.evidence import MAX_WEIGHTS, measure_evidence
from tunemagic.search.executors.base import Executor
from tunemagic.search.few import batch_size_of
from tunemagic.search.gaps import gaps_in
from tunemagic.search.job import PARAMETERS, Work
from tunemagic.search.retrain import retrain
from tunemagic.search.steering import Steering
from tunemagic.text import counted
from tunemagic.trial import StudyView, TrialRecord

__all__ = ["Judged", "check_repeats"]

_FEWEST_EPOCHS = 2  # of the best trial; with one, evidence about its model explains nothing yet


class Judged(StudyPart):
    """The part of a Study that judges its trials. All of it may be called from any thread."""

    directory: Path
    program: Any
    data: TrainingData | None
    request: TuneRequest
    _steering: Steering
    _start_lock: threading.RLock
    _verification: threading.Event | None = None  # while trials are trained again; set at its end

    @abstractmethod
    def log(self, number: int) -> str:
        """The last lines that this trial printed."""

    @abstractmethod
    def _rebuild_setup(self, number: int) -> tuple[TrialSetup, TrainingData]: ...

    @abstractmethod
    def _work(self) -> Work: ...

    @abstractmethod
    def _make_executor(self, work: Work) -> tuple[Executor, str]: ...

    # -- diagnosis -------------------------------------------------------------------------------

    def diagnose(self) -> Findings:
        """What is wrong with the best model and with the search space, and what to try; as found at the end.

        Of a study that runs, or that was read from an older journal: what its curves say now.
        """
        view = self.view
        found = view.findings or [found.to_json() for found in diagnose(view, again=self._again())]
        return Findings(found, study=self.name, looked=any(trial.epochs_done for trial in view.trials))

    def _findings(self, reason: ev.EndReason) -> list[dict[str, Any]]:
        """The findings at the end of a search; the best model is looked at unless somebody waits for a stop."""
        view = self.view
        evidence: dict[str, float | str] = {}
        if reason is not ev.EndReason.STOPPED:
            # The model is built once more for it; what the user's code raises now leaves the curves to judge by.
            with contextlib.suppress(Exception):
                evidence = self._evidence(view)
        return [found.to_json() for found in diagnose(view, evidence=evidence, again=self._again())]

    def _evidence(self, view: StudyView) -> dict[str, float | str]:
        best = view.best_trial
        if best is None and self.data is not None:
            return gaps_in(self.data)
        if best is None or best.weights is None or best.seconds is None or best.epochs_done < _FEWEST_EPOCHS:
            return {}
        if self.program is None or (best.metrics.get(PARAMETERS) or 0) > MAX_WEIGHTS:
            return {}
        stop = self._steering.stop.is_set
        if stop() or self._spares_the_kernel(view):
            return {}
        setup, data = self._rebuild_setup(best.number)
        return measure_evidence(
            setup.model,
            data,
            epoch_seconds=epoch_seconds(best),
            batch_size=batch_size_of(setup),
            stop=stop,
        )

    def _again(self) -> Again:
        """What a remedy that writes the cell once more has to know."""
        try:
            names = [path.name for path in self.directory.parent.iterdir()]
        except OSError:  # the folder is gone
            return Again(request=None if self.program is None else self.request)
        return Again(request=None if self.program is None else self.request, names=names)

    def _spares_the_kernel(self, view: StudyView) -> bool:
        """Whether the user has limited the memory of what trains, or trains elsewhere: no model is built here then."""
        return view.executor == "dask" or (view.executor == "process" and self.request.memory_gb is not None)

    # -- trials ----------------------------------------------------------------------------------

    def why(self, number: int) -> TrialStory:
        """What happened in this trial and why. Raises StudyError when there is no such trial."""
        view = self.view
        known_trial(view, number, self.name)
        return TrialStory(explain_trial(view, number, self.log(number)))

    def compare(self, a: int, b: int) -> CompareInfo:
        """What differs between two trials, and whether that is more than noise.

        Raises StudyError for an unknown number, twice the same one, and a trial that ended without a score.
        """
        return compare_info(self.view, a, b)

    def verify(self, repeats: int = 3, *, on_training: Callable[[int, float], None] | None = None) -> VerificationInfo:
        """Train the best values again from ``repeats`` other seeds, and beside them the runner-up's and your defaults.

        Waits for a running study; no search starts meanwhile, and ``stop()`` ends it. The new scores
        are kept with the trials (``TrialVerified``); weights are not. Raises OptionError below 2
        repeats, StudyError without a cell or a scored trial and when it was stopped, StudyBusyError
        when it is verified already, TrialError when a training fails. ``on_training`` gets the trial's
        number and the score of each training that has ended.
        """
        check_repeats(repeats)
        self.wait_for_results()
        self._check_open()
        view = self.view
        if view.executor == "replay":
            raise StudyError(f"study {self.name} replays a table of fixed curves; there is nothing to train again.")
        if view.best is None:
            raise StudyError(f"study {self.name} has no trial with a score yet.")
        with self._verified_alone() as stop:
            view = self.view
            chosen = [trial for trial, _ in trials_to_verify(view)]
            done = self._retrain(view, chosen, repeats, stop, on_training)
        if done < len(chosen):
            kept = f"{done} of {counted(len(chosen), 'trial')}"
            raise StudyError(f"study {self.name}: training again was stopped; {kept} got new scores, which are kept.")
        info = verification_info(self.view)
        if info is None:  # not reached: the best trial was trained just now
            raise StudyError(f"study {self.name} has changed meanwhile; verify again.")
        return info

    def check_unverified(self) -> None:
        """Raise StudyBusyError while trials are trained again."""
        if self._verification is not None:
            raise StudyBusyError(
                f"study {self.name} is training its best values again. Wait for it, or stop it with `%tune stop`."
            )

    @contextlib.contextmanager
    def _verified_alone(self) -> Iterator[threading.Event]:
        """While this lasts no search of the study starts; gives what is set when it is to stop."""
        with self._start_lock:
            self.check_unverified()
            if self.running or self.view.under_way:
                raise StudyBusyError(f"study {self.name} was started meanwhile; verify it when it has ended.")
            self._steering = Steering()  # from here on a stop counts
            stop, ended = self._steering.stop, threading.Event()
            self._verification = ended
        try:
            yield stop
        finally:
            self._verification = None
            ended.set()

    def _retrain(
        self,
        view: StudyView,
        trials: Sequence[TrialRecord],
        repeats: int,
        stop: threading.Event,
        on_training: Callable[[int, float], None] | None,
    ) -> int:
        def keep(trial: TrialRecord, scores: tuple[float, ...]) -> None:
            self._ledger.record(ev.TrialVerified(trial=trial.number, scores=list(scores)))

        work = self._work()
        try:
            return retrain(view, trials, repeats, work, self._executor_for, keep, stop, on_training)
        finally:
            borrowed_by(self.program).restore()

    def _executor_for(self, work: Work) -> Executor:
        return self._make_executor(work)[0]


def check_repeats(repeats: int) -> None:
    """Raise OptionError for too few to verify by."""
    if repeats < 2:
        raise OptionError(f"received {repeats} repeats; expected 2 or more, since one score has no spread.")
