"""What a script and a model card are written from: the best trial, and what its cell built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from tunemagic.script.calls import Answers
from tunemagic.search.cell import TrialSetup
from tunemagic.search.data import TrainingData
from tunemagic.search.folds import Fold
from tunemagic.search.job import TrialProgram
from tunemagic.trial import StudyView, TrialRecord

__all__ = ["HasWinner", "Winner"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Winner:
    """The best trial of a study.

    Attributes:
        name: The study's.
        view: Its state.
        trial: The best trial that has weights.
        program: The cell, or what stands in for it.
        given: The data as the study was given it.
        setup: What the cell builds of the trial's values: a compiled model with the kept weights, arguments of ``fit``.
        data: The data as the cell left it, joined where there is a fold.
        fold: Which of its rows the best run trained and was judged on; None without folds.
        seed: That of the best run.
        answers: What the cell's hyperparameters answered.
    """

    name: str
    view: StudyView
    trial: TrialRecord
    program: TrialProgram
    given: TrainingData
    setup: TrialSetup
    data: TrainingData
    fold: Fold | None
    seed: int
    answers: Answers

    @property
    def model(self) -> Any:
        """The Keras model, compiled, with the weights of its best epoch."""
        return self.setup.model


class HasWinner(Protocol):
    """A study."""

    def winner(self) -> Winner:
        """Its best trial. Raises StudyError when there is none, or its cell is not at hand."""
        ...
