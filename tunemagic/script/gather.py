"""What code uses of a notebook, as source: imports, functions and classes, small values."""

from __future__ import annotations

import ast
import importlib
import inspect
import keyword
import linecache
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any

from tunemagic.script.calls import Answers, without_hyperparameters
from tunemagic.script.literals import literal
from tunemagic.script.unwritable import Unwritable
from tunemagic.search.faults import is_users_file
from tunemagic.search.sources import names_used

__all__ = ["OWN_PACKAGES", "Gathered", "is_own_package"]

OWN_PACKAGES = ("IPython", "ipywidgets", "keras_tuner", "tunemagic")  # what a script does without
_FOR_TOOLS = re.compile(r"  # (type:|noqa).*")
_LONGEST_VALUE = 4000  # characters


def is_own_package(module: str) -> bool:
    """Whether the module belongs to what a script does without."""
    return module.partition(".")[0] in OWN_PACKAGES


@dataclass(slots=True, kw_only=True)
class Gathered:
    """What a script needs besides its own text: ``imports``, ``constants`` and ``definitions``, in order.

    ``answers`` are what hyperparameters answered inside of the notebook's functions; ``looked_up`` says whether
    some are asked for in ``VALUES``. ``own`` lets functions and classes of tunemagic itself be written out.
    """

    answers: Answers = field(default_factory=Answers)
    own: bool = False
    imports: dict[str, None] = field(default_factory=dict)
    constants: list[str] = field(default_factory=list)
    definitions: list[str] = field(default_factory=list)
    looked_up: bool = False
    _known: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        import argparse
        import pathlib

        import numpy as np

        # What every script imports; another meaning of these names is refused.
        self._known |= {"np": id(np), "argparse": id(argparse), "pathlib": id(pathlib)}

    @property
    def names(self) -> frozenset[str]:
        """What is defined or imported."""
        return frozenset(self._known)

    def add_names_of(self, text: str, namespace: Mapping[str, Any], *, apart: Any = ()) -> None:
        """Gather all that the text uses of the namespace, but for the names ``apart``. Raises Unwritable."""
        # Not inherited: here annotations are not evaluated, in a notebook they are.
        used = names_used(compile(text, "<script>", "exec", dont_inherit=True))
        for name in sorted(used - set(apart)):
            if name in namespace and not name.startswith("__"):
                self.add(name, namespace[name])

    def add(self, name: str, value: Any) -> None:
        """Gather one value under the name that code calls it by. Raises Unwritable when it is no source."""
        if name in self._known:
            if self._known[name] != id(value):
                raise Unwritable(f"{name} means different things in different places")
            return
        self._known[name] = id(value)
        if isinstance(value, ModuleType):
            self.imports[_module_import(name, value)] = None
        elif isinstance(value, (FunctionType, type)) and self._by_source(value):
            self._define(name, value)
        elif (line := _object_import(name, value)) is not None:
            self.imports[line] = None
        else:
            self.constants.append(f"{name} = {_literal(name, value)}")

    def _by_source(self, value: Any) -> bool:
        module = str(value.__module__)
        if module == "__main__" or (self.own and module.startswith("tunemagic.")):
            return True
        file = getattr(importlib.import_module(module) if module in _loaded() else None, "__file__", None)
        return file is not None and is_users_file(file)

    def _define(self, name: str, value: Any) -> None:
        if isinstance(value, FunctionType) and value.__closure__:
            raise Unwritable(f"{name} is a function that holds on to variables of another one")
        text, filename, line = source_of(name, value)
        text, looked_up = without_hyperparameters(text, self.answers, filename, line)
        self.looked_up |= looked_up
        if value.__module__.startswith("tunemagic."):
            text = _FOR_TOOLS.sub("", text)
        own = value.__name__
        self.add_names_of(text, _globals_of(value), apart={own, "VALUES"})
        self.definitions.append(text if own == name else f"{text}\n\n\n{name} = {own}")


