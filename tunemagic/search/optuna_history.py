"""Trials as optuna's samplers see them. Beside ``search.optuna_oracle`` the only importer of optuna."""

from __future__ import annotations

import bisect
import copy
import datetime
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tunemagic.events import Direction
from tunemagic.search.coordinates import Axis, Coordinate, Position

__all__ = ["BEST", "RECENT", "Draw", "History"]

RECENT = 120
BEST = 30
_NO_TIME = datetime.datetime(2000, 1, 1)  # optuna wants to know when a trial began; no sampler looks at it


@dataclass(frozen=True, slots=True)
class Draw:
    """A trial that a sampler is asked about: optuna's study and its record of the trial."""

    study: Any
    trial: Any


class History:
    """A study of optuna in memory, of which samplers see the best and the latest trials only.

    All trials of a history use the distributions of these coordinates, so that a sampler takes
    them for trials of one space.
    """

    def __init__(self, coordinates: Sequence[Coordinate], directions: Sequence[Direction]) -> None:
        import optuna

        self.distributions = {each.label: _distribution(each) for each in coordinates}
        self._storage = _storage_class()(tuple(directions))
        names: Any = ["minimize" if direction is Direction.MIN else "maximize" for direction in directions]
        self.study: Any = optuna.create_study(storage=self._storage, directions=names)

    def open(self) -> Draw:
        """A new running trial without values."""
        trial_id = self._storage.create_new_trial(self.study._study_id)
        # The study remembers the list of trials until a trial ends.
        self.study._thread_local.cached_all_trials = None
        return Draw(self.study, self._storage.get_trial(trial_id))

    def set_positions(self, trial_id: int, positions: Mapping[str, Position]) -> None:
        """Give a running trial its positions, by label."""
        for label, position in positions.items():
            distribution = self.distributions[label]
            self._storage.set_trial_param(trial_id, label, distribution.to_internal_repr(position), distribution)

    def insert(
        self,
        positions: Mapping[str, Position] | None,
        *,
        ended: bool,
        scores: tuple[float, ...] | None,
        attributes: Mapping[str, Any],
    ) -> int:
        """A trial from elsewhere; without positions it only takes its place. Positions may lie beyond the axes."""
        import optuna

        state = optuna.trial.TrialState.RUNNING
        if positions is None or (ended and scores is None):
            state = optuna.trial.TrialState.FAIL
        elif ended:
            state = optuna.trial.TrialState.COMPLETE
        known = dict(positions or {})
        trial = optuna.trial.FrozenTrial(
            number=-1,
            trial_id=-1,
            state=state,
            value=None,
            values=list(scores) if scores is not None and state is optuna.trial.TrialState.COMPLETE else None,
            datetime_start=_NO_TIME,
            datetime_complete=None if state is optuna.trial.TrialState.RUNNING else _NO_TIME,
            params=known,
            distributions={label: self.distributions[label] for label in known},
            user_attrs={},
            system_attrs=dict(attributes),
            intermediate_values={},
        )
        return int(self._storage.create_new_trial(self.study._study_id, trial))

    def end(self, trial_id: int, scores: tuple[float, ...] | None) -> None:
        """A running trial has ended; ``scores`` None means that it failed."""
        import optuna

        number = self._storage.get_trial_number_from_id(trial_id)
        if scores is None:
            self.study.tell(number, state=optuna.trial.TrialState.FAIL)
        else:
            self.study.tell(number, list(scores))

    def attributes(self, trial_id: int) -> dict[str, Any]:
        """What a sampler wrote down at this trial."""
        return dict(self._storage.get_trial(trial_id).system_attrs)

    def set_attribute(self, trial_id: int, name: str, value: Any) -> None:
        """Write something down at a running trial as a sampler does."""
        self._storage.set_trial_system_attr(trial_id, name, value)

    def study_attributes(self) -> dict[str, Any]:
        """What a sampler wrote down at the study."""
        return dict(self._storage.get_study_system_attrs(self.study._study_id))

    def set_study_attribute(self, name: str, value: Any) -> None:
        """Write something down at the study as a sampler does."""
        self._storage.set_study_system_attr(self.study._study_id, name, value)


def _distribution(coordinate: Coordinate) -> Any:
    from optuna import distributions

    if coordinate.axis is Axis.CHOICE:
        return distributions.CategoricalDistribution(coordinate.choices)
    if coordinate.axis is Axis.WHOLE:
        return distributions.IntDistribution(int(coordinate.low), int(coordinate.high), log=coordinate.log)
    return distributions.FloatDistribution(coordinate.low, coordinate.high, log=coordinate.log)


@functools.cache
def _storage_class() -> Any:
    """The storage that shows a part of its trials, made on first use because importing optuna is slow."""
    import optuna

    class Window(optuna.storages.InMemoryStorage):
        """Knows at any time which trials it shows, so that asking costs the same however many there are."""

        def __init__(self, directions: tuple[Direction, ...]) -> None:
            super().__init__()
            self._signs = [1.0 if way is Direction.MIN else -1.0 for way in directions]
            self._open: set[int] = set()
            self._complete: list[int] = []  # numbers, in order
            self._ranked: list[list[tuple[float, int]]] = [[] for _ in directions]

        def create_new_trial(self, study_id: int, template_trial: Any = None) -> int:
            trial_id: int = super().create_new_trial(study_id, template_trial)
            self._note(self.get_trial(trial_id))
            return trial_id

        def set_trial_state_values(self, trial_id: int, state: Any, values: Any = None) -> bool:
            changed: bool = super().set_trial_state_values(trial_id, state, values)
            self._note(self.get_trial(trial_id))
            return changed

        def _note(self, trial: Any) -> None:
            if not trial.state.is_finished():
                self._open.add(trial.number)
                return
            self._open.discard(trial.number)
            if trial.state is optuna.trial.TrialState.COMPLETE:
                bisect.insort(self._complete, trial.number)
                for ranked, sign, value in zip(self._ranked, self._signs, trial.values, strict=True):
                    bisect.insort(ranked, (sign * value, trial.number))

        def get_all_trials(self, study_id: int, deepcopy: bool = True, states: Any = None) -> Any:
            trials = super().get_all_trials(study_id, deepcopy=False)
            if len(trials) > RECENT + BEST:
                best = [number for ranked in self._ranked for _, number in ranked[: BEST // len(self._ranked)]]
                trials = [trials[number] for number in sorted({*self._complete[-RECENT:], *best, *self._open})]
            if states is not None:
                trials = [trial for trial in trials if trial.state in states]
            return copy.deepcopy(trials) if deepcopy else trials

    return Window
