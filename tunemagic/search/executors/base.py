"""What the search loop expects of whatever runs its jobs."""

from __future__ import annotations

from typing import Protocol, TypeAlias

from tunemagic import events as ev
from tunemagic.search.job import TrialJob, TrialOutcome

__all__ = ["Executor", "Report"]

Report: TypeAlias = ev.EpochEnded | TrialOutcome


class Executor(Protocol):
    """Runs jobs and reports what happens, in order for each trial.

    All methods are called from the loop's thread. After ``submit`` exactly one TrialOutcome
    comes for that attempt, whatever happens to the job; no EpochEnded comes after it.
    """

    slots: int

    def submit(self, job: TrialJob) -> None:
        """Take a job; at most ``slots`` may be unfinished at a time."""

    def next_report(self, timeout: float) -> Report | None:
        """The next report, or None when none came within ``timeout`` seconds."""

    def cancel(self, trial: int) -> None:
        """End this trial soon, with its best epoch so far. Unknown trials are ignored."""

    def close(self) -> None:
        """Cancel what runs, wait for it, and free everything. Closing twice is harmless."""
