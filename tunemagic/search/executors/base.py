"""What the search loop expects of whatever runs its jobs."""

from __future__ import annotations

from typing import Protocol

from tunemagic.search.job import Report, TrialJob

__all__ = ["Executor"]


class Executor(Protocol):
    """Runs jobs and reports what happens, in order for each trial.

    All methods are called from the loop's thread. After ``submit`` exactly one TrialOutcome
    comes for that attempt, whatever happens to the job; no other report of it comes after that.
    An executor whose workers have to start reports WorkersStarted once, before the first epoch.
    It is made for one study's Work: every submitted job carries the same one.

    ``kind`` is inline, process, dask or replay.
    """

    kind: str

    @property
    def slots(self) -> int:
        """How many jobs run at a time; on a cluster it may change."""

    def submit(self, job: TrialJob) -> None:
        """Take a job; at most ``slots`` may be unfinished at a time."""

    def next_report(self, timeout: float) -> Report | None:
        """The next report, or None when none came within ``timeout`` seconds."""

    def cancel(self, trial: int) -> None:
        """End this trial within one step or 0.1 s, with its best epoch so far.

        Unknown trials are ignored. Returns at once.
        """

    def hold(self, trial: int) -> None:
        """Let this trial wait after its running epoch, before which its training state is reported.

        Cancelling ends the wait. Unknown trials are ignored. Returns at once.
        """

    def release(self, trial: int) -> None:
        """Let a trial that was held go on. Returns at once."""

    def resize(self, workers: int) -> None:
        """Run so many jobs at a time from now on, at least 1; ``slots`` says so at once.

        What runs goes on to its end. Raises OptionError where the number can't be changed.
        """

    def close(self) -> None:
        """Cancel what runs, wait for it, and free everything. Closing twice is harmless."""
