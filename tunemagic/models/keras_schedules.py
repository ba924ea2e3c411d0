"""Learning rate schedules that Keras has not, as Keras' own kind of objects.

This module imports Keras, so others import it where they use it. Its classes are found by the path
that Keras writes into a saved model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras  # noqa: TID253 - a saved model names these classes by their module, so they can't be made in a function

from tunemagic.errors import OptionError

__all__ = ["OneCycle", "WholeTraining"]


@keras.saving.register_keras_serializable("tunemagic")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # mypy doesn't follow Keras
    """Up to the peak, then down to almost nothing, both along half a cosine.

    From ``peak * start`` up to ``peak`` in the first ``rise`` of the ``steps``, then down to
    ``peak * end``. Steps beyond the last keep its rate. Source: Smith and Topin 2018, "Super-convergence"
    (arXiv 1708.07120), with the two phases of fastai and torch.optim.lr_scheduler.OneCycleLR, which
    gives the same rates. The momentum stays as it is.
    """

    def __init__(self, peak: float, steps: int, rise: float = 0.3, start: float = 0.04, end: float = 4e-6) -> None:
        self.peak = peak
        self.steps = steps
        self.rise = rise
        self.start = start
        self.end = end

    def __call__(self, step: Any) -> Any:
        """The rate at a step, counted from 0."""
        ops = keras.ops
        now = ops.cast(step, "float32")
        # The peak and the last rate stand on a step each, as in torch.
        top, last = float(self.rise * self.steps - 1), float(self.steps - 1)
        up = now / top if top > 0 else ops.ones_like(now)
        down = ops.clip((now - max(top, 0.0)) / max(last - max(top, 0.0), 1.0), 0.0, 1.0)
        rising, falling = _along(self.start, 1.0, up), _along(1.0, self.end, down)
        return self.peak * ops.where(now < top, rising, falling)

    def get_config(self) -> dict[str, Any]:
        """The arguments of its constructor."""
        return {"peak": self.peak, "steps": self.steps, "rise": self.rise, "start": self.start, "end": self.end}


def _along(first: float, last: float, share: Any) -> Any:
    """Half a cosine from ``first`` to ``last``."""
    return last + (first - last) * (1.0 + keras.ops.cos(share * 3.141592653589793)) / 2.0


@keras.saving.register_keras_serializable("tunemagic")
class WholeTraining(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # as above
    """A schedule over a whole training, whose number of steps is known when training begins.

    ``%%tune`` puts the schedule for its number of steps in this one's place. ``fit`` alone doesn't:
    asking this one for a rate raises OptionError.
    """

    def __init__(self, name: str, rate: float, options: Mapping[str, Any]) -> None:
        self.name = name
        self.rate = rate
        self.options = dict(options)

    def over(self, steps: int) -> Any:
        """The schedule over this number of steps."""
        from tunemagic.models.schedules import schedule

        return schedule(self.name, self.rate, steps=steps, **self.options)

    def __call__(self, step: Any) -> Any:
        """There is no rate yet."""
        raise OptionError(
            f"the schedule {self.name!r} does not know how many steps there are; expected steps=..., such as "
            "models.total_steps(x_train, epochs=10, batch_size=32). Only %%tune counts them itself."
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of its constructor."""
        return {"name": self.name, "rate": self.rate, "options": self.options}
