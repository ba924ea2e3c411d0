"""A model as the chain of its layers, nested models unfolded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

from tunemagic.errors import ExportError
from tunemagic.export.clone import is_graph_model, plain_view, upstream

__all__ = ["Step", "chain_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A layer and the sizes of a sample before and after it."""

    layer: Any
    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def kind(self) -> str:
        """The name of the layer's class."""
        return type(self.layer).__name__

    def refuse(self, reason: str) -> NoReturn:
        """Raise ExportError about this layer."""
        raise ExportError(
            f"caffe: layer {self.layer.name} ({self.kind}) {reason}. Caffe takes chains of Dense, Conv2D, pooling, "
            "BatchNormalization and activations; use onnx or tflite for others."
        )


def chain_of(model: Any) -> list[Step]:
    """The layers of a Sequential or Functional model from input to output.

    Raises ExportError where it branches, uses a layer that is none, or has open sizes.
    """
    steps: list[Step] = []
    for layer, sources, tensor in upstream(plain_view(model)):
        if len(sources) != 1:
            raise ExportError(
                f"caffe: layer {layer.name} ({type(layer).__name__}) joins {len(sources)} branches; only chains of "
                "layers have a form in Caffe here. Use onnx or tflite."
            )
        if is_graph_model(layer):
            steps.extend(reversed(chain_of(layer)))
        else:
            steps.append(Step(layer=layer, before=_sizes(layer, sources[0]), after=_sizes(layer, tensor)))
    return steps[::-1]


def _sizes(layer: Any, tensor: Any) -> tuple[int, ...]:
    sizes = tuple(tensor.shape[1:])
    if any(size is None for size in sizes):
        raise ExportError(f"caffe: expected fixed sizes of samples; received {sizes} at layer {layer.name}.")
    return sizes
