"""Raise every fault that a search can meet, for real, and see what becomes of the study.

The rows are numbered from 1 to 38, each in a process of its own, since some end theirs. A row
passes when the study, its files and the kernel are as promised; a row that is missing fails. Where
Keras Tuner keeps several files and we keep one journal, the row says so in its description.

Usage: python benchmarks/faults.py [--rows 1,5,30-33] [--kills 6] [--jobs 2] [--describe]
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import multiprocessing
import os
import queue
import sys
import tempfile
import threading
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from fault_rows.registry import LAST, ROWS, Counts

TIMEOUT = 300.0  # seconds until a row that hangs has failed


def load_rows() -> None:
    """Import the modules that enter the rows."""
    for name in ("crashes", "changes", "disk", "trials"):
        importlib.import_module(f"fault_rows.{name}")


def run_row(number: int, counts: Counts, log: str, answer: Connection) -> None:
    """In a process of its own: raise the fault and answer with whether it went right, and what was seen."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    load_rows()
    try:
        with tempfile.TemporaryDirectory(prefix=f"tunemagic-fault-{number}-", ignore_cleanup_errors=True) as folder:
            seen = ROWS[number].check(Path(folder), counts)
        answer.send((True, seen))
    # Whatever a row raises means that it failed, and is shown.
    except BaseException as error:
        traceback.print_exc()
        answer.send((False, f"{type(error).__name__}: {error}"))


def result_of(number: int, counts: Counts, log: str, context: Any) -> tuple[bool, str]:
    """Run one row; a process that dies or hangs has failed."""
    mine, theirs = context.Pipe()
    process = context.Process(target=run_row, args=(number, counts, log, theirs))
    process.start()
    theirs.close()
    try:
        if not mine.poll(TIMEOUT):
            return False, f"no answer within {TIMEOUT:g} s"
        answer: tuple[bool, str] = mine.recv()
        return answer
    except EOFError:
        process.join()
        return False, f"its process died with exit code {process.exitcode}"
    finally:
        process.join(10)
        process.kill()


def wanted_rows(text: str) -> list[int]:
    """``1,5,30-33`` as numbers. Raises ValueError for anything else."""
    numbers: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    if not all(1 <= number <= LAST for number in numbers):
        raise ValueError(f"expected rows from 1 to {LAST}; received {text}")
    return numbers


def main() -> int:
    """Run the rows; 1 when one fails or is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=wanted_rows, default=wanted_rows(f"1-{LAST}"))
    parser.add_argument("--kills", type=int, default=Counts().kills, help="random kills per strategy in row 2")
    parser.add_argument("--jobs", type=int, default=2, help="rows that run at a time")
    parser.add_argument("--describe", action="store_true", help="only say what each row does")
    parser.add_argument("--log", default="", help="a file for what rows print")
    options = parser.parse_args()
    load_rows()
    if options.describe:
        for row in sorted(ROWS.values(), key=lambda row: row.number):
            print(f"{row.number:>3}  {row.name:<48}  {' '.join((row.check.__doc__ or '').split())}")
        return 0
    started = time.monotonic()
    failed = run_all(options.rows, Counts(kills=options.kills), options.log or os.devnull, options.jobs)
    count = len(options.rows)
    print(f"{count - len(failed)} of {count} rows pass in {time.monotonic() - started:.0f} s", flush=True)
    print("PASS" if not failed else f"FAIL: rows {', '.join(map(str, sorted(failed)))}")
    return 0 if not failed else 1


def run_all(numbers: list[int], counts: Counts, log: str, jobs: int) -> list[int]:
    """Run the rows, some at a time, and print each as soon as it is over; the numbers of those that failed."""
    # Keras is imported once; a row's process is forked from a server that has only imported it.
    multiprocessing.set_forkserver_preload(
        ["keras", "keras_tuner", "optuna", "sklearn.datasets", "tunemagic.studybook"]
    )
    context = multiprocessing.get_context("forkserver")
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in numbers:
        waiting.put(number)
    failed: list[int] = []

    def work() -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                number = waiting.get_nowait()
                row = ROWS.get(number)
                right, seen = (False, "this row is missing") if row is None else result_of(number, counts, log, context)
                name = "?" if row is None else row.name
                print(f"{number:>3}  {name:<48}  {'PASS' if right else 'FAIL'}  {seen}", flush=True)
                if not right:
                    failed.append(number)

    threads = [threading.Thread(target=work) for _ in range(max(1, jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


if __name__ == "__main__":
    sys.exit(main())
