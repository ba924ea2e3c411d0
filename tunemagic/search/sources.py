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
            codes = _codes(value)
            found[name] = _source(value, codes)
            waiting += sorted(inner for one in codes for inner in _names(one))
    return dict(sorted(found.items()))


def _names(code: CodeType) -> set[str]:
    """Every global name that the code or a function inside it mentions."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names(constant)
    return names


def _codes(value: Any) -> list[CodeType]:
    if isinstance(value, FunctionType):
        return [value.__code__]
    return [member.__code__ for _, member in sorted(vars(value).items()) if isinstance(member, FunctionType)]


def _source(value: Any, codes: list[CodeType]) -> str:
    try:
        return inspect.getsource(value)
    except (OSError, TypeError):
        digest = hashlib.sha256()
        for code in codes:
            digest.update(code.co_code + repr(code.co_names).encode() + repr(code.co_consts).encode())
        return digest.hexdigest()