def _loaded() -> Mapping[str, ModuleType]:
    import sys

    return sys.modules


def _globals_of(value: Any) -> Mapping[str, Any]:
    if isinstance(value, FunctionType):
        return value.__globals__
    return next((each.__globals__ for each in _functions(value)), vars(importlib.import_module(value.__module__)))


def _functions(value: type) -> list[FunctionType]:
    members = (getattr(each, "__func__", getattr(each, "fget", each)) for each in vars(value).values())
    return [each for each in map(inspect.unwrap, filter(callable, members)) if isinstance(each, FunctionType)]


def source_of(name: str, value: Any) -> tuple[str, str, int]:
    """Text, file name and first line of a function or class, also of a notebook's. Raises Unwritable without any."""
    functions = [value] if isinstance(value, FunctionType) else _functions(value)
    for function in functions:
        filename = function.__code__.co_filename
        lines = linecache.getlines(filename, function.__globals__)
        try:
            tree = ast.parse("".join(lines))
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) or node.name != value.__name__:
                continue
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if first <= function.__code__.co_firstlineno <= (node.end_lineno or 0):
                text = "".join(lines[first - 1 : node.end_lineno]).rstrip("\n")
                if text != textwrap.dedent(text):
                    raise Unwritable(f"{name} is defined inside of something else")
                return text, filename, first
    try:  # a class without methods, in a file
        lines, first = inspect.getsourcelines(value)
        return "".join(lines).rstrip("\n"), str(inspect.getsourcefile(value)), first
    except (OSError, TypeError) as error:
        raise Unwritable(f"{name} ({type(value).__name__}) has no source") from error


def _module_import(name: str, module: ModuleType) -> str:
    path = module.__name__
    if is_own_package(path):
        raise Unwritable(f"{name} is {path}, which a script does without")
    file = getattr(module, "__file__", None)
    if file is not None and is_users_file(file):
        raise Unwritable(f"{name} is a module of yours, {path}, beside the notebook")
    path = _public_path(path)
    if path == name:
        return f"import {path}"
    parent, _, last = path.rpartition(".")
    return f"from {parent} import {last}" if parent and last == name else f"import {path} as {name}"


def _public_path(path: str) -> str:
    """Keras as it is called by everybody; ``tf.keras`` gives a module of another name."""
    for prefix in ("keras._tf_keras.keras", "keras.api"):
        if path == prefix or path.startswith(f"{prefix}."):
            return f"keras{path.removeprefix(prefix)}"
    return path


def _object_import(name: str, value: Any) -> str | None:
    """How a class or function of an installed package is imported; None for what is no such thing."""
    from keras.src import api_export

    public = api_export.get_name_from_symbol(value) if _hashable(value) else None
    module, own = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if isinstance(public, str):
        module, _, own = public.rpartition(".")
    if not isinstance(module, str) or not isinstance(own, str) or "." in own or not callable(value):
        return None
    if is_own_package(module):
        raise Unwritable(f"{name} comes from {module.partition('.')[0]}, which a script does without")
    try:
        found = getattr(importlib.import_module(module), own, None)
    except ImportError:
        return None
    if found is not value:
        return None
    return f"from {module} import {own}" if own == name else f"from {module} import {own} as {name}"


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _literal(name: str, value: Any) -> str:
    """The value as Python text that gives an equal one. Raises Unwritable."""
    plain = _plain(value)
    text = literal(plain)
    try:
        same = len(text) <= _LONGEST_VALUE and ast.literal_eval(text) == plain
    except (SyntaxError, ValueError):
        same = False
    if not same or keyword.iskeyword(name):
        kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
        shape = getattr(value, "shape", None)
        raise Unwritable(f"{name} is a {kind}{f' of shape {tuple(shape)}' if isinstance(shape, tuple) else ''}")
    return text


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's."""
    import numpy as np

    return value.item() if isinstance(value, np.generic) else value


Source = Callable[[], str]
