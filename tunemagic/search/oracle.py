"""Keras Tuner's strategies behind one small face: ask for values, tell a score.

Its oracles are used as proposers: their own files,
locks, display and retry rules are left aside, since whole-file state that is rewritten in place
does not survive a kill, and their lock stays held after an exception. One thread owns a Strategy.

What a strategy needs to go on after a crash follows from the study's trials alone, plus the small
``memo`` that each proposal carries: random draws are seeded from (seed, trial number), the grid's
order is a total order over values, and Hyperband's open brackets are in the memo.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import hashlib
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tunemagic.events import Direction
from tunemagic.request import Tuner
from tunemagic.search.hyperparameters import HIDDEN_PREFIX, recording_copy, space_of
from tunemagic.space import SearchSpace, Value
from tunemagic.trial import TrialRecord, TrialState

__all__ = ["Proposal", "Strategy", "Waiting", "infer_direction", "make_strategy"]

_DRAWS_PER_TRIAL = 10_007  # random draws of two trials never meet: 21 collisions x parameters is far below


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Values for one trial. ``epochs`` None means "as many as the study says".

    ``parent`` is the trial whose weights this one goes on from, after ``initial_epoch`` epochs.
    """

    values: dict[str, Value]
    why: str
    epochs: int | None = None
    initial_epoch: int = 0
    parent: int | None = None
    memo: dict[str, Any] = field(default_factory=dict)


class Waiting:
    """Nothing can be proposed until a running trial has ended."""


class Strategy(ABC):
    """Proposes values and learns from scores. Used from one thread only.

    Trials are known by their 1-based number. ``ask`` returns None when the space is exhausted.
    """

    name: str

    def __init__(self, oracle: Any, seed: int) -> None:
        self._oracle = oracle
        self._seed = seed
        self._ended_scores = 0
        self._draw = oracle._random_values
        oracle._random_values = self._defaults_then_random

    def ask(self, number: int) -> Proposal | Waiting | None:
        """Values for trial ``number``, which must be one that was not asked for before."""
        self._reseed(number)
        with _quiet_and_small():
            response = self._oracle.populate_space(str(number))
        if response["status"] == "IDLE":
            return Waiting()
        if response["status"] != "RUNNING":
            return None
        values = dict(response["values"])
        self._start(number, values)
        proposal = self._proposal(number, values)
        return replace(proposal, why="your default values") if number == 1 else proposal

    def tell(self, number: int, score: float | None, space: Any | None = None) -> None:
        """A trial has ended; ``score`` None means that it failed.

        ``space`` is the HyperParameters object that the trial used: hyperparameters that it named
        for the first time become part of the search space.
        """
        trial = self._oracle.trials[str(number)]
        if space is not None:
            self._oracle.update_space(space)
            trial.hyperparameters = space
            self._oracle._record_values(trial)
        self._end(trial, score)

    def restore(self, trials: Sequence[TrialRecord], memos: Mapping[int, dict[str, Any]]) -> None:
        """Go on from these trials. Interrupted ones count as running until they are told."""
        for record in trials:
            hidden = memos.get(record.number, {}).get("hidden", {})
            self._start(record.number, {**record.values, **hidden})
            if record.state not in (TrialState.RUNNING, TrialState.INTERRUPTED):
                self._end(self._oracle.trials[str(record.number)], record.score)

    def hyperparameters(self, number: int) -> Any:
        """The recording HyperParameters object that holds the values of this trial."""
        return recording_copy(self._oracle.trials[str(number)].hyperparameters)

    def space(self) -> SearchSpace:
        """The search space as known now."""
        return space_of(self._oracle.hyperparameters)

    def may_resume(self, number: int) -> bool:
        """Whether a later trial may go on from this trial's weights."""
        return False

    def _start(self, number: int, values: dict[str, Value]) -> None:
        from keras_tuner.engine import trial as kt_trial

        hyperparameters = self._oracle.hyperparameters.copy()
        hyperparameters.values = values
        for hp in hyperparameters.space:  # named for the first time during this trial: it ran with the default
            if hyperparameters.is_active(hp):
                values.setdefault(hp.name, hp.default)
        trial = kt_trial.Trial(hyperparameters=hyperparameters, trial_id=str(number), status="RUNNING")
        self._oracle._record_values(trial)
        self._oracle.trials[trial.trial_id] = trial
        self._oracle.ongoing_trials[trial.trial_id] = trial
        self._oracle.start_order.append(trial.trial_id)

    def _end(self, trial: Any, score: float | None) -> None:
        trial.score = score
        trial.status = "FAILED" if score is None else "COMPLETED"
        self._ended_scores += score is not None
        self._oracle.ongoing_trials.pop(trial.trial_id, None)
        self._oracle.end_order.append(trial.trial_id)

    def _defaults_then_random(self) -> dict[str, Value] | None:
        """The user's own values come first, so that every search has its baseline."""
        if self._oracle.trials:
            drawn: dict[str, Value] | None = self._draw()
            return drawn
        hyperparameters = self._oracle.hyperparameters.copy()
        hyperparameters.values = {}
        for hp in hyperparameters.space:
            if hyperparameters.is_active(hp):
                hyperparameters.values[hp.name] = hp.default
        return dict(hyperparameters.values)

    def _reseed(self, number: int) -> None:
        self._oracle._seed_state = self._seed + number * _DRAWS_PER_TRIAL

    @abstractmethod
    def _proposal(self, number: int, values: dict[str, Value]) -> Proposal: ...


