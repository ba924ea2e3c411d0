"""``--dry-run``: the space, its size, and what the search would cost. Nothing is started or kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tunemagic.analysis.wording import byte_text, clock, place_text, reasoned, seconds_text
from tunemagic.continuity import DEFAULT_SEED, first_limit
from tunemagic.magics.tables import Table
from tunemagic.planning import Plan, check_machine, executor_maker, plan
from tunemagic.request import Pruner, Tuner, TuneRequest
from tunemagic.search.advice import epochs_vary, with_cell_epochs
from tunemagic.search.borrowed import borrowed_by
from tunemagic.search.data import TrainingData
from tunemagic.search.dry_run import TrialCost, epoch_share, warm_up
from tunemagic.search.estimate import check_defaults
from tunemagic.search.folds import check_folds
from tunemagic.search.job import Measure, TrialProgram, Work
from tunemagic.search.probe import Discovery, discover
from tunemagic.search.sizes import ModelSizes
from tunemagic.text import counted
from tunemagic.trial import StudyView

__all__ = ["dry_run_table"]


def dry_run_table(
    request: TuneRequest,
    program: TrialProgram,
    data: TrainingData,
    *,
    cluster: Any = None,
    measure: Measure | None = None,
) -> Table:
    """The search space, one row per hyperparameter, and the cost in the lines below.

    Raises what looking at the cell, choosing a strategy and training one trial on a few batches
    raise.
    """
    check_machine(request)
    check_folds(data, request.folds)
    request = with_cell_epochs(request, program)
    check_defaults(program, data, request.max_params)
    found = discover(program, data, request.objective, request.objectives, measure)
    chosen = plan(request, found.space, epochs_vary=epochs_vary(program))
    work = Work(
        program=program,
        data=data,
        objective=found.objective,
        direction=found.direction,
        repeats=request.repeats,
        folds=request.folds or 0,
    )
    seed = DEFAULT_SEED if request.seed is None else request.seed
    make = executor_maker(request, cluster)
    try:
        cost = warm_up(
            work, found.hyperparameters, lambda single: make(single, StudyView()), epochs=request.epochs, seed=seed
        )
    finally:
        borrowed_by(program).restore()
    objectives = ((found.objective, found.direction), *found.objectives)
    shown = ", ".join(f"{name} ({direction})" for name, direction in objectives)
    return Table(
        caption=f"Dry run: {request.name or 'study'}, {chosen.tuner}, {shown}",
        columns=("hyperparameter", "kind", "range", "default"),
        rows=tuple((p.name, str(p.kind), p.describe(), str(p.default)) for p in found.space.parameters),
        notes=(
            f"data: {data.description}",
            *_about_space(found),
            *_about_sizes(request, program, data, found),
            *_about_plan(chosen, cost),
            *_about_cost(request, chosen, found, cost),
            *chosen.notes,
            *data.warnings,
            "Nothing was kept and nothing was written.",
        ),
    )


def _about_space(found: Discovery) -> Iterator[str]:
    combinations = found.space.combinations()
    yield f"combinations: {'infinitely many' if combinations is None else format(combinations, ',d')}"


def _about_sizes(request: TuneRequest, program: TrialProgram, data: TrainingData, found: Discovery) -> Iterator[str]:
    sizes = ModelSizes(program, found.space, data)
    largest = sizes.largest()
    counts = [("default", found.parameter_count), ("largest found", largest)]
    known = [f"{name} {counted(count, 'weight')}" for name, count in counts if count is not None]
    if known:
        yield f"models: {', '.join(known)}"
    limit = request.max_params
    if limit is None or largest is None:
        return
    share = sizes.share_above(limit)
    skipped = largest > limit and share is not None
    yield f"--max-params {limit:,}: " + (
        f"about {share:.0%} of random models are larger and are skipped" if skipped else "no model found is larger"
    )


def _about_plan(chosen: Plan, cost: TrialCost) -> Iterator[str]:
    yield f"strategy: {reasoned(chosen.tuner, chosen.tuner_reason)}"
    yield f"pruner: {reasoned(chosen.pruner, chosen.pruner_reason)}"
    place = place_text(StudyView(executor=cost.executor, workers=cost.workers))
    yield f"trials run {reasoned(place, cost.executor_reason.removeprefix(f'{place}: '))}"
    if cost.trainer:
        yield f"training: {cost.trainer}"


def _about_cost(request: TuneRequest, chosen: Plan, found: Discovery, cost: TrialCost) -> Iterator[str]:
    said = " (set by the cell)" if cost.from_cell else ""
    epochs = f"{counted(cost.epochs, 'epoch')}{said}"
    share = epoch_share(chosen.tuner, cost.epochs)
    seconds = cost.training_seconds(share * cost.epochs)
    if seconds is None:
        yield f"one trial: {epochs} of a dataset whose size is unknown until it is read: no estimate of its time"
    else:
        runs = request.repeats * (request.folds or 1)
        seconds *= runs
        short = "" if share == 1.0 else f", {share:.0%} of them on average under {chosen.tuner}"
        often = "" if runs == 1 else f", trained {runs} times"
        again = cost.again_seconds
        repeated = ""
        if again is not None and again < cost.first_seconds / 2:
            repeated = f", {seconds_text(runs * again)} where the structure was trained before"
        yield (
            f"one trial: {epochs}{short}{often}: about {seconds_text(seconds)} with the default values, of which "
            f"{seconds_text(runs * cost.first_seconds)} go into building and compiling{repeated} "
            f"(measured on {cost.batches} of {counted(cost.all_batches or 0, 'batch', 'batches')})"
        )
        yield from _about_total(request, chosen, found, seconds / cost.workers)
    yield f"memory: grew by {byte_text(cost.memory)} while it trained"


def _about_total(request: TuneRequest, chosen: Plan, found: Discovery, seconds: float) -> Iterator[str]:
    """How long the whole search takes, for trials that take ``seconds`` each side by side."""
    combinations = found.space.combinations()
    limits = [limit for limit in (first_limit(request, chosen.tuner), combinations) if limit is not None]
    trials = min(limits, default=None)
    early = "; hopeless ones end earlier" if chosen.pruner is not Pruner.NONE else ""
    if trials is not None and (request.minutes is None or request.max_trials is not None or chosen.tuner is Tuner.GRID):
        yield f"{counted(trials, 'trial')}: at most about {clock(trials * seconds)}{early}"
    if request.minutes is not None:
        fitting = counted(max(1, int(60 * request.minutes / seconds)), "trial")
        yield f"ends within {request.minutes:g} min: at least about {fitting}{early}"
