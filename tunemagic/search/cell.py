"""Read a cell: plain body, ``def build(hp)``, HyperModel or annotated literals, all become one thing.

The body runs once per trial in a fresh copy of the notebook's namespace: it sees the notebook's
variables, what it assigns is local to the trial. Annotated literals (``search.annotations``) are
rewritten to ``hp`` calls first, line by line, so that every traceback shows the user's own lines.
"""

from __future__ import annotations

import ast
import hashlib
import linecache
from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from types import CodeType, FunctionType, ModuleType
from typing import Any

from tunemagic.errors import CellError
from tunemagic.models.template import Template
from tunemagic.search.annotations import rewrite_annotations
from tunemagic.search.borrowed import Borrowed
from tunemagic.search.builders import Built, build_model, find_builder, is_builder
from tunemagic.search.sources import names_used, sources_used

__all__ = ["FIT_NAMES", "BuilderProgram", "CellProgram", "TrialSetup", "program_from_builder", "read_cell"]

# What ast.parse and compile raise for texts: besides bad syntax NUL and lone surrogates (ValueError), deep nesting.
_NOT_PYTHON = (SyntaxError, ValueError, MemoryError, RecursionError)
_HP_METHODS = ("Int", "Float", "Choice", "Boolean")
_MISSING = object()
FIT_NAMES = ("batch_size", "epochs", "callbacks", "class_weight", "sample_weight")


@dataclass(frozen=True, slots=True)
class TrialSetup:
    """What one run of the cell gives: a compiled Keras model and what goes to ``fit`` with it.

    ``data`` holds data names that the cell assigned anew; ``fit_method`` is a HyperModel's own
    ``fit``, called as ``fit_method(hp, model, x, y, **arguments)``; ``adapt(model, x, y)`` lets the
    model learn its scales from the rows that it is then trained on. ``origin`` is where the model is
    to be found in the cell: ``model``, ``build()`` or ``MyHyperModel().build()``.
    """

    model: Any
    fit: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    fit_method: Callable[..., Any] | None = None
    adapt: Callable[..., None] | None = None
    origin: str = ""


class _Assignments(MutableMapping[str, Any]):
    """The local names of an executed body: writes go to its globals and are remembered.

    Functions and comprehensions inside the body look names up in the globals, so both must agree.
    ``hp`` stays the trial's own when a cell pasted from the Keras docs makes a HyperParameters.
    """

    def __init__(self, globals_: dict[str, Any]) -> None:
        self._globals = globals_
        self.assigned: dict[str, None] = {}

    def __getitem__(self, name: str) -> Any:
        return self._globals[name]

    def __setitem__(self, name: str, value: Any) -> None:
        if name == "hp" and not isinstance(value, type) and all(hasattr(value, kind) for kind in _HP_METHODS):
            return
        self._globals[name] = value
        self.assigned[name] = None

    def __delitem__(self, name: str) -> None:
        del self._globals[name]
        self.assigned.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._globals)

    def __len__(self) -> int:
        return len(self._globals)


