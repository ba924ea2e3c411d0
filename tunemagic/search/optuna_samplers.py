"""optuna's TPE, Gaussian process, quasi-random sequence and CMA-ES as strategies."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from tunemagic.request import Tuner
from tunemagic.search.bayesian import random_start
from tunemagic.search.coordinates import Coordinate, Position, point_from
from tunemagic.search.optuna_history import Draw
from tunemagic.search.optuna_oracle import OptunaStrategy
from tunemagic.search.points import Point
from tunemagic.space import Condition

__all__ = ["CmaesStrategy", "GpStrategy", "QmcStrategy", "TpeStrategy"]

_STARTUP = 10  # optuna's own


class TpeStrategy(OptunaStrategy):
    """Tree-structured Parzen estimator (Bergstra et al. 2011; optuna 5's multivariate one).

    Parameters under the same conditions are drawn together, and only while their conditions hold.
    With several objectives every parameter is drawn for itself, as optuna does.
    """

    name = Tuner.TPE

    def _make_sampler(self, seed: int) -> Any:
        import optuna

        return optuna.samplers.TPESampler(seed=seed)

    def _generators(self, sampler: Any) -> tuple[np.random.RandomState, ...]:
        return (sampler._rng.rng, sampler._random_sampler._rng.rng)

    def _positions(self, draw: Draw) -> dict[str, Position]:
        positions: dict[str, Position] = {}
        groups: dict[tuple[Condition, ...], list[Coordinate]] = {}
        for coordinate in self._coordinates:
            groups.setdefault(coordinate.parameter.conditions, []).append(coordinate)
        for group in groups.values():  # a parent stands before its children, so its group does as well
            if group[0].parameter.active(point_from(self._space, self._coordinates, positions)):
                positions |= self._draw_group(draw, group)
        return positions

    def _draw_group(self, draw: Draw, group: list[Coordinate]) -> dict[str, Position]:
        known = self._history.distributions
        labels = [] if len(self._directions) > 1 else sorted(each.label for each in group)
        together = self._sampler.sample_relative(draw.study, draw.trial, {label: known[label] for label in labels})
        return {
            each.label: together[each.label]
            if each.label in together
            else self._sampler.sample_independent(draw.study, draw.trial, each.label, known[each.label])
            for each in group
        }

    def _recorded(self, point: Point) -> dict[str, Position] | None:
        """Trials beyond the ranges count too: a kernel there still says something about the edge."""
        positions: dict[str, Position] = {}
        for coordinate in self._coordinates:
            if coordinate.parameter.name in point and coordinate.parameter.active(point):
                position = coordinate.position(point[coordinate.parameter.name])
                if position is None:
                    return None
                positions[coordinate.label] = position
        return positions

    def _why(self) -> str:
        scored = self._scored()
        return f"random start {scored + 1} of {_STARTUP}" if scored < _STARTUP else "TPE"


class FlatStrategy(OptunaStrategy):
    """A sampler that needs a value for every parameter: inactive ones count as having their default."""

    def _generators(self, sampler: Any) -> tuple[np.random.RandomState, ...]:
        return (sampler._independent_sampler._rng.rng,)

    def _positions(self, draw: Draw) -> dict[str, Position]:
        sampler, known = self._sampler, self._history.distributions
        space = sampler.infer_relative_search_space(draw.study, draw.trial)
        together = sampler.sample_relative(draw.study, draw.trial, space)
        return {
            label: together[label]
            if label in together
            else sampler.sample_independent(draw.study, draw.trial, label, distribution)
            for label, distribution in known.items()
        }

    def _recorded(self, point: Point) -> dict[str, Position] | None:
        positions: dict[str, Position] = {}
        for coordinate in self._coordinates:
            parameter = coordinate.parameter
            active = parameter.name in point and parameter.active(point)
            position = coordinate.position(point[parameter.name] if active else parameter.default)
            if position is None or not coordinate.holds(position):
                return None
            positions[coordinate.label] = position
        return positions


class GpStrategy(FlatStrategy):
    """optuna's Gaussian process with one length scale per parameter and expected improvement. Needs PyTorch."""

    name = Tuner.GP
    redraws = 3  # each draw fits and optimises anew

    def _make_sampler(self, seed: int) -> Any:
        import optuna

        return optuna.samplers.GPSampler(seed=seed, n_startup_trials=self._startup())

    def _startup(self) -> int:
        return random_start(self._setting.max_trials)

    def _generators(self, sampler: Any) -> tuple[np.random.RandomState, ...]:
        return (sampler._rng.rng, *super()._generators(sampler))

    def _positions(self, draw: Draw) -> dict[str, Position]:
        with _one_torch_thread():
            return super()._positions(draw)

    def _state(self, trial_id: int) -> dict[str, Any]:
        """The kernel found last, from which the next fit sets out."""
        models = self._sampler._gprs_cache_list
        if models is None:
            return {}
        scales = models[0].inverse_squared_lengthscales.tolist()
        return {"kernel": [*scales, float(models[0].kernel_scale), float(models[0].noise_var)]}

    def _take_state(self, memo: Mapping[str, Any]) -> None:
        import torch

        kernel = torch.tensor(memo["kernel"], dtype=torch.float64)
        self._sampler._gprs_cache_list = [
            SimpleNamespace(inverse_squared_lengthscales=kernel[:-2], kernel_scale=kernel[-2], noise_var=kernel[-1])
        ]

    def _why(self) -> str:
        scored, start = self._scored(), self._startup()
        return f"random start {scored + 1} of {start}" if scored < start else "Gaussian process"


class QmcStrategy(FlatStrategy):
    """A scrambled Sobol sequence: points that fill the space more evenly than random ones."""

    name = Tuner.QMC

    def _make_sampler(self, seed: int) -> Any:
        import optuna

        return optuna.samplers.QMCSampler(seed=seed, scramble=True)

    def _state(self, trial_id: int) -> dict[str, Any]:
        return {"sequence": self._history.study_attributes()}

    def _take_state(self, memo: Mapping[str, Any]) -> None:
        for name, value in memo["sequence"].items():
            self._history.set_study_attribute(name, value)

    def _why(self) -> str:
        return "quasi-random point" if self._scored() else "drawn at random"


class CmaesStrategy(FlatStrategy):
    """CMA-ES (Hansen 2016) over numbers; choices without an order are drawn at random."""

    name = Tuner.CMAES

    def _make_sampler(self, seed: int) -> Any:
        import optuna

        return optuna.samplers.CmaEsSampler(seed=seed)

    def _generators(self, sampler: Any) -> tuple[np.random.RandomState, ...]:
        return (sampler._cma_rng.rng, *super()._generators(sampler))

    def _state(self, trial_id: int) -> dict[str, Any]:
        """The trial's generation, and the distribution when this trial begins a new one."""
        attributes = self._history.attributes(trial_id)
        if "cma:generation" not in attributes:
            return {}
        state: dict[str, Any] = {"generation": attributes["cma:generation"]}
        parts = [attributes[f"cma:optimizer:{i}"] for i in range(len(attributes)) if f"cma:optimizer:{i}" in attributes]
        if parts:
            cma = pickle.loads(bytes.fromhex("".join(parts)))  # made in this process a moment ago
            state["cma"] = {name: np.asarray(getattr(cma, name)).tolist() for name in _CMA_STATE}
        return state

    def _attributes(self, memo: Mapping[str, Any]) -> dict[str, Any]:
        attributes: dict[str, Any] = {"cma:generation": memo["generation"]}
        if "cma" in memo:
            attributes["cma:optimizer:0"] = pickle.dumps(_cma(memo["cma"])).hex()
        return attributes

    def _narrowed(self) -> str:
        return "CMA-ES begins anew in the middle of the new range"

    def _why(self) -> str:
        return "CMA-ES" if self._scored() else "drawn at random"


_CMA_STATE = ("_mean", "_sigma", "_C", "_pc", "_p_sigma", "_g")


def _cma(state: Mapping[str, Any]) -> Any:
    """The optimiser as optuna makes it over the unit cube, with this state."""
    import cmaes

    dimensions = len(state["_mean"])
    cma = cmaes.CMA(
        mean=np.asarray(state["_mean"]),
        sigma=float(state["_sigma"]),
        bounds=np.array([[0.0, 1.0]] * dimensions),
        n_max_resampling=10 * dimensions,
        seed=1,
    )
    for name in _CMA_STATE:
        value = state[name]
        setattr(cma, name, np.asarray(value) if isinstance(value, list) else value)
    return cma


@contextlib.contextmanager
def _one_torch_thread() -> Iterator[None]:
    """Small matrices again; the number of threads belongs to the user."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