class RandomStrategy(Strategy):
    """Keras Tuner's RandomSearch: every parameter drawn on its own, no combination twice."""

    name = Tuner.RANDOM

    def _proposal(self, number: int, values: dict[str, Value]) -> Proposal:
        return Proposal(values=values, why="drawn at random")


class GridStrategy(Strategy):
    """Keras Tuner's GridSearch: every combination once, the defaults first."""

    name = Tuner.GRID

    def _proposal(self, number: int, values: dict[str, Value]) -> Proposal:
        return Proposal(values=values, why="next point of the grid")

    def _end(self, trial: Any, score: float | None) -> None:
        super()._end(trial, score)
        self._oracle._populate_next.append(trial.trial_id)

    def restore(self, trials: Sequence[TrialRecord], memos: Mapping[int, dict[str, Any]]) -> None:
        """Rebuild the order over values; queue every trial to look for its next combination."""
        super().restore(trials, memos)
        oracle = self._oracle
        compare = functools.cmp_to_key(oracle._compare)
        ordered = sorted(oracle.trials.values(), key=lambda trial: compare(trial.hyperparameters.values))
        for trial in ordered:
            oracle._ordered_ids.insert(trial.trial_id)
        oracle._populate_next = list(oracle.start_order)


class BayesianStrategy(Strategy):
    """Keras Tuner's BayesianOptimization: Gaussian process with an upper confidence bound."""

    name = Tuner.BAYESIAN

    def _reseed(self, number: int) -> None:
        import numpy as np

        super()._reseed(number)
        state = self._seed + number * _DRAWS_PER_TRIAL
        self._oracle._random_state = np.random.RandomState(state % 2**32)

    def _proposal(self, number: int, values: dict[str, Value]) -> Proposal:
        start = self._oracle.num_initial_points or max(3 * len(self._oracle.hyperparameters.space), 3)
        if self._ended_scores < start:
            return Proposal(values=values, why=f"random start {self._ended_scores + 1} of {start}")
        return Proposal(values=values, why="best guess of the Gaussian process")


class HyperbandStrategy(Strategy):
    """Keras Tuner's Hyperband: many short trials, the better ones go on for longer."""

    name = Tuner.HYPERBAND

    def _proposal(self, number: int, values: dict[str, Value]) -> Proposal:
        hidden = {name: value for name, value in values.items() if name.startswith(HIDDEN_PREFIX)}
        shown = {name: value for name, value in values.items() if not name.startswith(HIDDEN_PREFIX)}
        parent = hidden.get("tuner/trial_id")
        bracket, rung = hidden["tuner/bracket"], hidden["tuner/round"]
        why = f"bracket {bracket}, rung {rung}: " + (
            "drawn at random" if parent is None else f"goes on from trial {parent}"
        )
        return Proposal(
            values=shown,
            why=why,
            epochs=int(hidden["tuner/epochs"]),
            initial_epoch=int(hidden["tuner/initial_epoch"]),
            parent=None if parent is None else int(parent),
            memo={"hidden": hidden, **self._state()},
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
        if trials:
            memo = memos[trials[-1].number]
            self._oracle._brackets = copy.deepcopy(memo["brackets"])
            self._oracle._current_bracket = memo["current_bracket"]
            self._oracle._current_iteration = memo["current_iteration"]

    def may_resume(self, number: int) -> bool:
        """Whether the trial stands in a rung of an open bracket that is not the last one."""
        return any(
            info["id"] == str(number)
            for bracket in self._oracle._brackets
            for rung in bracket["rounds"][:-1]
            for info in rung
        )


def make_strategy(
    tuner: Tuner, *, hyperparameters: Any, objective: str, direction: Direction, seed: int, epochs: int
) -> Strategy:
    """A fresh strategy over the space of these HyperParameters.

    Any seed from 0 on gives its own sequence: seeds are spread by a hash, since Keras Tuner
    ignores seed 0 and walks one sequence for neighbouring seeds.
    """
    import keras_tuner

    oracles = keras_tuner.oracles
    spread = int.from_bytes(hashlib.sha256(f"tunemagic {seed}".encode()).digest()[:4], "big") % 2**31 + 1
    common: dict[str, Any] = {
        "objective": keras_tuner.Objective(objective, str(direction)),
        "hyperparameters": hyperparameters.copy(),
        "seed": spread,
    }
    builders: dict[Tuner, Callable[[], Strategy]] = {
        Tuner.RANDOM: lambda: RandomStrategy(oracles.RandomSearchOracle(max_trials=None, **common), spread),
        Tuner.GRID: lambda: GridStrategy(oracles.GridSearchOracle(max_trials=None, **common), spread),
        Tuner.BAYESIAN: lambda: BayesianStrategy(oracles.BayesianOptimizationOracle(max_trials=None, **common), spread),
        # Without a limit of its own it starts the next bracket; the study's budget ends it.
        Tuner.HYPERBAND: lambda: HyperbandStrategy(
            oracles.HyperbandOracle(max_epochs=epochs, hyperband_iterations=None, **common), spread
        ),
    }
    return builders[tuner]()


def infer_direction(objective: str) -> Direction | None:
    """The direction of a metric that Keras knows by name (``val_accuracy`` -> max), else None."""
    from keras_tuner.engine.metrics_tracking import infer_metric_direction

    known = infer_metric_direction(objective)
    return None if known is None else Direction(known)


@contextlib.contextmanager
def _quiet_and_small() -> Iterator[None]:
    """One BLAS thread, since the matrices are tiny and waiting threads cost far more; no chatter.

    The Gaussian process warns of every length scale at its bound, which no user can act on.
    """
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
