"""Replace ``hp.Int("units", 32, 256)`` in source text by what it answered in the trial."""

from __future__ import annotations

import ast
import functools
import io
import sys
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tunemagic.script.literals import literal
from tunemagic.script.unwritable import Unwritable

__all__ = ["Answers", "CallRecorder", "Site", "text_lines", "without_hyperparameters"]

_ASKING = ("Boolean", "Choice", "Fixed", "Float", "Int", "get")
_SCOPE = "conditional_scope"
_Placed: TypeAlias = ast.expr | ast.stmt | ast.arg | ast.keyword


@dataclass(frozen=True, slots=True)
class Site:
    """Where a call stands: the file's name, its line from 1, its column in UTF-8 bytes."""

    filename: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What hyperparameters answered in the trial: by the place of the call, and by name."""

    by_site: Mapping[Site, Sequence[Any]] = field(default_factory=dict)
    by_name: Mapping[str, Any] = field(default_factory=dict)


class CallRecorder:
    """Passes everything on to a HyperParameters object, and notes what each call answered."""

    def __init__(self, hyperparameters: Any) -> None:
        self._hyperparameters = hyperparameters
        self._by_site: dict[Site, list[Any]] = {}
        self._by_name: dict[str, Any] = {}

    @property
    def answers(self) -> Answers:
        """What was noted so far; values of the trial that were not asked for come after those that were."""
        return Answers(by_site=self._by_site, by_name={**self._by_name, **self._hyperparameters.values})

    def __getattr__(self, name: str) -> Any:
        """The attribute; of a method that asks for a value one that notes its answer."""
        value = getattr(self._hyperparameters, name)
        if name not in _ASKING:
            return value

        @functools.wraps(value)
        def noting(*arguments: Any, **options: Any) -> Any:
            answer = value(*arguments, **options)
            self._by_site.setdefault(_site(sys._getframe(1)), []).append(answer)
            self._by_name[str(arguments[0] if arguments else options.get("name"))] = answer
            return answer

        return noting

    def __contains__(self, name: object) -> bool:
        return name in self._hyperparameters


def _site(frame: Any) -> Site:
    positions = list(frame.f_code.co_positions())[frame.f_lasti // 2]
    return Site(frame.f_code.co_filename, positions[0] or 0, positions[2] or 0)


@dataclass(frozen=True, slots=True)
class _Edit:
    """Byte offsets of what goes, and what comes in its place."""

    start: int
    end: int
    text: str


def without_hyperparameters(text: str, answers: Answers, filename: str, first_line: int) -> tuple[str, bool]:
    """The text with literals for all calls of ``hp``, and whether it looks some up in ``VALUES``.

    ``first_line`` is the number of the text's first line in ``filename``. A call that answered differently from time
    to time becomes ``VALUES[name]``; one that the trial never came to becomes its default. ``hp`` is gone from the
    arguments of functions too. Raises Unwritable when ``hp`` is used in any other way.
    """
    tree = ast.parse(text)
    starts = _line_starts(text)
    edits: list[_Edit] = []
    looked_up = False

    def place(node: _Placed) -> tuple[int, int]:
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return starts[node.lineno - 1] + node.col_offset, starts[end_line - 1] + end_column

    gone: set[int] = set()
    dedents: dict[int, int] = {}  # blanks that lines lose
    for node in ast.walk(tree):
        if isinstance(node, ast.With):
            scopes = [item.context_expr for item in node.items if _method(item.context_expr) == _SCOPE]
            if scopes and (len(node.items) > 1 or node.body[0].lineno == node.lineno):
                raise Unwritable("a conditional scope shares its line with something else")
            for scope in scopes:
                edits.append(_Edit(starts[node.lineno - 1], starts[node.body[0].lineno - 1], ""))
                gone.update(map(id, ast.walk(scope)))
                for line in range(node.body[0].lineno, (node.end_lineno or 0) + 1):
                    dedents[line] = dedents.get(line, 0) + node.body[0].col_offset - node.col_offset
        elif isinstance(node, ast.Call) and id(node) not in gone and (method := _method(node)) in _ASKING:
            site = Site(filename, first_line + node.lineno - 1, node.col_offset)
            given = list(dict.fromkeys(map(literal, answers.by_site.get(site, ()))))
            looked_up |= len(given) > 1
            if len(given) > 1:
                replacement = f"VALUES[{ast.unparse(_name_argument(node))}]"
            else:
                replacement = given[0] if given else _unasked(node, method, answers.by_name)
            edits.append(_Edit(*place(node), replacement))
            gone.update(map(id, ast.walk(node)))
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            edits += _without_parameter(node, place)
        elif isinstance(node, ast.JoinedStr) and id(node) not in gone and _mentions_hp(node):
            # Its parts have no places of their own that can be relied on, and quotes that a literal may not repeat.
            raise Unwritable(f"line {first_line + node.lineno - 1} uses hp inside of an f-string")
        elif isinstance(node, ast.Call) and id(node) not in gone:
            edits += _without_argument(node, place, gone)
        elif isinstance(node, ast.Name) and node.id == "hp" and id(node) not in gone:
            raise Unwritable(f"line {first_line + node.lineno - 1} uses hp otherwise than for a value")
    inside = text_lines(text)
    edits += [_Edit(starts[n - 1], starts[n - 1] + blanks, "") for n, blanks in dedents.items() if n not in inside]
    return _without_tuner(_edited(text, edits)), looked_up


def _without_tuner(text: str) -> str:
    """The text without imports of Keras Tuner and without its class as a base. Raises Unwritable."""
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise Unwritable(f"with the trial's values line {error.lineno} is no Python: {error.msg}") from error
    starts = _line_starts(text)
    edits: list[_Edit] = []
    for node in [each for each in ast.walk(tree) if isinstance(each, ast.stmt)]:
        modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if modules and all(module.partition(".")[0] == "keras_tuner" for module in modules):
            begin, end = starts[node.lineno - 1], starts[node.end_lineno or 0]
            edits.append(_Edit(begin, end, f"{' ' * node.col_offset}pass\n" if node.col_offset else ""))
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base).endswith("HyperModel") for base in node.bases):
            if len(node.bases) > 1 or node.keywords:
                raise Unwritable(f"class {node.name} has more bases than HyperModel")
            (base,) = node.bases
            begin = starts[node.lineno - 1] + node.col_offset
            end = starts[(base.end_lineno or 0) - 1] + (base.end_col_offset or 0)
            close = text.encode().index(b")", end) + 1
            edits.append(_Edit(begin, close, f"class {node.name}"))
    return _edited(text, edits)


def _method(node: ast.expr) -> str:
    """``Int`` of ``hp.Int(...)``; empty for anything else."""
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "hp":
        return function.attr
    return ""


def _mentions_hp(node: ast.expr) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "hp" for each in ast.walk(node))


def _name_argument(node: ast.Call) -> ast.expr:
    if node.args:
        return node.args[0]
    return next(keyword.value for keyword in node.keywords if keyword.arg == "name")


def _unasked(node: ast.Call, method: str, by_name: Mapping[str, Any]) -> str:
    """What stands in for a value that was not asked for while the model was built: the trial's, else its default."""
    name = _name_argument(node)
    if isinstance(name, ast.Constant) and isinstance(name.value, str) and name.value in by_name:
        return literal(by_name[name.value])
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    if "default" in given:
        return ast.unparse(given["default"])
    rest = node.args[1:] or [given[name] for name in ("min_value", "values", "value") if name in given]
    if method == "Choice" and rest and isinstance(rest[0], (ast.List, ast.Tuple)) and rest[0].elts:
        return ast.unparse(rest[0].elts[0])
    return ast.unparse(rest[0]) if rest and method != "Boolean" else "False" if method == "Boolean" else "None"


