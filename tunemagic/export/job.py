"""What the conversion process is asked for, and what comes of it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tunemagic.export.serve import FAULT_VARIABLE
from tunemagic.export.targets.kinds import KINDS
from tunemagic.request import Target, export_label

__all__ = ["Attempt", "Job", "Variant"]

_FILE = "job.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One artefact: a target and how its numbers are stored."""

    target: Target
    mode: str

    def __str__(self) -> str:
        return f"{self.target} {self.mode}"

    @property
    def label(self) -> str:
        """What messages call it."""
        return export_label(self.target, self.mode)

    def path_in(self, folder: Path) -> Path:
        """Where the artefact is made, inside of a job's folder. A name that C and others accept as a symbol."""
        return folder / f"{self.target}_{self.mode}{KINDS[self.target].ending}"

    def outputs_in(self, folder: Path) -> Path:
        """Where its answers for the evaluation samples are."""
        return folder / f"{self.target}_{self.mode}.npy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of a variant: ``facts`` about the artefact, or the ``problem`` for which there is none.

    Facts are ``remarks``, ``seconds`` and ``operations`` of its making, then ``microseconds``,
    ``microseconds_least`` and ``runtime`` of its run, where there is a runtime that can run it.
    """

    variant: Variant
    facts: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""

    @property
    def ran(self) -> bool:
        """Whether the artefact was run."""
        return "runtime" in self.facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """``job.json`` in the folder of a job.

    Attributes:
        variants: What to make, as (target, mode).
        made: What an earlier process, which has crashed since, had made already.
        half: Whether the Keras model computes in half precision.
        calibrated: Whether there are representative samples.
        about: Facts to be kept beside the model.
        flex: Whether TF Lite files may hold TensorFlow's own operations.
        fault: See ``serve.fault``.
    """

    half: bool
    calibrated: bool
    about: dict[str, Any]
    flex: bool = False
    variants: Sequence[tuple[str, str]] = ()
    made: Sequence[tuple[str, str]] = ()
    fault: str = field(default_factory=lambda: os.environ.get(FAULT_VARIABLE, ""))

    def write(self, folder: Path) -> None:
        """Put the job into the folder."""
        (folder / _FILE).write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Job:
        """The job in the folder."""
        return cls(**json.loads((folder / _FILE).read_text(encoding="utf-8")))
