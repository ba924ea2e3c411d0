"""Run one trial with Keras' own ``fit`` and as little besides training as possible.

No checkpoint on disk per epoch, no progress bar, no TensorBoard: the best epoch's weights are
copied in memory. Nothing here changes what the user's ``fit`` means: callbacks, class weights,
sample weights and ``HyperModel.fit`` reach Keras as they are.
"""

from __future__ import annotations

import functools
import math
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tunemagic import events as ev
from tunemagic.errors import CellError, TrialError
from tunemagic.search.cell import TrialSetup
from tunemagic.search.data import TrainingData, with_rebound
from tunemagic.search.faults import describe_error, user_frame
from tunemagic.search.job import Ending, TrialJob, TrialOutcome
from tunemagic.search.weights import weights_to_bytes

__all__ = ["build_weights", "fit_arguments", "kept_random_state", "run_job"]

_GIVEN_TWICE = re.compile(r"got multiple values for keyword argument '(\w+)'")
_GIVEN_UP = ("batch_size", "epochs", "verbose")

Emit = Callable[[ev.EpochEnded], None]


class Cancelled(BaseException):
    """Leaves ``fit`` at once. A BaseException, so that the user's ``except Exception`` lets it pass."""


class Diverged(Exception):
    """A loss or the objective became NaN or infinite."""


def run_job(job: TrialJob, emit: Emit, cancelled: threading.Event) -> TrialOutcome:
    """Build, train and score one trial; never raises for what the user's code does.

    Calls ``emit`` after every epoch. Setting ``cancelled`` ends training at the next batch; the
    best epoch so far then counts.
    """
    started = time.monotonic()
    watch = Watch(job, emit, cancelled)
    try:
        with _seeded(job.seed):
            _train_until_cancelled(job, watch)
        weights = watch.best_file()
    # Whatever the user's model code raises ends its trial only, SystemExit and out of memory included.
    except BaseException as error:
        return _failure(job, error, time.monotonic() - started)
    return TrialOutcome(
        trial=job.trial,
        attempt=job.attempt,
        ending=Ending.STOPPED if cancelled.is_set() else Ending.FINISHED,
        seconds=time.monotonic() - started,
        score=watch.best_score,
        best_epoch=watch.best_epoch,
        metrics=watch.best_metrics,
        weights=weights,
        hp=job.hp,
    )


class Watch:
    """Follows the epochs of one trial and remembers the best one.

    Raises Cancelled out of a batch when the trial was cancelled, Diverged out of an epoch whose
    objective or loss is not finite, TrialError when the objective is not logged.
    """

    def __init__(self, job: TrialJob, emit: Emit, cancelled: threading.Event) -> None:
        self._job = job
        self._emit = emit
        self._cancelled = cancelled
        self._model: Any = None
        self.epochs = 0
        self.best_score: float | None = None
        self.best_epoch: int | None = None
        self.best_metrics: Mapping[str, float | None] = {}
        self.best_weights: list[Any] | None = None

    def batch_ended(self) -> None:
        """Leave training when the trial was cancelled."""
        if self._cancelled.is_set():
            raise Cancelled

    def epoch_ended(self, model: Any, epoch: int, logs: Mapping[str, Any]) -> None:
        """Take one epoch's metrics; ``epoch`` counts from 0 as in Keras."""
        self._model = model
        # Counted on where a HyperModel's fit trains several times: Keras begins at 0 each time.
        self.epochs = max(epoch, self.epochs) + 1
        values = {name: float(value) for name, value in logs.items() if _is_number(value)}
        metrics = {name: ev.finite(value) for name, value in values.items()}
        job = self._job
        self._emit(ev.EpochEnded(trial=job.trial, attempt=job.attempt, epoch=self.epochs, logs=metrics))
        self._check(values)
        if job.work.direction.better(values[job.work.objective], self.best_score):
            self.best_score = values[job.work.objective]
            self.best_epoch = self.epochs
            self.best_metrics = metrics
            self.best_weights = model.get_weights()
        self.batch_ended()

    def _check(self, values: Mapping[str, float]) -> None:
        objective = self._job.work.objective
        if objective not in values:
            found = ", ".join(values) or "nothing"
            raise TrialError(f"objective {objective!r} is not among the logged metrics; received {found}")
        for name in (objective, "loss"):
            if name in values and not math.isfinite(values[name]):
                raise Diverged(f"{name} became {values[name]} in epoch {self.epochs}")

    def best_file(self) -> bytes | None:
        """The best epoch's weights as a file, or None before the first epoch has ended."""
        return None if self.best_weights is None else weights_to_bytes(self._model, self.best_weights)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


