"""In words, why a search has come to its end."""

from __future__ import annotations

from tunemagic import events as ev
from tunemagic.text import counted
from tunemagic.trial import StudyView, TrialState

__all__ = ["end_message"]


def end_message(view: StudyView, reason: ev.EndReason, *, in_a_row: int) -> str:
    """What StudyEnded says of this study; ``in_a_row`` trials have failed, or were skipped, at its end."""
    ended = view.ended_trials
    trials = counted(ended, "trial")
    if reason is ev.EndReason.FAILURES:
        last = next(trial for trial in reversed(view.trials) if trial.state is TrialState.FAILED)
        at = "" if last.line is None else f" (line {last.line}: {(last.source or '').strip()})"
        return f"{in_a_row} trials failed in a row; the last one: {last.reason}{at}"
    if reason is ev.EndReason.LIMITS:
        last = next(trial for trial in reversed(view.trials) if trial.state is TrialState.PRUNED)
        return f"{in_a_row} proposals in a row break a limit; the last one: {last.reason}"
    return {
        ev.EndReason.TRIALS: "the one trial is done" if ended == 1 else f"all {ended} trials done",
        ev.EndReason.TIME: f"time is up after {trials}",
        ev.EndReason.EXHAUSTED: f"every combination was tried ({trials})",
        ev.EndReason.STOPPED: f"stopped after {trials}",
    }[reason]
