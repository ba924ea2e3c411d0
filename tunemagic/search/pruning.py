"""End hopeless trials early, judged by their values after each epoch. Works beside every strategy.

A verdict follows from the view alone, so a resumed study decides as it would have without the
break. What ended trials have shown is kept sorted, so a verdict costs the same after 2000 trials.
"""

from __future__ import annotations

import bisect
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator

from tunemagic.errors import OptionError
from tunemagic.events import Direction
from tunemagic.request import Pruner, Tuner, TuneRequest
from tunemagic.trial import StudyView, TrialRecord, TrialState

__all__ = ["AshaPruner", "CurvePruner", "MedianPruner", "choose_pruner", "make_pruner"]

_LEAST_EPOCHS = 3  # what a pruner can save in shorter trials is less than what it may lose
_OPEN = (TrialState.RUNNING, TrialState.INTERRUPTED)
_SHARES = {2: "half", 3: "third", 4: "quarter"}


class CurvePruner(ABC):
    """Compares a trial's objective after an epoch with that of other trials.

    Values are handled so that smaller is better. A trial that has no value at this epoch, or that
    has done its last epoch, is let go on.
    """

    def __init__(self, *, direction: Direction) -> None:
        self._sign = 1.0 if direction is Direction.MIN else -1.0
        self._study: tuple[str, float, str] | None = None
        self._seq = 0
        self._known = 0
        self._open: list[int] = []
        self._sorted: dict[int, list[float]] = {}  # by epoch, values of ended trials

    def verdict(self, view: StudyView, trial: int) -> str | None:
        """Why the trial should end after its latest epoch, with the numbers; None to let it go on."""
        self._follow(view)
        record = view.trial(trial)
        values = self._values(view, record)
        if not values or values[-1] is None or len(values) >= record.epochs:
            return None
        best = min(value for value in values if value is not None)
        return self._judge(view, record, len(values), best)

    def _values(self, view: StudyView, record: TrialRecord) -> list[float | None]:
        """The objective after each epoch of the first run, None where it is unknown or not finite."""
        curve = record.curves.get(view.objective, ())
        return [None if value is None or not math.isfinite(value) else self._sign * value for value in curve]

    def _follow(self, view: StudyView) -> None:
        """Take in the trials that have ended since the last verdict.

        Ended trials don't change any more. Any other view than a later one of the same study
        makes everything be read anew.
        """
        study = (view.study, view.started_at, view.objective)
        if study != self._study or view.seq <= self._seq:
            self._forget()
        self._study, self._seq = study, view.seq
        waiting = [*self._open, *range(self._known + 1, len(view.trials) + 1)]
        self._known = len(view.trials)
        self._open = [number for number in waiting if view.trial(number).state in _OPEN]
        for number in waiting:
            record = view.trial(number)
            if record.state not in _OPEN:
                self._learn(record.state, self._values(view, record))

    def _forget(self) -> None:
        self._known = 0
        self._open = []
        self._sorted = {}

    def _others_open(self, view: StudyView, trial: int) -> Iterator[list[float | None]]:
        return (self._values(view, view.trial(number)) for number in self._open if number != trial)

    def _versus(self, own: float, other: float) -> str:
        """Both numbers as the user knows them, with as many digits as it takes to tell them apart."""
        sign = ">" if self._sign > 0 else "<"
        for digits in (3, 4, 6, 17):
            left, right = (f"{self._sign * value:.{digits}g}" for value in (own, other))
            if left != right:
                break
        return f"{left} {sign} {right}"

    @abstractmethod
    def _learn(self, state: TrialState, values: list[float | None]) -> None:
        """Take in a trial that has ended."""

    @abstractmethod
    def _judge(self, view: StudyView, record: TrialRecord, epoch: int, best: float) -> str | None:
        """The verdict on a trial with this best value up to this epoch."""


