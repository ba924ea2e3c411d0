"""A study in words: what stands in its record, as values that text and HTML are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tunemagic.analysis.wording import (
    MISSING,
    byte_text,
    clock,
    number_text,
    place_text,
    pruned_text,
    reasoned,
    runs_text,
    score_text,
    seconds_text,
    share_text,
    spread_text,
    state_text,
    value_text,
)
from tunemagic.events import Direction, ModelExported, Verdict
from tunemagic.text import counted, one_line
from tunemagic.trial import StudyView, TrialRecord, TrialState

__all__ = ["TOP_TRIALS", "Cells", "FailureGroup", "SummaryInfo", "numbered", "short", "summary_info"]

TOP_TRIALS = 5
_MAX_PARETO = 10
_MAX_COLUMNS = 8  # more hyperparameters than this share one column
_MAX_GROUPS = 5
_MAX_NOTES = 20
_MAX_TEXT = 300
_MAX_CELL = 60


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """Trials that failed in the same way. ``source`` is the user's own line, "" when unknown."""

    trials: tuple[int, ...]
    reason: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryInfo:
    """Everything that a record says, in the order in which it says it. All texts are one line.

    ``settings`` are pairs of a label and a text. ``top`` and ``exports`` are None when empty.
    """

    title: str
    headline: str
    ending: str
    top: Cells | None
    failures: tuple[FailureGroup, ...]
    more_failures: tuple[int, ...]
    notes: tuple[str, ...]
    exports: Cells | None
    settings: tuple[tuple[str, str], ...]


def summary_info(view: StudyView) -> SummaryInfo:
    """The view in words."""
    groups, more = _failures(view)
    return SummaryInfo(
        title=short(view.study or "study"),
        headline=_headline(view),
        ending=short(view.end_message, _MAX_TEXT),
        top=_top(view),
        failures=groups,
        more_failures=more,
        notes=_notes(view),
        exports=_exports(view.exports),
        settings=_settings(view),
    )


def short(text: str, limit: int = _MAX_CELL) -> str:
    """The text on one line of at most ``limit`` characters, a longer one with an ellipsis at its end."""
    return one_line(text, limit)


def _headline(view: StudyView) -> str:
    ended = view.ended_trials
    count = counted(ended, "trial") if view.max_trials is None else f"{ended} of {counted(view.max_trials, 'trial')}"
    best = view.best_trial
    score = "no score yet" if best is None else f"best {short(score_text(view), 2 * _MAX_CELL)}"
    return f"{view.state} · {count}{pruned_text(view)} · {score} · {clock(view.elapsed)} elapsed"


def _top(view: StudyView) -> Cells | None:
    """The best trials; of a study with several objectives those that no other trial beats."""
    front = view.pareto() if view.objectives else []
    if front:
        sign = 1 if view.direction is Direction.MIN else -1
        shown = sorted(front, key=lambda trial: sign * (trial.score or 0.0))[:_MAX_PARETO]
        caption = f"Pareto set: {counted(len(front), 'trial')}"
        left = len(front) - len(shown)
        return _trials(view, shown, caption, (f"and {left} more",) if left else ())
    trials = view.ranking()[:TOP_TRIALS]
    caption = "Best trial" if len(trials) == 1 else f"Best {len(trials)} trials"
    return _trials(view, trials, caption) if trials else None


def _trials(view: StudyView, trials: Sequence[TrialRecord], caption: str, remarks: tuple[str, ...] = ()) -> Cells:
    names = [name for name in view.space.names if any(name in trial.values for trial in trials)]
    names += [name for trial in trials for name in trial.values if name not in names]
    names = list(dict.fromkeys(names))
    wide = len(names) > _MAX_COLUMNS
    further = [name for name, _ in view.objectives]
    scores = tuple(map(short, (view.objective, *further)))
    columns = ("trial", *scores, "epoch", "time", *(["values"] if wide else map(short, names)))
    rows = tuple(
        (
            str(trial.number),
            spread_text(trial),
            *(number_text(trial.metrics.get(name)) for name in further),
            "" if trial.best_epoch is None else f"{trial.best_epoch} of {trial.epochs}",
            seconds_text(trial.seconds),
            *([_values(trial, names)] if wide else [_value(trial, name) for name in names]),
        )
        for trial in trials
    )
    before = 4 + len(further)
    return Cells(
        caption=caption,
        columns=columns,
        rows=rows,
        numeric=frozenset(range(before if wide else len(columns))),
        long=frozenset({before} if wide else ()),
        remarks=remarks,
    )


def _value(trial: TrialRecord, name: str) -> str:
    return short(value_text(trial.values.get(name)))


def _values(trial: TrialRecord, names: Iterable[str]) -> str:
    return short(", ".join(f"{name}={value_text(trial.values[name])}" for name in names if name in trial.values), 400)


