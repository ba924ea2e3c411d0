"""Learning curves on record: any strategy and pruner can be run against them in milliseconds.

A table is a text of JSON lines, plain or gzipped: one row per configuration, ``{"values": {...},
"curves": {"val_accuracy": [...], ...}}``, with one value per epoch. A row may also be flat, as in
``{"units": 32, "val_accuracy": [...]}``: its lists are curves, what stands before the first of them
are values; ``id`` and what follows the curves is left out. A first line may say more:
``space`` (as SearchSpace.to_json gives it), ``objective``, ``direction``, ``epochs``, ``source`` and
``origin``; without it the space is what the rows span.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

from tunemagic.errors import DataError, SpaceError
from tunemagic.events import Direction, finite
from tunemagic.space import Kind, Parameter, Sampling, SearchSpace, Value

__all__ = ["ReplayRow", "ReplayTable", "in_words", "one_type", "read_table"]

_HEAD = ("table", "space", "objective", "direction", "epochs", "source", "origin")
_MAX_BYTES = 512 * 2**20  # of text; a table of curves is far smaller
_OBJECTIVES = (
    ("val_accuracy", Direction.MAX),
    ("val_acc", Direction.MAX),  # Keras' name of it before version 2.3
    ("val_loss", Direction.MIN),
    ("accuracy", Direction.MAX),
)
_MANY = 12  # more distinct numbers than this are a range, not a choice
_LOG_RATIO = 100  # a range of positive numbers this wide is searched by its logarithm


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRow:
    """One configuration and what training it gave: curves by metric, one value per epoch.

    None stands for NaN or infinity. A training that failed has ``error`` and ``reason``.
    """

    values: Mapping[str, Value]
    curves: Mapping[str, tuple[float | None, ...]]
    error: str = ""
    reason: str = ""

    @property
    def epochs(self) -> int:
        """How many epochs are on record."""
        return max((len(curve) for curve in self.curves.values()), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayTable:
    """Rows over a search space. ``source`` is the cell that was trained, ``origin`` says by whom.

    ``epochs`` is the length of a full training, ``digest`` a hash of all that the table says.
    """

    name: str
    space: SearchSpace
    objective: str
    direction: Direction
    epochs: int
    rows: tuple[ReplayRow, ...]
    source: str = ""
    origin: str = ""
    digest: str = ""

    def best_score(self) -> float:
        """The best value of the objective in any epoch of any row."""
        scores = (score for score in map(self.score, self.rows) if score is not None)
        return min(scores) if self.direction is Direction.MIN else max(scores)

    def score(self, row: ReplayRow) -> float | None:
        """The objective in the row's best epoch; None when it has no finite value."""
        known = [value for value in row.curves.get(self.objective, ()) if value is not None]
        if not known:
            return None
        return min(known) if self.direction is Direction.MIN else max(known)


# -- files -------------------------------------------------------------------------------------------


def read_table(path: Traversable, name: str) -> ReplayTable:
    """The table in this file. Raises DataError, which names file and line, for one that is malformed."""
    head: dict[str, Any] = {}
    by_line: dict[str, ReplayRow] = {}
    text = _text(path)
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        data = _unflattened(_object(line, where))
        if not head and not by_line and not data.keys().isdisjoint(_HEAD):
            head = data
        elif data.keys().isdisjoint(("values", "curves")):
            raise DataError(f"{where}: received no curve; expected a list of numbers by metric behind the values.")
        else:
            by_line[where] = _row(data, where)
    if not by_line:
        raise DataError(f"{path}: holds no row; expected lines with values and curves.")
    space = _space(head, by_line, f"{path}, line 1")
    _check_rows(by_line, space)
    rows = tuple(by_line.values())
    objective, direction = _objective(head, rows, str(path))
    longest = max(row.epochs for row in rows)
    epochs = head.get("epochs", longest)
    if not isinstance(epochs, int) or not 1 <= epochs <= longest:
        raise DataError(
            f"{path}, line 1: epochs: received {in_words(epochs)}; expected 1 to {longest}, as the rows have."
        )
    return ReplayTable(
        name=name,
        space=space,
        objective=objective,
        direction=direction,
        epochs=epochs,
        rows=rows,
        source=str(head.get("source", "")),
        origin=str(head.get("origin", "")),
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )


def _text(path: Traversable) -> str:
    """The file's text, unpacked. Raises DataError."""
    try:
        with path.open("rb") as raw, gzip.open(raw) if path.name.endswith(".gz") else raw as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise DataError(f"{path}: received more than {_MAX_BYTES // 2**20} MB of text; expected a smaller table.")
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: byte {error.start} is not UTF-8; expected lines of JSON.") from error
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path} can't be read: {reason}.") from error


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: not JSON ({error}); received {in_words(line)}.") from error
    if not isinstance(data, dict):
        raise DataError(f'{where}: received {in_words(data)}; expected {{"units": 32, "val_accuracy": [...]}}.')
    return data


def _unflattened(data: dict[str, Any]) -> dict[str, Any]:
    """A flat row as one with values and curves; anything else as it is."""
    if not data.keys().isdisjoint(("values", "curves", *_HEAD)):
        return data
    names = list(data)
    curves = [name for name in names if isinstance(data[name], list)]
    if not curves:
        return data
    values = [name for name in names[: names.index(curves[0])] if name != "id"]
    return {
        "values": {name: data[name] for name in values},
        "curves": {name: data[name] for name in curves},
        **{name: data[name] for name in ("error", "reason") if name in data},
    }


