"""How a model reaches the process that converts it: as its config and weights, or as a traced graph.

Config and weights need no TensorFlow work in the kernel, but only classes that ship with Keras or tunemagic
can be rebuilt elsewhere. A model with layers of the notebook's own (or a Lambda) is traced in the kernel
instead and handed over as a SavedModel, which holds operations only and no Python.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.clone import is_graph_model, plain_view
from tunemagic.export.compress.kinds import rounds
from tunemagic.export.front import front_of
from tunemagic.export.infer import (
    check_same_outputs,
    infer_model,
    quiet_about_lambdas,
    recurrent_loops,
    single_output,
    walk_layers,
)
from tunemagic.export.source import Source
from tunemagic.export.text import error_text

__all__ = ["INPUT_NAME", "OUTPUT_NAME", "SIGNATURE", "hand_over", "notebook_parts", "receive"]

SIGNATURE = "predict"
INPUT_NAME = "x"
OUTPUT_NAME = "y"
_FACTS = "graph.json"
_CONFIG = "model.json"
_COMPILE = "compile.json"
_WEIGHTS = "weights.npz"
_GRAPH = "graph"
_CHECKED_SAMPLES = 256  # the files are compared on all of them later; this names a wrong copy as such


def hand_over(model: Any, folder: Path, x: NDArray[Any]) -> str:
    """Write the model into ``folder`` for ``receive``.

    Returns "" or a sentence about why the model was traced here. Raises ExportError when it can be
    handed over in neither way, OSError when the folder can't be written.
    """
    parts = notebook_parts(model)
    if not parts:
        _write_config(model, folder)
        return ""
    import keras

    if keras.config.backend() != "tensorflow":
        raise ExportError(
            f"{model.name}: {', '.join(parts)} can't be rebuilt outside this notebook, and tracing needs the "
            f"tensorflow backend; this kernel runs {keras.config.backend()}. Set KERAS_BACKEND=tensorflow."
        )
    _write_graph(infer_model(model, x=x), folder, x, parts)
    return f"traced in this kernel, because {', '.join(parts)} can't be rebuilt outside it"


def receive(
    folder: Path,
    expected: NDArray[Any],
    x: NDArray[Any],
    *,
    half: bool,
    calibration: NDArray[Any] | None = None,
    about: dict[str, Any] | None = None,
    flex: bool = False,
) -> Source:
    """The model that was handed over, its form for inference, and a SavedModel that answers as it does.

    ``expected`` is what the model answered for ``x`` in the kernel. Nothing in the folder is executed
    as Python: the config is read in Keras' safe mode. Raises ExportError when the model can't be
    rebuilt, or answers otherwise than in the kernel.
    """
    model = clone = None
    if (folder / _CONFIG).exists():
        model = _read_config(folder)
        some = slice(_CHECKED_SAMPLES)
        check_same_outputs(model.name, expected[some], model, x[some], half=half)
        clone = infer_model(model)
        check_same_outputs(model.name, expected[some], clone, x[some], half=half)
    if not (folder / _FACTS).exists():
        _write_graph(clone, folder, x)
    facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
    return Source(
        model=model,
        clone=clone,
        graph=folder / _GRAPH,
        x=x,
        calibration=calibration,
        flex=flex,
        about=about or {},
        **facts,
    )


def notebook_parts(model: Any) -> list[str]:
    """Names of what is in the model and can't be rebuilt in another process, in order, each once."""
    import keras

    if not is_graph_model(model):
        return [type(model).__name__]
    try:
        with quiet_about_lambdas():
            config = keras.saving.serialize_keras_object(plain_view(model))
    except (NotImplementedError, TypeError, ValueError) as error:
        return [f"a layer without a config ({type(error).__name__})"]
    found: dict[str, None] = {}
    _collect_foreign(_without_training(config), found)
    return list(found)


def _collect_foreign(value: Any, found: dict[str, None]) -> None:
    if isinstance(value, list | tuple):
        for inner in value:
            _collect_foreign(inner, found)
    if not isinstance(value, dict):
        return
    name = value.get("class_name")
    # A class of the notebook's own (module __main__) is written with module None; Keras' own
    # markers, as for tuples, have no module at all.
    module = str(value.get("module", "keras"))
    ours = module == "keras" or module.startswith(("keras.", "tunemagic.export.compress.", "tunemagic.prep."))
    if name in {"__lambda__", "Lambda"} or (isinstance(name, str) and not ours):
        found[str(value["config"] if name == "function" else "a Lambda layer" if "ambda" in name else name)] = None
        return
    for inner in value.values():
        _collect_foreign(inner, found)


