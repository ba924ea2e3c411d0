"""Follow the epochs of one training: tell them, remember the best one, take the state, wait or stop when told."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tunemagic import events as ev
from tunemagic.errors import TrialError
from tunemagic.search.job import Report, StateTaken, StopFlag, TrialJob
from tunemagic.search.state import Best, Snapshot, callback_states, snapshot_of

__all__ = ["Cancelled", "Diverged", "Watch", "is_number", "watch_callback"]

StateMaker = Callable[["Watch"], bytes]


class Cancelled(BaseException):
    """Leaves ``fit`` at once. A BaseException, so that the user's ``except Exception`` lets it pass."""


class Diverged(Exception):
    """A loss or the objective became NaN or infinite."""


class Watch:
    """Follows the epochs of one run of a trial and remembers the best one.

    Waits after an epoch while the trial is held, its state taken before. Raises Cancelled out of a
    batch when the trial was stopped, Diverged out of an epoch whose
    objective or loss is not finite, TrialError when the objective is not logged. ``make_state``
    turns what it has seen into a training state, ``state_at`` is when the next one is due
    (``time.monotonic`` seconds). ``callbacks`` are the user's, whose state is kept too. ``end`` is
    where training stood at its end, when the job asks for that. ``trainer`` says how the model
    is trained.
    """

    def __init__(
        self, job: TrialJob, report: Callable[[Report], None], stop: StopFlag, make_state: StateMaker, *, run: int = 1
    ) -> None:
        self._job = job
        self._report = report
        self._make_state = make_state
        self.stop = stop
        self.run = run
        self.state_at = math.inf
        self.epochs = 0
        self.best: Best | None = None
        self.callbacks: Sequence[Any] = ()
        self.end: Snapshot | None = None
        self.trainer = ""
        self._model: Any = None

    def batch_ended(self) -> None:
        """Leave training when the trial was stopped."""
        if self.stop.is_set():
            raise Cancelled

    def epoch_ended(self, model: Any, epoch: int, logs: Mapping[str, Any]) -> None:
        """Take one epoch's metrics; ``epoch`` counts from 0 as in Keras."""
        self._model = model
        # Counted on where a HyperModel's fit trains several times: Keras begins at 0 each time.
        self.epochs = max(epoch, self.epochs) + 1
        values = {name: float(value) for name, value in logs.items() if is_number(value)}
        metrics = {name: ev.finite(value) for name, value in values.items()}
        job = self._job
        self._report(ev.EpochEnded(trial=job.trial, attempt=job.attempt, epoch=self.epochs, logs=metrics, run=self.run))
        self._check(values)
        score = values[job.work.objective]
        if job.work.direction.better(score, None if self.best is None else self.best.score):
            self.best = Best(score=score, epoch=self.epochs, metrics=metrics, weights=model.get_weights())
        held = self.stop.held and not math.isinf(self.state_at)
        if held or time.monotonic() >= self.state_at:
            self._take_state()  # a pause may be long, and the machine go down in it
        self.stop.wait_while_held()
        self.batch_ended()

    def _check(self, values: Mapping[str, float]) -> None:
        objective = self._job.work.objective
        if objective not in values:
            found = ", ".join(values) or "nothing"
            raise TrialError(f"objective {objective!r} is not among the logged metrics; received {found}")
        for name in (objective, "loss"):
            if name in values and not math.isfinite(values[name]):
                raise Diverged(f"{name} became {values[name]} in epoch {self.epochs}")

    def _take_state(self) -> None:
        job = self._job
        state = self._make_state(self)
        self._report(StateTaken(trial=job.trial, attempt=job.attempt, run=self.run, epoch=self.epochs, state=state))
        # Counted from the end: taking a large state must not become all that a trial does.
        self.state_at = time.monotonic() + job.work.state_seconds

    def training_ended(self) -> None:
        """Remember where training stands, if the trial may be trained on from there."""
        if self._job.keep_state and self._model is not None:
            self.end = self.snapshot()

    def snapshot(self) -> Snapshot:
        """Where training stands after the latest epoch."""
        return snapshot_of(self._model, self.epochs, callback_states(self.callbacks))


def is_number(value: Any) -> bool:
    """Whether it is a number, and no text of one; numbers too large for a float raise OverflowError."""
    if isinstance(value, (str, bytes, bytearray)):
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def watch_callback(watch: Watch) -> Any:
    """A Keras callback that feeds the watch."""
    return _callback_class()(watch)


@functools.cache
def _callback_class() -> Any:
    """Made on first use because importing keras is slow."""
    import keras

    class WatchCallback(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self, watch: Watch) -> None:
            super().__init__()
            self._watch = watch

        def __deepcopy__(self, memo: dict[int, Any]) -> WatchCallback:
            return self  # user code that copies its callbacks must still feed the same trial

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self._watch.batch_ended()

        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            self._watch.batch_ended()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self._watch.epoch_ended(self.model, epoch, logs or {})

    return WatchCallback
