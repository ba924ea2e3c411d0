"""What a cell uses of the notebook, as text: whether a re-run means the same depends on it."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Collection, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any

from tunemagic.search.faults import is_users_file

__all__ = ["names_used", "sources_used"]

_PLAIN = (bool, int, float, str, bytes, type(None))


def sources_used(code: CodeType, namespace: Mapping[str, Any], *, own: Collection[str] = ()) -> dict[str, str]:
    """Text by name of everything of the user's that the code uses, also through functions.

    Functions and classes by their source (by a hash of their bytecode where there is no source),
    modules beside the notebook by their file's text, plain numbers and texts by their repr. Left
    out: the cell's ``own`` names, installed packages (their versions are told apart elsewhere),
    and data, which is hashed whole.
    """
    found: dict[str, str] = {}
    waiting = [(name, namespace, "") for name in sorted(names_used(code)) if name not in own]
    while waiting:
        name, scope, prefix = waiting.pop()
        if prefix + name in found or name not in scope:
            continue
        value = scope[name]
        if isinstance(value, _PLAIN):
            found[prefix + name] = repr(value)
        elif isinstance(value, ModuleType) and is_users_file(getattr(value, "__file__", None) or "<frozen>"):
            found[prefix + name] = _module_text(value)
        elif isinstance(value, (FunctionType, type)) and _is_users(value):
            parts = _with_bases(value)
            found[prefix + name] = "\n".join(map(_source, parts))
            for function in (function for part in parts for function in _functions(part)):
                globals_ = function.__globals__
                inner = "" if globals_ is namespace else prefix or f"{function.__module__}."
                waiting += [(used, globals_, inner) for used in sorted(names_used(function.__code__))]
    return dict(sorted(found.items()))


def _is_users(value: FunctionType | type) -> bool:
    if value.__module__ == "__main__":
        return True
    file = getattr(sys.modules.get(value.__module__), "__file__", None)
    return file is not None and is_users_file(file)


def _with_bases(value: Any) -> list[Any]:
    """The function, or the class and those of its bases that are the user's too."""
    return [value, *(base for base in value.__mro__[1:] if _is_users(base))] if isinstance(value, type) else [value]


def _module_text(module: ModuleType) -> str:
    try:
        return inspect.getsource(module)
    except (OSError, TypeError):  # a package's empty __init__, or an extension without text
        return str(module.__file__)


def names_used(code: CodeType) -> set[str]:
    """Every global name that the code or a function inside it mentions."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= names_used(constant)
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
