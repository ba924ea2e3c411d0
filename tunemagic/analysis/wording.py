"""Numbers, durations and progress in the words that every screen uses.

The panel's twin is ``labextension/src/model/format.ts``; change both together.
"""

from __future__ import annotations

import math
import sys

from tunemagic.space import Value
from tunemagic.text import one_line
from tunemagic.trial import StudyState, StudyView, TrialState

__all__ = [
    "MISSING",
    "byte_text",
    "clock",
    "number_text",
    "progress_line",
    "remaining_seconds",
    "score_text",
    "seconds_text",
    "share_text",
    "value_text",
]

MISSING = "–"


def number_text(value: float | None) -> str:
    """At most four significant digits: ``0.9532``, ``1.2e-5``, ``1234``; a dash for None.

    A dash too for what no finite float can hold (a whole number of 400 digits).
    """
    # Written so that NaN ends here as well.
    if value is None or not abs(value) <= sys.float_info.max:
        return MISSING
    size = abs(value)
    if value == int(value) and size < 1e6:
        return str(int(value))
    if size >= 1e6 or size < 1e-4:
        digits, exponent = f"{value:.2e}".split("e")
        return f"{_trim(digits)}e{int(exponent)}"
    return _trim(f"{value:.{max(0, 3 - math.floor(math.log10(size)))}f}")


def _trim(digits: str) -> str:
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def value_text(value: Value | None) -> str:
    """A hyperparameter's value as a table shows it."""
    if value is None:
        return MISSING
    if isinstance(value, bool | str):
        return str(value)
    return number_text(value)


def clock(seconds: float) -> str:
    """Seconds as ``m:ss`` or ``h:mm:ss``, rounded down."""
    minutes, rest = divmod(max(0, math.floor(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def seconds_text(seconds: float | None) -> str:
    """How long a trial took: ``0.42 s``, ``12.3 s``, ``3:20``; a dash for None."""
    if seconds is None:
        return MISSING
    if seconds >= 100:
        return clock(seconds)
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"


def byte_text(count: int | None) -> str:
    """Bytes in decimal units, as file managers show them: ``812 B``, ``20.5 kB``; a dash for None."""
    if count is None:
        return MISSING
    if count < 1000:
        return f"{count} B"
    value, unit = (count / 1e3, "kB") if count < 1e6 else (count / 1e6, "MB")
    return f"{value:.1f} {unit}" if value < 100 else f"{value:.0f} {unit}"


def share_text(share: float | None) -> str:
    """A share from 0 to 1 in percent. It is rounded down: 100 % means all of them."""
    return MISSING if share is None else f"{math.floor(share * 1000) / 10:.1f} %"


def score_text(view: StudyView) -> str:
    """``val_accuracy 0.9711 (trial 7)``, or ``no score yet``."""
    best = view.best_trial
    return "no score yet" if best is None else f"{view.objective} {number_text(best.score)} (trial {best.number})"


def remaining_seconds(view: StudyView) -> float | None:
    """Seconds until the search will have ended, or None when there is nothing to go by.

    Ended trials and the running trial's share of its epochs count as progress; of a limit of
    trials and a limit of minutes, the one reached first counts.
    """
    if view.state is not StudyState.RUNNING:
        return None
    estimates = [] if view.minutes is None else [60 * view.minutes - view.elapsed]
    running = (trial for trial in view.trials if trial.state is TrialState.RUNNING)
    done = view.ended_trials + sum(min(1.0, trial.epochs_done / max(1, trial.epochs)) for trial in running)
    if view.max_trials is not None and done > 0:
        estimates.append(view.elapsed / done * max(0.0, view.max_trials - done))
    return max(0.0, min(estimates)) if estimates else None


def progress_line(view: StudyView) -> str:
    """Where the study stands, on one line.

    ``trial 12/30 · best val_accuracy 0.9711 (trial 7) · 3:20 elapsed · about 4:10 left`` while it
    runs, ``30/30 trials, finished · best ... · 7:30`` afterwards.
    """
    total = "" if view.max_trials is None else f"/{view.max_trials}"
    running = view.state is StudyState.RUNNING
    parts = [
        f"trial {len(view.trials)}{total}" if running else f"{view.ended_trials}{total} trials, {view.state}",
        f"best {score_text(view)}" if view.best is not None else score_text(view),
        clock(view.elapsed) + (" elapsed" if running else ""),
    ]
    remaining = remaining_seconds(view)
    if remaining is not None:
        parts.append(f"about {clock(remaining)} left")
    return one_line(" · ".join(parts))
