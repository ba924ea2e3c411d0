"""optuna's samplers behind the face of a Strategy.

The sampler is driven directly, since optuna's own ``ask`` keeps every draw as a trial, also those
that repeat a combination. On a flat space the same seed gives exactly the sequence of
``optuna.create_study(sampler=...)`` whose first trial are the defaults, until a combination
repeats or the history is capped.

A sampler's state is how far its random generators have come, and what a subclass adds; both are
in the memo of each proposal. Everything else follows from the trials.
"""

from __future__ import annotations

import contextlib
import hashlib
import warnings
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tunemagic.search.bayesian import small_matrices
from tunemagic.search.coordinates import Axis, Coordinate, Position, coordinates_of, point_from
from tunemagic.search.counted import CountedRandom
from tunemagic.search.optuna_history import Draw, History
from tunemagic.search.points import Point, default_point, is_finite, key_of
from tunemagic.search.strategy import Proposal, Setting, Strategy, Waiting
from tunemagic.space import Value

__all__ = ["OptunaStrategy", "quiet_optuna"]


class OptunaStrategy(Strategy):
    """One of optuna's samplers. Subclasses make it and say how it treats conditional parameters."""

    redraws = 20  # how often it draws again when a combination was tried

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._directions = (setting.direction, *(direction for _, direction in setting.objectives))
        self._stale = True
        self._sampler: Any = None
        self._history: Any = None
        self._randoms: tuple[CountedRandom, ...] = ()
        self._coordinates: tuple[Coordinate, ...] = ()
        self._ids: dict[int, int] = {}
        self._scores = 0
        self._opened: Draw | None = None
        self._range = ""

    @abstractmethod
    def _make_sampler(self, seed: int) -> Any:
        """A fresh sampler of optuna."""

    @abstractmethod
    def _generators(self, sampler: Any) -> tuple[np.random.RandomState, ...]:
        """What the sampler draws its random numbers from."""

    @abstractmethod
    def _positions(self, draw: Draw) -> dict[str, Position]:
        """Positions for one trial, by label."""

    @abstractmethod
    def _recorded(self, point: Point) -> dict[str, Position] | None:
        """The positions under which the sampler knows a trial; None when it can't make use of it."""

    @abstractmethod
    def _why(self) -> str:
        """In words where the next proposal comes from."""

    def _state(self, trial_id: int) -> dict[str, Any]:
        """What else the sampler has to remember after a draw, as plain JSON values."""
        return {}

    def _take_state(self, memo: Mapping[str, Any]) -> None:
        """Put back what ``_state`` gave at the latest trial over the same ranges."""

    def _attributes(self, memo: Mapping[str, Any]) -> dict[str, Any]:
        """What the sampler had written down at a trial over the same ranges."""
        return {}

    def _propose(self, number: int) -> Proposal | Waiting | None:
        if not self._trials:
            return Proposal(values=default_point(self._space), why="", memo={"drawn": []})
        with quiet_optuna():
            self._refresh()
            if not self._coordinates:
                return None
            self._opened = self._history.open()
            why = self._why()
            point = self._untried_draw(self._opened)
            if point is None:
                point = self._untried(number) if is_finite(self._space) else self._anywhere(number)
                why = f"{self.name}: drawn at random, since what it prefers was tried"
            if point is None:
                self._stale, self._opened = True, None
                return None
            state = self._state(self._opened.trial._trial_id)
        memo: dict[str, Any] = {"drawn": [random.count() for random in self._randoms]}
        return Proposal(values=point, why=why, memo={**memo, **({"range": self._range, **state} if state else {})})

    def _untried_draw(self, draw: Draw) -> Point | None:
        self._sampler.before_trial(draw.study, draw.trial)
        for _ in range(self.redraws):
            point = point_from(self._space, self._coordinates, self._positions(draw))
            if key_of(point) not in self._tried:
                return point
        return None

    def _anywhere(self, number: int) -> Point | None:
        """A random point of a space with continuous ranges, the same after a crash."""
        random = np.random.default_rng([self._setting.seed, number])
        for _ in range(self.redraws):
            positions = {each.label: _uniform(each, random) for each in self._coordinates}
            point = point_from(self._space, self._coordinates, positions)
            if key_of(point) not in self._tried:
                return point
        return None

    def _refresh(self) -> None:
        """Build history and sampler anew from the trials when the space or the trials came from elsewhere."""
        if not self._stale:
            return
        self._coordinates = coordinates_of(self._space)
        self._range = hashlib.sha256(repr(self._coordinates).encode()).hexdigest()[:12]
        self._history = History(self._coordinates, self._directions)
        self._sampler = self._make_sampler(self._setting.seed % 2**32)
        self._randoms = tuple(CountedRandom(each) for each in self._generators(self._sampler))
        self._ids = {}
        for number in self._trials:
            self._insert(number)
        drawn = [trial.memo["drawn"] for trial in self._trials.values() if trial.memo.get("drawn")]
        for random, words in zip(self._randoms, drawn[-1] if drawn else (), strict=False):
            random.skip_to(words)
        same = [trial.memo for trial in self._trials.values() if trial.memo.get("range") == self._range]
        if same:
            self._take_state(same[-1])
        self._stale = False

    def _insert(self, number: int) -> None:
        trial = self._trials[number]
        positions = self._recorded(trial.values)
        attributes = self._attributes(trial.memo) if trial.memo.get("range") == self._range else {}
        trial_id = self._history.insert(positions, ended=trial.ended, scores=trial.scores, attributes=attributes)
        if positions is not None:
            self._ids[number] = trial_id

    def _start(self, number: int, values: Mapping[str, Value], memo: dict[str, Any]) -> None:
        super()._start(number, values, memo)
        if self._stale:
            return
        opened, self._opened = self._opened, None
        if opened is None:
            self._insert(number)
            return
        self._ids[number] = opened.trial._trial_id
        self._history.set_positions(self._ids[number], self._recorded(self._trials[number].values))

    def _end(self, number: int, scores: tuple[float, ...] | None) -> None:
        super()._end(number, scores)
        self._scores += scores is not None
        if not self._stale and number in self._ids:
            self._history.end(self._ids[number], scores)

    def _space_changed(self) -> None:
        self._stale = True

    def _scored(self) -> int:
        return self._scores


def _uniform(coordinate: Coordinate, random: np.random.Generator) -> Position:
    if coordinate.axis is Axis.CHOICE:
        return coordinate.choices[int(random.integers(len(coordinate.choices)))]
    if coordinate.axis is Axis.WHOLE:
        return int(random.integers(int(coordinate.low), int(coordinate.high) + 1))
    if coordinate.log:
        return float(np.exp(random.uniform(np.log(coordinate.low), np.log(coordinate.high))))
    return float(random.uniform(coordinate.low, coordinate.high))


@contextlib.contextmanager
def quiet_optuna() -> Iterator[None]:
    """One BLAS thread and none of optuna's log lines and warnings, which no user can act on."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with small_matrices(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(level)
