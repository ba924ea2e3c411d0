"""A Keras optimizer that holds what second-order methods remember from step to step.

A Keras optimizer gets gradients and nothing else, so the methods themselves are steps of the
model. Their memory belongs to the model's optimizer all the same: there it is saved with a
training state, and its learning rate is what callbacks and schedules change.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Memory", "carrier", "is_carrier"]

# What a method remembers, by name and as it is at first; asked when the model's weights exist.
Memory = Callable[[Sequence[Any]], Mapping[str, NDArray[np.float32]]]


def carrier(name: str, memory: Memory, *, learning_rate: Any, momentum: float = 0.0) -> Any:
    """Gradient descent that has further variables in ``memory`` by name, once it is built.

    ``passes`` is for what the method's updates have cost, in passes over the data they were given.
    """
    return _carrier_class()(name, memory, learning_rate, momentum)


def is_carrier(optimizer: Any) -> bool:
    """Whether this optimizer came from ``carrier``."""
    return isinstance(optimizer, _carrier_class())


@functools.cache
def _carrier_class() -> Any:
    """Made on first use because importing keras is slow."""
    import keras

    class SecondOrder(keras.optimizers.SGD):  # type: ignore[misc]
        def __init__(self, name: str, memory: Memory, learning_rate: Any, momentum: float) -> None:
            super().__init__(learning_rate=learning_rate, momentum=momentum, name=name)
            self._first = memory
            self.memory: dict[str, Any] = {}
            self.passes = 0.0

        def build(self, variables: Sequence[Any]) -> None:
            if self.built:
                return
            super().build(variables)
            for name, value in self._first(variables).items():
                made = self.add_variable(value.shape, initializer=_constant(value), name=name)
                self.memory[name] = made

        def get_config(self) -> dict[str, Any]:
            return {"name": self.name}  # its method is the model's: nobody can make a copy of it from numbers

    return SecondOrder


def _constant(value: NDArray[np.float32]) -> Callable[..., Any]:
    def initial(shape: Any, dtype: Any = None) -> Any:
        import keras

        return keras.ops.convert_to_tensor(value, dtype=dtype)

    return initial
