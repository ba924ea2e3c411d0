"""BOHB: Hyperband whose new configurations come from TPE instead of from chance."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np

from tunemagic.request import Tuner
from tunemagic.search.hyperband import HyperbandStrategy
from tunemagic.search.optuna_samplers import TpeStrategy
from tunemagic.search.points import Point, key_of
from tunemagic.search.spread import spread_point
from tunemagic.search.strategy import Known, Proposal, Setting, Waiting
from tunemagic.space import Value

__all__ = ["BohbStrategy"]

_RANDOM_SHARE = 1 / 3  # of the new configurations stays random, as in the paper
_LEAST = 10  # optuna's TPE draws at random before it knows so many trials


class BohbStrategy(HyperbandStrategy):
    """Falkner et al. 2018, "BOHB", ICML: the brackets of Hyperband, filled by a model.

    The model is optuna's TPE over all trials that were trained for the same number of epochs: the
    largest number for which enough trials have ended. A third of the new configurations is drawn
    at random, so that a model that is misled by short trainings does no lasting harm. The first
    bracket is filled with points that lie evenly over the space: nothing but its own shortest
    trainings could teach a model there, and with that, as with random points, it fell behind plain
    Hyperband (benchmarks/fidelity.py). What is drawn depends on (seed, trial number) and the trials
    so far alone.
    """

    name = Tuner.BOHB

    def __init__(self, setting: Setting, oracle: Any) -> None:
        super().__init__(setting, oracle)
        self._drawn_by = ""

    def _propose(self, number: int) -> Proposal | Waiting | None:
        self._drawn_by = "drawn at random"
        proposal = super()._propose(number)
        if not isinstance(proposal, Proposal) or proposal.parent is not None:
            return proposal
        return replace(proposal, why=proposal.why.replace("drawn at random", self._drawn_by))

    def _draw(self) -> dict[str, Value] | None:
        if self._trials and self._in_first_bracket():
            spread = spread_point(self._space, self._setting.seed, self._number)
            if spread is not None and key_of(spread) not in self._tried:
                self._drawn_by = "spread evenly over the space"
                return dict(spread)
            return super()._draw()
        observed = self._observed()
        chance = np.random.default_rng([self._setting.seed, self._number]).random()
        point = None if observed is None or chance < _RANDOM_SHARE else self._from_model(*observed)
        return super()._draw() if point is None else dict(point)

    def _in_first_bracket(self) -> bool:
        oracle = self._oracle
        return bool(oracle._current_iteration == 0 and oracle._current_bracket == oracle._get_num_brackets() - 1)

    def _observed(self) -> tuple[int, list[Known]] | None:
        """The largest number of epochs that enough scored trials were trained for, and those trials."""
        by_epochs: dict[int, list[Known]] = {}
        for trial in self._trials.values():
            if trial.scores is not None and "hidden" in trial.memo:
                by_epochs.setdefault(int(trial.memo["hidden"]["tuner/epochs"]), []).append(trial)
        least = max(_LEAST, len(self._space.parameters) + 3)
        enough = [epochs for epochs, trials in by_epochs.items() if len(trials) >= least]
        return (max(enough), by_epochs[max(enough)]) if enough else None

    def _from_model(self, epochs: int, observed: list[Known]) -> Point | None:
        """A point that TPE prefers; None when those were tried."""
        text = f"bohb {self._setting.seed} {self._number}"
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
        model = TpeStrategy(replace(self._setting, seed=seed, hyperparameters=self._hyperparameters))
        for index, trial in enumerate(observed, 1):
            model._start(index, trial.values, {})
            model._end(index, trial.scores)
        proposal = model._propose(len(observed) + 1)
        if not isinstance(proposal, Proposal) or self._oracle._duplicate(proposal.values):
            return None
        self._drawn_by = f"TPE after {len(observed)} trials of {epochs} epochs"
        return proposal.values
