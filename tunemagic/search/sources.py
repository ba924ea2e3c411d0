"""What a cell uses of the notebook, as text: whether a re-run means the same depends on it."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Collection, Mapping
from types import CodeType, FunctionType
from typing import Any

__all__ = ["sources_used"]

_PLAIN = (bool, int, float, str, bytes, type(None))


def sources_used(code: CodeType, namespace: Mapping[str, Any], *, own: Collection[str] = ()) -> dict[str, str]:
    """Text by name of everything in the notebook that the code uses, also through functions.

    Functions and classes of the notebook by their source (by a hash of their bytecode where there
    is no source), plain numbers and texts by their repr. Left out: the cell's ``own`` names,
    imported packages (their versions are told apart elsewhere), and data, which is hashed whole.
    """
    found: dict[str, str] = {}
    waiting = [name for name in sorted(_names(code)) if name not in own]
    while waiting:
        name = waiting.pop()
        if name in found or name not in namespace:
            continue
        value = namespace[name]
        if isinstance(value, _PLAIN):
            found[name] = repr(value)
        elif isinstance(value, (FunctionType, type)) and value.__module__ == "__main__":
            found[name] = _source(value)
            waiting += sorted(inner for function in _functions(value) for inner in _names(function.__code__))
    return dict(sorted(found.items()))


def _names(code: CodeType) -> set[str]:
    """Every global name that the code or a function inside it mentions."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names(constant)
    return names


def _functions(value: Any) -> list[FunctionType]:
    """The function itself, or the methods of a class, also static ones and properties."""
    if isinstance(value, FunctionType):
        return [value]
    members = [
        getattr(member, "__func__", getattr(member, "fget", member)) for _, member in sorted(vars(value).items())
    ]
    return [member for member in members if isinstance(member, FunctionType)]


def _source(value: Any) -> str:
    """The text of a function or class; of a notebook's class only its methods have one."""
    try:
        return inspect.getsource(value)
    except (OSError, TypeError):
        if isinstance(value, FunctionType):
            return hashlib.sha256(_content(value.__code__).encode()).hexdigest()
    plain = [f"{name} = {member!r}" for name, member in sorted(vars(value).items()) if isinstance(member, _PLAIN)]
    bases = ", ".join(base.__qualname__ for base in value.__bases__)
    return "\n".join([f"class {value.__qualname__}({bases}):", *plain, *map(_source, _functions(value))])


def _content(constant: Any) -> str:
    """What a constant of compiled code holds, the same in every process: no addresses, no hash order."""
    if isinstance(constant, CodeType):
        inner = [_content(part) for part in constant.co_consts]
        return f"{constant.co_code.hex()} {constant.co_names} {constant.co_varnames} {inner}"
    if isinstance(constant, frozenset):
        return f"frozenset({sorted(map(_content, constant))})"
    return repr(constant)
