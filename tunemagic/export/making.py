"""The kernel's side of conversion: variants go to the warm process, attempts come back, whatever happens there."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from tunemagic.export.job import Attempt, Job, Variant
from tunemagic.export.process import START_SECONDS, Limits, Worker, WorkerDied, WorkerSilent
from tunemagic.export.warm import CONVERTER

__all__ = ["make_all"]

_START = "the start of the conversion process"


def make_all(variants: Sequence[Variant], job: Job, folder: Path, limits: Limits) -> Iterator[Attempt]:
    """Make every variant in ``folder``, in order; TF Lite files are run too.

    A crash or a hang costs the variant it happened in, then another process goes on. Raises
    ExportError when stopped; the process is ended then, and when the caller does not read on.
    """
    yield from _Making(variants, job, folder, limits).attempts()


class _Making:
    """One job on its way through as many processes as it takes."""

    def __init__(self, variants: Sequence[Variant], job: Job, folder: Path, limits: Limits) -> None:
        self._left = list(variants)
        self._made: list[Variant] = []
        self._job = job
        self._folder = folder
        self._limits = limits
        self._step = _START

    def attempts(self) -> Iterator[Attempt]:
        while self._left:
            dataclasses.replace(self._job, variants=_pairs(self._left), made=_pairs(self._made)).write(self._folder)
            kept, self._step, problem = False, _START, ""
            try:
                with CONVERTER.lent() as worker:
                    kept = worker.jobs > 0
                    yield from self._read(worker)
            except (WorkerDied, WorkerSilent) as error:
                problem = f"{self._step} {error}"
            if problem:
                yield from self._lost(problem, kept=kept)

    def _read(self, worker: Worker) -> Iterator[Attempt]:
        """Send the job and read facts to its end."""
        worker.wait_until_up(stop=self._limits.stop)
        worker.send(self._folder)
        while True:
            seconds = START_SECONDS if self._step == _START else self._limits.timeout_seconds
            fact = worker.next_fact(timeout_seconds=seconds, stop=self._limits.stop)
            match fact.pop("kind"):
                case "ready":
                    self._step = "converter"
                case "step":
                    self._step = fact["step"]
                case "refused":
                    yield from self._all_fail(fact["message"])
                case "failed":
                    yield Attempt(variant=self._left.pop(0), problem=fact["message"])
                case "done":
                    self._made.append(self._left[0])
                    yield Attempt(variant=self._left.pop(0), facts=fact)
                case "end":
                    return

    def _lost(self, problem: str, *, kept: bool) -> Iterator[Attempt]:
        """A process ended early. One that was kept may have died of something else: a fresh one tells."""
        if self._step != _START:
            yield Attempt(variant=self._left[0], problem=f"{self._left.pop(0).label}: {problem}")
        elif not kept:
            yield from self._all_fail(f"{problem}, before any mode was tried")

    def _all_fail(self, problem: str) -> Iterator[Attempt]:
        while self._left:
            yield Attempt(variant=self._left.pop(0), problem=problem)


def _pairs(variants: Sequence[Variant]) -> list[tuple[str, str]]:
    return [(variant.target, variant.mode) for variant in variants]
