"""Decide whether trials run in isolated workers or in the kernel, and say why."""

from __future__ import annotations

import multiprocessing

from tunemagic.errors import OptionError, UnsendableError
from tunemagic.search.executors.base import Executor
from tunemagic.search.executors.cores import usable_cores
from tunemagic.search.executors.inline import InlineExecutor
from tunemagic.search.job import Work

__all__ = ["choose_executor"]


def choose_executor(
    workers: int | None, work: Work, *, memory_gb: float | None = None, cores: int | None = None
) -> tuple[Executor, str]:
    """What runs this work on this machine, and the reason in words.

    ``workers`` None means one isolated worker when the work can be sent there, else the kernel; 0
    the kernel; N so many workers, which share the cores. Raises OptionError for more workers than
    cores, and UnsendableError when workers were asked for by number and the work can't be sent.
    """
    cores = usable_cores() if cores is None else cores
    if workers is not None and workers > cores:
        raise OptionError(f"--workers {workers}: this machine has {cores} cores; expected 0 to {cores}.")
    unlimited = "" if memory_gb is None else "; --memory-gb needs a worker and has no effect"
    if workers == 0:
        return InlineExecutor(), f"you chose --workers 0{unlimited}"
    if "forkserver" not in multiprocessing.get_all_start_methods():
        if workers is not None:
            raise OptionError(f"--workers {workers}: this system can't fork workers; expected 0.")
        return InlineExecutor(), f"this system can't fork workers{unlimited}"
    from tunemagic.search.executors.process import ProcessExecutor

    count = workers or 1
    threads = cores // count if count > 1 else None  # alone it may have them all, as in the kernel
    try:
        executor = ProcessExecutor(work, workers=count, memory_gb=memory_gb, threads=threads)
    except UnsendableError as error:
        if workers is not None:
            raise
        return InlineExecutor(), f"{error.summary} can't be sent to a worker{unlimited}"
    if count > 1:
        return executor, f"they have {threads} thread{'s' * (threads != 1)} each"
    return executor, "a crash of the model does not take the kernel along"
