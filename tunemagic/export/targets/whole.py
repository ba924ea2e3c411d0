"""What ``.keras`` and the JSON bundle share: the model as its user built it, and running one that was loaded."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.infer import keras_outputs
from tunemagic.export.runtime import RunResult
from tunemagic.export.source import Source
from tunemagic.export.timing import call_seconds

__all__ = ["about_text", "one_thread", "remarks_of", "run_model", "whole_model"]


def whole_model(source: Source, target: str) -> Any:
    """The model with dropout, augmentation and preparation, compiled where its parts are Keras' own.

    Raises ExportError for one that no config can rebuild.
    """
    if source.model is None:
        parts = ", ".join(source.parts) or "a layer of the notebook's own"
        raise ExportError(
            f"{target}: {parts} exists in this notebook only, so a file that holds no code can't rebuild it. Export "
            "savedmodel, onnx or tflite, which hold its operations, or use layers of Keras."
        )
    return source.model


def remarks_of(model: Any) -> list[str]:
    """What the reader of the file has to know."""
    if model.compiled:
        return []
    return ["without loss, metrics and optimizer: compile the model before training or evaluating it"]


def about_text(source: Source) -> str:
    """The facts that are kept beside the model, as JSON."""
    return json.dumps(source.about, ensure_ascii=False, indent=2)


def run_model(model: Any, x: NDArray[Any]) -> RunResult:
    """What a loaded Keras model answers, and the time of one sample in a graph call."""
    import keras
    import tensorflow as tf

    outputs = keras_outputs(model, x)
    sample = tf.constant(x[:1])
    call = tf.function(lambda batch: model(batch, training=False), autograph=False)
    times = call_seconds(lambda: call(sample))
    return RunResult.timed(outputs, times, f"keras {keras.__version__}")


def one_thread() -> None:
    """Let TensorFlow compute on one thread, where it has not begun to compute."""
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
