"""What a model can be exported as: the module of each target, what its artefact is called, what it needs."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tunemagic.errors import ExportError
from tunemagic.request import QuantMode, Target

__all__ = ["KINDS", "Kind"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A target whose artefact can be run.

    Its module has ``write(source, mode, path)``, which makes the artefact in the conversion process
    and returns remarks, and ``run(path, x)``, which answers a RunResult in a process of its own, both
    raising ExportError.

    Attributes:
        module: Name inside of ``tunemagic.export.targets``.
        ending: Of the artefact's name: ``.onnx``; a folder's begins with a dash.
        packages: What must be importable, for writing or running.
        extra: The optional part of tunemagic that brings these packages.
        tensorflow: Whether it runs on TensorFlow, so that one process can run several.
        modes: How numbers may be stored.
    """

    module: str
    ending: str
    packages: tuple[str, ...] = ()
    extra: str | None = None
    tensorflow: bool = False
    modes: tuple[QuantMode, ...] = (QuantMode.NONE,)

    @property
    def quantized(self) -> bool:
        """Whether numbers may be stored in less than float32."""
        return len(self.modes) > 1

    @property
    def folder(self) -> bool:
        """Whether the artefact is a folder."""
        return self.ending.startswith("-")

    def load(self) -> Any:
        """The module. Imports nothing heavy by itself."""
        return importlib.import_module(f"tunemagic.export.targets.{self.module}")

    def check_mode(self, target: str, mode: str) -> None:
        """Raises ExportError when the target can't store numbers so."""
        if mode != QuantMode.NONE and not self.quantized:
            raise ExportError(f"{target}: stores numbers in float32 only; received mode {mode}. Use none, or tflite.")

    def check_packages(self, target: str) -> None:
        """Raises ExportError with the line to install when a package is missing."""
        missing = [name for name in self.packages if importlib.util.find_spec(name) is None]
        if missing:
            raise ExportError(
                f'{target}: the package {missing[0]} is not installed. Run: %pip install "tunemagic[{self.extra}]"'
            )


KINDS: Mapping[Target, Kind] = {
    Target.KERAS: Kind(module="keras_file", ending=".keras", tensorflow=True),
    Target.JSON: Kind(module="json_bundle", ending="-json", tensorflow=True),
    Target.SAVEDMODEL: Kind(module="saved_model", ending="-savedmodel", tensorflow=True),
    Target.TFLITE: Kind(module="tflite", ending=".tflite", modes=tuple(QuantMode)),
    Target.ONNX: Kind(module="onnx_file", ending=".onnx", packages=("onnx", "tf2onnx", "onnxruntime"), extra="onnx"),
    Target.TORCH: Kind(module="torch_file", ending=".pt2", packages=("torch",), extra="torch"),
    Target.OPENVINO: Kind(
        module="openvino_ir", ending="-openvino", packages=("openvino", "onnx", "tf2onnx"), extra="openvino"
    ),
    # TensorFlow Lite Micro has no kernels for float sums over smaller weights.
    Target.C: Kind(
        module="c_array",
        ending="-c",
        packages=("tflite_micro",),
        extra="micro",
        modes=(QuantMode.NONE, QuantMode.INT8, QuantMode.INT16X8),
    ),
    Target.CAFFE: Kind(module="caffe_files", ending="-caffe", packages=("cv2",), extra="caffe"),
}
