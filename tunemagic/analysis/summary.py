"""A study in words: what stands in its record, as values that text and HTML are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tunemagic.analysis.cells import MAX_CELL, MAX_TEXT, Cells, exports_cells, short, trials_cells
from tunemagic.analysis.findings import FindingText, finding_texts
from tunemagic.analysis.verification import verification_info, verification_verdict
from tunemagic.analysis.wording import (
    best_text,
    clock,
    count_text,
    place_text,
    pruned_text,
    range_text,
    reasoned,
    runs_text,
    score_text,
)
from tunemagic.events import Direction
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.i18n.facts import translate
from tunemagic.trial import StudyView, TrialRecord, TrialState

__all__ = ["TOP_TRIALS", "Cells", "FailureGroup", "SummaryInfo", "numbered", "short", "summary_info"]

TOP_TRIALS = 5
_MAX_PARETO = 10
_MAX_GROUPS = 5
_MAX_NOTES = 20
_MAX_FINDINGS = 6
_MAX_REMEDIES = 4


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
    findings: tuple[FindingText, ...] = ()


def summary_info(view: StudyView, texts: Catalogue = ENGLISH) -> SummaryInfo:
    """The view in words."""
    groups, more = _failures(view, texts)
    return SummaryInfo(
        title=short(view.study or texts("record.study")),
        headline=_headline(view, texts),
        ending=_fact(view.end_message, texts),
        top=_top(view, texts),
        failures=groups,
        more_failures=more,
        notes=_notes(view, texts),
        exports=exports_cells(view.exports, texts),
        settings=_settings(view, texts),
        findings=tuple(
            replace(finding, remedies=finding.remedies[:_MAX_REMEDIES])
            for finding in finding_texts(view.findings[:_MAX_FINDINGS], texts)
        ),
    )


def _fact(sentence: str, texts: Catalogue) -> str:
    return short(translate(sentence, texts), MAX_TEXT)


def _headline(view: StudyView, texts: Catalogue) -> str:
    ended = view.ended_trials
    if view.max_trials is None:
        trials = count_text("trials", ended, texts)
    else:
        trials = texts("record.of", ended=ended, trials=count_text("trials", view.max_trials, texts))
    score = short(score_text(view, texts), 2 * MAX_CELL)
    return texts(
        "record.headline",
        state=texts(f"state.{view.state}"),
        trials=trials,
        pruned=pruned_text(view, texts),
        score=best_text(view, score, texts),
        elapsed=texts("progress.elapsed", clock=clock(view.elapsed)),
    )


def _top(view: StudyView, texts: Catalogue) -> Cells | None:
    """The best trials; of a study with several objectives those that no other trial beats."""
    front = view.pareto() if view.objectives else []
    if front:
        sign = 1 if view.direction is Direction.MIN else -1
        shown = sorted(front, key=lambda trial: sign * (trial.score or 0.0))[:_MAX_PARETO]
        caption = texts("record.pareto", trials=count_text("trials", len(front), texts))
        left = len(front) - len(shown)
        return trials_cells(view, shown, caption, (texts("record.more", count=left),) if left else (), texts=texts)
    trials = view.ranking()[:TOP_TRIALS]
    caption = texts("record.best_trials", count=len(trials))
    verified = verification_info(view)
    remarks = () if verified is None else verification_verdict(verified, texts)
    return trials_cells(view, trials, caption, remarks, texts=texts) if trials else None


def _failures(view: StudyView, texts: Catalogue) -> tuple[tuple[FailureGroup, ...], tuple[int, ...]]:
    """Failed trials grouped by what went wrong, and the numbers of those that find no room."""
    groups: dict[tuple[str, str], list[int]] = {}
    for trial in view.trials:
        if trial.state is TrialState.FAILED:
            groups.setdefault((_reason(trial, texts), short(trial.source or "", 120)), []).append(trial.number)
    shown = list(groups.items())
    more = sorted(number for _, numbers in shown[_MAX_GROUPS:] for number in numbers)
    return (
        tuple(
            FailureGroup(trials=tuple(numbers), reason=key[0], source=key[1]) for key, numbers in shown[:_MAX_GROUPS]
        ),
        tuple(more),
    )


def _reason(trial: TrialRecord, texts: Catalogue) -> str:
    """``line 3: ValueError: text``, each part once: a reason may begin with the others already."""
    reason = translate(trial.reason, texts)
    text = reason if trial.error and trial.error in trial.reason else f"{trial.error}: {reason}"
    known = trial.line is None or f"line {trial.line}:" in trial.reason
    where = "" if known else texts("record.line", line=trial.line)
    return short(where + text.removeprefix(": "), MAX_TEXT)


def _notes(view: StudyView, texts: Catalogue) -> tuple[str, ...]:
    notes = [_fact(note, texts) for note in dict.fromkeys(view.notes)]
    cut = [trial.number for trial in view.trials if trial.state is TrialState.INTERRUPTED]
    skipped = [trial.number for trial in view.trials if trial.state is TrialState.PRUNED and not trial.epochs_done]
    for key, numbers in (("record.cut_off", cut), ("record.skipped", skipped)):
        if numbers:
            notes.append(texts(key, count=len(numbers), trials=numbered(numbers, texts)))
    if skipped and view.trial(skipped[0]).reason:
        why = _reason(view.trial(skipped[0]), texts)
        notes[-1] = texts("record.skipped_why", text=notes[-1], number=skipped[0], reason=why)
    left = len(notes) - _MAX_NOTES
    if left <= 0:
        return tuple(notes)
    return (*notes[:_MAX_NOTES], texts("record.more_notes", count=left))


def numbered(trials: Iterable[int], texts: Catalogue = ENGLISH) -> str:
    """``trial 3`` or ``trials 3, 4, 8``; of a long list the first twenty."""
    numbers = list(trials)
    text = ", ".join(map(str, numbers[:20]))
    if len(numbers) > 20:
        text = texts("record.numbers_more", numbers=text, count=len(numbers) - 20)
    return texts("record.numbered", count=len(numbers), numbers=text)


def _settings(view: StudyView, texts: Catalogue) -> tuple[tuple[str, str], ...]:
    comma, semicolon = texts("list.comma"), texts("list.semicolon")
    space = [f"{short(p.name)} {short(range_text(p, texts))}" for p in view.space.parameters]
    objectives = [(view.objective, view.direction), *view.objectives] if view.objective else []
    directions = [f"{short(name)}{comma}{texts(f'direction.{direction}')}" for name, direction in objectives]
    search = texts("record.strategy", strategy=view.strategy, seed=view.seed) if view.strategy else ""
    pruner = view.pruner if view.pruner != "none" else ""
    pairs = [
        ("objective", semicolon.join(directions)),
        ("search", short(reasoned(search, view.strategy_reason, texts), MAX_TEXT)),
        ("pruner", short(reasoned(pruner, view.pruner_reason, texts), MAX_TEXT)),
        ("trials_ran", short(reasoned(place_text(view, texts), view.executor_reason, texts), MAX_TEXT)),
        ("space", short(semicolon.join(space), 800)),
        ("limits", comma.join(_limits(view, texts))),
        ("data", _fact(view.data, texts)),
        ("versions", short(", ".join(f"{name} {version}" for name, version in view.versions.items()), MAX_TEXT)),
    ]
    return tuple((texts(f"record.{key}"), text) for key, text in pairs if text)


def _limits(view: StudyView, texts: Catalogue) -> list[str]:
    if not view.epochs:
        return []
    limits = [] if view.max_trials is None else [count_text("trials", view.max_trials, texts)]
    limits += [] if view.minutes is None else [count_text("minutes", view.minutes, texts)]
    limits.append(texts("record.epochs_a_trial", epochs=count_text("epochs", view.epochs, texts)))
    runs = runs_text(view, texts)
    return [*limits, *filter(None, [runs, view.model_limits])]