def _without_training(config: dict[str, Any]) -> dict[str, Any]:
    """The model's config without optimizer, loss and metrics: these may be the notebook's own, and are of no use."""
    cleaned: dict[str, Any] = {}
    for key, value in config.items():
        if key == "compile_config":
            continue
        if isinstance(value, dict):
            value = _without_training(value)
        elif isinstance(value, list):
            value = [_without_training(inner) if isinstance(inner, dict) else inner for inner in value]
        cleaned[key] = value
    return cleaned


def _write_config(model: Any, folder: Path) -> None:
    import keras

    # A subclass of the notebook's own is an ordinary model elsewhere.
    view = model if type(model).__module__.startswith("keras.") else plain_view(model)
    with quiet_about_lambdas():
        config = _without_training(keras.saving.serialize_keras_object(view))
    (folder / _CONFIG).write_text(json.dumps(config), encoding="utf-8")
    training = _compile_config(model)
    if training is not None:
        (folder / _COMPILE).write_text(json.dumps(training), encoding="utf-8")
    weights: dict[str, Any] = {f"w{number}": _storable(weight) for number, weight in enumerate(view.get_weights())}
    np.savez(folder / _WEIGHTS, **weights)


def _storable(weight: NDArray[Any]) -> NDArray[Any]:
    """The weight; bfloat16, which is not among NumPy's own types and would be read as raw bytes, as float32."""
    return weight.astype(np.float32) if weight.dtype.name == "bfloat16" else weight


def _compile_config(model: Any) -> dict[str, Any] | None:
    """What ``compile`` was given; None for a model that was not compiled, or with parts of the notebook's own."""
    if not model.compiled:
        return None
    with quiet_about_lambdas(), contextlib.suppress(NotImplementedError, TypeError, ValueError):
        config: dict[str, Any] = model.get_compile_config() or {}
        found: dict[str, None] = {}
        _collect_foreign(config, found)
        json.dumps(config)
        return config if config and not found else None
    return None


def _read_config(folder: Path) -> Any:
    import keras

    # Keras finds the layers of a package that was imported only.
    import tunemagic.export.compress.layers  # noqa: F401
    import tunemagic.prep.augment_layers  # noqa: F401

    config = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
    try:
        model = keras.saving.deserialize_keras_object(config, safe_mode=True)
        with np.load(folder / _WEIGHTS, allow_pickle=False) as weights:
            model.set_weights([weights[f"w{number}"] for number in range(len(weights.files))])
    except (TypeError, ValueError) as error:
        raise ExportError(f"the model can't be rebuilt from its config: {error_text(error)}") from error
    for layer in walk_layers(model):
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()
    if (folder / _COMPILE).exists():
        model.compile_from_config(json.loads((folder / _COMPILE).read_text(encoding="utf-8")))
    return model


def _write_graph(model: Any, folder: Path, x: NDArray[Any], parts: list[str] | None = None) -> None:
    """The model outside training as a SavedModel with one signature, and facts about it beside.

    Recurrent loops convert only with a fixed batch of one, all else keeps its batch open.
    """
    import tensorflow as tf

    loops = recurrent_loops(model)
    spec = tf.TensorSpec((1 if loops else None, *x.shape[1:]), x.dtype, name=INPUT_NAME)

    def predict(x: Any) -> dict[str, Any]:
        return {OUTPUT_NAME: single_output(model(x, training=False))}

    module = tf.Module()
    module.kept = [variable.value for variable in model.variables]
    graph = tf.function(predict, input_signature=[spec], autograph=False)
    logger = tf.get_logger()
    logger.addFilter(_is_news)
    try:
        tf.saved_model.save(module, str(folder / _GRAPH), signatures={SIGNATURE: graph})
    except OSError:
        raise
    except Exception as error:  # code of the notebook's own runs here and may raise anything
        raise ExportError(f"{model.name}: its layers can't be traced as a graph: {error_text(error)}") from error
    finally:
        logger.removeFilter(_is_news)
    params = int(sum(np.prod(weight.shape) for weight in model.weights))
    facts = {
        "loops": loops,
        "params": params,
        "prepares": front_of(model),
        "rounds": rounds(model),
        "parts": parts or [],
    }
    # The facts come last: where they are, the graph is whole.
    partial = folder / f"{_FACTS}.part"
    partial.write_text(json.dumps(facts), encoding="utf-8")
    os.replace(partial, folder / _FACTS)


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a message of TensorFlow's is of interest: the name of our temporary folder is not."""
    return not str(record.msg).startswith("Assets written to")