class CellProgram:
    """What a cell means. ``run(hp)`` executes it for one trial.

    ``source`` is the user's text, ``code`` the same with annotations rewritten to ``hp`` calls,
    ``filename`` what tracebacks call it, ``sources`` what it uses of the notebook (text or hash
    by name), for telling whether two runs mean the same. ``source``, ``filename``, ``first_line``
    and ``data_names`` together with what ``compiled`` names in ``namespace`` make the same program
    in another process.
    """

    def __init__(
        self,
        source: str,
        code: str,
        namespace: Mapping[str, Any],
        *,
        filename: str,
        first_line: int,
        data_names: Collection[str],
    ) -> None:
        self.source = source
        self.code = code
        self.filename = filename
        self.first_line = first_line
        self.namespace = namespace
        self.data_names = tuple(data_names)
        self._lines = _assigned_lines(ast.parse(code), first_line)
        self.compiled = _compile(code, source, filename, first_line)
        self.sources = sources_used(self.compiled, namespace, own=self._lines)
        self.borrowed = Borrowed(namespace[name] for name in names_used(self.compiled) if name in namespace)

    def run(self, hp: Any) -> TrialSetup:
        """Execute the body with these hyperparameters.

        Raises CellError when the body leaves no single compiled model; whatever the body itself
        raises comes through unchanged.
        """
        self.borrowed.restore()
        namespace = {**self.namespace, "hp": hp, "__name__": "__main__"}
        namespace.pop("__annotations__", None)  # the notebook's own dict: `units: int = 64` would write into it
        handed = {name: _protected(namespace[name]) for name in self.data_names if name in namespace}
        namespace.update(handed)
        before = dict(namespace)
        local = _Assignments(namespace)
        exec(self.compiled, namespace, local)  # the user's own cell, as the notebook would run it
        bound = _bound(before, namespace, local.assigned)
        # `from keras import callbacks` and a helper named `epochs` are no arguments of fit.
        other = (ModuleType, FunctionType, type)
        fit = {name: bound[name] for name in FIT_NAMES if name in bound and not isinstance(bound[name], other)}
        data = {name: bound[name] for name in self.data_names if name in bound}
        data |= {
            name: table
            for name, table in handed.items()
            if name not in bound and _is_table(table) and not table.equals(self.namespace[name])
        }
        built, origin = self._built(bound, hp)
        return TrialSetup(built.model, {**built.fit, **fit}, data, built.fit_method, built.adapt, origin)

    def _built(self, bound: Mapping[str, Any], hp: Any) -> tuple[Built, str]:
        """The model and what comes with it, from what the cell bound; and the name that it comes from.

        A function named build or a HyperModel counts before models that the cell made besides,
        such as a base to build on.
        """
        import keras

        if "model" in bound and not is_builder(bound["model"]):
            if not isinstance(bound["model"], keras.Model):
                found = type(bound["model"]).__name__
                raise CellError(f"`model` is a {found}; expected a Keras model.", line=self._lines.get("model"))
            return Built(bound["model"]), "model"
        models = [name for name, value in bound.items() if isinstance(value, keras.Model)]
        sure = {name: v for name, v in bound.items() if not isinstance(v, FunctionType) or name.startswith("build")}
        builder = find_builder(sure if models else bound)
        if builder is not None:
            return build_model(builder, hp), _origin(
                next(key for key, value in bound.items() if value is builder), builder
            )
        if len(models) == 1:
            return Built(bound[models[0]]), models[0]
        if len(models) > 1:
            where = ", ".join(f"{name} (line {self._lines.get(name, '?')})" for name in models)
            raise CellError(f"the cell makes {len(models)} models: {where}. Assign the one to tune to `model`.")
        shown = {name: value for name, value in bound.items() if not isinstance(value, ModuleType)}
        found = ", ".join(f"{name} ({type(value).__name__})" for name, value in shown.items()) or "nothing"
        raise CellError(
            f"no Keras model found: the cell assigns {found}. Assign the model to `model`, or write def build(hp)."
        )


def _origin(name: str, builder: Any) -> str:
    """How the cell would call its builder, without ``hp``."""
    if isinstance(builder, type):
        return f"{name}().build()"
    return f"{name}.build()" if hasattr(builder, "build") else f"{name}()"


def _bound(before: Mapping[str, Any], after: Mapping[str, Any], assigned: Collection[str]) -> dict[str, Any]:
    """The names that a body bound, in order; also those that its functions declared global."""
    declared = [name for name, value in after.items() if before.get(name, _MISSING) is not value]
    names = dict.fromkeys([*assigned, *declared])
    return {name: after[name] for name in names if name in after and not name.startswith("__")}


def read_cell(
    source: str,
    namespace: Mapping[str, Any],
    *,
    filename: str | None = None,
    first_line: int = 1,
    data_names: Collection[str] = (),
) -> CellProgram:
    """What the cell means. Nothing of it is executed yet.

    ``first_line`` is the number that the notebook shows beside the first line of ``source``;
    ``data_names`` are the variables that hold the data. Raises CellError for text that is not
    Python and for annotations that can't be understood.
    """
    # Python counts all three line ends as one; everything after this counts "\n" only.
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    name = filename or f"<tune cell {hashlib.sha256(source.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}>"
    tree = _parse(source, first_line)
    code = rewrite_annotations(source, tree, first_line)
    padding = ["\n"] * (first_line - 1)
    shown = [line + "\n" for line in source.split("\n")]
    linecache.cache[name] = (len(source), None, padding + shown, name)  # tracebacks quote the user's own text
    return CellProgram(source, code, namespace, filename=name, first_line=first_line, data_names=data_names)


