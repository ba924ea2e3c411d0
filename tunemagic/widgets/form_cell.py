"""What a form holds, and the ``%%tune`` cell that it means. Pure: no widget in here."""

from __future__ import annotations

import ast
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tunemagic.errors import SpaceError
from tunemagic.request import Tuner
from tunemagic.search.finding import find_tunables
from tunemagic.search.ranges import Range, Word, value_text
from tunemagic.search.suggest import cell_facts, training_edits
from tunemagic.search.tunables import write_tunables
from tunemagic.space import Value

__all__ = ["FormValues", "RangeTexts", "Validation", "write_cell", "write_line"]


class Validation(StrEnum):
    """Where the validation data comes from."""

    SHARE = "share"
    LAST = "last"
    DATA = "data"
    FOLDS = "folds"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormValues:
    """A form's fields as the user left them; texts are not checked yet, "" means the default.

    ``share`` is the share or the number of folds; ``more`` holds further options as on the line;
    ``ranges`` says of hyperparameters of the code what each may be, None for "not searched".
    """

    code: str = ""
    name: str = ""
    x: str = ""
    y: str = ""
    validation: Validation = Validation.SHARE
    share: str = ""
    x_val: str = ""
    y_val: str = ""
    objective: str = ""
    tuner: str = Tuner.AUTO
    trials: str = ""
    minutes: str = ""
    epochs: str = ""
    more: str = ""
    ranges: Mapping[str, Range | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeTexts:
    """The fields of one hyperparameter's row as typed. ``choices`` are parted by commas."""

    word: Word
    default: str
    low: str = ""
    high: str = ""
    step: str = ""
    choices: str = ""

    @classmethod
    def of(cls, found: Range) -> RangeTexts:
        """How this range is typed."""

        def typed(value: Value | None) -> str:
            return "" if value is None else value_text(value)

        return cls(
            word=found.word,
            default=typed(found.default),
            low=typed(found.low),
            high=typed(found.high),
            step=typed(found.step),
            choices=", ".join(map(value_text, found.choices)),
        )

    def read(self) -> Range:
        """The range that is meant. Raises SpaceError for anything that is none."""
        default = _literal(self.default)
        if self.word is Word.BOOL:
            return Range(word=self.word, default=default)
        if self.word is Word.CHOICE:
            return Range(word=self.word, default=default, choices=tuple(_choices(self.choices)))
        step = _number(self.step) if self.step.strip() else None
        return Range(word=self.word, default=default, low=_number(self.low), high=_number(self.high), step=step)


def _literal(text: str) -> Value:
    """A number, True, False or a text; quotes round a text may be left out."""
    plain = text.strip()
    try:
        value = ast.literal_eval(plain)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        value = plain
    if not isinstance(value, (bool, int, float, str)) or not str(value).strip():
        raise SpaceError(f"expected a number or a text; received {plain[:40]!r}.")
    return value


def _number(text: str) -> int | float:
    value = _literal(text)
    if isinstance(value, (bool, str)):
        raise SpaceError(f"expected a number; received {text.strip()[:40]!r}.")
    return value


def _choices(text: str) -> Iterator[Value]:
    try:
        listed = ast.literal_eval(f"[{text}]")
    except (SyntaxError, ValueError, MemoryError, RecursionError):  # words without quotes
        yield from (_literal(part) for part in text.split(",") if part.strip())
    else:
        yield from map(_plain, listed)


def _plain(value: object) -> Value:
    if not isinstance(value, (bool, int, float, str)):
        raise SpaceError(f"expected numbers or texts; received {str(value)[:40]!r}.")
    return value


def write_cell(values: FormValues) -> str:
    """The cell that these values mean. Raises CellError when the code is not Python.

    Options are written as typed: whether the line can be read is for its parser to say.
    """
    body = values.code.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    tunables = find_tunables(body)
    facts = cell_facts(body)
    written = write_tunables(body, tunables, values.ranges, more=training_edits(body, facts))
    return f"{write_line(values)}\n{written}\n"


def write_line(values: FormValues) -> str:
    """The first line of the cell."""
    words = ["%%tune", *([shlex.quote(_line(values.name))] if values.name.strip() else [])]
    for option, text in _options(values):
        words += [option, shlex.quote(_line(text))]
    more = _line(values.more)
    return " ".join([*words, *([more] if more else [])])


def _line(text: str) -> str:
    return " ".join(text.split())


def _options(values: FormValues) -> Iterator[tuple[str, str]]:
    if values.objective.strip() not in ("", "val_loss"):
        yield "--objective", values.objective
    data = ",".join(filter(None, (values.x, values.y)))
    if data and data != "x_train,y_train":
        yield "--data", data
    match values.validation:
        case Validation.SHARE if values.share.strip():
            yield "--val", values.share
        case Validation.LAST:
            yield "--val", f"last:{values.share.strip() or '0.2'}"
        case Validation.DATA:
            yield "--val", ",".join(filter(None, (values.x_val, values.y_val)))
        case Validation.FOLDS:
            yield "--folds", values.share.strip() or "5"
    if values.tuner != Tuner.AUTO:
        yield "--tuner", values.tuner
    for option, text in (("--max-trials", values.trials), ("--minutes", values.minutes), ("--epochs", values.epochs)):
        if text.strip():
            yield option, text
