"""Train for a few steps while the learning rate grows, and note the loss: the learning rate range test.

Source: Smith 2018, "A disciplined approach to neural network hyper-parameters" (arXiv 1803.09820), with
the end and the bias correction of fastai's ``lr_find``. The model is afterwards what it was before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tunemagic.errors import DataError, OptionError, TrialError, TuneError
from tunemagic.models.second_order.carrier import is_carrier
from tunemagic.numeric import is_finite_number, is_whole
from tunemagic.randomness import seeded
from tunemagic.search.arrays import for_keras
from tunemagic.search.borrowed import borrowed_by
from tunemagic.search.cell import TrialSetup
from tunemagic.search.data import TrainingData
from tunemagic.search.faults import describe_error
from tunemagic.search.few import batch_size_of
from tunemagic.search.hyperparameters import new_hyperparameters
from tunemagic.search.job import TrialProgram
from tunemagic.search.probe import run_program
from tunemagic.search.seeds import own_names
from tunemagic.search.state import random_states
from tunemagic.search.training import build_weights, learn_scales

__all__ = ["HIGHEST_RATE", "LOWEST_RATE", "STEPS", "RangeTest", "default_setup", "range_test"]

STEPS = 100
LOWEST_RATE = 1e-5  # below, no step of a usual optimizer changes the loss
HIGHEST_RATE = 10.0
_SMOOTHING = 0.9  # of one step's loss a tenth counts: with fastai's 0.98 a hundred steps lag behind
_DIVERGED = 4.0  # times the lowest loss so far
_FEWEST_STEPS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeTest:
    """One value for each step: its rate, the loss of its batch, and the smoothed loss.

    ``diverged`` says that the smoothed loss grew far above its lowest value, or the loss became NaN,
    at the last step; its rate then stands last, and the NaN itself is in neither list.
    ``highest_rate`` is where the test would have ended, after ``steps``.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    diverged: bool
    highest_rate: float
    batch_size: int | None
    steps: int


def default_setup(program: TrialProgram, data: TrainingData, *, seed: int = 0) -> tuple[TrialSetup, TrainingData]:
    """What a cell or builder makes of its default values, and the data that it is trained on.

    Raises TrialError when the user's code fails, CellError when it leaves no model.
    """
    with seeded(seed), own_names(borrowed_by(program).names()):
        return run_program(program, new_hyperparameters(), data)


def range_test(
    setup: TrialSetup,
    data: TrainingData,
    *,
    steps: int = STEPS,
    lowest_rate: float = LOWEST_RATE,
    highest_rate: float = HIGHEST_RATE,
    seed: int = 0,
) -> RangeTest:
    """Train the setup's model for some batches while the rate grows by the same factor each step.

    The weights and the model's own optimizer are as before when it ends, also when it is interrupted.
    The order of the samples depends on ``seed`` only.

    Args:
        setup: A compiled model, with batch size, class weights and sample weights where it has some.
        data: What to train on. Its validation part is not looked at.
        steps: Batches, at least 20.
        lowest_rate: The rate of the first step.
        highest_rate: That of the last one, unless the loss diverges before.
        seed: Of the order of the samples and of the model's random layers.

    Raises:
        OptionError: The model is not compiled, its optimizer has no learning rate, or a number makes no sense.
        DataError: There is nothing to train on, or values that are not finite make the loss so.
        TrialError: The model does not fit the data.
    """
    _check(setup.model, steps, lowest_rate, highest_rate)
    factor = (highest_rate / lowest_rate) ** (1 / (steps - 1))
    rates = [lowest_rate * factor**step for step in range(steps)]
    followed = _Followed()
    with seeded(seed):
        with _told_as_misfit(data):
            build_weights(setup.model, data)
        with _kept(setup.model), _own_optimizer(setup.model, lowest_rate) as optimizer:
            learn_scales(setup, data)
            for rate, batch in zip(rates, _batches(setup, data, seed), strict=False):
                optimizer.learning_rate = rate
                with _told_as_misfit(data):
                    loss = _loss_of_step(setup.model, batch, setup.fit.get("class_weight"))
                if not math.isfinite(loss):
                    _check_cause(data, batch, first=not followed.losses)
                if not followed.take(rate, loss):
                    break
    return RangeTest(
        rates=tuple(followed.rates),
        losses=tuple(followed.losses),
        smoothed=tuple(followed.smoothed),
        diverged=followed.diverged,
        highest_rate=highest_rate,
        batch_size=batch_size_of(setup) if data.is_arrays else None,
        steps=steps,
    )


class _Followed:
    """The losses so far, and whether they diverge."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.smoothed: list[float] = []
        self.diverged = False
        self._mean = 0.0

    def take(self, rate: float, loss: float) -> bool:
        """Take one step's loss; whether the test goes on."""
        self.rates.append(rate)
        if not math.isfinite(loss):
            self.diverged = True
            return False
        self.losses.append(loss)
        self._mean = _SMOOTHING * self._mean + (1 - _SMOOTHING) * loss
        now = self._mean / (1 - _SMOOTHING ** len(self.losses))  # else it would begin near 0
        self.smoothed.append(now)
        best = min(self.smoothed)
        # Losses that may be negative, or all but 0, need a measure too: that of the first one.
        size = max(abs(best), abs(self.losses[0]) / 100)
        self.diverged = now > best + (_DIVERGED - 1) * size
        return not self.diverged


