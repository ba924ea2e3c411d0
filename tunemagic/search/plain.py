"""Train with Keras' own ``fit``, or with the one that a HyperModel defines."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from tunemagic.errors import CellError
from tunemagic.models.batches import BatchSchedule
from tunemagic.search.cell import TrialSetup
from tunemagic.search.job import TrialJob
from tunemagic.search.state import Snapshot, restore_callbacks, restore_model
from tunemagic.search.watch import Watch, is_number, watch_callback

__all__ = ["fit_plainly"]

_GIVEN_TWICE = re.compile(r"got multiple values for keyword argument '(\w+)'")
_GIVEN_UP = ("batch_size", "epochs", "verbose")


def fit_plainly(
    job: TrialJob, setup: TrialSetup, arguments: Mapping[str, Any], watch: Watch, start: Snapshot | None
) -> None:
    """Call ``fit`` with these arguments and the watch, after giving the model back what ``start`` holds."""
    if start is not None:
        restore_model(setup.model, start)
    remembering = [] if start is None else [_remembering(watch.callbacks, start)]
    # Ours last, so that an epoch is told after the user's callbacks have had it.
    changed = {**arguments, "callbacks": [*watch.callbacks, *remembering, watch_callback(watch)]}
    batches = arguments.get("batch_size")
    if setup.fit_method is None:
        if isinstance(batches, BatchSchedule):
            _fit_growing(setup.model, changed, batches)
        else:
            setup.model.fit(**changed)
        return
    if isinstance(batches, BatchSchedule):
        raise CellError("batch_size is a BatchSchedule; expected a number, since the HyperModel has a fit of its own.")
    before = watch.epochs
    returned = _call_own_fit(job, setup.model, setup.fit_method, changed)
    if watch.epochs == before:
        watch.epoch_ended(setup.model, before, _returned_metrics(job.work.objective, returned))


def _fit_growing(model: Any, arguments: Mapping[str, Any], batches: BatchSchedule) -> None:
    """One ``fit`` for each batch size; to the callbacks they are one training."""
    first, last = arguments.get("initial_epoch", 0), arguments["epochs"]
    told = {
        "epochs": last,
        "steps": math.ceil(arguments["x"].shape[0] / batches.at(first)),
        "verbose": arguments.get("verbose", 0),
    }
    callbacks = _one_training_class()(arguments["callbacks"], model, told)
    for begin, end, size in batches.spans(first, last):
        part = {"initial_epoch": begin, "epochs": end, "batch_size": size, "callbacks": callbacks}
        model.fit(**{**arguments, **part})
        if model.stop_training:
            break
    callbacks.end()


@functools.cache
def _one_training_class() -> Any:
    """Made on first use because importing keras is slow."""
    import keras

    class OneTraining(keras.callbacks.CallbackList):  # type: ignore[misc]
        def __init__(self, callbacks: Any, model: Any, params: Mapping[str, Any]) -> None:
            super().__init__(list(callbacks), add_history=True, model=model, **params)
            self._begun = False
            self._logs: Any = None

        def on_train_begin(self, logs: Any = None) -> None:
            if not self._begun:
                super().on_train_begin(logs)
            self._begun = True

        def on_train_end(self, logs: Any = None) -> None:
            self._logs = logs  # the last one's count

        def end(self) -> None:
            super().on_train_end(self._logs)

    return OneTraining


def _remembering(callbacks: Any, start: Snapshot) -> Any:
    """A callback that comes behind the user's and lets them remember again what they knew."""
    import keras

    return keras.callbacks.LambdaCallback(on_train_begin=lambda logs: restore_callbacks(callbacks, start.callbacks))


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


def _returned_metrics(objective: str, returned: Any) -> Mapping[str, Any]:
    """What a ``HyperModel.fit`` without callbacks gave back, as metrics."""
    if isinstance(returned, Mapping):
        return returned
    if is_number(returned):
        return {objective: returned}
    raise CellError(
        f"fit returned {type(returned).__name__} and called none of the callbacks it was given; "
        "expected it to pass callbacks to model.fit, or to return a number or a dict of metrics."
    )
