"""Compile a model with an optimizer by name, of first or second order."""

from __future__ import annotations

from typing import Any

from tunemagic.errors import OptionError
from tunemagic.models.optimisers import check_options, rate_over
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
        learning_rate: A number or a LearningRateSchedule; default: the optimizer's own. ``hessian_free`` makes
            no use of it: it finds the length of each step.
        loss: As for ``model.compile``.
        metrics: As for ``model.compile``.
        schedule: How the rate changes: a name in ``models.SCHEDULES``.
        steps: Batches of the whole training, for the schedule; ``%%tune`` counts them itself.
        options: Further arguments of the optimizer, such as ``clipnorm=1.0`` or ``damping=0.1``.

    Returns:
        The model itself, compiled.

    Raises:
        OptionError: An unknown name or option, or one that an optimizer that is given whole has already.
        ModelError: A second-order optimizer can't train this model; see ``compile_second_order``.
    """
    if not isinstance(optimizer, str):
        settings = {"learning_rate": learning_rate, "steps": steps, **options}
        given = [name for name, value in settings.items() if value is not None]
        given += ["schedule"] if schedule != "constant" else []
        if given:
            raise OptionError(
                f"{given[0]}: received beside an optimizer that is made already ({type(optimizer).__name__}); expected "
                'it there, or an optimizer by name such as "adam".'
            )
        model.compile(optimizer=optimizer, loss=loss, metrics=metrics)
        return model
    if optimizer in SECOND_ORDER:
        from tunemagic.models.second_order import KFAC_RATE, compile_second_order

        if schedule != "constant":
            if optimizer == "hessian_free":
                raise OptionError(f"hessian_free: received schedule={schedule!r}; it finds the length of each step.")
            learning_rate = rate_over(KFAC_RATE if learning_rate is None else learning_rate, schedule, steps)
        return compile_second_order(
            model, optimizer, learning_rate=learning_rate, loss=loss, metrics=metrics, **options
        )
    check_options(optimizer, options, ("learning_rate", "loss", "metrics", "schedule", "steps"))
    made = optimizer_by_name(optimizer, learning_rate, schedule=schedule, steps=steps, **options)
    model.compile(optimizer=made, loss=loss, metrics=metrics)
    return model
