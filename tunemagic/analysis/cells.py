"""Tables of a record as texts: trials with their values, converted files with their verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tunemagic.analysis.wording import (
    MISSING,
    byte_text,
    number_text,
    seconds_text,
    share_text,
    spread_text,
    state_text,
    value_text,
    verified_text,
)
from tunemagic.events import ModelExported, Verdict
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.i18n.facts import translate
from tunemagic.request import QuantMode, export_label
from tunemagic.text import one_line
from tunemagic.trial import StudyView, TrialRecord

__all__ = [
    "MAX_CELL",
    "MAX_TEXT",
    "Cells",
    "artefact_name",
    "export_remark",
    "exports_cells",
    "short",
    "trials_cells",
    "verdict_text",
]

MAX_TEXT = 300  # characters of a sentence
MAX_CELL = 60
_MAX_COLUMNS = 8  # more hyperparameters than this share one column
_MAX_VALUES = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """A table: a caption, column names, rows of the same length.

    By their index, ``numeric`` columns align right, ``long`` ones may be broken into lines,
    ``verdicts`` ones hold the text of a Verdict. ``remarks`` stand below.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    long: frozenset[int] = frozenset()
    verdicts: frozenset[int] = frozenset()
    remarks: tuple[str, ...] = ()


def short(text: str, limit: int = MAX_CELL) -> str:
    """The text on one line of at most ``limit`` characters, a longer one with an ellipsis at its end."""
    return one_line(text, limit)


def trials_cells(
    view: StudyView,
    trials: Sequence[TrialRecord],
    caption: str,
    remarks: tuple[str, ...] = (),
    *,
    states: bool = False,
    texts: Catalogue = ENGLISH,
) -> Cells:
    """A row for each of these trials: score, epochs, time and values; with ``states`` how it ended.

    Where one of them was trained again from other seeds, a column has the mean and the spread of that.
    """
    names = [name for name in view.space.names if any(name in trial.values for trial in trials)]
    names += [name for trial in trials for name in trial.values if name not in names]
    names = list(dict.fromkeys(names))
    wide = len(names) > _MAX_COLUMNS
    further = [name for name, _ in view.objectives]
    state = [texts("table.state")] if states else []
    again = [texts("record.other_seeds")] if any(trial.verified for trial in trials) else []
    scores = tuple(map(short, (view.objective, *further)))
    words = [texts(f"record.{word}") for word in ("epoch", "time")]
    values = [texts("record.values")] if wide else list(map(short, names))
    columns = (texts("record.trial"), *state, *scores, *again, *words, *values)
    rows = tuple(
        (
            str(trial.number),
            *([state_text(trial, texts)] if states else []),
            spread_text(trial),
            *(number_text(trial.metrics.get(name)) for name in further),
            *([verified_text(trial.verified)] if again else []),
            _epoch(trial, texts),
            seconds_text(trial.seconds),
            *([_values(trial, names)] if wide else [_value(trial, name) for name in names]),
        )
        for trial in trials
    )
    before = 4 + len(further) + len(state) + len(again)
    numeric = range(before if wide else len(columns))
    return Cells(
        caption=caption,
        columns=columns,
        rows=rows,
        numeric=frozenset(numeric) - (frozenset({1}) if states else frozenset()),
        long=frozenset({before} if wide else ()),
        remarks=remarks,
    )


def _epoch(trial: TrialRecord, texts: Catalogue) -> str:
    if trial.best_epoch is None:
        return ""
    return texts("record.epoch_of", epoch=trial.best_epoch, epochs=trial.epochs)


def _value(trial: TrialRecord, name: str) -> str:
    return short(value_text(trial.values.get(name)))


def _values(trial: TrialRecord, names: Iterable[str]) -> str:
    values = (f"{name}={value_text(trial.values[name])}" for name in names if name in trial.values)
    return short(", ".join(values), _MAX_VALUES)


def exports_cells(results: Sequence[ModelExported], texts: Catalogue = ENGLISH) -> Cells | None:
    """A row for each converted file; None without one."""
    if not results:
        return None
    name = next((result.score_name for result in results if result.score_name), None) or texts("record.score")
    columns = [texts(f"record.{word}") for word in ("mode", "verdict", "size")]
    columns += ["gzip", short(name)]
    columns += [texts(f"record.{word}") for word in ("in_keras", "agreement", "max_diff", "per_sample", "file")]
    verified = sum(result.verdict is Verdict.VERIFIED for result in results)
    return Cells(
        caption=texts("record.exports", verified=verified, count=len(results)),
        columns=tuple(columns),
        rows=tuple(_export(result, texts) for result in results),
        numeric=frozenset(range(2, 9)),
        verdicts=frozenset({1}),
        remarks=tuple(
            texts("record.setting", label=short(texts("list.comma").join(names), MAX_TEXT), text=short(told, MAX_TEXT))
            for told, names in _remarks(results, texts).items()
        ),
    )


def _remarks(results: Sequence[ModelExported], texts: Catalogue) -> dict[str, list[str]]:
    """What the table leaves open, with the names of the artefacts: faults, and warnings about verified ones."""
    remarks: dict[str, list[str]] = {}
    for result in results:
        if result.verdict is Verdict.VERIFIED:
            told = [translate(warning, texts) for warning in result.warnings]
        else:
            told = [export_remark(result, texts)]
        for text in filter(None, told):
            remarks.setdefault(text, []).append(artefact_name(result))
    return remarks


def _export(result: ModelExported, texts: Catalogue) -> tuple[str, ...]:
    return (
        short(artefact_name(result)),
        verdict_text(result.verdict, texts),
        byte_text(result.bytes),
        byte_text(result.gzip_bytes),
        number_text(result.score_after),
        number_text(result.score_before),
        share_text(result.agreement),
        number_text(result.max_abs_diff),
        number_text(result.microseconds),
        # The name only: where the folder lies on this machine is nobody's business in a shared notebook.
        short(result.path.replace("\\", "/").rpartition("/")[2]) or MISSING,
    )


def export_remark(result: ModelExported, texts: Catalogue = ENGLISH) -> str:
    """What is to be said about a converted file behind its name: the verdict's sentence, then the warnings."""
    said = [translate(told, texts) for told in (result.message, *result.warnings) if told]
    return "; ".join(said).removeprefix(f"{export_label(result.target, result.mode)}: ")


def verdict_text(verdict: Verdict, texts: Catalogue = ENGLISH) -> str:
    """What comparing a file with its model showed, in words."""
    return texts(f"verdict.{verdict.replace(' ', '_')}")


def artefact_name(result: ModelExported) -> str:
    """What was made: ``onnx``, ``tflite int8``."""
    return result.target if result.mode == QuantMode.NONE else f"{result.target} {result.mode}"
