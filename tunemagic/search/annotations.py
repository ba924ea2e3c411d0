"""``units = 64  #@tune int(32, 256, step=32)``: literals that carry their range in a comment.

The cell runs unchanged without the magic; here each annotated literal is replaced, in its place
and without moving a line, by the ``hp`` call that it stands for.
"""

from __future__ import annotations

import ast
import difflib
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tunemagic.errors import CellError

__all__ = ["rewrite_annotations"]

_COMMENT = re.compile(r"#\s*@tune\b\s*(.*)")
_WORDS = ("int", "float", "log", "choice", "bool")


@dataclass(frozen=True, slots=True)
class _Annotation:
    line: int  # in the cell as the notebook numbers it
    row: int  # in the source, from 1
    column: int  # where the comment begins, in characters
    text: str


@dataclass(frozen=True, slots=True)
class _Literal:
    """A named literal: ``name = value`` or ``f(name=value)``; columns in UTF-8 bytes as in ast."""

    name: str
    value: Any
    start: int
    end: int


def rewrite_annotations(source: str, tree: ast.Module, first_line: int) -> str:
    """The source with every annotated literal replaced by its ``hp`` call; same number of lines.

    The annotations themselves are gone, so that the result can be used as a cell in its turn.

    Raises CellError, with the line, for an unknown word, bad arguments, a literal outside its
    range, a line without one clear literal, and one name annotated twice.
    """
    annotations = list(_annotations(source, first_line))
    if not annotations:
        return source
    lines = source.split("\n")  # not splitlines, which also cuts at characters that end no line in Python
    seen: dict[str, int] = {}
    for annotation in annotations:
        literal = _literal_on(tree, annotation)
        if literal.name in seen:
            raise CellError(
                f"{literal.name!r} is annotated a second time; the first is in line {seen[literal.name]}. "
                "Assign one of them to a variable of another name.",
                line=annotation.line,
            )
        seen[literal.name] = annotation.line
        text = lines[annotation.row - 1][: annotation.column].rstrip().encode()
        call = _call(literal, annotation).encode()
        lines[annotation.row - 1] = (text[: literal.start] + call + text[literal.end :]).decode()
    return "\n".join(lines)


def _annotations(source: str, first_line: int) -> Iterator[_Annotation]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and (match := _COMMENT.match(token.string)):
            row = token.start[0]
            yield _Annotation(first_line + row - 1, row, token.start[1], match[1].strip())


def _literal_on(tree: ast.Module, annotation: _Annotation) -> _Literal:
    """The one named literal in this row. Assignments come before keyword arguments."""
    assigned, keywords = [], []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            assigned += _as_literal(node.targets[0].id, node.value, annotation.row)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            assigned += _as_literal(node.target.id, node.value, annotation.row)
        elif isinstance(node, ast.keyword) and node.arg is not None:
            keywords += _as_literal(node.arg, node.value, annotation.row)
    found = assigned or keywords
    if len(found) == 1:
        return found[0]
    if not found:
        raise CellError(
            "#@tune stands behind no literal; expected a line such as units = 64  #@tune int(32, 256).",
            line=annotation.line,
        )
    names = ", ".join(literal.name for literal in found)
    raise CellError(f"#@tune could mean any of {names}; put each on a line of its own.", line=annotation.line)


def _as_literal(name: str, node: ast.expr, row: int) -> list[_Literal]:
    if node.lineno != row or node.end_lineno != row or node.end_col_offset is None:
        return []
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return []
    if not isinstance(value, (bool, int, float, str)):
        return []
    return [_Literal(name, value, node.col_offset, node.end_col_offset)]


def _call(literal: _Literal, annotation: _Annotation) -> str:
    """The ``hp`` call that the annotation stands for, with the literal as its default."""
    word, values, options = _parse(annotation)
    line = annotation.line
    if word == "bool":
        if values or options:
            raise CellError(f"#@tune bool: expected no arguments; received {annotation.text[:60]}.", line=line)
        if not isinstance(literal.value, bool):
            raise CellError(f"#@tune bool: expected True or False before it; received {literal.value!r}.", line=line)
        return f"hp.Boolean({literal.name!r}, default={literal.value})"
    if word == "choice":
        if not values or options:
            raise CellError('#@tune choice: expected values, such as choice("relu", "tanh").', line=line)
        if not any(value == literal.value and type(value) is type(literal.value) for value in values):
            raise CellError(f"#@tune choice: the literal {literal.value!r} is not among {values!r}.", line=line)
        _check_finite(word, [value for value in values if _is_number(value)], line)
        if len({type(value) for value in values}) > 1:
            raise CellError(f"#@tune choice: expected values of one type; received {values!r}.", line=line)
        return f"hp.Choice({literal.name!r}, {values!r}, default={literal.value!r})"
    return _range_call(word, literal, values, options, line)


def _range_call(word: str, literal: _Literal, values: list[Any], options: dict[str, Any], line: int) -> str:
    numbers = [*values, *options.values(), literal.value]
    if len(values) != 2 or set(options) - {"step"} or not all(_is_number(number) for number in numbers):
        raise CellError(
            f"#@tune {word}: expected {word}(low, high) or {word}(low, high, step=...) behind a number.", line=line
        )
    _check_finite(word, numbers, line)
    low, high = values
    if word == "log" and low <= 0:
        raise CellError(f"#@tune log: expected a range above 0; received {low!r} to {high!r}.", line=line)
    least = 1 if word == "log" else 0
    if options.get("step", least + 1) <= least:
        raise CellError(f"#@tune {word}: expected step > {least}; received {options['step']!r}.", line=line)
    if not low <= literal.value <= high:
        raise CellError(f"#@tune {word}: the literal {literal.value!r} lies outside {low!r} to {high!r}.", line=line)
    whole = all(isinstance(number, int) for number in numbers)
    if word == "int" and not whole:
        raise CellError(f"#@tune int: expected whole numbers; received {numbers!r}. Use float(...).", line=line)
    kind = "Int" if word == "int" or (word == "log" and whole) else "Float"
    step = f", step={options['step']!r}" if "step" in options else ""
    sampling = ', sampling="log"' if word == "log" else ""
    return f"hp.{kind}({literal.name!r}, {low!r}, {high!r}{step}{sampling}, default={literal.value!r})"


def _check_finite(word: str, numbers: list[Any], line: int) -> None:
    if not all(abs(number) <= sys.float_info.max for number in numbers):
        shown = ", ".join(repr(number)[:20] for number in numbers)
        raise CellError(f"#@tune {word}: expected finite numbers; received {shown}.", line=line)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _parse(annotation: _Annotation) -> tuple[str, list[Any], dict[str, Any]]:
    """Word, positional and keyword literals of the text after ``#@tune``. Nothing is evaluated."""
    line = annotation.line
    try:
        expression = ast.parse(annotation.text, mode="eval").body
        call = expression if isinstance(expression, ast.Call) else None
        name = call.func if call is not None else expression
        word = name.id if isinstance(name, ast.Name) else ""
        values = [] if call is None else [ast.literal_eval(argument) for argument in call.args]
        options = {} if call is None else {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        shown = annotation.text[:60]
        raise CellError(
            f"can't read {shown!r} after #@tune; expected one of {', '.join(_WORDS)} with literals.", line=line
        ) from error
    if word not in _WORDS:
        near = difflib.get_close_matches(word, _WORDS, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise CellError(
            f"unknown word {word[:40]!r} after #@tune; expected one of {', '.join(_WORDS)}.{hint}", line=line
        )
    return word, values, options
