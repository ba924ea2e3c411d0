"""Keras' optimizers by name, from plain gradient descent on."""

from __future__ import annotations

from typing import Any

from tunemagic.errors import OptionError
from tunemagic.models.schedules import schedule as rate_schedule
from tunemagic.text import did_you_mean

__all__ = ["OPTIMIZERS", "default_rate", "optimizer"]

# Rates that Keras takes when none is given; ours for those by SGD, whose 0.01 is little for scaled inputs.
_RATES = {"gd": 0.1, "sgd": 0.1, "momentum": 0.01, "adam": 0.001, "adamw": 0.001, "rmsprop": 0.001}
OPTIMIZERS = tuple(_RATES)


def optimizer(
    name: str, rate: Any = None, *, schedule: str = "constant", steps: int | None = None, **options: Any
) -> Any:
    """A new Keras optimizer.

    Args:
        name: One of ``OPTIMIZERS``. ``gd`` is gradient descent over all samples at once, so it needs
            ``batch_size = models.full_batch(x_train)``; ``sgd`` the same step from each batch; ``momentum``
            adds 0.9 of the last step.
        rate: The learning rate, or a LearningRateSchedule. Default: 0.1 for ``gd`` and ``sgd``, 0.01 for
            ``momentum``, else Keras' 0.001.
        schedule: How the rate changes: a name in ``models.SCHEDULES``.
        steps: Batches of the whole training, for the schedule; ``%%tune`` counts them itself.
        options: Further arguments of the Keras class, such as ``clipnorm``, ``momentum``, ``weight_decay``.

    Raises:
        OptionError: An unknown name, schedule or option, or a rate that is not above 0.
    """
    import keras

    if name not in OPTIMIZERS:
        hint = did_you_mean(str(name), OPTIMIZERS)
        raise OptionError(f"optimizer: received {name!r}; expected one of {', '.join(OPTIMIZERS)}.{hint}")
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        if schedule != "constant":
            raise OptionError(
                f"optimizer: received a schedule as rate and schedule={schedule!r}; expected one of them."
            )
        learning_rate = rate
    else:
        learning_rate = rate_schedule(schedule, default_rate(name) if rate is None else rate, steps=steps)
    kinds = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW, "rmsprop": keras.optimizers.RMSprop}
    usual = {"momentum": 0.9} if name == "momentum" else {}
    try:
        return kinds.get(name, keras.optimizers.SGD)(learning_rate, **{**usual, **options})
    except (TypeError, ValueError) as error:
        raise OptionError(f"optimizer {name!r}: {error}") from error


def default_rate(name: str) -> float:
    """The learning rate of an optimizer that is given none."""
    return _RATES[name]
