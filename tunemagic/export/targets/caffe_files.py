"""A Caffe network, ``deploy.prototxt`` and ``model.caffemodel``: the format of devices and tools before 2018.

Images are (sample, channel, row, column) there. No Caffe can be installed today, so what is written is run in OpenCV
4, whose importer reads the same files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.runtime import RunResult
from tunemagic.export.source import Source
from tunemagic.export.targets.caffe.chain import chain_of
from tunemagic.export.targets.caffe.layers import add_layer, check_layer
from tunemagic.export.targets.caffe.net import Net, layer_types
from tunemagic.export.targets.whole import about_text
from tunemagic.export.text import error_text
from tunemagic.export.timing import call_seconds

__all__ = ["operations", "run", "write"]

_TEXT = "deploy.prototxt"
_WEIGHTS = "model.caffemodel"
_BATCH = 64
_MOST_WEIGHTS = 2**29 - 2**18  # of one protobuf message, which is below 2 GB


def write(source: Source, mode: str, path: Path) -> list[str]:
    """Write the folder ``path``; returns remarks. Raises ExportError for what is no chain of Caffe's layers."""
    if source.clone is None:
        parts = ", ".join(source.parts) or "a layer of the notebook's own"
        raise ExportError(f"caffe: {parts} has no form in Caffe; use layers of Keras, or export onnx.")
    if source.prepares:
        raise ExportError(
            "caffe: the preparation in front of the model chooses columns and fills gaps, which has no form in Caffe. "
            "Prepare rows with recipe.transform() and export the model behind it, or use onnx or tflite."
        )
    if source.params > _MOST_WEIGHTS:
        raise ExportError(f"caffe: expected at most {_MOST_WEIGHTS} weights in one file; received {source.params}.")
    net = _net_of(source.clone, source.x.shape[1:])
    path.mkdir()
    (path / _TEXT).write_text(net.text(), encoding="utf-8")
    (path / _WEIGHTS).write_bytes(net.weights())
    (path / "about.json").write_text(about_text(source), encoding="utf-8")
    return [
        f"legacy format, verified in OpenCV 4, not in Caffe itself; input data, output {net.output}"
        + (", images as (sample, channel, row, column)" if source.x.ndim == 4 else ""),
        *dict.fromkeys(net.remarks),
    ]


def operations(path: Path) -> list[str]:
    """Types of the layers, each once."""
    return layer_types((path / _WEIGHTS).read_bytes())


def run(path: Path, x: NDArray[Any]) -> RunResult:
    """What the network answers in OpenCV on one thread. Raises ExportError."""
    import cv2

    if int(cv2.__version__.split(".")[0]) > 4:
        raise ExportError(
            f"caffe: expected OpenCV 4, since later ones read no Caffe files; received {cv2.__version__}. Run: "
            '%pip install "opencv-python-headless<5"'
        )
    cv2.setNumThreads(1)
    given = _channels_first(np.asarray(x, np.float32))
    try:
        net = cv2.dnn.readNetFromCaffe(_bytes_of(path / _TEXT), _bytes_of(path / _WEIGHTS))
        net.enableWinograd(False)  # its convolutions round otherwise than the plain sum

        def answer(batch: NDArray[Any]) -> NDArray[Any]:
            net.setInput(batch)
            return np.array(net.forward())

        parts = [answer(given[at : at + _BATCH]) for at in range(0, len(given), _BATCH)]
        times = call_seconds(lambda: answer(given[:1]))
    except (OSError, cv2.error) as error:
        raise ExportError(f"caffe: the files do not run in OpenCV: {error_text(error)}") from error
    return RunResult.timed(_channels_last(np.concatenate(parts)).astype(np.float64), times, f"opencv {cv2.__version__}")


def _net_of(model: Any, sizes: tuple[int, ...]) -> Net:
    steps = chain_of(model)
    for step in steps:
        check_layer(step)
    if len(sizes) not in (1, 3):
        raise ExportError(
            f"caffe: expected vectors or images (row, column, channel) as samples; received samples of shape {sizes}."
        )
    net = Net(model.name, (sizes[-1], *sizes[:-1]))
    for step in steps:
        add_layer(net, step)
    if net.order is not None:
        raise ExportError("caffe: the answer is a flattened image, whose order differs in Caffe; leave out Flatten.")
    if any(map(any, net.edges)):
        steps[-1].refuse("adds zeros that no convolution follows")
    return net


def _bytes_of(path: Path) -> NDArray[Any]:
    """The file for OpenCV, which can't open every path."""
    return np.frombuffer(path.read_bytes(), np.uint8)


def _channels_first(x: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if x.ndim == 4 else x


def _channels_last(x: NDArray[Any]) -> NDArray[Any]:
    return x.transpose(0, 2, 3, 1) if x.ndim == 4 else x
