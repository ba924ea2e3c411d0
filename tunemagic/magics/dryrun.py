"""``--dry-run``: the space, its size, and what the search would cost. Nothing is started or kept."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from tunemagic.analysis.wording import (
    byte_text,
    clock,
    count_text,
    number_text,
    place_text,
    range_text,
    reasoned,
    seconds_text,
)
from tunemagic.continuity import DEFAULT_SEED, first_limit, package_versions
from tunemagic.export.measure import gauge_for
from tunemagic.exported import study_facts
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.i18n.facts import translate
from tunemagic.magics.tables import Table
from tunemagic.planning import Plan, check_machine, executor_maker, plan
from tunemagic.request import DEVICE_VALUES, Pruner, Tuner, TuneRequest
from tunemagic.search.advice import epochs_vary, with_cell_epochs
from tunemagic.search.borrowed import borrowed_by
from tunemagic.search.data import TrainingData
from tunemagic.search.device import device_values_of
from tunemagic.search.dry_run import TrialCost, epoch_share, warm_up
from tunemagic.search.estimate import check_defaults
from tunemagic.search.folds import check_folds
from tunemagic.search.job import Measure, TrialProgram, Work
from tunemagic.search.probe import Discovery, discover
from tunemagic.search.sizes import ModelSizes
from tunemagic.space import Value
from tunemagic.studybook import DEFAULT_NAME
from tunemagic.trial import StudyView

__all__ = ["dry_run_table"]


def dry_run_table(
    request: TuneRequest,
    program: TrialProgram,
    data: TrainingData,
    *,
    cluster: Any = None,
    measure: Measure | None = None,
    texts: Catalogue = ENGLISH,
) -> Table:
    """The search space, one row per hyperparameter, and the cost in the lines below.

    Raises what looking at the cell, choosing a strategy and training one trial on a few batches
    raise.
    """
    check_machine(request)
    check_folds(data, request.folds)
    request = with_cell_epochs(request, program)
    check_defaults(program, data, request.max_params)
    device = DEVICE_VALUES if request.measure is None or request.device_mode is not None else ()
    found = discover(program, data, request.objective, request.objectives, measure, device)
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
    sizes = ModelSizes(program, found.space, data)
    largest = sizes.largest()
    objectives = ((found.objective, found.direction), *found.objectives)
    shown = texts("list.comma").join(
        texts("dry.objective", name=name, direction=texts(f"direction.{direction}")) for name, direction in objectives
    )
    columns = tuple(texts(f"dry.{word}") for word in ("hyperparameter", "kind", "range", "default"))
    study = request.name or texts("record.study")
    return Table(
        caption=texts("dry.caption", study=study, tuner=chosen.tuner, objectives=shown),
        columns=columns,
        rows=tuple((p.name, str(p.kind), range_text(p, texts), str(p.default)) for p in found.space.parameters),
        notes=(
            texts("dry.data", text=translate(data.description, texts)),
            *_about_space(found, texts),
            *_about_sizes(request, sizes, largest, found, texts),
            *_about_device(request, program, data, _tried(found, largest), texts),
            *_about_plan(chosen, cost, texts),
            *_about_cost(request, chosen, found, cost, texts),
            *(translate(note, texts) for note in (*chosen.notes, *data.warnings)),
            texts("dry.nothing_kept"),
        ),
    )


def _about_space(found: Discovery, texts: Catalogue) -> Iterator[str]:
    combinations = found.space.combinations()
    number = texts("dry.infinite") if combinations is None else format(combinations, ",d")
    yield texts("dry.combinations", number=number)


def _about_sizes(
    request: TuneRequest,
    sizes: ModelSizes,
    found_largest: tuple[int, Mapping[str, Value]] | None,
    found: Discovery,
    texts: Catalogue,
) -> Iterator[str]:
    largest = None if found_largest is None else found_largest[0]
    counts = [("dry.size_default", found.parameter_count), ("dry.size_largest", largest)]
    known = [texts(key, weights=count_text("weights", count, texts)) for key, count in counts if count is not None]
    if known:
        yield texts("dry.models", sizes=texts("list.comma").join(known))
    limit = request.max_params
    if limit is None or largest is None:
        return
    share = sizes.share_above(limit)
    if largest > limit and share is not None:
        yield texts("dry.some_larger", limit=f"{limit:,}", share=f"{share:.0%}")
    else:
        yield texts("dry.none_larger", limit=f"{limit:,}")


def _tried(found: Discovery, largest: tuple[int, Mapping[str, Value]] | None) -> dict[str, Mapping[str, Value]]:
    """The values of the models that are looked at, by what is said of them."""
    default: dict[str, Value] = {parameter.name: parameter.default for parameter in found.space.parameters}
    return {"dry.size_default": default, **({} if largest is None else {"dry.size_largest": largest[1]})}


def _about_device(
    request: TuneRequest,
    program: TrialProgram,
    data: TrainingData,
    tried: Mapping[str, Mapping[str, Value]],
    texts: Catalogue,
) -> Iterator[str]:
    """What the default model and the largest one found are as TF Lite files, and what the limits mean for them."""
    facts = study_facts(StudyView(study=request.name or DEFAULT_NAME, versions=package_versions()), data)
    gauge = gauge_for(request.device_mode, facts)
    if gauge is None:
        return
    measured: dict[str, dict[str, float]] = {}
    for key, values in tried.items():
        begun = time.monotonic()
        measured[key] = device_values_of(values, program, data, gauge)
    seconds = seconds_text(time.monotonic() - begun)
    files = {key: tuple(values[name] for name in DEVICE_VALUES) for key, values in measured.items()}
    sizes = texts("list.comma").join(
        texts(key, weights=f"{_size_text(size)} ({_latency_text(latency)})") for key, (size, latency) in files.items()
    )
    yield texts("dry.as_file", mode=str(request.device_mode), sizes=sizes, seconds=seconds)
    for option, limit, name, shown in (
        ("--max-kb", request.max_kb, DEVICE_VALUES[0], _size_text),
        ("--max-ms", request.max_ms, DEVICE_VALUES[1], _latency_text),
    ):
        least, most = (pick(values[name] for values in measured.values()) for pick in (min, max))
        if limit is not None:
            key = "dry.none_above" if most <= limit else "dry.some_above" if least <= limit else "dry.above"
            yield texts(key, option=option, limit=f"{limit:g}", size=shown(most))


def _size_text(kilobytes: float) -> str:
    return byte_text(round(1000 * kilobytes))


def _latency_text(milliseconds: float) -> str:
    return f"{number_text(milliseconds)} ms"


def _about_plan(chosen: Plan, cost: TrialCost, texts: Catalogue) -> Iterator[str]:
    yield texts("dry.strategy", text=reasoned(chosen.tuner, chosen.tuner_reason, texts))
    yield texts("dry.pruner", text=reasoned(chosen.pruner, chosen.pruner_reason, texts))
    place = place_text(StudyView(executor=cost.executor, workers=cost.workers), texts)
    yield texts("dry.place", text=reasoned(place, cost.executor_reason.removeprefix(f"{place}: "), texts))
    if cost.trainer:
        yield texts("dry.training", text=translate(cost.trainer, texts))


def _about_cost(
    request: TuneRequest, chosen: Plan, found: Discovery, cost: TrialCost, texts: Catalogue
) -> Iterator[str]:
    epochs = count_text("epochs", cost.epochs, texts)
    epochs = texts("dry.set_by_cell", epochs=epochs) if cost.from_cell else epochs
    share = epoch_share(chosen.tuner, cost.epochs)
    seconds = cost.training_seconds(share * cost.epochs)
    if seconds is None:
        yield texts("dry.no_estimate", epochs=epochs)
    else:
        runs = request.repeats * (request.folds or 1)
        seconds *= runs
        again = cost.again_seconds
        faster = again is not None and again < cost.first_seconds / 2
        yield texts(
            "dry.one_trial",
            epochs=epochs,
            share="" if share == 1.0 else texts("dry.share", share=f"{share:.0%}", tuner=chosen.tuner),
            often="" if runs == 1 else texts("dry.often", count=runs),
            seconds=seconds_text(seconds),
            first=seconds_text(runs * cost.first_seconds),
            again=texts("dry.again", seconds=seconds_text(runs * (again or 0.0))) if faster else "",
            batches=cost.batches,
            all=count_text("batches", cost.all_batches or 0, texts),
        )
        yield from _about_total(request, chosen, found, seconds / cost.workers, texts)
    yield texts("dry.memory", bytes=byte_text(cost.memory))


def _about_total(
    request: TuneRequest, chosen: Plan, found: Discovery, seconds: float, texts: Catalogue
) -> Iterator[str]:
    """How long the whole search takes, for trials that take ``seconds`` each side by side."""
    combinations = found.space.combinations()
    limits = [limit for limit in (first_limit(request, chosen.tuner), combinations) if limit is not None]
    trials = min(limits, default=None)
    early = texts("dry.early") if chosen.pruner is not Pruner.NONE else ""
    if trials is not None and (request.minutes is None or request.max_trials is not None or chosen.tuner is Tuner.GRID):
        yield texts(
            "dry.at_most", trials=count_text("trials", trials, texts), clock=clock(trials * seconds), early=early
        )
    if request.minutes is not None:
        fitting = count_text("trials", max(1, int(60 * request.minutes / seconds)), texts)
        yield texts("dry.within", minutes=f"{request.minutes:g}", trials=fitting, early=early)