class BuilderProgram:
    """The Python API's counterpart of a cell: a build function or a HyperModel."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder
        # Not the instance's: Keras Tuner hides the user's method behind a wrapper of its own there.
        build = getattr(builder if isinstance(builder, type) else type(builder), "build", builder)
        code = getattr(build, "__code__", None)
        self.filename = "" if code is None else code.co_filename
        self.sources = {} if code is None else sources_used(code, build.__globals__)
        self.source = self.code = "" if code is None else _source_of(builder)
        self.origin = _origin(getattr(builder, "__name__", ""), builder)
        if isinstance(builder, Template):
            self.source = self.code = repr(builder)

    def run(self, hp: Any) -> TrialSetup:
        """Build the model for these hyperparameters. Raises CellError when it gives no model."""
        built = build_model(self.builder, hp)
        return TrialSetup(built.model, built.fit, {}, built.fit_method, built.adapt, self.origin)


def program_from_builder(builder: Any) -> BuilderProgram:
    """A program from ``build(hp)``, a HyperModel class or an instance. Raises CellError otherwise."""
    if not callable(builder) and not callable(getattr(builder, "build", None)):
        raise CellError(f"expected a function build(hp) or a HyperModel; received {type(builder).__name__}.")
    return BuilderProgram(builder)


def _source_of(builder: Any) -> str:
    import inspect

    try:
        return inspect.getsource(builder if inspect.isroutine(builder) or inspect.isclass(builder) else type(builder))
    except (OSError, TypeError):
        return repr(getattr(builder, "build", builder).__code__.co_code)


def _parse(source: str, first_line: int) -> ast.Module:
    try:
        return ast.parse(source)
    except _NOT_PYTHON as error:
        raise _syntax_fault(error, source, getattr(error, "lineno", None) or 1, first_line) from error


def _compile(code: str, source: str, filename: str, first_line: int) -> CodeType:
    """The body as code whose line numbers are the notebook's; refuses what only the compiler sees."""
    try:
        return compile("\n" * (first_line - 1) + code, filename, "exec", dont_inherit=True)
    except _NOT_PYTHON as error:
        row = (getattr(error, "lineno", None) or first_line) - first_line + 1
        raise _syntax_fault(error, source, row, first_line) from error


def _syntax_fault(error: Exception, source: str, row: int, first_line: int) -> CellError:
    """What Python has against the line in this row of the source, in one printable line."""
    lines = source.split("\n")
    shown = lines[row - 1] if row <= len(lines) else ""
    text = " ".join(shown.split()).encode("utf-8", "replace").decode()
    if text.startswith(("%", "!")):
        reason = f"{text[:60]!r} is not Python; put magics and shell commands into a cell of their own."
        return CellError(reason, line=first_line + row - 1)
    reason = getattr(error, "msg", None) or str(error) or "it is nested too deeply"
    return CellError(
        f"the cell is not valid Python: {' '.join(reason.split())}  [{text[:80]}]", line=first_line + row - 1
    )


def _assigned_lines(tree: ast.Module, first_line: int) -> dict[str, int]:
    """Where each name is bound first at the top level of the body."""
    lines: dict[str, int] = {}
    inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            lines.setdefault(node.id, first_line + node.lineno - 1)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            lines.setdefault(node.name, first_line + node.lineno - 1)
        elif isinstance(node, ast.alias):
            lines.setdefault((node.asname or node.name).split(".")[0], first_line + node.lineno - 1)
        if not isinstance(node, inner):
            waiting += ast.iter_child_nodes(node)
    return lines


def _protected(value: Any) -> Any:
    """What a trial may have of the notebook's data: changing it in place would change later trials.

    Arrays become read-only views, so that the attempt fails in the user's own line. Tables become
    copies; one that was changed in place counts as assigned anew.
    """
    import numpy as np

    if _is_table(value):
        return value.copy()
    if not isinstance(value, np.ndarray):
        return value
    view = value.view()
    view.flags.writeable = False
    return view


def _is_table(value: Any) -> bool:
    """Whether it is a pandas table or column, told without importing pandas."""
    return type(value).__module__.partition(".")[0] == "pandas" and hasattr(value, "equals")
