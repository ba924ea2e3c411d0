"""All that is needed to run one trial, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from tunemagic import events as ev
from tunemagic.search.data import TrainingData

__all__ = ["Ending", "ParentWeights", "TrialJob", "TrialOutcome", "TrialProgram"]


class TrialProgram(Protocol):
    """The user's model code, whichever way it is spelled (see search.cell)."""

    def run(self, hp: Any) -> Any:
        """Build model, fit arguments and data for one trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentWeights:
    """Weights on disk that a trial goes on from."""

    path: Path
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialJob:
    """One attempt at one trial.

    ``hp`` is the HyperParameters object holding the values; ``initial_epoch`` epochs were done by
    the parent already. ``seed`` seeds Python, NumPy and Keras for this trial.
    """

    trial: int
    attempt: int
    program: TrialProgram
    hp: Any
    data: TrainingData
    objective: str
    direction: ev.Direction
    epochs: int
    seed: int
    fixed_epochs: bool = False
    initial_epoch: int = 0
    parent: ParentWeights | None = None


class Ending(StrEnum):
    """How an attempt ended."""

    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialOutcome:
    """What an attempt gave. ``weights`` is the HDF5 file of the best epoch, in memory.

    ``hp`` comes back because the model code may have named new hyperparameters.
    """

    trial: int
    attempt: int
    ending: Ending
    seconds: float
    score: float | None = None
    best_epoch: int | None = None
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    weights: bytes | None = None
    hp: Any = None
    error: str = ""
    reason: str = ""
    line: int | None = None
    source: str | None = None
