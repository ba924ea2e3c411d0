"""Learning rate schedules by name, so that a search can choose between them.

Each takes the rate that it begins with or climbs to, and the number of steps (batches) of the whole
training. Keras' own schedules are given where Keras has them.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tunemagic.errors import OptionError
from tunemagic.models.batches import BatchSchedule, row_count
from tunemagic.numeric import is_finite_number, is_whole
from tunemagic.text import did_you_mean

__all__ = [
    "SCHEDULES",
    "cosine",
    "exponential",
    "one_cycle",
    "over_steps",
    "schedule",
    "schedule_callbacks",
    "step",
    "total_steps",
    "warmup",
]

_DEFAULT_BATCH = 32  # Keras' own
_STEADY = ("constant", "plateau")


def step(rate: float, steps: int, *, at: Sequence[float] = (0.5, 0.75), factor: float = 0.1) -> Any:
    """The rate, times ``factor`` after each share ``at`` of the steps: Keras' PiecewiseConstantDecay."""
    import keras

    shares = list(at) if isinstance(at, Iterable) else []
    if not shares or not all(map(is_finite_number, shares)) or shares != sorted({0, *shares, 1})[1:-1]:
        raise OptionError(f"at: received {at!r}; expected growing shares of the training, such as (0.5, 0.75).")
    _check_above_zero(factor=factor)
    places = sorted({max(1, round(share * steps)) for share in shares})
    rates = [rate * factor**count for count in range(len(places) + 1)]
    # Keras keeps a value up to and including its boundary.
    return keras.optimizers.schedules.PiecewiseConstantDecay([place - 1 for place in places], rates)


def exponential(rate: float, steps: int, *, end: float = 0.01) -> Any:
    """Down from ``rate`` to ``rate * end``, by the same factor in each step: Keras' ExponentialDecay."""
    import keras

    _check_above_zero(end=end)
    return keras.optimizers.schedules.ExponentialDecay(rate, steps, end)


def cosine(rate: float, steps: int, *, end: float = 0.0) -> Any:
    """Down from ``rate`` to ``rate * end`` along half a cosine: Keras' CosineDecay (Loshchilov and Hutter 2017)."""
    import keras

    _check_share(end=end)
    return keras.optimizers.schedules.CosineDecay(rate, steps, alpha=end)


def warmup(rate: float, steps: int, *, share: float = 0.1, end: float = 0.0) -> Any:
    """Evenly up to ``rate`` in the first ``share`` of the steps, then down to ``rate * end`` along half a cosine."""
    import keras

    _check_share(share=share, end=end)
    rising = min(max(1, round(share * steps)), max(1, steps - 1))
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - rising), alpha=end, warmup_target=rate, warmup_steps=rising
    )


def one_cycle(rate: float, steps: int, *, rise: float = 0.3, start: float = 0.04, end: float = 4e-6) -> Any:
    """Up from ``rate * start`` to ``rate``, then down to ``rate * end``.

    The rate may be about three times the best constant one. Source: Smith and Topin 2018 (arXiv
    1708.07120); the numbers are those of torch's OneCycleLR.
    """
    from tunemagic.models.keras_schedules import OneCycle

    _check_share(rise=rise, start=start, end=end)
    return OneCycle(rate, steps, rise, start, end)


_MAKERS: Mapping[str, Callable[..., Any]] = {
    "step": step,
    "exponential": exponential,
    "cosine": cosine,
    "1cycle": one_cycle,
    "warmup": warmup,
}
SCHEDULES = ("constant", *_MAKERS, "plateau")


