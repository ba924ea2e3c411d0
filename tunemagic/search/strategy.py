"""What every search strategy can do: propose values, learn from scores, go on after a crash.

What a strategy needs to go on after a crash follows from the study's trials alone, plus the small
``memo`` that each of its proposals carries. One thread owns a Strategy.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tunemagic.errors import SpaceError
from tunemagic.events import Direction
from tunemagic.search.hyperparameters import hyperparameters_of, recording_copy, space_of
from tunemagic.search.points import Point, PointKey, completed, default_point, inside, is_finite, key_of, points
from tunemagic.space import SearchSpace, Value
from tunemagic.trial import TrialRecord, TrialState

__all__ = ["Known", "Proposal", "Setting", "Strategy", "Waiting"]

_MOST_POINTS = 100_000  # a finite space is searched for untried points no further than this


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a strategy starts from: a space and what it is searched for.

    ``hyperparameters`` is Keras Tuner's object; only its space counts. ``objectives`` are further
    ones beside ``objective``, for a Pareto search. ``seed`` is the user's, from 0 on. ``max_trials``
    is a hint on how much may be spent on exploring, no limit.
    """

    hyperparameters: Any
    objective: str
    direction: Direction
    seed: int
    epochs: int
    max_trials: int | None = None
    objectives: tuple[tuple[str, Direction], ...] = ()


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


@dataclass(slots=True)
class Known:
    """A trial as its strategy knows it; ``scores`` has one value per objective, None when it failed."""

    values: Point
    memo: dict[str, Any]
    ended: bool = False
    scores: tuple[float, ...] | None = None