def _without_parameter(node: ast.FunctionDef | ast.Lambda, place: Any) -> Iterator[_Edit]:
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    for index, argument in enumerate(positional):
        if argument.arg == "hp":
            if index >= len(positional) - len(arguments.defaults):
                raise Unwritable("a function has a default for hp")
            more = [arguments.vararg, *arguments.kwonlyargs, arguments.kwarg]
            if index == len(positional) - 1 and any(more):
                raise Unwritable("a function takes hp before others that are named only")
            yield _out_of([place(each) for each in positional], index)
    if any(each.arg == "hp" for each in arguments.kwonlyargs):
        raise Unwritable("a function takes hp by name only")


def _without_argument(node: ast.Call, place: Any, gone: set[int]) -> Iterator[_Edit]:
    places = [place(each) for each in [*node.args, *node.keywords]]
    for index, argument in enumerate([*node.args, *(keyword.value for keyword in node.keywords)]):
        if isinstance(argument, ast.Name) and argument.id == "hp":
            gone.add(id(argument))
            yield _out_of(places, index)


def _out_of(places: Sequence[tuple[int, int]], index: int) -> _Edit:
    """What takes one item out of a list with commas."""
    if index + 1 < len(places):
        return _Edit(places[index][0], places[index + 1][0], "")
    if index:
        return _Edit(places[index - 1][1], places[index][1], "")
    return _Edit(*places[index], "")


def text_lines(text: str) -> set[int]:
    """The lines, from 1, that begin inside of a text of several lines, whose blanks belong to it."""
    inside: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text + "\n").readline):
        if token.type == tokenize.STRING:
            inside.update(range(token.start[0] + 1, token.end[0] + 1))
    return inside


def _line_starts(text: str) -> list[int]:
    """The byte offset of each line."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line.encode()) + 1)
    return starts


def _edited(text: str, edits: Sequence[_Edit]) -> str:
    content = text.encode()
    for edit in sorted(edits, key=lambda each: each.start, reverse=True):
        content = content[: edit.start] + edit.text.encode() + content[edit.end :]
    return content.decode()
