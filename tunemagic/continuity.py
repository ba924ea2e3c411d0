"""Whether a cell may go on with a study: what both are made from, what differs, what is left to do."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from collections.abc import Collection, Iterable, Mapping

from tunemagic import events as ev
from tunemagic.errors import StudyChangedError
from tunemagic.request import DEFAULT_TRIALS, DEVICE_VALUES, Objective, Tuner, TuneRequest
from tunemagic.search.data import TrainingData
from tunemagic.search.job import TrialProgram
from tunemagic.space import SearchSpace
from tunemagic.trial import StudyState, StudyView, TrialRecord, TrialState

__all__ = [
    "DEFAULT_SEED",
    "check_same",
    "extends",
    "fingerprint",
    "first_limit",
    "limits_again",
    "package_versions",
    "something_left",
    "values_outside",
]

DEFAULT_SEED = 0
_FINISHED = (StudyState.FINISHED, StudyState.STOPPED, StudyState.FAILED)
# Trials before and after such a change could not be compared.
_KEPT = ("--objective", "--tuner", "--seed", "--val", "--repeats", "--folds", "--quant")
_BY_EPOCHS = (Tuner.HYPERBAND, Tuner.BOHB)  # their brackets are made for one number of epochs
_PACKAGES = ("tunemagic", "keras", "keras-tuner", "optuna", "tensorflow")


def fingerprint(
    request: TuneRequest, program: TrialProgram, data: TrainingData, sources: Mapping[str, str]
) -> dict[str, str]:
    """What makes two runs of a cell the same study, part by part, so a difference can be named."""
    functions = "".join(f"{name}\0{text}\0" for name, text in sorted(sources.items()))
    objective = request.objective
    val = request.val
    return {
        "the cell": _short_hash(getattr(program, "source", "")),
        "functions that the cell uses": _short_hash(functions),
        "the data": data.digest[:16],
        "--data": ",".join(data.names),
        "--val": "" if val is None else f"{val.kind} {val.fraction:g} {','.join(val.names)}",
        "--objective": ("val_loss" if objective is None else _shown(objective))
        + "".join(f" {_shown(each)}" for each in request.objectives),
        "--tuner": str(request.tuner),
        "--epochs": str(request.epochs),
        "--seed": str(DEFAULT_SEED if request.seed is None else request.seed),
        "--repeats": "" if request.repeats == 1 else str(request.repeats),
        "--folds": "" if request.folds is None else str(request.folds),
        "--quant": str(request.device_mode) if {each.name for each in request.objectives} & set(DEVICE_VALUES) else "",
        "package versions": " ".join(f"{name} {version}" for name, version in sorted(package_versions().items())),
    }


def _shown(objective: Objective) -> str:
    return f"{objective.name}:{objective.direction or ''}"


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def package_versions() -> dict[str, str]:
    """The versions that a study's results depend on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def check_same(name: str, old: StudyView, marks: Mapping[str, str], *, resume: bool) -> None:
    """Raise StudyChangedError, naming what differs, unless the cell may go on with the study."""
    different = [part for part, value in marks.items() if old.fingerprint.get(part, "") != value]
    fatal = [part for part in different if part in _KEPT or (part == "--epochs" and old.strategy in _BY_EPOCHS)]
    if resume and fatal:
        raise StudyChangedError(
            f"study {name} can't go on: {_differences(old, marks, fatal)}. Set it back, or use --new or another NAME."
        )
    if different and not resume:
        raise StudyChangedError(
            f"study {name} has {old.ended_trials} trials from something else: {_differences(old, marks, different)}. "
            "Use --resume to go on all the same, --new to start afresh (the old one is kept aside), or another NAME."
        )


def _differences(old: StudyView, marks: Mapping[str, str], parts: Iterable[str]) -> str:
    texts = []
    for part in parts:
        before = old.fingerprint.get(part, "")
        readable = part.startswith("--") or part == "package versions"
        texts.append(
            f"{part} was {before or 'not set'} and is {marks[part] or 'not set'}" if readable else f"{part} changed"
        )
    return "; ".join(texts)


def first_limit(request: TuneRequest, tuner: Tuner) -> int | None:
    """The asked number; without one the default, but none for a grid or when minutes limit the study."""
    if request.max_trials is not None or request.minutes is not None or tuner is Tuner.GRID:
        return request.max_trials
    return DEFAULT_TRIALS


def limits_again(request: TuneRequest, old: StudyView, events: Iterable[ev.Event]) -> tuple[int | None, float | None]:
    """What the request says, else what the study had.

    A cell that runs again as it was does not undo what the user has made of its limits meanwhile;
    who asks the study to go on means what is said now.
    """
    if request.max_trials is None and request.minutes is None:
        return old.max_trials, old.minutes
    asked = (request.max_trials, request.minutes)
    return (old.max_trials, old.minutes) if not request.resume and asked == _limits_asked(events) else asked


def _limits_asked(events: Iterable[ev.Event]) -> tuple[int | None, float | None] | None:
    """The limits that the cell itself asked for last, whatever the user has made of them since."""
    asked: tuple[int | None, float | None] | None = None
    now = asked
    for event in events:
        if isinstance(event, (ev.StudyStarted, ev.LimitsChanged, ev.StudyResumed)):
            limits = (event.max_trials, event.minutes)
            if not isinstance(event, ev.LimitsChanged) and limits != now:
                asked = limits
            now = limits
    return asked


def something_left(old: StudyView, max_trials: int | None, minutes: float | None, *, same: bool = True) -> bool:
    """Whether there are trials to run within these limits; ``same`` says that the cell has not changed."""
    if old.state not in _FINISHED or any(t.state in (TrialState.RUNNING, TrialState.INTERRUPTED) for t in old.trials):
        return True
    if old.queued:
        return True
    if old.end_reason is ev.EndReason.EXHAUSTED and same:
        return False
    time_left = minutes is None or old.elapsed < 60 * minutes
    # A model that breaks a limit is skipped, and another one takes its place.
    return time_left and (max_trials is None or len(old.trials) - old.skipped_trials < max_trials)


def extends(space: SearchSpace, other: SearchSpace) -> bool:
    """Whether ``space`` has every parameter of ``other`` unchanged."""
    return set(other.parameters) <= set(space.parameters)


def values_outside(space: SearchSpace, trials: Iterable[TrialRecord], *, anything: Collection[str] = ()) -> list[str]:
    """What keeps these trials from belonging to the space, in words; empty when all fit.

    Parameters named in ``anything`` may have any value: the user has changed their ranges.
    """
    faults: list[str] = []
    for trial in trials:
        active = {p.name: p for p in space.parameters if p.active(trial.values)}
        faults += [f"trial {trial.number} has no {name}" for name in active if name not in trial.values]
        for name, value in trial.values.items():
            if name not in active:
                faults.append(f"trial {trial.number} has {name}, which the cell does not have")
            elif name not in anything and not active[name].contains(value):
                faults.append(f"trial {trial.number} has {name}={value!r}, outside {active[name].describe()}")
    return faults
