"""A ready-made model with a search space: what all templates share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from tunemagic.models.compile import compile
from tunemagic.models.head import Head, Task
from tunemagic.models.ranges import picked
from tunemagic.models.scaling import learn, scaled
from tunemagic.space import Kind, Parameter, Value
from tunemagic.text import aligned

__all__ = ["Network", "Template"]

# (inputs as Keras tensor, values by name, head) -> the model's outputs
Network: TypeAlias = Callable[[Any, Mapping[str, Any], Head], Any]
_FIT = ("batch_size",)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Template:
    """``template(hp)`` returns a compiled Keras model that takes samples of ``shape`` as they are.

    ``ready`` is the shape that the network works on, such as that with an axis for channels.
    It holds shapes, classes and ranges, none of the data, so it can be sent to workers. ``%%tune`` asks it besides
    what goes to ``fit`` (``fit_arguments``), and lets its model learn its scales from the rows that the trial trains
    on (``adapt``): never from those it is judged by. Alone: ``model = template(hp); template.adapt(model, x, y)``.
    """

    name: str
    shape: tuple[int, ...]
    head: Head
    ranges: tuple[Parameter, ...]
    network: Network
    ready: tuple[int, ...] | None = None
    dtype: str = "float32"
    scale: bool = True

    def __call__(self, hp: Any) -> Any:
        """A new compiled model for the values of ``hp``, whose ranges are named to it."""
        import keras

        values = picked(hp, (each for each in self.ranges if each.name not in _FIT))
        inputs = keras.Input(self.shape, dtype=self.dtype, name="input")
        tensor = inputs if self.ready in (None, self.shape) else keras.layers.Reshape(self.ready)(inputs)
        outputs = self.network(scaled(tensor) if self.scale else tensor, values, self.head)
        model = keras.Model(inputs, outputs, name=self.name)
        return compile(
            model,
            values["optimizer"],
            learning_rate=values.get("learning_rate"),
            loss=self.head.loss,
            metrics=self.head.metrics,
        )

    def fit_arguments(self, hp: Any) -> dict[str, Value]:
        """What ``fit`` is given besides the data: ``{"batch_size": 32}``."""
        return {name: value for name, value in picked(hp, self.ranges).items() if name in _FIT}

    def adapt(self, model: Any, x: Any, y: Any) -> None:
        """Let the model learn its scales from training rows, inputs (row, ...) and targets (row, ...).

        ``y`` may be None where there is no scale of targets to learn, or where these are the inputs.
        """
        learn(model, x, x if y is None and self.head.task is Task.RECONSTRUCTION else y)

    @property
    def adapts(self) -> bool:
        """Whether the model has scales to learn."""
        return self.scale or not self.head.classifies

    def __repr__(self) -> str:
        rows = [
            [each.name, "= " + each.describe() if each.kind is Kind.FIXED else each.describe(), _condition(each)]
            for each in self.ranges
        ]
        table = "\n".join("  " + line for line in aligned(rows))
        return f"models.{self.name}: {'raw ' if self.scale else ''}samples {self.shape} -> {self.head}\n{table}"


def _condition(parameter: Parameter) -> str:
    return " and ".join(f"if {each.parent} is {' or '.join(map(str, each.values))}" for each in parameter.conditions)
