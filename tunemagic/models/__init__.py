"""Templates of networks, optimisers and schedules, as plain ``build(hp)`` callables."""

from __future__ import annotations

from tunemagic.models import schedules
from tunemagic.models.batches import BatchSchedule, full_batch
from tunemagic.models.compile import SECOND_ORDER, compile
from tunemagic.models.optimisers import OPTIMIZERS, optimizer
from tunemagic.models.schedules import SCHEDULES, schedule, schedule_callbacks, total_steps

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "SECOND_ORDER",
    "BatchSchedule",
    "compile",
    "full_batch",
    "optimizer",
    "schedule",
    "schedule_callbacks",
    "schedules",
    "total_steps",
]
