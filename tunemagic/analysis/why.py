"""What happened in one trial and why, as labelled texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tunemagic.analysis.wording import (
    byte_text,
    number_text,
    reasoned,
    seconds_text,
    spread_text,
    state_text,
    value_text,
)
from tunemagic.text import counted, one_line
from tunemagic.trial import LOG_LINES, StudyView, TrialRecord, TrialState

__all__ = ["explain_trial"]

_MAX_TEXT = 2000
_MAX_EPOCHS = 30


def explain_trial(view: StudyView, number: int, log: str) -> list[tuple[str, str]]:
    """Labels and texts, in the order in which they are read; nothing that is empty.

    ``log`` is what the trial's worker printed: its last lines come one by one at the end, below
    the first without a label. Every text is one line. Raises IndexError when there is no such trial.
    """
    trial = view.trial(number)
    rows = [
        ("state", _state(view, trial)),
        ("reason", _reason(trial)),
        ("your line", _source(trial)),
        ("score", _score(view, trial)),
        ("its runs", ", ".join(map(number_text, trial.scores))),
        ("Pareto set", _pareto(view, trial)),
        ("values", ", ".join(f"{name}={value_text(value)}" for name, value in trial.values.items())),
        ("proposed as", _proposal(trial)),
        ("trained", _place(view, trial)),
        ("trained by", trial.trainer),
        ("metrics", ", ".join(f"{name} {number_text(value)}" for name, value in trial.metrics.items())),
        ("time", "" if trial.seconds is None else seconds_text(trial.seconds)),
        ("kept", _files(trial)),
        *_epochs(view.objective, trial),
    ]
    return [(label, one_line(text, _MAX_TEXT)) for label, text in rows if text] + _log(log)


def _state(view: StudyView, trial: TrialRecord) -> str:
    if not trial.epochs_done:
        return state_text(trial)
    runs = f" in run {len(trial.runs_curves)} of {view.runs}" if view.runs > 1 else ""
    return f"{state_text(trial)} after {trial.epochs_done} of {counted(trial.epochs, 'epoch')}{runs}"


def _reason(trial: TrialRecord) -> str:
    return trial.reason if not trial.error or trial.error in trial.reason else f"{trial.error}: {trial.reason}"


def _source(trial: TrialRecord) -> str:
    if trial.line is None:
        return ""
    return f"line {trial.line}" + ("" if trial.source is None else f": {trial.source.strip()}")


def _score(view: StudyView, trial: TrialRecord) -> str:
    if trial.score is None:
        return ""
    ranking = view.ranking()
    place = next(place for place, other in enumerate(ranking, start=1) if other.number == trial.number)
    epoch = "" if trial.best_epoch is None else f" in epoch {trial.best_epoch}"
    return f"{view.objective} {spread_text(trial)}{epoch}, place {place} of {len(ranking)}"


def _pareto(view: StudyView, trial: TrialRecord) -> str:
    if not view.objectives or trial.score is None:
        return ""
    missing = [name for name, _ in view.objectives if trial.metrics.get(name) is None]
    if missing:
        return f"left out: no value of {', '.join(missing)}"
    inside = any(other.number == trial.number for other in view.pareto())
    other = "trial is as good in every objective and better in one"
    return f"yes: no other {other}" if inside else f"no: another {other}"


def _proposal(trial: TrialRecord) -> str:
    parent = "" if trial.parent is None else f"goes on from trial {trial.parent}"
    return reasoned(trial.why, parent and f"it {parent}") if parent not in trial.why else trial.why


def _place(view: StudyView, trial: TrialRecord) -> str:
    parts = [] if trial.worker is None else [f"in worker {trial.worker}"]
    if trial.worker is None and view.executor == "inline" and trial.state is not TrialState.INTERRUPTED:
        parts.append("in the kernel")
    if trial.attempt > 1:
        parts.append(f"attempt {trial.attempt}")
    if trial.resumed_epoch:
        parts.append(f"went on after epoch {trial.resumed_epoch}")
    if trial.resumed_run > 1:
        parts.append(f"in run {trial.resumed_run}" if trial.resumed_epoch else f"went on with run {trial.resumed_run}")
    return ", ".join(parts)


def _files(trial: TrialRecord) -> str:
    parts = [] if trial.weights is None else [f"weights, {byte_text(trial.weights.bytes)}"]
    if trial.state_file is not None:
        run = f" of run {trial.state_run}" if trial.state_run > 1 else ""
        parts.append(f"training state after epoch {trial.state_epoch}{run}, {byte_text(trial.state_file.bytes)}")
    return "; ".join(parts)


def _epochs(objective: str, trial: TrialRecord) -> Iterator[tuple[str, str]]:
    """The objective's values, one row for each run."""
    several = len(trial.runs_curves) > 1
    for run, curves in enumerate(trial.runs_curves, start=1):
        yield (f"epochs of run {run}" if several else "epochs"), _values(objective, curves)


def _values(objective: str, curves: Mapping[str, tuple[float | None, ...]]) -> str:
    curve = curves.get(objective, ())
    left = len(curve) - _MAX_EPOCHS
    shown = [*(["…"] if left > 0 else []), *map(number_text, curve[max(0, left) :])]
    return f"{objective} {', '.join(shown)}" if curve else ""


def _log(log: str) -> list[tuple[str, str]]:
    lines = [line for line in log.splitlines() if line.strip()]
    left = len(lines) - LOG_LINES
    shown = [f"… {counted(left, 'earlier line')}"] if left > 0 else []
    shown += [one_line(line, _MAX_TEXT) for line in lines[-LOG_LINES:]]
    return [("" if place else "log", line) for place, line in enumerate(shown)]
