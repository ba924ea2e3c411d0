"""Facts about a study, frozen, in the order in which they happened.

The only contract between a study and any screen: journal lines, panel messages and tests all
hold these. ``labextension/src/model/protocol.ts`` is generated from this module.

Every event crosses JSON, so numbers are finite: what was NaN or infinite is None, with a reason
beside it. ``seq`` counts from 1 without gaps within a study; ``at`` is seconds since the epoch
in UTC (for people); ``elapsed`` is seconds of searching so far from a monotonic clock, carried
over from session to session (for budgets and durations: a clock that jumps does no harm).
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
import math
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tunemagic.errors import JournalError

__all__ = [
    "PROTOCOL_VERSION",
    "Direction",
    "EndReason",
    "EpochEnded",
    "Event",
    "ExecutorChosen",
    "LimitsChanged",
    "ModelExported",
    "RunEnded",
    "SpaceChanged",
    "StudyContinued",
    "StudyDiagnosed",
    "StudyEnded",
    "StudyNoted",
    "StudyPaused",
    "StudyResumed",
    "StudyStarted",
    "TrialFailed",
    "TrialFinished",
    "TrialPruned",
    "TrialQueued",
    "TrialStarted",
    "TrialStateSaved",
    "TrialStopped",
    "TrialVerified",
    "Verdict",
    "WeightsDropped",
    "WeightsFile",
    "WorkersReady",
    "collector_paused",
    "event_from_json",
    "event_to_json",
    "event_types",
    "finite",
]

PROTOCOL_VERSION = 1


class Direction(StrEnum):
    """Whether smaller or larger objective values are better."""

    MIN = "min"
    MAX = "max"

    def better(self, new: float, old: float | None) -> bool:
        """Whether ``new`` strictly improves on ``old``; anything improves on None."""
        if old is None:
            return True
        return new < old if self is Direction.MIN else new > old


class EndReason(StrEnum):
    """Why a study's search came to its end."""

    TRIALS = "trials"  # the wanted number of trials was run
    TIME = "time"  # the wanted number of minutes has passed
    EXHAUSTED = "exhausted"  # every combination was tried
    STOPPED = "stopped"  # the user said so
    FAILURES = "failures"  # too many trials failed in a row
    LIMITS = "limits"  # no proposed model kept to the limits, such as --max-params
    ERROR = "error"  # the search itself could not go on (disk full, a fault of tunemagic)


