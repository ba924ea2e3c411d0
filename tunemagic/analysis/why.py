"""What happened in one trial and why, as labelled texts."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping

from tunemagic.analysis.wording import (
    byte_text,
    count_text,
    number_text,
    reasoned,
    seconds_text,
    spread_text,
    state_text,
    value_text,
)
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.i18n.facts import translate
from tunemagic.text import one_line
from tunemagic.trial import LOG_LINES, StudyView, TrialRecord, TrialState

__all__ = ["TrialStory", "explain_trial", "log_lines"]

_MAX_TEXT = 2000
_MAX_EPOCHS = 30


class TrialStory(tuple[tuple[str, str], ...]):
    """Labels and texts of a trial, which print as lines."""

    def __repr__(self) -> str:
        width = max((len(label) for label, _ in self), default=0)
        return "\n".join(f"{label:{width}}  {text}" for label, text in self)


def explain_trial(view: StudyView, number: int, log: str, texts: Catalogue = ENGLISH) -> list[tuple[str, str]]:
    """Labels and texts, in the order in which they are read; nothing that is empty.

    ``log`` is what the trial's worker printed: its last lines come one by one at the end, below
    the first without a label. Every text is one line. Raises IndexError when there is no such trial.
    """
    trial = view.trial(number)
    comma = texts("list.comma")
    rows = [
        ("state", _state(view, trial, texts)),
        ("reason", _reason(trial, texts)),
        ("source", _source(trial, texts)),
        ("score", _score(view, trial, texts)),
        ("runs", comma.join(map(number_text, trial.scores))),
        ("verified", _verified(trial, texts)),
        ("pareto", _pareto(view, trial, texts)),
        ("values", comma.join(f"{name}={value_text(value)}" for name, value in trial.values.items())),
        ("proposal", _proposal(trial, texts)),
        ("place", comma.join(_place(view, trial, texts))),
        ("trainer", translate(trial.trainer, texts)),
        ("metrics", comma.join(f"{name} {number_text(value)}" for name, value in trial.metrics.items())),
        ("time", "" if trial.seconds is None else seconds_text(trial.seconds)),
        ("files", _files(trial, texts)),
    ]
    labelled = [(texts(f"why.{name}"), text) for name, text in rows] + list(_epochs(view.objective, trial, texts))
    return [(label, one_line(text, _MAX_TEXT)) for label, text in labelled if text] + _log(log, texts)


def _state(view: StudyView, trial: TrialRecord, texts: Catalogue) -> str:
    state = state_text(trial, texts)
    if not trial.epochs_done:
        return state
    run = texts("why.in_run", run=len(trial.runs_curves), runs=view.runs) if view.runs > 1 else ""
    epochs = count_text("epochs", trial.epochs, texts)
    return texts("why.state_epochs", state=state, done=trial.epochs_done, epochs=epochs, run=run)


def _reason(trial: TrialRecord, texts: Catalogue) -> str:
    reason = translate(trial.reason, texts)
    return reason if not trial.error or trial.error in trial.reason else f"{trial.error}: {reason}"


def _source(trial: TrialRecord, texts: Catalogue) -> str:
    if trial.line is None:
        return ""
    if trial.source is None:
        return texts("why.line", line=trial.line)
    return texts("why.line_source", line=trial.line, source=trial.source.strip())


def _score(view: StudyView, trial: TrialRecord, texts: Catalogue) -> str:
    if trial.score is None:
        return ""
    ranking = view.ranking()
    place = next(place for place, other in enumerate(ranking, start=1) if other.number == trial.number)
    epoch = "" if trial.best_epoch is None else texts("why.in_epoch", epoch=trial.best_epoch)
    return texts(
        "why.placed",
        objective=view.objective,
        score=spread_text(trial),
        epoch=epoch,
        place=place,
        count=len(ranking),
    )


def _verified(trial: TrialRecord, texts: Catalogue) -> str:
    if len(trial.verified) < 2:
        return ""
    return texts(
        "why.retrained",
        scores=texts("list.comma").join(map(number_text, trial.verified)),
        mean=number_text(statistics.fmean(trial.verified)),
        spread=number_text(float(f"{statistics.stdev(trial.verified):.2g}")),
    )


def _pareto(view: StudyView, trial: TrialRecord, texts: Catalogue) -> str:
    if not view.objectives or trial.score is None:
        return ""
    missing = [name for name, _ in view.objectives if trial.metrics.get(name) is None]
    if missing:
        return texts("why.pareto_missing", names=texts("list.comma").join(missing))
    inside = any(other.number == trial.number for other in view.pareto())
    return texts("why.pareto_yes" if inside else "why.pareto_no")


def _proposal(trial: TrialRecord, texts: Catalogue) -> str:
    why = translate(trial.why, texts)
    if trial.parent is None or f"goes on from trial {trial.parent}" in trial.why:
        return why
    return reasoned(why, texts("why.parent", trial=trial.parent), texts)


def _place(view: StudyView, trial: TrialRecord, texts: Catalogue) -> list[str]:
    parts = [] if trial.worker is None else [texts("why.worker", worker=trial.worker)]
    if trial.worker is None and view.executor == "inline" and trial.state is not TrialState.INTERRUPTED:
        parts.append(texts("why.kernel"))
    if trial.attempt > 1:
        parts.append(texts("why.attempt", attempt=trial.attempt))
    if trial.resumed_epoch:
        parts.append(texts("why.after_epoch", epoch=trial.resumed_epoch))
    if trial.resumed_run > 1:
        parts.append(texts("why.run" if trial.resumed_epoch else "why.with_run", run=trial.resumed_run))
    return parts


def _files(trial: TrialRecord, texts: Catalogue) -> str:
    parts = [] if trial.weights is None else [texts("why.weights", size=byte_text(trial.weights.bytes))]
    if trial.state_file is not None:
        run = texts("why.of_run", run=trial.state_run) if trial.state_run > 1 else ""
        size = byte_text(trial.state_file.bytes)
        parts.append(texts("why.training_state", epoch=trial.state_epoch, run=run, size=size))
    return "; ".join(parts)


def _epochs(objective: str, trial: TrialRecord, texts: Catalogue) -> Iterator[tuple[str, str]]:
    """The objective's values, one row for each run."""
    several = len(trial.runs_curves) > 1
    for run, curves in enumerate(trial.runs_curves, start=1):
        label = texts("why.epochs_of_run", run=run) if several else texts("why.epochs")
        yield label, _values(objective, curves)


def _values(objective: str, curves: Mapping[str, tuple[float | None, ...]]) -> str:
    curve = curves.get(objective, ())
    left = len(curve) - _MAX_EPOCHS
    shown = [*(["…"] if left > 0 else []), *map(number_text, curve[max(0, left) :])]
    return f"{objective} {', '.join(shown)}" if curve else ""


def log_lines(log: str, texts: Catalogue = ENGLISH) -> list[str]:
    """The last lines of a log, below one that says how many came before; none of an empty log."""
    lines = [line for line in log.splitlines() if line.strip()]
    left = len(lines) - LOG_LINES
    earlier = [texts("why.earlier_lines", count=left)] if left > 0 else []
    return earlier + [one_line(line, _MAX_TEXT) for line in lines[-LOG_LINES:]]


def _log(log: str, texts: Catalogue) -> list[tuple[str, str]]:
    return [("" if place else texts("why.log"), line) for place, line in enumerate(log_lines(log, texts))]
