"""What is inside a TF Lite file, from its tables: operations, types of numbers, names of its ends."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tunemagic.export.tables import read_tables
from tunemagic.text import aligned

__all__ = ["Contents", "contents_of", "flex_operations", "flex_problem", "operation_name", "operator_names"]

_FLEX = "Flex"
_ONLY_CARRY = frozenset({"QUANTIZE", "DEQUANTIZE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a file's tables say.

    Attributes:
        operations: How often each operation occurs, by name; ``FlexName`` or ``CUSTOM name`` for one that
            the LiteRT runtime does not have.
        tensors: How many tensors there are of each type.
        constants: How many bytes of constants there are of each type.
        computed: The types in which something is computed; carrying values from one type to another
            (QUANTIZE, DEQUANTIZE) does not count.
        places: For each operation that the runtime does not have, the name of a tensor it makes, which
            begins with the layer's.
    """

    operations: Mapping[str, int]
    tensors: Mapping[str, int]
    constants: Mapping[str, int]
    computed: frozenset[str]
    places: Mapping[str, str]

    @property
    def foreign(self) -> tuple[str, ...]:
        """Operations that the LiteRT runtime does not have, in order of name."""
        return tuple(sorted(self.places))

    def __repr__(self) -> str:
        """Two small tables."""
        return "\n".join([*aligned(_rows("operation", self.operations)), *aligned(_rows("tensors of", self.tensors))])

    def _repr_html_(self) -> str:
        return "".join(_table(_rows(head, counts)) for head, counts in self._counts())

    def _counts(self) -> tuple[tuple[str, Mapping[str, int]], ...]:
        return (("operation", self.operations), ("tensors of", self.tensors))


def contents_of(content: bytes) -> Contents:
    """Read the file's tables. Raises ExportError when it is no TF Lite file."""
    from ai_edge_litert import schema_py_generated as schema

    model = read_tables(content)
    names, types = operator_names(), _names_of(schema.TensorType)
    operations: Counter[str] = Counter()
    tensors: Counter[str] = Counter()
    constants: Counter[str] = Counter()
    computed: set[str] = set()
    places: dict[str, str] = {}
    counted: set[int] = set()
    for graph in model.subgraphs:
        kinds = [types.get(tensor.type, f"type {tensor.type}").lower() for tensor in graph.tensors]
        tensors.update(kinds)
        for tensor, kind in zip(graph.tensors, kinds, strict=True):
            data = model.buffers[tensor.buffer].data
            if data is not None and len(data) and tensor.buffer not in counted:
                counted.add(tensor.buffer)
                constants[kind] += len(data)
        for operator in graph.operators or []:
            name = operation_name(model.operatorCodes[operator.opcodeIndex], names)
            operations[name] += 1
            if name not in _ONLY_CARRY:
                computed.update(kinds[number] for number in operator.outputs)
            if name.startswith((_FLEX, "CUSTOM")):
                places.setdefault(name, _place(graph, operator))
    return Contents(
        operations=dict(operations.most_common()),
        tensors=dict(tensors.most_common()),
        constants=dict(constants.most_common()),
        computed=frozenset(computed),
        places=places,
    )


def flex_operations(operations: Iterable[str]) -> list[str]:
    """TensorFlow's own operations among these, which only a runtime with the Flex delegate has.

    Those of the Python packages have been without it since TensorFlow 2.20.
    https://github.com/google-ai-edge/LiteRT/issues/6458
    """
    return [name for name in operations if name.startswith(_FLEX)]


def flex_problem(operations: Iterable[str]) -> str:
    """Why a file with these operations can't be run here; empty when it can."""
    names = ", ".join(flex_operations(operations))
    if not names:
        return ""
    return (
        f"no runtime here has {names}; run the file where the Flex delegate is linked in (Android, iOS, C++), and "
        "compare its answers there"
    )


def operator_names() -> dict[int, str]:
    """The names of built-in operations by their numbers."""
    from ai_edge_litert import schema_py_generated as schema

    return _names_of(schema.BuiltinOperator)


def operation_name(code: Any, names: Mapping[int, str]) -> str:
    """The operation of an operator code; ``FlexName`` or ``CUSTOM name`` for what is not built in."""
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    if names.get(number) != "CUSTOM":
        return names.get(number, f"operation {number}")
    custom = str((code.customCode or b"").decode(errors="replace"))
    return custom if custom.startswith(_FLEX) else f"CUSTOM {custom}"


def _place(graph: Any, operator: Any) -> str:
    """The name of what the operation makes; that of what it reads where it makes the file's output."""
    numbers = [*operator.outputs, *(number for number in operator.inputs if number >= 0)]
    number = next((number for number in numbers if number not in set(graph.outputs)), numbers[0])
    return str((graph.tensors[number].name or b"").decode(errors="replace").partition(";")[0])


def _names_of(numbers: type) -> dict[int, str]:
    return {number: name for name, number in vars(numbers).items() if isinstance(number, int)}


def _rows(head: str, counts: Mapping[str, int]) -> list[tuple[str, str]]:
    return [(head, "count"), *((name, str(count)) for name, count in counts.items())]


def _table(rows: list[tuple[str, str]]) -> str:
    head, *body = rows
    cells = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in head)
    lines = "".join(f"<tr><td>{html.escape(name)}</td><td>{count}</td></tr>" for name, count in body)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table>"
