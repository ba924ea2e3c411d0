"""Compile a model with an optimizer by name, of first or second order."""

from __future__ import annotations

from typing import Any

from tunemagic.errors import OptionError
from tunemagic.models.optimisers import optimizer as optimizer_by_name

__all__ = ["SECOND_ORDER", "compile"]

SECOND_ORDER = ("hessian_free", "kfac")


def compile(
    model: Any,
    optimizer: Any = "adam",
    *,
    learning_rate: Any = None,
    loss: Any = None,
    metrics: Any = None,
    schedule: str = "constant",
    steps: int | None = None,
    **options: Any,
) -> Any:
    """Compile a Keras model and give it back.

    Args:
        model: Not compiled yet, or to be compiled anew.
        optimizer: A name in ``models.OPTIMIZERS`` or ``models.SECOND_ORDER``, or a Keras optimizer.
        learning_rate: A number or a LearningRateSchedule; default: the optimizer's own.
        loss: As for ``model.compile``.
        metrics: As for ``model.compile``.
        schedule: How the rate changes: a name in ``models.SCHEDULES``.
        steps: Batches of the whole training, for the schedule; ``%%tune`` counts them itself.
        options: Further arguments of the optimizer, such as ``clipnorm=1.0`` or ``damping=0.1``.

    Returns:
        The model itself, compiled.

    Raises:
        OptionError: An unknown name or option.
        ModelError: A second-order optimizer can't train this model; see ``compile_second_order``.
    """
    if not isinstance(optimizer, str):
        model.compile(optimizer=optimizer, loss=loss, metrics=metrics)
        return model
    if optimizer in SECOND_ORDER:
        if schedule != "constant":
            raise OptionError(
                f"optimizer {optimizer!r}: received schedule={schedule!r}; it chooses its own step length."
            )
        from tunemagic.models.second_order import compile_second_order

        return compile_second_order(
            model, optimizer, learning_rate=learning_rate, loss=loss, metrics=metrics, **options
        )
    made = optimizer_by_name(optimizer, learning_rate, schedule=schedule, steps=steps, **options)
    model.compile(optimizer=made, loss=loss, metrics=metrics)
    return model
