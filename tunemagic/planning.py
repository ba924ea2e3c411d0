"""How a study is going to be searched: its strategy, its pruner and where its trials run, each with the reason."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any

from tunemagic.errors import OptionError
from tunemagic.request import Pruner, Tuner, TuneRequest
from tunemagic.search.auto import choose_tuner
from tunemagic.search.coordinates import Axis, coordinates_of
from tunemagic.search.executors.base import Executor
from tunemagic.search.executors.choose import choose_executor
from tunemagic.search.executors.cores import usable_cores
from tunemagic.search.grid import grid_notes
from tunemagic.search.job import Work
from tunemagic.search.pruning import choose_pruner
from tunemagic.space import SearchSpace
from tunemagic.study import MakeExecutor
from tunemagic.trial import StudyView

__all__ = ["Plan", "check_machine", "executor_maker", "plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What was chosen, and in words by whom and why. ``notes`` are for the user to read."""

    tuner: Tuner
    tuner_reason: str
    pruner: Pruner
    pruner_reason: str
    notes: tuple[str, ...] = ()


def plan(request: TuneRequest, space: SearchSpace, *, epochs_vary: bool = False) -> Plan:
    """The strategy and the pruner for this request over this space.

    ``epochs_vary`` says that the cell itself decides how many epochs a trial has. Raises
    OptionError for options that exclude each other or need a package that is missing.
    """
    has_torch = importlib.util.find_spec("torch") is not None
    tuner, tuner_reason = choose_tuner(request, space, has_torch=has_torch, epochs_vary=epochs_vary)
    pruner, pruner_reason = choose_pruner(request, tuner)
    return Plan(
        tuner=tuner,
        tuner_reason=tuner_reason,
        pruner=pruner,
        pruner_reason=pruner_reason,
        notes=_notes(tuner, space, epochs_vary=epochs_vary),
    )


def _notes(tuner: Tuner, space: SearchSpace, *, epochs_vary: bool) -> tuple[str, ...]:
    """What the user should know of this strategy over this space."""
    notes = list(grid_notes(space)) if tuner is Tuner.GRID else []
    if epochs_vary and tuner in (Tuner.HYPERBAND, Tuner.BOHB):
        notes.append(f"epochs that the cell computes are not used: {tuner} decides how long a trial is trained")
    choices = [each.label for each in coordinates_of(space) if each.axis is Axis.CHOICE]
    if tuner in (Tuner.CMAES, Tuner.GP) and choices:
        how = "draws them at random" if tuner is Tuner.CMAES else "takes them as far from each other"
        notes.append(f"{', '.join(choices)}: values without an order; {tuner} {how}, tpe learns more from them")
    return tuple(notes)


def check_machine(request: TuneRequest) -> None:
    """Raise OptionError for more workers than this machine has cores; a cluster counts its own."""
    cores = usable_cores()
    if request.cluster is None and request.workers is not None and request.workers > cores:
        raise OptionError(f"--workers {request.workers}: this machine has {cores} cores; expected 0 to {cores}.")


def executor_maker(request: TuneRequest, cluster: Any = None) -> MakeExecutor:
    """What chooses the executor when a study starts.

    ``cluster`` is the address of a Dask scheduler or a Dask client or cluster; None for this machine.
    """

    def make(work: Work, view: StudyView) -> tuple[Executor, str]:
        if cluster is None:
            return choose_executor(request.workers, work, memory_gb=request.memory_gb)
        from tunemagic.search.executors.cluster import connect
        from tunemagic.search.executors.dask import DaskExecutor

        client, made = connect(cluster)
        return DaskExecutor(work, client, owns_client=made, most=request.workers), "you chose it"

    return make
