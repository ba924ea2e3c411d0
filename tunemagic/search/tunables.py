"""What a cell searches or could search, and how it is written anew with other ranges.

Four sorts of places: literals with a ``#@tune`` comment, ``hp`` calls, plain assignments
(``units = 64``) that a comment can be put behind, and literals inside calls (``Dense(64)``) that
are lifted to an assignment of their own above the statement (found by ``search.finding``).
Everything else of the text, comments and formatting included, stays as it is.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tunemagic.errors import CellError
from tunemagic.models.templates import TemplateName
from tunemagic.search.ranges import Range, value_text
from tunemagic.search.roles import call_name
from tunemagic.search.textedit import Edit, apply_edits

__all__ = [
    "Origin",
    "Tunable",
    "compiles",
    "has_model",
    "parse_cell",
    "receiver",
    "template_calls",
    "write_tunables",
]

_MODELS = ("Sequential", "Model", "HyperModel")


class Origin(StrEnum):
    """How a hyperparameter stands in the cell."""

    ANNOTATED = "annotated"  # a literal with a #@tune comment
    CALLED = "called"  # an hp call
    NAMED = "named"  # name = literal, not searched yet
    LIFTED = "lifted"  # a literal inside a call, not searched yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunable:
    """One hyperparameter that is searched, or that could be.

    ``spans`` are the places of its literal (of the call for CALLED) as offsets in the text;
    ``note`` is where its comment's text stands (ANNOTATED), where one goes (NAMED), or where the
    new assignment goes (LIFTED). ``indent`` is the white space before that assignment.
    """

    name: str
    range: Range
    origin: Origin
    spans: tuple[tuple[int, int], ...]
    note: tuple[int, int] = (0, 0)
    indent: str = ""

    @property
    def searched(self) -> bool:
        """Whether the cell searches it as it stands."""
        return self.origin in (Origin.ANNOTATED, Origin.CALLED)


def parse_cell(source: str) -> ast.Module:
    """The cell's syntax tree. Raises CellError for text that is not Python."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        reason = " ".join((getattr(error, "msg", None) or str(error) or "it is nested too deeply").split())
        raise CellError(f"the cell is not valid Python: {reason}.", line=getattr(error, "lineno", None)) from error


def has_model(tree: ast.AST) -> bool:
    """Whether code makes a Keras model: a call of ``Sequential``, ``Model`` or ``x.compile``, or a ``build(hp)``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = call_name(node)
            if name in _MODELS or (name == "compile" and receiver(node) not in ("", "re")):
                return True
        elif isinstance(node, ast.FunctionDef) and any(argument.arg == "hp" for argument in node.args.args):
            return True
        elif isinstance(node, ast.ClassDef):
            bases = [base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases]
            if any(base in _MODELS for base in bases):
                return True
    return False


def compiles(tree: ast.AST) -> bool:
    """Whether code makes a model that can be trained: a call of ``x.compile``, a template, or a ``build(hp)``."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    if any(call_name(node) == "compile" and receiver(node) not in ("", "re") for node in calls):
        return True
    builds = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return any(argument.arg == "hp" for node in builds for argument in node.args.args) or bool(template_calls(tree))


def template_calls(tree: ast.AST) -> list[ast.Call]:
    """The calls of ready-made models, such as ``models.dense(x, y)``."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [node for node in calls if receiver(node) == "models" and call_name(node) in tuple(TemplateName)]


def receiver(node: ast.Call) -> str:
    """The variable whose method is called: ``model`` for ``model.fit(...)``, "" for anything else."""
    value = node.func.value if isinstance(node.func, ast.Attribute) else None
    return value.id if isinstance(value, ast.Name) else ""


def write_tunables(
    source: str, tunables: Collection[Tunable], chosen: Mapping[str, Range | None], more: Iterable[Edit] = ()
) -> str:
    """The cell with these ranges: None takes a hyperparameter out of the search, its default stays.

    What ``chosen`` does not name stays as it is. The text must be that in which the tunables
    were found. ``more`` edits are done as well, at one place after those of the ranges.
    """
    edits: list[Edit] = []
    for tunable in tunables:
        if tunable.name in chosen:
            wanted = chosen[tunable.name]
            if wanted != (tunable.range if tunable.searched else None):
                edits += _edits(source, tunable, wanted)
    return apply_edits(source, [*edits, *more])


def _edits(source: str, tunable: Tunable, wanted: Range | None) -> Iterator[Edit]:
    start, end = tunable.note
    literal = "" if wanted is None else value_text(wanted.default)
    changed = wanted is not None and wanted.default != tunable.range.default
    match tunable.origin:
        case Origin.CALLED:
            text = value_text(tunable.range.default) if wanted is None else wanted.call(tunable.name)
            yield Edit(*tunable.spans[0], text)
        case Origin.ANNOTATED | Origin.NAMED:
            if changed:
                yield Edit(*tunable.spans[0], literal)
            if wanted is not None:
                mark = "" if tunable.origin is Origin.ANNOTATED else "  #@tune "
                yield Edit(start, end, mark + wanted.annotation())
            else:
                before = source[:start]
                yield Edit(len(before[: before.rindex("#")].rstrip()), end, "")
        case Origin.LIFTED:
            if wanted is None:
                return
            first = source[slice(*tunable.spans[0])]
            value = literal if changed else first
            yield Edit(start, start, f"{tunable.indent}{tunable.name} = {value}  #@tune {wanted.annotation()}\n")
            for span in tunable.spans:
                yield Edit(*span, tunable.name)
