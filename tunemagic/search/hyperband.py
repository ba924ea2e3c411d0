"""Keras Tuner's Hyperband: many short trials, the better ones go on for longer."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from tunemagic.request import Tuner
from tunemagic.search.drawing import KerasTunerStrategy
from tunemagic.search.hyperparameters import HIDDEN_PREFIX
from tunemagic.search.strategy import Proposal, Waiting
from tunemagic.space import Value
from tunemagic.trial import TrialRecord

__all__ = ["HyperbandStrategy"]


class HyperbandStrategy(KerasTunerStrategy):
    """Keras Tuner's Hyperband over its brackets, one after another; the budget of the study ends it.

    Li et al. 2018, "Hyperband", JMLR 18.
    """

    name = Tuner.HYPERBAND

    def _propose(self, number: int) -> Proposal | Waiting | None:
        self._seed_for(number)
        response = self._oracle.populate_space(str(number))
        if response["status"] == "IDLE":
            return Waiting()
        if response["status"] != "RUNNING":
            return None
        hidden = {name: value for name, value in response["values"].items() if name.startswith(HIDDEN_PREFIX)}
        parent = hidden.get("tuner/trial_id")
        bracket, rung = self._place(number)
        return Proposal(
            values={name: value for name, value in response["values"].items() if name not in hidden},
            why=f"Hyperband bracket {bracket}, rung {rung}: "
            + ("drawn at random" if parent is None else f"goes on from trial {parent}"),
            epochs=int(hidden["tuner/epochs"]),
            initial_epoch=int(hidden["tuner/initial_epoch"]),
            parent=None if parent is None else int(parent),
            memo={"hidden": hidden, **self._state()},
        )

    def _place(self, number: int) -> tuple[int, int]:
        """The bracket and the rung in which this trial stands."""
        return next(
            (bracket["bracket_num"], rung)
            for bracket in self._oracle._brackets
            for rung, infos in enumerate(bracket["rounds"])
            if any(info["id"] == str(number) for info in infos)
        )

    def _state(self) -> dict[str, Any]:
        oracle = self._oracle
        return {
            "brackets": copy.deepcopy(oracle._brackets),
            "current_bracket": oracle._current_bracket,
            "current_iteration": oracle._current_iteration,
        }

    def restore(self, trials: Sequence[TrialRecord], memos: Mapping[int, dict[str, Any]]) -> None:
        """Take the brackets as they were after the last proposal."""
        super().restore(trials, memos)
        last = max((number for number, memo in memos.items() if "brackets" in memo), default=None)
        if last is not None:
            self._oracle._brackets = copy.deepcopy(memos[last]["brackets"])
            self._oracle._current_bracket = memos[last]["current_bracket"]
            self._oracle._current_iteration = memos[last]["current_iteration"]

    def may_resume(self, number: int) -> bool:
        """Whether the trial stands in a rung of an open bracket that is not the last one."""
        return any(
            info["id"] == str(number)
            for bracket in self._oracle._brackets
            for rung in bracket["rounds"][:-1]
            for info in rung
        )

    def _narrowed(self) -> str:
        return (
            "the open bracket goes on with the configurations that it has, also those outside the new range; "
            "new configurations lie inside"
        )

    def _start(self, number: int, values: Mapping[str, Value], memo: dict[str, Any]) -> None:
        super()._start(number, values, memo)
        hyperparameters = SimpleNamespace(values=self._trials[number].values)
        trial = SimpleNamespace(trial_id=str(number), hyperparameters=hyperparameters, status="RUNNING", score=None)
        self._oracle.trials[trial.trial_id] = trial
        self._oracle.ongoing_trials[trial.trial_id] = trial

    def _end(self, number: int, scores: tuple[float, ...] | None) -> None:
        super()._end(number, scores)
        trial = self._oracle.trials[str(number)]
        trial.hyperparameters.values = self._trials[number].values
        trial.score = None if scores is None else scores[0]
        trial.status = "FAILED" if scores is None else "COMPLETED"
        self._oracle.ongoing_trials.pop(trial.trial_id, None)
