"""The tables of a TF Lite file (flatbuffers): read as objects, and written again."""

from __future__ import annotations

from typing import Any

from tunemagic.errors import ExportError
from tunemagic.export.text import error_text

__all__ = ["read_tables", "write_tables"]

_IDENTIFIER = b"TFL3"
_BUFFER_BYTES = 16  # force_align in the schema: runtimes read weights where they lie in the file


def read_tables(content: bytes) -> Any:
    """The model of the file as schema objects (``ModelT``). Raises ExportError when it is no TF Lite file."""
    from ai_edge_litert import schema_py_generated as schema

    if len(content) < 8 or content[4:8] != _IDENTIFIER:
        raise ExportError(f"expected a TF Lite file; received {len(content)} bytes without its mark TFL3.")
    try:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    except Exception as error:  # offsets of a damaged file lead anywhere: struct.error, TypeError, IndexError ...
        raise ExportError(f"the TF Lite file is damaged: {error_text(error)}") from error
    if not model.subgraphs or not model.buffers:
        raise ExportError("the TF Lite file is damaged: it holds no graph.")
    return model


def write_tables(model: Any, size: int) -> bytes:
    """The bytes of a file; ``size`` is about how many there will be."""
    import flatbuffers

    class Builder(flatbuffers.Builder):  # type: ignore[misc]  # mypy doesn't follow flatbuffers
        """Begins each buffer at a multiple of 16 bytes, as the schema demands and Python's packing forgets."""

        def StartVector(self, item_bytes: int, count: int, alignment: int) -> Any:
            return super().StartVector(item_bytes, count, _BUFFER_BYTES if item_bytes == 1 else alignment)

    builder = Builder(size)
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())