class Strategy(ABC):
    """Proposes values and learns from scores. Used from one thread only.

    Trials are known by their 1-based number. The first proposal is the user's default values, so
    that every search has its baseline. No combination is proposed twice, except to go on training.
    """

    name: str

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._hyperparameters = setting.hyperparameters.copy()
        self._hyperparameters.values = {}
        self._space = space_of(self._hyperparameters)
        self._trials: dict[int, Known] = {}
        self._tried: dict[PointKey, int] = {}
        self._untried_cache: tuple[SearchSpace, list[Point]] | None = None

    def ask(self, number: int) -> Proposal | Waiting | None:
        """Values for trial ``number``, one that was not asked for before; None when all were tried."""
        proposal = self._propose(number)
        if not isinstance(proposal, Proposal):
            return proposal
        if not self._trials:
            proposal = replace(proposal, why="your default values")
        self._start(number, proposal.values, proposal.memo)
        return proposal

    def add(self, number: int, values: Mapping[str, Value]) -> dict[str, Value]:
        """Take up a trial whose values the user gives; the strategy learns from it as from its own.

        Parameters left out have their default. Returns the values that the trial is to run with.
        Values outside the ranges are taken as they are. Raises SpaceError on unknown names.
        """
        unknown = [name for name in values if name not in self._space.names]
        if unknown:
            raise SpaceError(
                f"received values for {', '.join(unknown)}; expected some of {', '.join(self._space.names)}."
            )
        point = completed(self._space, values)
        self._start(number, point, {})
        return point

    def tell(
        self, number: int, score: float | None, space: Any | None = None, values: Sequence[float | None] | None = None
    ) -> None:
        """A trial has ended; ``score`` None or NaN means that it failed.

        An infinite score counts as the worst finite one so far. ``values`` are those of the
        further objectives; a trial that lacks one counts as failed. ``space`` is the
        HyperParameters object that the trial used: hyperparameters that it named for the first
        time become part of the search space.
        """
        if space is not None:
            self._take_new_names(number, space)
        self._end(number, self._usable((score, *(values or ()))))

    def restore(self, trials: Sequence[TrialRecord], memos: Mapping[int, dict[str, Any]]) -> None:
        """Go on from these trials. Interrupted ones count as running until they are told."""
        for record in trials:
            self._start(record.number, completed(self._space, record.values), memos.get(record.number, {}))
        for record in trials:
            if record.state not in (TrialState.RUNNING, TrialState.INTERRUPTED):
                further = [record.metrics.get(name) for name, _ in self._setting.objectives]
                self._end(record.number, self._usable((record.score, *further)))

    def narrow(self, space: SearchSpace) -> str:
        """Search this space from now on: the same names with smaller or larger ranges.

        Returns one sentence on what that means for this strategy. Raises SpaceError when the
        names or conditions differ.
        """
        old = {(p.name, tuple(c.parent for c in p.conditions)) for p in self._space.parameters}
        new = {(p.name, tuple(c.parent for c in p.conditions)) for p in space.parameters}
        if old != new:
            raise SpaceError(
                f"received the hyperparameters {', '.join(space.names)}; expected the same as before: "
                f"{', '.join(self._space.names)}. Only ranges can be changed."
            )
        self._hyperparameters = hyperparameters_of(space)
        self._space = space_of(self._hyperparameters)  # a default beyond the new range is moved into it
        self._space_changed()
        return self._narrowed()

    def hyperparameters(self, number: int) -> Any:
        """The recording HyperParameters object that holds the values of this trial."""
        copied = recording_copy(self._hyperparameters)
        copied.values = dict(self._trials[number].values)
        return copied

    def space(self) -> SearchSpace:
        """The search space as known now."""
        return self._space

    def may_resume(self, number: int) -> bool:
        """Whether a later trial may go on from this trial's weights."""
        return False

    @abstractmethod
    def _propose(self, number: int) -> Proposal | Waiting | None: ...

    def _narrowed(self) -> str:
        """The sentence that ``narrow`` returns."""
        kept = sum(inside(self._space, trial.values) for trial in self._trials.values())
        return f"the next proposals lie in the new range; {kept} of {len(self._trials)} trials so far do as well"

    def _space_changed(self) -> None:  # noqa: B027 - most strategies have nothing to do
        """The space was narrowed or widened, or has new parameters."""

    def _start(self, number: int, values: Mapping[str, Value], memo: dict[str, Any]) -> None:
        point = dict(values)
        self._trials[number] = Known(values=point, memo=memo)
        self._tried.setdefault(key_of(point), number)

    def _end(self, number: int, scores: tuple[float, ...] | None) -> None:
        trial = self._trials[number]
        trial.ended = True
        trial.scores = scores

    def _usable(self, scores: Sequence[float | None]) -> tuple[float, ...] | None:
        """Scores that a model can work with, or None for a failed trial."""
        directions = (self._setting.direction, *(direction for _, direction in self._setting.objectives))
        if len(scores) < len(directions):
            return None
        usable: list[float] = []
        for index, (score, direction) in enumerate(zip(scores, directions, strict=False)):
            if score is None or math.isnan(score):
                return None
            if math.isinf(score):  # an overflow, in either direction
                seen = [trial.scores[index] for trial in self._trials.values() if trial.scores is not None]
                if not seen:
                    return None
                score = max(seen) if direction is Direction.MIN else min(seen)
            usable.append(float(score))
        return tuple(usable)

    def _take_new_names(self, number: int, hyperparameters: Any) -> None:
        known = self._hyperparameters
        fresh = [hp for hp in hyperparameters.space if not known._exists(hp.name, hp.conditions)]
        if not fresh:
            return
        known.merge(fresh)
        self._space = space_of(known)
        trial = self._trials[number]
        trial.values = completed(self._space, {**hyperparameters.values, **trial.values})
        self._tried = {}
        for each, other in self._trials.items():
            if each != number:  # it ran with the default, since its cell did not name the parameter yet
                other.values = completed(self._space, other.values)
            self._tried.setdefault(key_of(other.values), each)
        self._space_changed()

    def _defaults_due(self) -> Point | None:
        """The default values when they are to be proposed now, else None."""
        return None if self._trials else default_point(self._space)

    def _untried(self, number: int) -> Point | None:
        """Some point that was not tried yet, when the space is finite; None when there is none.

        Drawn with (seed, number), so that it is the same after a crash.
        """
        if not is_finite(self._space):
            return None
        if self._untried_cache is None or self._untried_cache[0] is not self._space:
            found = [point for point, _ in zip(points(self._space), range(_MOST_POINTS), strict=False)]
            self._untried_cache = (self._space, found)
        left = [point for point in self._untried_cache[1] if key_of(point) not in self._tried]
        if not left:
            return None
        draw = np.random.default_rng([self._setting.seed, number])
        return left[int(draw.integers(len(left)))]
