"""What a TF Lite file says about itself: a metadata entry of ours, and names for its input and output.

The entry ``tunemagic`` is a buffer with JSON, as the schema's ``Metadata`` table allows; runtimes pass over
entries that they don't know. https://www.tensorflow.org/lite/models/metadata
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tunemagic.errors import ExportError
from tunemagic.export.clone import is_graph_model, plain_view
from tunemagic.export.tables import read_tables, write_tables

__all__ = ["SIGNATURE_KEY", "checked_about", "describe", "end_names", "entry_text", "facts", "read"]

# The key that TensorFlow's own tools write and LiteRT's examples ask for.
SIGNATURE_KEY = "serving_default"

_NAME = b"tunemagic"
_FORMAT = 1
_PACKAGES = ("keras", "tensorflow", "ai-edge-litert", "tunemagic")
_MOST_BYTES = 1_000_000  # of an entry that is read; ours have some hundred
_GIVEN_BY_KERAS = re.compile(r"(input_layer|input|keras_tensor)(_\d+)?")
_USUAL_NAMES = ("x", "y")
_LONGEST_NAME = 60


def read(path: str | Path) -> dict[str, Any]:
    """What the file says about itself: ``mode``, ``versions``; where known ``labels``, ``study``, ``values`` ...

    Empty for a file that tunemagic did not write. Nothing in the file is run. Raises ExportError when
    it can't be read or is no TF Lite file.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ExportError(f"can't read {path}: {error.strerror or error}.") from error
    model = read_tables(content)
    for entry in model.metadata or []:
        if entry.name == _NAME and entry.buffer < len(model.buffers):
            return _parsed(model.buffers[entry.buffer].data)
    return {}


def facts(mode: str, about: Mapping[str, Any], *, prepares: bool) -> dict[str, Any]:
    """What is kept in a file of ``mode``: ``about`` the model, how it was made, by what.

    How and by what are never taken from ``about``. No path and no name of a user or machine is added. Raises
    ExportError when ``about`` is not made of texts, numbers, lists and dicts.
    """
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    given = checked_about(about)
    own = {
        "created_by": "tunemagic",
        "format": _FORMAT,
        "mode": str(mode),
        "preparation": "inside: give it raw rows" if prepares else "none inside",
    }
    return {**given, **own, "versions": {**given.get("versions", {}), **versions}}


def checked_about(about: Mapping[str, Any]) -> dict[str, Any]:
    """The facts as JSON gives them back. Raises ExportError when they are not made of what JSON has."""
    try:
        facts: dict[str, Any] = json.loads(json.dumps(dict(about), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ExportError(f"about: expected texts, finite numbers, lists and dicts; {error}.") from error
    versions = facts.get("versions", {})
    if not isinstance(versions, dict):
        raise ExportError(f"about: expected versions as a dict, name to version; received {versions!r:.60}.")
    return facts


def describe(content: bytes, said: Mapping[str, Any], ends: tuple[str, str] = _USUAL_NAMES) -> bytes:
    """The file with ``said`` in its entry, and its input and output called ``ends`` in the signature.

    All that is computed stays as it is. The signature's key is ``serving_default``.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = read_tables(content)
    for signature in model.signatureDefs or []:
        signature.signatureKey = SIGNATURE_KEY.encode()
        graph = model.subgraphs[signature.subgraphIndex]
        for tensors, name in ((signature.inputs, ends[0]), (signature.outputs, ends[1])):
            (tensor,) = tensors
            tensor.name = name.encode()
            if all(each.name != tensor.name for each in graph.tensors):
                graph.tensors[tensor.tensorIndex].name = tensor.name
    entries = [entry for entry in model.metadata or [] if entry.name != _NAME]
    text = entry_text(said)
    model.metadata = [*entries, schema.MetadataT(name=_NAME, buffer=len(model.buffers))]
    model.buffers.append(schema.BufferT(data=list(text)))
    return write_tables(model, len(content))


def entry_text(said: Mapping[str, Any]) -> bytes:
    """What stands in the entry."""
    return json.dumps(said, ensure_ascii=False, sort_keys=True).encode()


def end_names(model: Any) -> tuple[str, str]:
    """Names of the model's input and output: those that the user gave, else ``x`` and ``y``.

    A name is the user's when Keras did not make it up from the layer's class. Other characters than
    letters, digits and underscores become underscores.
    """
    if model is None or not is_graph_model(model) or len(model.inputs) != 1 or len(model.outputs) != 1:
        return _USUAL_NAMES
    view = plain_view(model)
    last = view.output_names[0]
    layer = next((each for each in view.layers if each.name == last), None)
    own = last if layer is not None and not _made_up(last, layer) else ""
    first = str(view.inputs[0].name)
    names = (_plain("" if _GIVEN_BY_KERAS.fullmatch(first) else first), _plain(own))
    given = tuple(name or usual for name, usual in zip(names, _USUAL_NAMES, strict=True))
    return _USUAL_NAMES if given[0] == given[1] else (given[0], given[1])


def _made_up(name: str, layer: Any) -> bool:
    """Whether Keras made the layer's name up: its class in small letters, with a number where it is taken."""
    kind = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", type(layer).__name__)
    kind = re.sub(r"([a-z])([A-Z])", r"\1_\2", kind).lower()
    return re.fullmatch(rf"{re.escape(kind)}(_\d+)?", name) is not None


def _plain(name: str) -> str:
    """The name in letters, digits and underscores, not beginning with a digit; empty when nothing is left."""
    cleaned = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")[:_LONGEST_NAME]
    return f"_{cleaned}" if cleaned[:1].isdigit() else cleaned


def _parsed(data: Any) -> dict[str, Any]:
    """The JSON of an entry; empty when it is none, too long, or not a dict."""
    if data is None or len(data) > _MOST_BYTES:
        return {}
    try:
        value = json.loads(bytes(data).decode("utf-8"))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