class Verdict(StrEnum):
    """What comparing an exported file with the Keras model showed."""

    VERIFIED = "verified"
    NOT_VERIFIED = "not verified"  # it runs, but misses the tolerance
    FAILED = "failed"  # it could not be converted, loaded or run


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsFile:
    """A trial's weights or training state on disk: a name inside the study's folder and its hash."""

    file: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What all events have. The study's loop fills these in when it records the event."""

    seq: int = 0
    at: float = 0.0
    elapsed: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyStarted(Event):
    """A new study: what is searched, how, and from what. First line of every journal.

    ``strategy`` and ``pruner`` are what runs, their reasons say who chose it: the user or a rule.
    ``objectives`` are further ones beside ``objective``, each ``{"name", "direction"}``. A trial
    is trained ``repeats`` times, on each of ``folds`` splits when that is not 0. ``model_limits`` are
    the options that limit each model.
    """

    study: str
    session: str
    space: list[dict[str, Any]]
    objective: str
    direction: Direction
    strategy: str
    seed: int
    max_trials: int | None
    minutes: float | None
    epochs: int
    keep: int
    max_failures: int
    code: str
    data: str
    fingerprint: dict[str, str]
    versions: dict[str, str]
    strategy_reason: str = ""
    pruner: str = "none"
    pruner_reason: str = ""
    objectives: list[dict[str, str]] = dataclasses.field(default_factory=list)
    repeats: int = 1
    folds: int = 0
    model_limits: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyResumed(Event):
    """The study goes on in another session, perhaps with other limits.

    ``code``, ``data`` and ``fingerprint`` are what the study is made from now, ``keep``,
    ``max_failures``, ``pruner`` and ``model_limits`` what was asked for now; None = as before.
    """

    session: str
    max_trials: int | None
    minutes: float | None
    epochs: int
    reason: str = ""
    code: str | None = None
    data: str | None = None
    fingerprint: dict[str, str] | None = None
    keep: int | None = None
    max_failures: int | None = None
    pruner: str | None = None
    pruner_reason: str | None = None
    model_limits: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPaused(Event):
    """No further trial starts; each one that runs waits after its running epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyContinued(Event):
    """A paused study goes on, its waiting trials too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsChanged(Event):
    """The user gave a running study another budget; both limits are the ones that hold now."""

    max_trials: int | None
    minutes: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialQueued(Event):
    """The user wants these values tried; such trials come before the strategy's, in order."""

    values: dict[str, int | float | str | bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceChanged(Event):
    """Ranges were narrowed or widened by the user (``asked``), or the model code named new hyperparameters."""

    space: list[dict[str, Any]]
    reason: str
    asked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyNoted(Event):
    """Something the user should know that ends nothing: NaN in the data, a damaged file."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorChosen(Event):
    """Where this session's trials run and why: at each start, and when the user changes their number.

    ``kind`` is inline, process, dask or replay; ``workers`` how many trials run at a time.
    Workers are starting from the first one of a session on until WorkersReady or an epoch.
    """

    kind: str
    workers: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkersReady(Event):
    """The first worker can train; ``seconds`` is how long that took."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStarted(Event):
    """A trial begins. Trials count from 1; ``attempt`` is above 1 when an earlier one was cut off.

    ``why`` says in words why these values were proposed; ``memo`` is what the strategy needs to
    go on from here after a crash. A later attempt goes on after epoch ``resumed_epoch`` of run
    ``resumed_run``; epoch 0 of run 1 means that it starts afresh. ``queued``: its values are the
    first of those that the user has asked for, which then wait no more.
    """

    trial: int
    attempt: int
    values: dict[str, int | float | str | bool]
    epochs: int
    why: str
    parent: int | None = None
    memo: dict[str, Any] = dataclasses.field(default_factory=dict)
    resumed_epoch: int = 0
    resumed_run: int = 1
    queued: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochEnded(Event):
    """One epoch's metrics. ``epoch`` counts from 1; None stands for NaN or infinity.

    A trial with repeats or folds is trained in several runs, counted from 1.
    """

    trial: int
    attempt: int
    epoch: int
    logs: dict[str, float | None]
    run: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded(Event):
    """One of a trial's several trainings has ended. Not recorded for a trial with a single run."""

    trial: int
    attempt: int
    run: int
    score: float
    best_epoch: int
    metrics: dict[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStateSaved(Event):
    """Training can go on from here after a crash: weights, optimizer and best weights are in ``state``.

    ``epoch`` epochs of run ``run`` are done. It replaces the trial's earlier state.
    """

    trial: int
    attempt: int
    run: int
    epoch: int
    state: WeightsFile


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialFinished(Event):
    """A trial ran to its end. ``score`` and ``metrics`` are those of its best epoch.

    With several runs they are the means over the runs, and ``best_epoch`` and the weights are
    those of the best run. ``trainer`` says in words how it was trained and why so; ``worker``
    counts from 1, None in the kernel. ``metrics`` also holds what was measured on the model.
    """

    trial: int
    attempt: int
    score: float
    best_epoch: int
    metrics: dict[str, float | None]
    seconds: float
    weights: WeightsFile | None = None
    trainer: str = ""
    worker: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPruned(Event):
    """A trial was not worth going on with; ``reason`` has the numbers. It is no failure.

    Its best epoch so far counts like any other. ``score`` is None when it was skipped before
    training because its model breaks a limit.
    """

    trial: int
    attempt: int
    score: float | None
    best_epoch: int | None
    metrics: dict[str, float | None]
    seconds: float
    reason: str
    weights: WeightsFile | None = None
    trainer: str = ""
    worker: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStopped(Event):
    """A trial was ended early on purpose. Its best epoch so far counts like any other."""

    trial: int
    attempt: int
    score: float | None
    best_epoch: int | None
    metrics: dict[str, float | None]
    seconds: float
    reason: str
    weights: WeightsFile | None = None
    trainer: str = ""
    worker: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialFailed(Event):
    """A trial gave no usable score. ``line`` and ``source`` point into the user's cell."""

    trial: int
    attempt: int
    error: str
    reason: str
    seconds: float
    line: int | None = None
    source: str | None = None
    worker: int | None = None
    trainer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialVerified(Event):
    """A trial's values were trained again from other seeds, after the search, to know the noise of its score.

    ``scores`` are those of the new trainings alone: the trial's own score was picked among many, so
    it is better than its values deserve. They replace what was found before.
    """

    trial: int
    scores: list[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsDropped(Event):
    """A trial's weights are not among the best any more; the file is removed after this.

    With ``state_only`` it is its saved training state that nobody needs any more.
    """

    trial: int
    state_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyEnded(Event):
    """The search is over. ``message`` says it in words."""

    reason: EndReason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyDiagnosed(Event):
    """What the curves say about the model and the space; replaces what was found before.

    Each finding is a ``Finding`` of analysis.diagnosis as JSON: texts come from the catalogue, so
    that every screen shows them in its own language.
    """

    findings: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelExported(Event):
    """A model was turned into a file and compared with the Keras model in its real runtime.

    Sizes in bytes; ``microseconds`` is the median and ``microseconds_least`` the least time of one call,
    warm, with ``batch`` samples on ``threads`` threads; ``agreement`` is the share (0 to 1) of the
    ``samples`` held-out samples on which both models say the same class, None for regression.
    ``flips`` are the first of those on which they don't: indices of the held-out samples.
    ``confusion[truth][answer]`` counts the file's answers. ``seconds`` is how long the conversion
    took. ``operations`` are those of the file, each once. Numbers are None where the step was not
    reached.
    """

    trial: int | None
    target: str
    mode: str
    path: str
    verdict: Verdict
    message: str
    bytes: int | None = None
    gzip_bytes: int | None = None
    sha256: str | None = None
    score_name: str | None = None
    score_before: float | None = None
    score_after: float | None = None
    agreement: float | None = None
    max_abs_diff: float | None = None
    tolerance: float | None = None
    tolerance_reason: str = ""
    samples: int | None = None
    flips: list[int] = dataclasses.field(default_factory=list)
    confusion: list[list[int]] | None = None
    microseconds: float | None = None
    microseconds_least: float | None = None
    threads: int | None = None
    batch: int | None = None
    runtime: str = ""
    operations: list[str] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)
    seconds: float | None = None


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """For making many events at once: Python's collector would walk everything in the process again and again.

    Nothing that is made meanwhile is garbage; halves the time for a study of 2000 trials.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def finite(value: float | None) -> float | None:
    """The value as a float, or None when it is NaN, infinite or None."""
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


@functools.cache
def event_types() -> Mapping[str, type[Event]]:
    """Every concrete event by the name that stands in its JSON's ``type``."""
    return {cls.__name__: cls for cls in Event.__subclasses__()}


def event_to_json(event: Event) -> dict[str, Any]:
    """Plain JSON values with ``v`` and ``type`` in front; the inverse of event_from_json."""
    return {"v": PROTOCOL_VERSION, "type": type(event).__name__, **dataclasses.asdict(event)}


def event_from_json(data: Mapping[str, Any]) -> Event:
    """Rebuild an event.

    Raises JournalError on an unknown type, on a newer version, or on missing or unknown fields:
    a line that can't be understood is never guessed at.
    """
    version, name = data.get("v"), str(data.get("type"))
    cls = event_types().get(name)
    if version != PROTOCOL_VERSION or cls is None:
        raise JournalError(
            f"expected an event of version {PROTOCOL_VERSION}; received type={name!r} version={version!r}. "
            "It was written by another version of tunemagic: open it with that version."
        )
    fields = {key: value for key, value in data.items() if key not in ("v", "type")}
    try:
        for key, restore in _restorers(name).items():
            if fields.get(key) is not None:
                fields[key] = restore(fields[key])
        return cls(**fields)
    except (TypeError, ValueError) as error:
        raise JournalError(f"{name} event {data.get('seq')!r} can't be read: {error!r}") from error


@functools.cache
def _restorers(name: str) -> dict[str, Callable[[Any], Any]]:
    """What turns JSON values back into the enums and WeightsFiles that the event's fields declare.

    Only for fields that need it: a long study's journal holds tens of thousands of events.
    """
    found: dict[str, Callable[[Any], Any]] = {}
    for key, hint in typing.get_type_hints(event_types()[name]).items():
        for option in typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,):
            if option is WeightsFile:
                found[key] = _restore_file
            elif isinstance(option, type) and issubclass(option, StrEnum):
                found[key] = option
    return found


def _restore_file(value: Mapping[str, Any]) -> WeightsFile:
    return WeightsFile(**value)