def schedule(name: str, rate: float, *, steps: int | None = None, **options: Any) -> Any:
    """A learning rate for a Keras optimizer: a number, or a LearningRateSchedule.

    Args:
        name: One of ``SCHEDULES``. ``plateau`` begins constant too: its rate falls by the callbacks
            that ``schedule_callbacks(name)`` gives.
        rate: The rate that it begins with; of ``1cycle`` and ``warmup`` the highest one.
        steps: Batches of the whole training, see ``total_steps``. Left out, ``%%tune`` counts them;
            ``fit`` alone then refuses.
        options: Further arguments of the function of this name in ``tunemagic.models.schedules``.

    Raises:
        OptionError: An unknown name or option, or a number that makes no sense.
    """
    if name not in SCHEDULES:
        hint = did_you_mean(str(name), SCHEDULES)
        raise OptionError(f"schedule: received {name!r}; expected one of {', '.join(SCHEDULES)}.{hint}")
    _check_above_zero(rate=rate)
    if steps is not None and (not is_whole(steps) or steps < 1):
        raise OptionError(
            f"steps: received {steps!r}; expected the number of batches of the whole training, at least 1."
        )
    known = {} if name in _STEADY else _options_of(_MAKERS[name])
    for option in options:
        if option not in known:
            expected = f"expected {', '.join(known)}" if known else "it has no options"
            raise OptionError(f"schedule {name!r}: received the option {option!r}; {expected}.")
    if name in _STEADY:
        return float(rate)
    made = _MAKERS[name](
        float(rate), int(steps or 1), **options
    )  # the options are checked now, not when training begins
    if steps is not None:
        return made
    from tunemagic.models.keras_schedules import WholeTraining

    return WholeTraining(name, float(rate), options)


def schedule_callbacks(
    name: str, *, monitor: str = "val_loss", factor: float = 0.3, patience: int = 3, **options: Any
) -> list[Any]:
    """What ``fit`` needs besides for the schedule of this name: ReduceLROnPlateau for ``plateau``, else nothing.

    In a cell: ``callbacks = models.schedule_callbacks(schedule)``. The options are Keras'.
    """
    import keras

    if name != "plateau":
        return []
    return [keras.callbacks.ReduceLROnPlateau(monitor, factor=factor, patience=patience, **options)]


def total_steps(x: Any, *, epochs: int, batch_size: int | BatchSchedule = _DEFAULT_BATCH) -> int:
    """How many batches a training has: ``epochs`` times the rows of ``x`` by ``batch_size``, rounded up.

    Args:
        x: What is trained on, or its number of rows.
        epochs: As for ``fit``.
        batch_size: As for ``fit``, or a BatchSchedule.

    Raises:
        OptionError: A number below 1, or not a whole one. DataError for data without a number of rows.
    """
    for what, number in (("epochs", epochs), ("batch_size", batch_size)):
        if isinstance(number, BatchSchedule):
            continue
        if not is_whole(number) or number < 1:
            raise OptionError(f"{what}: received {number!r}; expected a whole number, at least 1.")
    rows = int(x) if is_whole(x) else row_count(x)
    sizes = batch_size if isinstance(batch_size, BatchSchedule) else BatchSchedule([(0, batch_size)])
    return sum(math.ceil(rows / sizes.at(epoch)) for epoch in range(epochs))


def over_steps(optimizer: Any, count: Callable[[], int]) -> None:
    """Give an optimizer whose schedule is over the whole training that training's number of steps.

    ``count`` is asked for it only then.
    """
    from tunemagic.models.keras_schedules import WholeTraining

    inner = getattr(optimizer, "inner_optimizer", None) or optimizer
    # Not by the property: reading and setting it both ask the waiting one for a rate.
    waiting = getattr(inner, "_learning_rate", None)
    if isinstance(waiting, WholeTraining):
        inner._learning_rate = waiting.over(count())


def _options_of(maker: Callable[..., Any]) -> dict[str, Any]:
    parameters = inspect.signature(maker).parameters.values()
    return {each.name: each.default for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY}


def _check_above_zero(**numbers: float) -> None:
    for name, number in numbers.items():
        if not is_finite_number(number) or number <= 0:
            raise OptionError(f"{name}: received {number!r}; expected a number above 0.")


def _check_share(**numbers: float) -> None:
    for name, number in numbers.items():
        if not is_finite_number(number) or not 0 <= number < 1:
            raise OptionError(f"{name}: received {number!r}; expected a share from 0 to below 1, such as 0.1.")
