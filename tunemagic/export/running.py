"""The kernel's side of running artefacts: each in a fresh process of its runtime, which knows nothing of the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tunemagic.export.job import Attempt, Variant
from tunemagic.export.process import START_SECONDS, Limits, Worker, WorkerDied, WorkerSilent
from tunemagic.export.runner import Run
from tunemagic.export.targets.kinds import KINDS

__all__ = ["run_all"]


def run_all(made: Sequence[Attempt], folder: Path, limits: Limits) -> Iterator[Attempt]:
    """Run what was made in ``folder`` on its evaluation samples: the attempts with the facts of a run, or a problem.

    Targets of one runtime share a process; a crash or a hang costs the artefact it happened in. Raises
    ExportError when stopped.
    """
    groups: dict[str, list[Attempt]] = {}
    for attempt in made:
        target = attempt.variant.target
        groups.setdefault("tensorflow" if KINDS[target].tensorflow else target, []).append(attempt)
    for left in groups.values():
        while left:
            with Worker("tunemagic.export.runner") as worker:
                try:
                    worker.wait_until_up(stop=limits.stop)
                    while left:
                        ran = _run(worker, left[0], folder, limits)
                        del left[0]
                        yield ran
                except (WorkerDied, WorkerSilent) as error:
                    variant = left.pop(0).variant
                    yield Attempt(variant=variant, problem=f"{variant.label}: its runtime {error}")


def _run(worker: Worker, attempt: Attempt, folder: Path, limits: Limits) -> Attempt:
    variant: Variant = attempt.variant
    paths = {"path": variant.path_in(folder), "x": folder / "x.npy", "outputs": variant.outputs_in(folder)}
    Run(target=variant.target, **{name: str(path) for name, path in paths.items()}).write(folder)
    # The first run of a process imports the runtime.
    seconds = limits.timeout_seconds + (0 if worker.jobs else START_SECONDS)
    worker.send(folder)
    fact, _ = (worker.next_fact(timeout_seconds=seconds, stop=limits.stop) for _ in ("outcome", "end"))
    if fact.pop("kind") == "failed":
        return Attempt(variant=variant, problem=fact["message"])
    return Attempt(variant=variant, facts={**attempt.facts, **fact})
