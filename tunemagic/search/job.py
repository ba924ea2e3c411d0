"""All that is needed to run one trial, and what comes back."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from tunemagic import events as ev
from tunemagic.search.data import TrainingData

__all__ = [
    "PARAMETERS",
    "Ending",
    "Gauge",
    "Measure",
    "Report",
    "StateTaken",
    "StopFlag",
    "TrialJob",
    "TrialOutcome",
    "TrialProgram",
    "Work",
    "WorkersStarted",
]

PARAMETERS = "parameters"  # every trial's number of weights is measured under this name
Measure: TypeAlias = Callable[[Any], Mapping[str, float]]
# What a model is on its device, by name: of the built model, inputs (sample, ...), facts about its trial, and what is
# set when it is to stop.
Gauge: TypeAlias = Callable[[Any, Any, Mapping[str, Any], threading.Event], Mapping[str, float]]


class TrialProgram(Protocol):
    """The user's model code, whichever way it is spelled (see search.cell)."""

    def run(self, hp: Any) -> Any:
        """Build model, fit arguments and data for one trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What all trials of a study share. It travels to a worker once.

    A trial is trained ``repeats`` times, on each of ``folds`` splits of the data when that is not
    0. ``measure`` gives further values of a trained model, ``gauge`` those that follow from its structure
    alone, before it is trained. A model with more than ``max_params`` weights is skipped, and one
    that is larger than ``max_kb`` (of 1000 bytes) or slower than ``max_ms`` by its gauge.
    ``state_seconds``: how often training states are taken at least.
    ``seed`` is the study's: it decides which samples a fold holds.
    """

    program: TrialProgram
    data: TrainingData
    objective: str
    direction: ev.Direction
    repeats: int = 1
    folds: int = 0
    measure: Measure | None = None
    max_params: int | None = None
    gauge: Gauge | None = None
    max_kb: float | None = None
    max_ms: float | None = None
    state_seconds: float = 25.0
    seed: int = 0

    def only_training(self) -> Work:
        """The same work with nothing measured or refused: what is trained again was accepted before."""
        return replace(
            self, repeats=1, measure=None, gauge=None, max_params=None, max_kb=None, max_ms=None, state_seconds=math.inf
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialJob:
    """One attempt at one trial.

    ``hp`` is the HyperParameters object holding the values. ``seed`` seeds Python, NumPy and Keras
    for this trial. ``state`` is a training state (see search.state) to go on from: the trial's own
    from an earlier attempt, or, with ``from_parent``, that of the trial it follows, whose first
    ``initial_epoch`` epochs it does not repeat. ``keep_state`` asks for the state at the end.
    ``batches`` is for dry runs: at most this many in an epoch (see search.few).
    """

    trial: int
    attempt: int
    work: Work
    hp: Any
    epochs: int
    seed: int
    fixed_epochs: bool = False
    initial_epoch: int = 0
    state: bytes | None = None
    from_parent: bool = False
    keep_state: bool = False
    batches: int | None = None


class Ending(StrEnum):
    """How an attempt ended."""

    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    SKIPPED = "skipped"  # its model breaks a limit; nothing was trained
    LOST = "lost"  # its worker died; the loop may try again


@dataclass(frozen=True, slots=True, kw_only=True)
class StateTaken:
    """A training state, to be kept in case that the worker or the kernel dies."""

    trial: int
    attempt: int
    run: int
    epoch: int
    state: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkersStarted:
    """The first worker can train; ``seconds`` since the executor was made."""

    seconds: float
    trial: None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialOutcome:
    """What an attempt gave. ``weights`` is the HDF5 file of the best epoch, in memory.

    ``hp`` comes back because the model code may have named new hyperparameters. ``state`` is the
    training state after the last epoch, when asked for. ``trainer`` says in words how the trial
    was trained and why so, ``log`` holds the last lines that a worker printed. For LOST ``error``
    is the signal's name, such as SIGKILL.
    """

    trial: int
    attempt: int
    ending: Ending
    seconds: float
    score: float | None = None
    best_epoch: int | None = None
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    weights: bytes | None = None
    state: bytes | None = None
    state_run: int = 1
    state_epoch: int = 0
    hp: Any = None
    error: str = ""
    reason: str = ""
    line: int | None = None
    source: str | None = None
    trainer: str = ""
    worker: int | None = None
    log: str = ""


Report: TypeAlias = ev.EpochEnded | ev.RunEnded | StateTaken | WorkersStarted | TrialOutcome


class StopFlag(threading.Event):
    """What a trial is told while it trains: to wait after its epoch, or to stop.

    An event that also calls back, so that a graph that reads a variable can be told to stop.
    ``held_seconds`` is how long the trial has waited so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.held_seconds = 0.0
        self._callbacks: list[Callable[[], None]] = []
        self._callbacks_lock = threading.Lock()
        self._free = threading.Event()
        self._free.set()

    def set(self) -> None:
        """Set the flag and call everybody who asked for it; each is called once. Who waits goes on."""
        super().set()
        with self._callbacks_lock:
            callbacks, self._callbacks = self._callbacks, []
            self._free.set()
        for callback in callbacks:
            callback()

    @property
    def held(self) -> bool:
        """Whether the trial is to wait after its epoch."""
        return not self._free.is_set()

    def hold(self) -> None:
        """Let the trial wait after its running epoch. A trial that is to stop never waits."""
        with self._callbacks_lock:
            if not self.is_set():
                self._free.clear()

    def release(self) -> None:
        """Let the trial go on."""
        self._free.set()

    def wait_while_held(self) -> None:
        """Called by the trial after an epoch: returns when it may go on or is to stop."""
        if self.held:
            began = time.monotonic()
            self._free.wait()
            self.held_seconds += time.monotonic() - began

    def on_set(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` when the flag is set, at once when it is set already. It must be quick."""
        with self._callbacks_lock:
            if not self.is_set():
                self._callbacks.append(callback)
                return
        callback()
