"""The benchmarks hold what they promise: each fault has a row."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.mark.slow
def test_every_fault_from_1_to_38_has_one_row_with_a_name_and_a_description() -> None:
    command = [sys.executable, str(BENCHMARKS / "faults.py"), "--describe"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    rows = [re.fullmatch(r" *(\d+)  (\S.*?)  +(\S.*)", line) for line in done.stdout.splitlines()]
    assert [row and int(row[1]) for row in rows] == list(range(1, 39))
    assert len({row[2] for row in rows if row}) == 38
