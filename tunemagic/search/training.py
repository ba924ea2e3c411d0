"""Train one model once: in whole-epoch graph calls where that means the same, else with Keras' own ``fit``.

Nothing here changes what the user's ``fit`` means: callbacks, class weights, sample weights and
``HyperModel.fit`` reach Keras as they are, and what needs every batch gets every batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from tunemagic.errors import DataError
from tunemagic.models.schedules import over_steps, total_steps
from tunemagic.search.arrays import for_keras
from tunemagic.search.cell import TrialSetup
from tunemagic.search.choice import why_alone, why_plain
from tunemagic.search.data import TrainingData
from tunemagic.search.feed import Feed, batches_of, feed_of, only_fold, shuffled
from tunemagic.search.folds import Fold
from tunemagic.search.fused import Epochs, fit_epochs
from tunemagic.search.job import TrialJob
from tunemagic.search.plain import fit_plainly
from tunemagic.search.state import Snapshot, restore_model
from tunemagic.search.structure import OneOfAKind
from tunemagic.search.twins import lent_twin
from tunemagic.search.watch import Watch

__all__ = ["build_weights", "first_inputs", "fit_arguments", "learn_scales", "train_model"]


class _NoGraph(Exception):
    """The model's epochs can't be traced as graphs; the text says why."""


def fit_arguments(job: TrialJob, setup: TrialSetup, data: TrainingData) -> dict[str, Any]:
    """The keyword arguments of ``model.fit`` for this trial, without tunemagic's own callback."""
    arguments = {name: value for name, value in setup.fit.items() if value is not None}
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
        model(first_inputs(data))


def first_inputs(data: TrainingData) -> Any:
    """The inputs of one sample, or of a dataset's first batch."""
    import keras

    return data.x[:1] if data.is_arrays else keras.utils.unpack_x_y_sample_weight(next(iter(data.x)))[0]


def train_model(
    job: TrialJob,
    setup: TrialSetup,
    data: TrainingData,
    watch: Watch,
    *,
    fold: Fold | None = None,
    seed: int = 0,
    start: Snapshot | None = None,
) -> None:
    """Train the setup's model; the watch is told in words how that is done.

    ``data`` is joined data when there is a ``fold``. ``seed`` decides the order of the samples.
    ``start`` is where training goes on: it then goes on as if it had never been interrupted,
    except by the plain way, whose order of samples starts anew. Raises StorageError when ``start``
    does not fit the model, OptionError for a batch size that is none. Scales inside the model are learned already.
    """
    arguments = fit_arguments(job, setup, data)
    batches_of(arguments)  # Keras takes a batch size of 0 for none
    watch.callbacks = tuple(arguments.get("callbacks") or ())
    if start is not None and not job.from_parent:
        arguments["initial_epoch"] = start.epoch
    over_steps(setup.model.optimizer, partial(_steps, arguments, data, fold))
    reason = why_plain(setup, arguments, is_arrays=data.is_arrays)
    if reason is None:
        try:
            _train_fused(job, setup.model, arguments, watch, fold, seed, start)
            return
        except _NoGraph as error:
            reason = str(error)
    watch.trainer = f"plain fit: {reason}"
    if start is not None:
        build_weights(setup.model, data)
    fit_plainly(job, setup, _for_keras(arguments if fold is None else only_fold(arguments, fold)), watch, start)
    watch.training_ended()


def _steps(arguments: Mapping[str, Any], data: TrainingData, fold: Fold | None) -> int:
    """How many batches all epochs have. Raises DataError for a dataset that does not tell its own."""
    epochs = int(arguments["epochs"])
    if data.is_arrays:
        rows = len(data.x) if fold is None else len(fold.train_rows)
        return total_steps(rows, epochs=epochs, batch_size=batches_of(arguments))
    batches = int(data.x.cardinality())
    if batches < 1:
        raise DataError(f"{data.names[0]} does not tell its number of batches; give the schedule steps=...")
    return epochs * batches


def learn_scales(setup: TrialSetup, data: TrainingData, fold: Fold | None = None) -> None:
    """Let the model learn its scales from the rows that it is trained on. Raises DataError for a dataset."""
    if setup.adapt is None:
        return
    if not data.is_arrays:
        raise DataError(f"{data.names[0]} is a dataset; the model learns its scales from arrays. Use x and y arrays.")
    rows = slice(None) if fold is None else fold.train_rows
    setup.adapt(setup.model, data.x[rows], None if data.y is None else data.y[rows])


def _for_keras(arguments: Mapping[str, Any]) -> dict[str, Any]:
    held = arguments.get("validation_data")
    changed = {**arguments, "x": for_keras(arguments["x"])}
    return changed if not isinstance(held, tuple) else {**changed, "validation_data": (for_keras(held[0]), held[1])}


def _train_fused(
    job: TrialJob,
    model: Any,
    arguments: Mapping[str, Any],
    watch: Watch,
    fold: Fold | None,
    seed: int,
    start: Snapshot | None,
) -> None:
    feed = feed_of(arguments, fold)
    with ExitStack() as stack:
        epochs, how = _compiled(model, feed, watch.callbacks, job.trial, stack)
        watch.trainer = f"whole epochs in one graph call; {how}"
        if start is not None:
            restore_model(epochs.model, start)
        fit_epochs(epochs, feed, arguments, watch, partial(shuffled, feed.train_rows, seed), start)
        watch.training_ended()


def _compiled(model: Any, feed: Feed, callbacks: Sequence[Any], trial: int, stack: ExitStack) -> tuple[Epochs, str]:
    """Traced epochs that train the model, or a twin lent for the stack's time; and which, in words."""
    try:
        alone = why_alone(callbacks)
        if alone is not None:
            raise OneOfAKind(alone)
        twin, known = stack.enter_context(lent_twin(model, feed.specs, trial))
        epochs = twin.epochs
        how = f"structure reused from trial {twin.trial}" if known else "structure compiled for this trial"
    except OneOfAKind as error:
        epochs, how = None, f"structure compiled for this trial only: {error}"
    try:
        epochs = epochs or Epochs(model, feed.specs)
        epochs.trace()
    # Tracing runs the user's layers and losses; what they raise here, fit raises too if it is a fault.
    except Exception as error:
        raise _NoGraph(f"its epochs can't be one graph ({type(error).__name__})") from error
    return epochs, how
