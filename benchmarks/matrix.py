"""What users of other tuners have or miss, row by row, and the test that shows it here.

The rows are those of a survey of eight tuning tools (see ``benchmarks/matrix_rows.py``). A row
counts as yes when its test was collected and passed in this very run; one test may prove three
rows at most, and a row about a screen needs a test in a real browser. Exits with 1 when fewer
than ``--least`` rows are yes, or when the table itself breaks one of these rules.

Usage: python benchmarks/matrix.py [--least 44] [--only 1,14,20]
"""

from __future__ import annotations

import argparse
import collections
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

from chromium import chromium_path
from matrix_rows import ROWS, Row

ROOT = Path(__file__).resolve().parents[1]
MOST_ROWS_PER_TEST = 3
SCREEN_TESTS = "tests/browser/"


def faults(rows: Sequence[Row]) -> list[str]:
    """What breaks the rules of the table."""
    found = []
    numbers = [row.number for row in rows]
    if numbers != list(range(1, len(rows) + 1)):
        found.append(f"expected rows 1 to {len(rows)} in order; received {numbers}")
    uses = collections.Counter(row.test for row in rows if row.test)
    found += [f"{test} proves {count} rows" for test, count in uses.items() if count > MOST_ROWS_PER_TEST]
    found += [
        f"row {row.number} is about a screen, but {row.test} is no browser test"
        for row in rows
        if row.screen and row.test and not row.test.startswith(SCREEN_TESTS)
    ]
    return found


def outcomes(tests: Sequence[str]) -> dict[str, str]:
    """``passed``, ``failed``, ``skipped`` or ``missing`` of each test, run now."""
    found = dict.fromkeys(tests, "missing")
    # Browser tests share one server and are many times as slow when others run beside them.
    screens = [test for test in tests if test.startswith(SCREEN_TESTS)]
    for group in (screens, [test for test in tests if test not in screens]):
        if group:
            found.update(_run(group))
    return found


def _run(tests: Sequence[str]) -> dict[str, str]:
    environment = {**os.environ, "TUNEMAGIC_CHROMIUM": chromium_path()}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "--no-header", "-o", "junit_family=xunit1"]
        # A file at a time is collected whole, so an id that is gone is told as missing instead of ending the run.
        files = sorted({test.split("::")[0] for test in tests if (ROOT / test.split("::")[0]).exists()})
        names = sorted({test.split("::")[-1].split("[")[0] for test in tests})
        selection = ["-k", " or ".join(names)]
        subprocess.run(
            [*command, *files, *selection, f"--junitxml={report}"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
        )
        cases = list(ElementTree.parse(report).iter("testcase"))
    found: dict[str, list[str]] = {}
    for case in cases:
        # The class comes after the file's own name: tests.study.test_x.TestY
        file = case.get("file", "")
        classes = case.get("classname", "").removeprefix(file.removesuffix(".py").replace("/", ".")).strip(".")
        name = "::".join(part for part in (file, classes, case.get("name", "")) if part)
        if case.find("failure") is not None or case.find("error") is not None:
            outcome = "failed"
        else:
            outcome = "skipped" if case.find("skipped") is not None else "passed"
        for key in (name, name.split("[")[0]):
            found.setdefault(key, []).append(outcome)
    # Of a test with parameters all must pass.
    return {
        test: next((word for word in ("failed", "skipped") if word in found[test]), "passed")
        for test in tests
        if test in found
    }


def main() -> int:
    """Run the tests and print the table; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--least", type=int, default=44, help="rows that must be yes (default: 44)")
    parser.add_argument("--only", default="", help="row numbers, for looking at some of them")
    options = parser.parse_args()
    wanted = {int(number) for number in options.only.split(",") if number}
    broken = faults(ROWS)
    for fault in broken:
        print(f"FAULT {fault}")
    rows = [row for row in ROWS if not wanted or row.number in wanted]
    seen = outcomes(sorted({row.test for row in rows if row.test}))
    answers = collections.Counter[str]()
    for row in rows:
        if row.test:
            outcome = seen[row.test]
            answer = "yes" if outcome == "passed" else "no"
            proof = row.test if outcome == "passed" else f"{row.test} {outcome}"
        else:
            answer, proof = "no", row.why
        answers[answer] += 1
        print(f"{row.number:>2} {answer:<5} {row.feature}\n         {row.sentence}\n         {proof}")
    print(", ".join(f"{count} {answer}" for answer, count in answers.items()), f"of {len(rows)} rows")
    passed = not broken and (bool(wanted) or answers["yes"] >= options.least)
    print("PASS" if passed else f"FAIL: expected at least {options.least} rows with yes, and a table without faults")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