def _failures(view: StudyView) -> tuple[tuple[FailureGroup, ...], tuple[int, ...]]:
    """Failed trials grouped by what went wrong, and the numbers of those that find no room."""
    groups: dict[tuple[str, str], list[int]] = {}
    for trial in view.trials:
        if trial.state is TrialState.FAILED:
            groups.setdefault((_reason(trial), short(trial.source or "", 120)), []).append(trial.number)
    shown = list(groups.items())
    more = sorted(number for _, numbers in shown[_MAX_GROUPS:] for number in numbers)
    return (
        tuple(
            FailureGroup(trials=tuple(numbers), reason=key[0], source=key[1]) for key, numbers in shown[:_MAX_GROUPS]
        ),
        tuple(more),
    )


def _reason(trial: TrialRecord) -> str:
    """``line 3: ValueError: text``, each part once: a reason may begin with the others already."""
    text = trial.reason if trial.error and trial.error in trial.reason else f"{trial.error}: {trial.reason}"
    where = "" if trial.line is None or f"line {trial.line}:" in trial.reason else f"line {trial.line}: "
    return short(where + text.removeprefix(": "), _MAX_TEXT)


def _notes(view: StudyView) -> tuple[str, ...]:
    notes = [short(note, _MAX_TEXT) for note in dict.fromkeys(view.notes)]
    cut = [trial.number for trial in view.trials if trial.state is TrialState.INTERRUPTED]
    if cut:
        them = "it" if len(cut) == 1 else "them"
        notes.append(f"{numbered(cut)} cut off when the session died; resuming the study runs {them} again")
    skipped = [trial.number for trial in view.trials if state_text(trial) == "skipped"]
    if skipped:
        what = "its model breaks" if len(skipped) == 1 else "their models break"
        notes.append(f"{numbered(skipped)} skipped before training: {what} a limit")
    left = len(notes) - _MAX_NOTES
    if left <= 0:
        return tuple(notes)
    return (*notes[:_MAX_NOTES], f"{left} more {'note is' if left == 1 else 'notes are'} in the journal")


def numbered(trials: Iterable[int]) -> str:
    """``trial 3`` or ``trials 3, 4, 8``; of a long list the first twenty."""
    numbers = list(trials)
    text = ", ".join(map(str, numbers[:20])) + (f" and {len(numbers) - 20} more" if len(numbers) > 20 else "")
    return f"trial {text}" if len(numbers) == 1 else f"trials {text}"


def _exports(results: tuple[ModelExported, ...]) -> Cells | None:
    if not results:
        return None
    name = next((result.score_name for result in results if result.score_name), None) or "score"
    columns = (
        "mode",
        "verdict",
        "size",
        "gzip",
        short(name),
        "in Keras",
        "agreement",
        "max diff",
        "µs/sample",
        "file",
    )
    verified = sum(result.verdict is Verdict.VERIFIED for result in results)
    return Cells(
        caption=f"Converted files: {verified} of {len(results)} verified",
        columns=columns,
        rows=tuple(map(_export, results)),
        numeric=frozenset(range(2, 9)),
        verdicts=frozenset({1}),
        remarks=tuple(f"{_mode(result)}: {short(result.message, _MAX_TEXT)}" for result in results if result.message),
    )


def _export(result: ModelExported) -> tuple[str, ...]:
    return (
        _mode(result),
        str(result.verdict),
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


def _mode(result: ModelExported) -> str:
    return short(f"{result.target} {result.mode}")


def _settings(view: StudyView) -> tuple[tuple[str, str], ...]:
    limits = [] if view.max_trials is None else [counted(view.max_trials, "trial")]
    limits += [] if view.minutes is None else [counted(view.minutes, "minute")]
    runs = f", {runs_text(view)}" if runs_text(view) else ""
    space = [f"{short(p.name)} {short(p.describe())}" for p in view.space.parameters]
    objectives = [(view.objective, view.direction), *view.objectives] if view.objective else []
    search = f"{view.strategy}, seed {view.seed}" if view.strategy else ""
    pairs = [
        ("objective", "; ".join(f"{short(name)}, {direction}" for name, direction in objectives)),
        ("search", short(reasoned(search, view.strategy_reason), _MAX_TEXT)),
        ("pruner", short(reasoned(view.pruner, view.pruner_reason), _MAX_TEXT) if view.pruner != "none" else ""),
        ("trials ran", short(reasoned(place_text(view), view.executor_reason), _MAX_TEXT)),
        ("space", short("; ".join(space), 800)),
        ("limits", ", ".join([*limits, f"{counted(view.epochs, 'epoch')} a trial{runs}"]) if view.epochs else ""),
        ("data", short(view.data, _MAX_TEXT)),
        ("versions", short(", ".join(f"{name} {version}" for name, version in view.versions.items()), _MAX_TEXT)),
    ]
    return tuple((label, text) for label, text in pairs if text)
