"""A SavedModel with the signatures that TensorFlow Serving reads: operations and weights, none of the user's code.

Keras' own ``export`` bakes augmentation into the file: it calls the model without saying that this is not training.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.infer import single_output
from tunemagic.export.runtime import RunResult
from tunemagic.export.source import Source
from tunemagic.export.targets.whole import about_text, one_thread
from tunemagic.export.text import error_text
from tunemagic.export.timing import call_seconds

__all__ = ["INPUT", "OUTPUT", "SIGNATURES", "run", "write"]

SIGNATURES = ("serve", "serving_default")
INPUT = "inputs"
OUTPUT = "outputs"
_BATCH = 64
_EXTRA = "assets.extra"  # where a SavedModel keeps what TensorFlow itself does not read


def write(source: Source, mode: str, path: Path) -> list[str]:
    """Write the folder ``path``; returns remarks.

    Both signatures take ``{"inputs": (sample, ...)}`` and give ``{"outputs": (sample, ...)}``, the number of
    samples open where the layers allow it.
    """
    import tensorflow as tf

    module = tf.Module()
    if source.clone is not None:
        answer, batch = _answer_of_clone(source.clone, module), None
    else:
        answer, batch = _answer_of_graph(source, module), 1 if source.loops else None
    spec = tf.TensorSpec((batch, *source.x.shape[1:]), source.x.dtype, name=INPUT)
    module.serve = tf.function(lambda inputs: {OUTPUT: answer(inputs)}, input_signature=[spec], autograph=False)
    tf.saved_model.save(module, str(path), signatures=dict.fromkeys(SIGNATURES, module.serve))
    (path / _EXTRA).mkdir()
    (path / _EXTRA / "about.json").write_text(about_text(source), encoding="utf-8")
    return [f"one sample a call, since {source.loops[0]} is a loop"] if batch else []


def _answer_of_clone(clone: Any, module: Any) -> Any:
    module.kept = [variable.value for variable in clone.variables]

    def answer(inputs: Any) -> Any:
        return single_output(clone(inputs, training=False))

    return answer


def _answer_of_graph(source: Source, module: Any) -> Any:
    """That of a model with the notebook's own layers, which was traced in the kernel."""
    import tensorflow as tf

    from tunemagic.export.handover import INPUT_NAME, OUTPUT_NAME, SIGNATURE

    module.kept = tf.saved_model.load(str(source.graph))
    predict = module.kept.signatures[SIGNATURE]
    return lambda inputs: predict(**{INPUT_NAME: inputs})[OUTPUT_NAME]


def run(path: Path, x: NDArray[Any]) -> RunResult:
    """Load the folder as TensorFlow Serving does and answer ``x`` (sample, ...). Raises ExportError."""
    import tensorflow as tf

    one_thread()
    try:
        loaded = tf.saved_model.load(str(path))
        serve = loaded.signatures["serving_default"]
        inputs = next(iter(serve.structured_input_signature[1].values()))
        step = inputs.shape[0] or _BATCH
        parts = [_called(serve, inputs.name, x[start : start + step]) for start in range(0, len(x), step)]
        sample = tf.constant(x[:1])
        times = call_seconds(lambda: serve(**{inputs.name: sample}))
    except (KeyError, OSError, TypeError, ValueError, tf.errors.OpError) as error:
        raise ExportError(f"the folder does not run in TensorFlow: {error_text(error)}") from error
    return RunResult.timed(np.concatenate(parts), times, f"tensorflow {tf.__version__}")


def _called(serve: Any, name: str, x: NDArray[Any]) -> NDArray[Any]:
    import tensorflow as tf

    answer: NDArray[Any] = next(iter(serve(**{name: tf.constant(x)}).values())).numpy().astype(np.float64)
    return answer