def _check(model: Any, steps: int, lowest_rate: float, highest_rate: float) -> None:
    if not getattr(model, "compiled", False) or model.optimizer is None:
        raise OptionError("the model is not compiled; expected one with an optimizer and a loss.")
    if is_carrier(model.optimizer):
        raise OptionError(f"the optimizer {model.optimizer.name} is of second order; expected one of Keras'.")
    if not model.optimizer.get_config().keys() & {"learning_rate", "inner_optimizer"}:
        raise OptionError(f"the optimizer {type(model.optimizer).__name__} has no learning rate that could be tested.")
    if not is_whole(steps) or steps < _FEWEST_STEPS:
        raise OptionError(f"steps: received {steps!r}; expected a whole number, at least {_FEWEST_STEPS}.")
    wrong = next((rate for rate in (lowest_rate, highest_rate) if not is_finite_number(rate)), None)
    if wrong is not None:
        raise OptionError(f"rates: received {wrong!r}; expected a number.")
    if not 0 < lowest_rate < highest_rate < math.inf:
        raise OptionError(f"rates: received {lowest_rate:g} to {highest_rate:g}; expected 0 < lowest < highest.")


@contextmanager
def _told_as_misfit(data: TrainingData) -> Iterator[None]:
    """Tell whatever Keras raises in a step as one line."""
    try:
        yield
    except TuneError:
        raise
    # Shapes, dtypes and losses that do not fit surface here with whatever type Keras chose.
    except Exception as error:
        raise TrialError(f"the model does not fit the data ({data.description}): {describe_error(error)}") from error


def _check_cause(data: TrainingData, batch: tuple[Any, Any, Any], *, first: bool) -> None:
    """Raise when a loss that is no number is not the rate's fault."""
    import keras
    import numpy as np

    arrays = [np.asarray(part) for part in keras.tree.flatten(batch) if part is not None]
    if any(array.dtype.kind == "f" and not np.isfinite(array).all() for array in arrays):
        what = data.warnings[0] if data.warnings else f"{data.names[0]} has values that are not finite"
        raise DataError(f"{what}; the loss is no number then. Fill the gaps or leave those rows out.")
    if first:
        raise TrialError("the loss is no number before the first update; the model or its loss does not fit the data.")


def _loss_of_step(model: Any, batch: tuple[Any, Any, Any], class_weight: Any) -> float:
    x, y, weights = batch
    model.reset_metrics()  # else the loss would be the mean of all steps so far
    logs = model.train_on_batch(x, y, sample_weight=weights, class_weight=class_weight, return_dict=True)
    return float(logs["loss"])


@contextmanager
def _kept(model: Any) -> Iterator[None]:
    """Give the model its weights, its random states and its compiled training step back."""
    variables = [*model.weights, *random_states(model)]
    before = [variable.numpy() for variable in variables]
    function, model.train_function = model.train_function, None
    try:
        yield
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
        model.reset_metrics()
        model.train_function = function


@contextmanager
def _own_optimizer(model: Any, rate: float) -> Iterator[Any]:
    """An optimizer like the model's, new and with a plain rate, in its place for a while."""
    its = model.optimizer
    model.optimizer = fresh = _like(its, rate)
    try:
        yield getattr(fresh, "inner_optimizer", None) or fresh
    finally:
        model.optimizer = its


def _like(optimizer: Any, rate: float) -> Any:
    inner = getattr(optimizer, "inner_optimizer", None)
    if inner is not None:  # mixed precision scales the loss round the user's optimizer
        config = {name: value for name, value in optimizer.get_config().items() if name != "inner_optimizer"}
        return type(optimizer)(_like(inner, rate), **config)
    try:
        return type(optimizer).from_config({**optimizer.get_config(), "learning_rate": rate})
    # A config need not hold all that an optimizer of the user's own is made from.
    except (TypeError, ValueError) as error:
        raise OptionError(
            f"the optimizer {optimizer.name} can't be made anew with another learning rate; expected one of Keras'."
        ) from error


def _batches(setup: TrialSetup, data: TrainingData, seed: int) -> Iterator[tuple[Any, Any, Any]]:
    """Batches without end: shuffled anew in each round, as ``x``, ``y`` and the samples' weights."""
    return _of_arrays(setup.fit, data, batch_size_of(setup), seed) if data.is_arrays else _of_dataset(data)


def _of_arrays(fit: Mapping[str, Any], data: TrainingData, size: int, seed: int) -> Iterator[tuple[Any, Any, Any]]:
    import numpy as np

    weights = fit.get("sample_weight")
    weights = None if weights is None else data.training_rows(weights, "sample_weight")
    random = np.random.default_rng(seed)
    if not len(data.x):
        raise DataError(f"{data.names[0]} has no samples to train on.")
    while True:
        order = random.permutation(len(data.x))
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            yield (
                for_keras(data.x[rows]),
                None if data.y is None else data.y[rows],
                None if weights is None else weights[rows],
            )


def _of_dataset(data: TrainingData) -> Iterator[tuple[Any, Any, Any]]:
    import keras

    while True:
        found = False
        for element in data.x:
            found = True
            yield keras.utils.unpack_x_y_sample_weight(element)
        if not found:
            raise DataError(f"{data.names[0]} is an empty dataset; expected batches to train on.")
