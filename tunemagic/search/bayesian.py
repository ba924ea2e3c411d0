"""Keras Tuner's BayesianOptimization with its faults mended.

Its model and its acquisition function are kept (a Gaussian process with an isotropic Matern 5/2
kernel, lower confidence bound with beta 2.6). Changed are: the random start, which takes three
trials per hyperparameter there and so the whole of a short search; infinite scores, which count
as 0 there; combinations that it repeats; and how the bound is minimised, which takes thousands
of predictions for one row each there.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

from tunemagic.events import Direction
from tunemagic.request import Tuner
from tunemagic.search.drawing import KerasTunerStrategy
from tunemagic.search.points import Point, clamped, key_of
from tunemagic.search.strategy import Known, Proposal, Setting, Waiting

__all__ = ["BayesianStrategy", "random_start", "small_matrices"]

Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"

_CANDIDATES = 2000
_POLISHED = 8
_KERNEL_RESTARTS = 4  # the kernel has one length scale; Keras Tuner's 20 restarts find no other
_STEP = 1e-6


def random_start(max_trials: int | None) -> int:
    """How many trials are drawn at random first: a third of a short search, at most 10."""
    return 10 if max_trials is None else min(10, max(3, max_trials // 3))


class BayesianStrategy(KerasTunerStrategy):
    """Gaussian process with a lower confidence bound. Running trials count as a bit worse than expected."""

    name = Tuner.BAYESIAN

    def __init__(self, setting: Setting, oracle: Any) -> None:
        super().__init__(setting, oracle)
        self._start_points = random_start(setting.max_trials)

    def _propose(self, number: int) -> Proposal | Waiting | None:
        seed = self._seed_for(number)
        scored = [trial for trial in self._trials.values() if trial.scores is not None]
        if len(scored) >= self._start_points:
            point = self._best_guess(scored, seed)
            if point is not None:
                return Proposal(values=point, why="best guess of the Gaussian process")
            why = "drawn at random, since the best guesses were tried"
        else:
            why = f"random start {len(scored) + 1} of {self._start_points}"
        values = self._draw()
        return None if values is None else Proposal(values=values, why=why)

    def _narrowed(self) -> str:
        left = self._start_points - sum(trial.scores is not None for trial in self._trials.values())
        if left > 0:
            return f"the random start goes on for {left} trials, inside the new range; then the model takes it over"
        return "the running trials finish; the model keeps all earlier trials and proposes inside the new range"

    def _best_guess(self, scored: list[Known], seed: int) -> Point | None:
        """The untried point with the lowest bound, or None when all that were looked at are tried."""
        rows = [(self._row(trial.values), trial.scores) for trial in scored]
        sign = 1.0 if self._setting.direction is Direction.MIN else -1.0
        x = np.array([row for row, _ in rows if row is not None])
        y = sign * np.array([scores[0] for row, scores in rows if row is not None and scores is not None])
        if not x.size:
            return None
        draw = np.random.RandomState(seed % 2**32)
        with small_matrices():
            bound = self._bound(x, y)
            candidates = draw.uniform(size=(_CANDIDATES, x.shape[1]))
            order = np.argsort(bound(candidates), kind="stable")
            polished = [_polish(bound, candidates[index]) for index in order[:_POLISHED]]
            polished.sort(key=lambda found: found[0])
        for row in (*(found for _, found in polished), *candidates[order[:200]]):
            point = clamped(self._space, self._oracle._vector_to_values(row))
            if key_of(point) not in self._tried:
                return point
        return None

    def _bound(self, x: Array, y: Array) -> Callable[[Array], Array]:
        """The lower confidence bound of the objective, for rows of the unit cube."""
        model = self._oracle._make_gpr().set_params(n_restarts_optimizer=_KERNEL_RESTARTS)
        model.fit(x, y)
        running = [self._row(trial.values) for trial in self._trials.values() if not trial.ended]
        ahead = np.array([row for row in running if row is not None])
        if ahead.size:  # as Keras Tuner: a pessimistic guess, so that no worker repeats another's trial
            mean, deviation = model.predict(ahead, return_std=True)
            model.set_params(kernel=model.kernel_, optimizer=None)
            model.fit(np.vstack([x, ahead]), np.concatenate([y, mean + deviation]))
        beta = self._oracle.beta

        def bound(rows: Array) -> Array:
            mean, deviation = model.predict(rows, return_std=True)
            return np.asarray(mean - beta * deviation)

        return bound

    def _row(self, values: Point) -> list[float] | None:
        """The point in the unit cube, as Keras Tuner embeds it; None when it holds a choice that is gone."""
        row = []
        trial = self._hyperparameters.copy()
        trial.values = values
        for hp in self._oracle._nonfixed_space():
            active = trial.is_active(hp) and hp.name in values
            try:
                row.append(float(hp.value_to_prob(values[hp.name] if active else hp.default)))
            except ValueError:
                return None
        return row


def _polish(bound: Callable[[Array], Array], start: Array) -> tuple[float, Array]:
    """A local minimum of the bound near ``start``; the gradient's differences are one prediction."""
    from scipy import optimize

    steps = np.vstack([np.zeros(len(start)), _STEP * np.eye(len(start))])

    def value_and_gradient(x: Array) -> tuple[float, Array]:
        values = bound(x + steps)
        return float(values[0]), (values[1:] - values[0]) / _STEP

    found = optimize.minimize(
        value_and_gradient,
        start,
        jac=True,
        bounds=[(0.0, 1.0)] * len(start),
        method="L-BFGS-B",
        options={"maxiter": 30},
    )
    return float(found.fun), np.asarray(found.x)


@contextlib.contextmanager
def small_matrices() -> Iterator[None]:
    """One BLAS thread, since the matrices are tiny and waiting threads cost far more; no chatter.

    The Gaussian process warns of every length scale at its bound, which no user can act on.
    """
    from sklearn.exceptions import ConvergenceWarning

    with _blas().limit(limits=1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@functools.cache
def _blas() -> Any:
    """What limits BLAS threads. Finding the loaded libraries takes milliseconds, so it is done once."""
    import scipy.linalg  # noqa: F401 - so that its library is loaded and found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
