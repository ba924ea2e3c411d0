"""Write another learning rate into a cell: its literal, or the range round it where it is searched."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tunemagic.search.finding import find_tunables
from tunemagic.search.ranges import Word, value_text
from tunemagic.search.roles import call_name, roles_in_call
from tunemagic.search.textedit import Edit, LineMap, apply_edits
from tunemagic.search.tunables import Tunable, parse_cell, receiver, template_calls, write_tunables

__all__ = ["RateCell", "rate_code", "with_rate"]


@dataclass(frozen=True, slots=True)
class RateCell:
    """The body with another rate; ``row`` (from 1) is the line that differs, ``line`` its text."""

    body: str
    row: int
    line: str


def with_rate(body: str, rate: float, around: tuple[float, float], optimizer: str = "") -> RateCell | None:
    """The cell's body with this rate.

    A literal becomes the rate; a range that the cell searches becomes ``around``, with the rate as
    its default. Where the optimizer stands by its bare name, as in ``model.compile("adam")``, it becomes
    ``keras.optimizers.Adam(0.003)``, if ``optimizer`` is its class and the cell knows ``keras``;
    ``models.compile(model, "adam")`` gets ``learning_rate=0.003`` besides. A template searches its rate
    where it is given no other: ``models.dense(x, y)`` gets ``learning_rate=around``.

    None where the cell states no rate, or several. Raises CellError for text that is not Python.
    """
    tree = parse_cell(body)
    templates = template_calls(tree)
    places = list({id(node): node for node in _rates(tree)}.values())
    if templates:
        changed = _in_template(body, templates[0], rate, around) if len(templates) == 1 and not places else None
    elif len(places) == 1:
        changed = _changed(body, places[0], rate, around)
    else:
        stated = any(True for _ in _arguments(tree, "learning_rate"))  # elsewhere in the notebook, or several
        changed = None if stated else _spelled_out(body, tree, rate, optimizer)
    if changed is None or changed == body:
        return None
    old, new = body.split("\n"), changed.split("\n")
    row = next(row for row, (before, after) in enumerate(zip(old, new, strict=True), 1) if before != after)
    return RateCell(changed, row, new[row - 1].strip())


def rate_code(body: str, rate: float, optimizer: str) -> str:
    """How this rate is written in such a cell by hand."""
    templates = template_calls(parse_cell(body))
    if templates:
        return f"models.{call_name(templates[0])}(..., learning_rate={value_text(rate)})"
    return f"keras.optimizers.{optimizer}({value_text(rate)})"


def _in_template(body: str, call: ast.Call, rate: float, around: tuple[float, float]) -> str | None:
    """The body where the template's rate, or what it searches round it, is another one."""
    pair = f"({', '.join(map(value_text, around))})"
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    old = given.get("learning_rate")
    if old is not None:
        if not isinstance(old, ast.Tuple) and not _is_number(old):
            return None
        return apply_edits(body, [Edit(*LineMap(body).span(old), value_text(rate) if _is_number(old) else pair)])
    values = [*call.args, *given.values()]
    if None in given or not values:  # ``**options`` may hold a rate
        return None
    end = max(LineMap(body).span(value)[1] for value in values)
    return apply_edits(body, [Edit(end, end, f", learning_rate={pair}")])


def _changed(body: str, place: ast.expr, rate: float, around: tuple[float, float]) -> str | None:
    span = LineMap(body).span(place)
    tunables = find_tunables(body)
    found: Tunable | None = next((each for each in tunables if each.searched and span in each.spans), None)
    if found is not None:
        if found.range.word not in (Word.LOG, Word.FLOAT):
            return None
        low, high = around
        wanted = replace(found.range, word=Word.LOG, default=rate, low=low, high=high, step=None)
        return write_tunables(body, tunables, {found.name: wanted})
    return apply_edits(body, [Edit(*span, value_text(rate))]) if _is_number(place) else None


def _rates(tree: ast.Module) -> Iterator[ast.expr]:
    """Where the learning rates of the cell's optimizers stand: literals, or calls of ``hp``."""
    for argument in _arguments(tree, "learning_rate"):
        if not isinstance(argument, ast.Name):
            yield from _rates_in(argument)
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and any(_is_name(target, argument.id) for target in node.targets):
                yield from _rates_in(node.value)


def _rates_in(value: ast.expr) -> Iterator[ast.expr]:
    """The rate itself; that inside of a schedule is found by the schedule's own call."""
    inside = {argument for node in ast.walk(value) if isinstance(node, ast.Call) for _, argument in roles_in_call(node)}
    if value.lineno == value.end_lineno and not inside:
        yield value


def _arguments(tree: ast.Module, wanted: str) -> Iterator[ast.expr]:
    yield from (argument for _, argument in _with_calls(tree, wanted))


def _with_calls(tree: ast.Module, wanted: str) -> Iterator[tuple[ast.Call, ast.expr]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from ((node, argument) for role, argument in roles_in_call(node) if role == wanted)


def _spelled_out(body: str, tree: ast.Module, rate: float, optimizer: str) -> str | None:
    """The body where the one optimizer that stands by its bare name gets the rate."""
    named = [(call, node) for call, node in _with_calls(tree, "optimizer") if isinstance(node, ast.Constant)]
    if len(named) != 1:
        return None
    call, name = named[0]
    begin, end = LineMap(body).span(name)
    if receiver(call) == "models":  # our own, which take a rate beside the name
        word = "learning_rate=" if call_name(call) == "compile" else "rate="
        return apply_edits(body, [Edit(end, end, f", {word}{value_text(rate)}")])
    knows = any(isinstance(node, ast.Name) and node.id == "keras" for node in ast.walk(tree))
    if not knows or str(name.value).lower() != optimizer.lower():
        return None
    return apply_edits(body, [Edit(begin, end, f"keras.optimizers.{optimizer}({value_text(rate)})")])


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool)


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
