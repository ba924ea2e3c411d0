"""Ask the opener's process about a file. See opener."""

from __future__ import annotations

import json
from typing import Any

from tunemagic.errors import ExportError
from tunemagic.export.opener import JOB
from tunemagic.export.process import START_SECONDS, Worker, WorkerDied, WorkerSilent
from tunemagic.export.scratch import job_folder

__all__ = ["ask", "count_weights"]


def ask(name: str, **asked: Any) -> dict[str, Any]:
    """What the process answers. Raises ExportError, with ``name`` in front, when the file can't be opened."""
    with job_folder("open") as folder, Worker("tunemagic.export.opener") as worker:
        (folder / JOB).write_text(json.dumps(asked), encoding="utf-8")
        try:
            worker.wait_until_up()
            worker.send(folder)
            fact = worker.next_fact(timeout_seconds=START_SECONDS)
        except (WorkerDied, WorkerSilent) as error:
            raise ExportError(f"{name}: it can't be opened: its runtime {error}.") from error
    if fact.pop("kind") == "failed":
        raise ExportError(f"{name}: {fact['message']}")
    return fact


def count_weights(weights: bytes, name: str) -> int:
    """How many numbers a ``.weights.h5`` file holds. Raises ExportError for a damaged or hostile one."""
    with job_folder("open") as folder:
        file = folder / "model.weights.h5"
        file.write_bytes(weights)
        return int(ask(name, do="count", path=str(file))["held"])
