"""Find in a cell's text what it searches and what it could search."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from tunemagic.search.cell import FIT_NAMES
from tunemagic.search.ranges import range_of_annotation, range_of_call
from tunemagic.search.roles import Role, call_name, propose, role_of_name, roles_in_call
from tunemagic.search.textedit import LineMap
from tunemagic.search.tunables import Origin, Tunable, parse_cell
from tunemagic.space import Value

__all__ = ["find_tunables"]

_COMMENT = re.compile(r"#\s*@tune\b\s*(.*)")


def find_tunables(source: str, taken: Collection[str] = ()) -> tuple[Tunable, ...]:
    """What the cell searches and what it could search, in the order of the text.

    ``taken`` are names that a lifted literal must not get. Raises CellError for text that is not
    Python.
    """
    tree = parse_cell(source)
    return tuple(sorted(_Finder(source, tree, taken).all(), key=lambda tunable: tunable.spans[0]))


@dataclass(slots=True)
class _Lift:
    """A literal inside a call, with the statement above which its assignment would go."""

    role: Role
    node: ast.Constant
    value: Value
    row: int
    outer: bool  # whether that statement stands at the top level of the cell


class _Finder:
    """Collects the tunables of one cell."""

    def __init__(self, source: str, tree: ast.Module, taken: Collection[str]) -> None:
        self.source = source
        self.tree = tree
        self.map = LineMap(source)
        self.lines = source.split("\n")
        self.parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        self.stores = [
            node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        ]
        self.taken = {*taken, *_identifiers(tree), "hp"}
        self.comments = _tune_comments(source)
        self.begins = self._statement_rows()

    def all(self) -> Iterator[Tunable]:
        searched = [*self._annotated(), *self._called()]
        self.taken |= {tunable.name for tunable in searched}
        yield from searched
        named = list(self._named({tunable.name for tunable in searched}))
        yield from named
        yield from self._lifted()

    # -- what is searched already ----------------------------------------------------------------

    def _annotated(self) -> Iterator[Tunable]:
        for row, (column, text) in self.comments.items():
            found = self._literals_on(row)
            if len(found) != 1:
                continue
            name, node, value = found[0]
            range_ = range_of_annotation(text, value)
            begin = self.map.start(row) + column
            mark = _COMMENT.match(self.lines[row - 1][column:])
            if range_ is None or mark is None:
                continue
            shown = ast.parse(text, mode="eval").body
            length = len(text.encode()[: shown.end_col_offset].decode())
            note = (begin + mark.start(1), begin + mark.start(1) + length)
            yield Tunable(name=name, range=range_, origin=Origin.ANNOTATED, spans=(self.map.span(node),), note=note)

    def _literals_on(self, row: int) -> list[tuple[str, ast.expr, Value]]:
        assigned: list[tuple[str, ast.expr, Value]] = []
        keywords: list[tuple[str, ast.expr, Value]] = []
        for node in ast.walk(self.tree):
            name, expression, found = "", None, assigned
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                name, expression = node.targets[0].id, node.value
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                name, expression = node.target.id, node.value
            elif isinstance(node, ast.keyword) and node.arg is not None:
                name, expression, found = node.arg, node.value, keywords
            if expression is not None and expression.lineno == row == expression.end_lineno:
                value = _value(expression)
                if value is not None:
                    found.append((name, expression, value))
        return assigned or keywords

    def _called(self) -> Iterator[Tunable]:
        seen: set[str] = set()
        for node in ast.walk(self.tree):
            found = range_of_call(node) if isinstance(node, ast.Call) and not self._in_text(node) else None
            if found is not None and found[0] not in seen:
                seen.add(found[0])
                spans = (self.map.span(node),)  # type: ignore[arg-type]  # a call, as found says
                yield Tunable(name=found[0], range=found[1], origin=Origin.CALLED, spans=spans)

    # -- what could be searched ------------------------------------------------------------------

    def _named(self, searched: Collection[str]) -> Iterator[Tunable]:
        uses = self._roles_of_variables()
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
                continue
            name, row = node.targets[0].id, node.lineno
            value = _value(node.value)
            alone = self.stores.count(name) == 1 and name not in searched and row not in self.comments
            if value is None or not alone or node.end_lineno != row or (name in FIT_NAMES and name != "batch_size"):
                continue
            range_ = propose(uses.get(name) or role_of_name(name), value)
            end = self.map.span(node)[1]
            rest = self.source[end:].partition("\n")[0].strip()
            if range_ is not None and rest[:1] in ("", "#") and len(self._literals_on(row)) == 1:
                yield Tunable(
                    name=name, range=range_, origin=Origin.NAMED, spans=(self.map.span(node.value),), note=(end, end)
                )

    def _roles_of_variables(self) -> dict[str, Role]:
        """What variables are for, from where they are used."""
        roles: dict[str, Role] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                for role, argument in roles_in_call(node):
                    if isinstance(argument, ast.Name):
                        roles.setdefault(argument.id, "fixed" if node in self._outputs else role)
            elif isinstance(node, (ast.If, ast.IfExp)) and isinstance(node.test, ast.Name):
                roles.setdefault(node.test.id, "switch")
            elif isinstance(node, ast.For) and isinstance(node.iter, ast.Call) and call_name(node.iter) == "range":
                counts = [argument for argument in node.iter.args if isinstance(argument, ast.Name)]
                if len(node.iter.args) == 1 and counts and any(map(_makes_layer, ast.walk(node))):
                    roles.setdefault(counts[0].id, "layers")
        return roles

    @cached_property
    def _outputs(self) -> set[ast.Call]:
        """The layers that give the model's answer, whose size is fixed: the last Dense of each model."""
        dense = [node for node in ast.walk(self.tree) if isinstance(node, ast.Call) and call_name(node) == "Dense"]
        dense.sort(key=lambda node: (node.lineno, node.col_offset))
        last: dict[ast.AST, ast.Call] = {}
        for node in dense:
            last[self._model_of(node)] = node
        said = {node for node in dense if _activation(node) in ("softmax", "linear")}
        return {*last.values(), *said}

    def _model_of(self, node: ast.AST) -> ast.AST:
        """The Sequential call that a layer stands in, else the function or cell."""
        while node in self.parents:
            node = self.parents[node]
            inner = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            if inner or (isinstance(node, ast.Call) and call_name(node) == "Sequential"):
                return node
        return self.tree

    def _lifted(self) -> Iterator[Tunable]:
        shared: dict[tuple[Role, Value], list[_Lift]] = {}
        single: list[list[_Lift]] = []
        for lift in sorted(self._lifts(), key=lambda lift: (lift.node.lineno, lift.node.col_offset)):
            key = (lift.role, lift.value)
            # One activation for all layers, as long as its assignment is seen by all of them.
            if lift.role == "activation" and key in shared and shared[key][0].outer:
                shared[key].append(lift)
                continue
            group = [lift]
            single.append(group)
            if lift.role == "activation":
                shared[key] = group
        for group in single:
            first = group[0]
            range_ = propose(first.role, first.value)
            if range_ is None:
                continue
            line = self.lines[first.row - 1]
            start = self.map.start(first.row)
            yield Tunable(
                name=self._fresh(first.role),
                range=range_,
                origin=Origin.LIFTED,
                spans=tuple(self.map.span(lift.node) for lift in group),
                note=(start, start),
                indent=line[: len(line) - len(line.lstrip())],
            )

    def _lifts(self) -> Iterator[_Lift]:
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.Call) or node in self._outputs or self._in_text(node):
                continue
            for role, argument in roles_in_call(node):
                value = _value(argument)
                one_row = argument.lineno == argument.end_lineno
                if value is None or not one_row or argument.lineno in self.comments:
                    continue
                place = self._statement_above(argument)
                if isinstance(argument, ast.Constant) and place is not None:
                    yield _Lift(role, argument, value, *place)

    def _fresh(self, role: Role) -> str:
        number, name = 1, role
        while name in self.taken or (name in FIT_NAMES and name != "batch_size"):
            number += 1
            name = f"{role}_{number}"
        self.taken.add(name)
        return name

    # -- places ----------------------------------------------------------------------------------

    def _statement_rows(self) -> dict[int, ast.stmt]:
        """The statement that begins each row, for rows above which a new line can go."""
        rows: dict[int, ast.stmt] = {}
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.stmt):
                continue
            decorators = getattr(node, "decorator_list", [])
            row = min([node.lineno, *(decorator.lineno for decorator in decorators)])
            line = self.lines[row - 1]
            first = line.lstrip()
            begins = bool(decorators) or len(line.encode()) - len(first.encode()) == node.col_offset
            if begins and not re.match(r"(elif|else)\b", first):
                rows.setdefault(row, node)
        return rows

    def _statement_above(self, node: ast.AST) -> tuple[int, bool] | None:
        """The row of the innermost statement round this node that a line can go above."""
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, ast.ClassDef):
                return None
            if isinstance(node, ast.stmt):
                row = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
                begun = self.begins.get(row)
                if begun is not None and not isinstance(self.parents[begun], ast.ClassDef):
                    return row, self.parents[begun] is self.tree
        return None

    def _in_text(self, node: ast.AST) -> bool:
        """Whether a node stands inside an f-string, whose positions Python 3.11 does not tell."""
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, ast.JoinedStr):
                return True
        return False


def _identifiers(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        for field in ("id", "arg", "name", "asname"):
            text = getattr(node, field, None)
            if isinstance(text, str) and not isinstance(node, ast.keyword):
                yield text.split(".")[0]


def _tune_comments(source: str) -> dict[int, tuple[int, str]]:
    """Row -> column and text of each ``#@tune`` comment."""
    found: dict[int, tuple[int, str]] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and (match := _COMMENT.match(token.string)):
            found[token.start[0]] = (token.start[1], match[1])
    return found


def _value(node: ast.expr | None) -> Value | None:
    try:
        value = None if node is None else ast.literal_eval(node)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return None
    return value if isinstance(value, (bool, int, float, str)) else None


def _activation(node: ast.Call) -> str:
    for role, argument in roles_in_call(node):
        if role == "activation" and isinstance(argument, ast.Constant):
            return str(argument.value)
    return ""


def _makes_layer(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and (call_name(node) == "add" or any(True for _ in roles_in_call(node)))