@functools.cache
def _callback_class() -> Any:
    """The Keras callback that feeds a Watch, made on first use because importing keras is slow."""
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


def _train_until_cancelled(job: TrialJob, watch: Watch) -> None:
    try:
        watch.batch_ended()
        _train(job, job.work.program.run(job.hp), watch)
    except Cancelled:
        return


def _train(job: TrialJob, setup: TrialSetup, watch: Watch) -> None:
    data = with_rebound(job.work.data, setup.data)
    arguments = fit_arguments(job, setup, data)
    arguments["callbacks"] = [*arguments.get("callbacks", ()), _callback_class()(watch)]
    if setup.fit_method is None:
        setup.model.fit(**arguments)
        return
    returned = _call_own_fit(job, setup.model, setup.fit_method, arguments)
    if watch.epochs == 0:
        watch.epoch_ended(setup.model, 0, _returned_metrics(job.work.objective, returned))


def _call_own_fit(job: TrialJob, model: Any, fit: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Call a ``HyperModel.fit``; what it sets itself, such as ``epochs=hp.Int(...)``, is not handed in."""
    inputs = [arguments.pop(name) for name in ("x", "y") if name in arguments]
    while True:
        try:
            return fit(job.hp, model, *inputs, **arguments)
        except TypeError as error:
            twice = _GIVEN_TWICE.search(str(error))
            name = "" if twice is None else twice[1]
            if name not in _GIVEN_UP or name not in arguments or (name == "epochs" and job.fixed_epochs):
                raise
            del arguments[name]  # Keras refused before training began


def fit_arguments(job: TrialJob, setup: TrialSetup, data: TrainingData) -> dict[str, Any]:
    """The keyword arguments of ``model.fit`` for this trial, without tunemagic's own callback."""
    arguments = dict(setup.fit)
    if job.fixed_epochs or "epochs" not in arguments:
        arguments["epochs"] = job.epochs
    if job.initial_epoch:
        arguments["initial_epoch"] = job.initial_epoch
    arguments["x"] = data.x
    if data.y is not None:
        arguments["y"] = data.y
    if data.val_x is not None:
        arguments["validation_data"] = data.val_x if data.val_y is None else (data.val_x, data.val_y)
    if "sample_weight" in arguments:
        arguments["sample_weight"] = data.training_rows(arguments["sample_weight"], "sample_weight")
    callbacks = arguments.get("callbacks")
    if callbacks is not None and not isinstance(callbacks, (list, tuple)):
        arguments["callbacks"] = [callbacks]
    return {"verbose": 0, **arguments}


def build_weights(model: Any, data: TrainingData) -> None:
    """Create the weights of a model that waits for its first batch."""
    if not model.built:
        model(next(iter(data.x))[0] if data.y is None else data.x[:1])


def _returned_metrics(objective: str, returned: Any) -> Mapping[str, Any]:
    """What a ``HyperModel.fit`` without callbacks gave back, as metrics."""
    if isinstance(returned, Mapping):
        return returned
    if _is_number(returned):
        return {objective: returned}
    raise CellError(
        f"fit returned {type(returned).__name__} and called none of the callbacks it was given; "
        "expected it to pass callbacks to model.fit, or to return a number or a dict of metrics."
    )


def _failure(job: TrialJob, error: BaseException, seconds: float) -> TrialOutcome:
    line, source = user_frame(error, getattr(job.work.program, "filename", ""))
    return TrialOutcome(
        trial=job.trial,
        attempt=job.attempt,
        ending=Ending.FAILED,
        seconds=seconds,
        hp=job.hp,
        error=_error_name(error),
        reason=str(error) if isinstance(error, Diverged) else describe_error(error),
        line=line,
        source=source,
    )


def _error_name(error: BaseException) -> str:
    """``diverged`` and ``out of memory`` by their meaning, anything else by its type."""
    if isinstance(error, Diverged):
        return "diverged"
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return "out of memory"
    return type(error).__name__


@contextmanager
def kept_random_state() -> Iterator[None]:
    """Give Python and NumPy back the notebook's random state after running its model code."""
    import numpy as np

    python_state, numpy_state = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed Python, NumPy and Keras for a trial."""
    import keras

    with kept_random_state():
        keras.utils.set_random_seed(seed)
        yield
