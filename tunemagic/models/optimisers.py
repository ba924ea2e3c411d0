"""Keras' optimizers by name, from plain gradient descent on."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from tunemagic.errors import OptionError
from tunemagic.models.schedules import schedule as rate_schedule
from tunemagic.text import did_you_mean

__all__ = [
    "GRADIENT_DESCENT",
    "OPTIMIZERS",
    "check_options",
    "default_rate",
    "optimizer",
    "rate_over",
    "takes_all_samples",
]

GRADIENT_DESCENT = "gd"

# Rates that Keras takes when none is given; ours for those by SGD, whose 0.01 is little for scaled inputs.
_RATES = {"gd": 0.1, "sgd": 0.1, "momentum": 0.01, "adam": 0.001, "adamw": 0.001, "rmsprop": 0.001}
OPTIMIZERS = tuple(_RATES)


def optimizer(
    name: str, rate: Any = None, *, schedule: str = "constant", steps: int | None = None, **options: Any
) -> Any:
    """A new Keras optimizer.

    Args:
        name: One of ``OPTIMIZERS``. ``gd`` is gradient descent over all samples at once: ``%%tune`` takes them
            whole where the cell says no ``batch_size``, ``fit`` needs ``batch_size=models.full_batch(x_train)``.
            ``sgd`` is the same step from each batch; ``momentum`` adds 0.9 of the last step.
        rate: The learning rate, or a LearningRateSchedule. Default: 0.1 for ``gd`` and ``sgd``, 0.01 for
            ``momentum``, else Keras' 0.001.
        schedule: How the rate changes: a name in ``models.SCHEDULES``.
        steps: Batches of the whole training, for the schedule; ``%%tune`` counts them itself.
        options: Further arguments of the Keras class, such as ``clipnorm``, ``momentum``, ``weight_decay``.

    Raises:
        OptionError: An unknown name, schedule or option, or a rate that is not above 0.
    """
    check_options(name, options, ("rate", "schedule", "steps"))
    learning_rate = rate_over(default_rate(name) if rate is None else rate, schedule, steps)
    usual: dict[str, Any] = {"momentum": 0.9} if name == "momentum" else {}
    if name == GRADIENT_DESCENT:
        usual["name"] = name
    try:
        return _kind(name)(learning_rate, **{**usual, **options})
    except (TypeError, ValueError) as error:
        raise OptionError(f"optimizer {name!r}: {error}") from error


def check_options(name: str, options: Mapping[str, Any], own: Iterable[str]) -> None:
    """Raise OptionError unless there is an optimizer of this name that takes these options.

    ``own`` are what the caller takes besides, for the hint.
    """
    if name not in OPTIMIZERS:
        hint = did_you_mean(str(name), OPTIMIZERS)
        raise OptionError(f"optimizer: received {name!r}; expected one of {', '.join(OPTIMIZERS)}.{hint}")
    taken = [each for each in inspect.signature(_kind(name)).parameters if each not in ("learning_rate", "kwargs")]
    known = [*own, *taken]
    for option in options:
        if option not in taken:
            hint = did_you_mean(option, known)
            raise OptionError(f"optimizer {name!r}: received {option}=; expected one of {', '.join(known)}.{hint}")


def _kind(name: str) -> Any:
    """The Keras class behind the name."""
    import keras

    kinds = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW, "rmsprop": keras.optimizers.RMSprop}
    return kinds.get(name, keras.optimizers.SGD)


def rate_over(rate: Any, schedule: str, steps: int | None) -> Any:
    """The learning rate as Keras' optimizers take it. Raises OptionError when ``rate`` is a schedule itself."""
    import keras

    if not isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        return rate_schedule(schedule, rate, steps=steps)
    if schedule != "constant":
        raise OptionError(f"optimizer: received a schedule as rate and schedule={schedule!r}; expected one of them.")
    return rate


def takes_all_samples(model: Any) -> bool:
    """Whether a model's optimizer is gradient descent over all samples, as the name ``gd`` makes it."""
    optimizer = getattr(model, "optimizer", None)
    return getattr(getattr(optimizer, "inner_optimizer", optimizer), "name", "") == GRADIENT_DESCENT


def default_rate(name: str) -> float:
    """The learning rate of an optimizer that is given none."""
    return _RATES[name]