class MedianPruner(CurvePruner):
    """Ends a trial whose best value so far is worse than the median of finished trials at this epoch.

    The rule of optuna.pruners.MedianPruner (after Golovin et al. 2017, "Google Vizier", section
    3.2): only trials that ran to their end are compared with, of which there must be
    ``startup_trials``; nothing is judged in the first ``warmup_epochs``.
    """

    def __init__(self, *, direction: Direction, startup_trials: int = 5, warmup_epochs: int = 1) -> None:
        super().__init__(direction=direction)
        self._finished = 0
        self._startup_trials = startup_trials
        self._warmup_epochs = warmup_epochs

    def _forget(self) -> None:
        super()._forget()
        self._finished = 0

    def _learn(self, state: TrialState, values: list[float | None]) -> None:
        if state is not TrialState.COMPLETED:
            return
        self._finished += 1
        for epoch, value in enumerate(values, 1):
            if value is not None:
                bisect.insort(self._sorted.setdefault(epoch, []), value)

    def _judge(self, view: StudyView, record: TrialRecord, epoch: int, best: float) -> str | None:
        others = self._sorted.get(epoch, [])
        if epoch <= self._warmup_epochs or self._finished < self._startup_trials or not others:
            return None
        median = (others[(len(others) - 1) // 2] + others[len(others) // 2]) / 2
        if best <= median:
            return None
        side = "above" if self._sign > 0 else "below"
        return f"{side} the median at epoch {epoch}: {self._versus(best, median)}"


class AshaPruner(CurvePruner):
    """Asynchronous successive halving: at rungs of epochs only the best 1/``eta`` go on.

    Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning", in the variant that
    stops trials instead of pausing them. Rungs stand at ``first``, ``first * eta``, ... epochs. A
    trial is compared with all that have reached the rung so far, by their best values up to
    there, since a trial's score is that of its best epoch. Of fewer than ``eta`` the best goes on.
    """

    def __init__(self, *, direction: Direction, epochs: int, first: int = 1, eta: int = 3) -> None:
        super().__init__(direction=direction)
        self._eta = eta
        self._rungs = []
        rung = first
        while rung < epochs:
            self._rungs.append(rung)
            rung *= eta

    def _learn(self, state: TrialState, values: list[float | None]) -> None:
        for rung in self._rungs:
            value = self._at(rung, values)
            if value is not None:
                bisect.insort(self._sorted.setdefault(rung, []), value)

    def _at(self, rung: int, values: list[float | None]) -> float | None:
        """The best value up to the rung; None for a trial that has not reached it."""
        known = [value for value in values[:rung] if value is not None]
        return min(known) if known and len(values) >= rung else None

    def _judge(self, view: StudyView, record: TrialRecord, epoch: int, best: float) -> str | None:
        if epoch not in self._rungs:
            return None
        running = [self._at(epoch, values) for values in self._others_open(view, record.number)]
        others = sorted([*self._sorted.get(epoch, []), *(value for value in running if value is not None)])
        count = len(others) + 1
        places = max(count // self._eta, 1)
        if bisect.bisect_left(others, best) < places:
            return None
        group = f"among the best {_SHARES.get(self._eta, f'1/{self._eta}')}" if count >= self._eta else "the best"
        return f"not {group} of {count} trials at epoch {epoch}: {self._versus(best, others[places - 1])}"


def make_pruner(pruner: Pruner, *, direction: Direction, epochs: int) -> CurvePruner | None:
    """The pruner of this kind for trials of ``epochs`` epochs; None for ``none``.

    ``auto`` has to be settled by choose_pruner before; it raises ValueError.
    """
    match pruner:
        case Pruner.NONE:
            return None
        case Pruner.MEDIAN:
            return MedianPruner(direction=direction)
        case Pruner.ASHA:
            return AshaPruner(direction=direction, epochs=epochs)
        case Pruner.AUTO:
            raise ValueError("auto is no pruner of its own; expected what choose_pruner returns.")


def choose_pruner(request: TuneRequest, tuner: Tuner) -> tuple[Pruner, str]:
    """The pruner for this search with the strategy ``tuner``, and the reason in words.

    Raises OptionError when a pruner is asked for where it can't work.
    """
    asked = request.pruner
    if asked is Pruner.NONE:
        return asked, "you chose it"
    if request.objectives:
        if asked is not Pruner.AUTO:
            raise OptionError(
                f"--pruner {asked}: with {1 + len(request.objectives)} objectives no single value says which trial "
                "is hopeless; expected one --objective, or --pruner none."
            )
        return Pruner.NONE, "no single value says which trial is hopeless when there are several objectives"
    if asked is not Pruner.AUTO:
        return asked, "you chose it"
    if request.epochs < _LEAST_EPOCHS:
        return Pruner.NONE, f"trials of {request.epochs} epochs leave nothing to save"
    if tuner in (Tuner.HYPERBAND, Tuner.BOHB):
        return Pruner.NONE, f"{tuner} ends weak trials by itself"
    if tuner is Tuner.GRID:
        return Pruner.NONE, "a grid is there to compare all of its points in full"
    if request.repeats > 1 or request.folds:
        return Pruner.NONE, "a trial is judged by the mean of its runs, which the first run does not tell"
    if request.max_trials is None and request.minutes is not None:
        return Pruner.ASHA, "time is the limit, and what weak trials give back goes to new ones"
    return Pruner.MEDIAN, "the number of trials is the limit, so only those in the worse half are ended"