def _row(data: Mapping[str, Any], where: str) -> ReplayRow:
    values, curves = data.get("values"), data.get("curves")
    if not isinstance(values, dict) or not all(isinstance(value, (bool, int, float, str)) for value in values.values()):
        raise DataError(f"{where}: values: received {in_words(values)}; expected a number, text or bool by name.")
    if not isinstance(curves, dict) or not curves:
        raise DataError(f"{where}: curves: received {in_words(curves)}; expected a list of numbers by metric.")
    return ReplayRow(
        values=values,
        curves={name: _curve(curve, f"{where}: curve {in_words(name)}") for name, curve in curves.items()},
        error=str(data.get("error", "")),
        reason=str(data.get("reason", "")),
    )


def _curve(curve: Any, where: str) -> tuple[float | None, ...]:
    if not isinstance(curve, list) or not curve:
        raise DataError(f"{where}: received {in_words(curve)}; expected a list with one number per epoch.")
    for value in curve:
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise DataError(f"{where}: received {in_words(value)}; expected a number or null for each epoch.")
    return tuple(finite(value) for value in curve)


def _check_rows(rows: Mapping[str, ReplayRow], space: SearchSpace) -> None:
    """Every row has values of the space and nothing else."""
    for where, row in rows.items():
        unknown = sorted(set(row.values) - set(space.names))
        if unknown:
            names = ", ".join(space.names)
            raise DataError(f"{where}: values: received {in_words(unknown[0])}; expected only {names}.")
        for parameter in space.parameters:
            if not parameter.active(row.values):
                continue
            value = row.values.get(parameter.name)
            if value is None or not parameter.contains(value):
                raise DataError(
                    f"{where}: {parameter.name}: received {in_words(value)}; expected {parameter.describe()}."
                )


def _objective(head: Mapping[str, Any], rows: Sequence[ReplayRow], path: str) -> tuple[str, Direction]:
    """The objective and its direction; the first line's, else the first usual one that all rows have."""
    common = [name for name in rows[0].curves if all(name in row.curves for row in rows)]
    usual = [pair for pair in _OBJECTIVES if pair[0] in common]
    name = head.get("objective", usual[0][0] if usual else None)
    if name not in common:
        found = ", ".join(common) or "none"
        raise DataError(f"{path}: objective: received {in_words(name)}; expected a curve that all rows have: {found}.")
    if not any(value is not None for row in rows for value in row.curves[name]):
        raise DataError(f"{path}: objective: received no finite value of {in_words(name)}; expected some.")
    direction = head.get("direction", dict(_OBJECTIVES).get(name))
    if direction not in tuple(Direction):
        raise DataError(f"{path}, line 1: direction: received {in_words(direction)}; expected min or max.")
    return name, Direction(direction)


def _space(head: Mapping[str, Any], rows: Mapping[str, ReplayRow], where: str) -> SearchSpace:
    if "space" not in head:
        names = next(iter(rows.values())).values
        return SearchSpace(tuple(_spanned(name, rows) for name in names))
    try:
        return SearchSpace.from_json(head["space"])
    except SpaceError as error:
        raise DataError(f"{where}: space: {error}") from error
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{where}: space: {in_words(error)}; expected what SearchSpace.to_json gives.") from error


def _spanned(name: str, rows: Mapping[str, ReplayRow]) -> Parameter:
    """The parameter that the rows' values span: a choice of few, or a range."""
    for where, row in rows.items():
        if name not in row.values:
            raise DataError(f"{where}: values: received no {in_words(name)}; expected the same names in all rows.")
    seen = set(one_type([row.values[name] for row in rows.values()]))
    kinds = {type(value) for value in seen}
    if kinds == {bool}:
        return Parameter(name=name, kind=Kind.BOOLEAN, default=False, choices=(False, True))
    if len(kinds) > 1:
        raise DataError(
            f"{next(iter(rows))}: values: received {in_words(name)} as numbers and texts; expected one sort."
        )
    if not kinds <= {int, float}:
        texts = tuple(sorted(seen, key=str))
        return Parameter(name=name, kind=Kind.CHOICE, default=texts[0], choices=texts)
    numbers = sorted(value for value in seen if isinstance(value, (int, float)))
    if len(numbers) <= _MANY:
        return Parameter(name=name, kind=Kind.CHOICE, default=numbers[0], choices=tuple(numbers))
    low, high = numbers[0], numbers[-1]
    wide = low > 0 and high / low >= _LOG_RATIO
    return Parameter(
        name=name,
        kind=Kind.INT if kinds == {int} else Kind.FLOAT,
        default=low,
        low=low,
        high=high,
        sampling=Sampling.LOG if wide else Sampling.LINEAR,
    )


def one_type(values: Sequence[Value]) -> tuple[Value, ...]:
    """Whole numbers among others as floats: a choice has values of one type."""
    mixed = {type(value) for value in values} == {int, float}
    return tuple(float(value) if mixed and isinstance(value, int) else value for value in values)


def in_words(value: Any) -> str:
    """Hostile text in a message: ASCII on one line, at most 80 characters."""
    text = ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."
