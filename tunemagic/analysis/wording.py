"""Numbers, durations and progress in the words that every screen uses.

The panel's twin is ``labextension/src/model/format.ts``; change both together.
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Sequence

from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.i18n.facts import translate
from tunemagic.space import Kind, Parameter, Sampling, Value
from tunemagic.text import one_line
from tunemagic.trial import StudyState, StudyView, TrialRecord, TrialState

__all__ = [
    "MISSING",
    "best_text",
    "byte_text",
    "clock",
    "count_text",
    "number_text",
    "place_text",
    "progress_line",
    "pruned_text",
    "range_text",
    "reasoned",
    "remaining_seconds",
    "runs_text",
    "score_text",
    "seconds_text",
    "share_text",
    "spread_text",
    "state_text",
    "value_text",
    "verified_text",
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


def spread_text(trial: TrialRecord) -> str:
    """A trial's score, with the spread of the runs behind it where there are several: ``0.9532 ± 0.002``."""
    score = number_text(trial.score)
    if trial.score is None or trial.spread is None:
        return score
    # How far runs lie apart is hardly known better than to two digits.
    return f"{score} ± {number_text(float(f'{trial.spread:.2g}'))}"


def verified_text(scores: Sequence[float]) -> str:
    """Mean and standard deviation of a trial's trainings from other seeds: ``0.9471 ± 0.0031``; a dash without any."""
    if not scores:
        return MISSING
    mean = number_text(statistics.fmean(scores))
    return mean if len(scores) == 1 else f"{mean} ± {number_text(float(f'{statistics.stdev(scores):.2g}'))}"


def count_text(what: str, count: float, texts: Catalogue = ENGLISH) -> str:
    """``1 trial``, ``2,000 trials``, ``2.5 minutes``: ``what`` is one of the catalogue's ``count.*``."""
    number = f"{count:g}" if isinstance(count, float) else f"{count:,}"
    return texts(f"count.{what}", count=count, number=number)


def range_text(parameter: Parameter, texts: Catalogue = ENGLISH) -> str:
    """The range in a few characters: ``32 … 256 step 32``, ``0.0001 … 0.1 log``, ``relu | tanh``."""
    if parameter.kind not in (Kind.INT, Kind.FLOAT):
        return parameter.describe()
    parts = [f"{parameter.low:g} … {parameter.high:g}"]
    if parameter.step is not None:
        parts.append(texts("range.step", step=f"{parameter.step:g}"))
    if parameter.sampling is not Sampling.LINEAR:
        parts.append(texts(f"range.{parameter.sampling}"))
    return " ".join(parts)


def score_text(view: StudyView, texts: Catalogue = ENGLISH) -> str:
    """``val_accuracy 0.9711 (trial 7)``, or ``no score yet``."""
    best = view.best_trial
    if best is None:
        return texts("progress.no_score")
    return texts("progress.score", objective=view.objective, score=spread_text(best), trial=best.number)


def best_text(view: StudyView, score: str, texts: Catalogue = ENGLISH) -> str:
    """``best SCORE``; of a study without a score only what stands there instead."""
    return score if view.best is None else texts("progress.best", score=score)


def state_text(trial: TrialRecord, texts: Catalogue = ENGLISH) -> str:
    """A trial's state; ``skipped`` when it was pruned before training."""
    state = "skipped" if trial.state is TrialState.PRUNED and not trial.epochs_done else trial.state
    return texts(f"state.{state}")


def pruned_text(view: StudyView, texts: Catalogue = ENGLISH) -> str:
    """`` (3 pruned, 2 skipped)``, or nothing."""
    pruned = sum(trial.state is TrialState.PRUNED and trial.score is not None for trial in view.trials)
    parts = [texts("progress.pruned", count=pruned)] if pruned else []
    parts += [texts("progress.skipped", count=view.skipped_trials)] if view.skipped_trials else []
    return texts("progress.brackets", text=texts("list.comma").join(parts)) if parts else ""


def place_text(view: StudyView, texts: Catalogue = ENGLISH) -> str:
    """Where the study's trials run; "" when that was never said."""
    match view.executor:
        case "inline" | "replay":
            return texts(f"place.{view.executor}")
        case "process":
            return texts("place.process", count=view.workers)
        case "dask":
            workers = [count_text("workers", view.workers, texts)] if view.workers else []
            return texts("list.comma").join([texts("place.dask"), *workers])
        case other:
            return other


def runs_text(view: StudyView, texts: Catalogue = ENGLISH) -> str:
    """``3 repeats × 5 folds`` of each trial, or nothing for a single training."""
    repeats = [texts("runs.repeats", count=view.repeats)] if view.repeats > 1 else []
    return " × ".join([*repeats, *([count_text("folds", view.folds, texts)] if view.folds else [])])


def reasoned(what: str, reason: str, texts: Catalogue = ENGLISH) -> str:
    """What was chosen and, where it is known, why; a reason that tunemagic gave is translated."""
    return what + texts("list.dash") + translate(reason, texts) if what and reason else what


def remaining_seconds(view: StudyView) -> float | None:
    """Seconds until the search will have ended, or None when there is nothing to go by.

    Ended trials and the running trials' share of their epochs count as progress; of a limit of
    trials and a limit of minutes, the one reached first counts.
    """
    if view.state is not StudyState.RUNNING:
        return None
    estimates = [] if view.minutes is None else [60 * view.minutes - view.elapsed]
    running = (trial for trial in view.trials if trial.state is TrialState.RUNNING)
    done = view.ended_trials + sum(_share_done(view, trial) for trial in running)
    if view.max_trials is not None and done > 0:
        estimates.append(view.elapsed / done * max(0.0, view.max_trials - done))
    return max(0.0, min(estimates)) if estimates else None


def _share_done(view: StudyView, trial: TrialRecord) -> float:
    """The part of a running trial that is done, from 0 to 1."""
    runs = len(trial.more_curves) + min(1.0, trial.epochs_done / max(1, trial.epochs))
    return min(1.0, runs / view.runs)


def progress_line(view: StudyView, texts: Catalogue = ENGLISH) -> str:
    """Where the study stands, on one line.

    ``trial 12/30 (3 pruned) · best val_accuracy 0.9711 (trial 7) · 3:20 elapsed · about 4:10 left
    · in the kernel`` while it runs, ``30/30 trials, finished · best ... · 7:30`` afterwards.
    """
    best = best_text(view, score_text(view, texts), texts)
    pruned = pruned_text(view, texts)
    if not view.under_way:
        ended = view.ended_trials
        all_of = ended if view.max_trials is None else view.max_trials
        trials = count_text("trials", all_of, texts)
        shown = trials if view.max_trials is None else f"{ended}/{trials}"
        end = texts("progress.ended", trials=shown, pruned=pruned, state=texts(f"state.{view.state}"))
        return one_line(f"{end} · {best} · {clock(view.elapsed)}")
    total = "" if view.max_trials is None else f"/{view.max_trials}"
    number = len(view.trials) - view.skipped_trials
    parts = [texts("progress.trial", number=number, total=total, pruned=pruned), best]
    remaining = remaining_seconds(view)
    if view.executor in ("process", "dask") and not view.workers_ready:
        parts.append(texts("progress.starting", count=view.workers))
    else:
        parts.append(texts("progress.elapsed", clock=clock(view.elapsed)))
        parts += [] if remaining is None else [texts("progress.left", clock=clock(remaining))]
    parts += [texts("state.paused")] if view.state is StudyState.PAUSED else []
    return one_line(" · ".join([*parts, place_text(view, texts)] if view.executor else parts))
