"""The benchmarks hold what they promise: each fault has a row, each broken model gets its verdict."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

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


def _benchmark(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"{name}_benchmark", BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look there for their types
    spec.loader.exec_module(module)
    return module


DIAGNOSIS = _benchmark("diagnosis")
# One of each kind here; the benchmark itself trains further models that leak or are slow.
FURTHER = ("leak_suspected_feature", "too_slow_tracing", "too_slow_steps")


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", [case for case in DIAGNOSIS.CASES if case.expected not in FURTHER], ids=lambda case: case.name
)
def test_a_broken_model_gets_its_verdict_and_a_healthy_one_none(case: Any) -> None:
    import keras

    keras.utils.set_random_seed(1)
    assert DIAGNOSIS.given(case.run()) == case.expected


def test_the_benchmark_has_a_model_for_every_verdict_on_a_model() -> None:
    expected = [case.expected for case in DIAGNOSIS.CASES]
    kinds = {"underfit", "overfit", "diverged", "rate_too_low", "plateaued", "still_improving", "noisy", "dead_units"}
    assert kinds <= set(expected)
    assert {str(each).partition("_suspected")[0] for each in expected} >= {"leak"}
    assert sum(str(each).startswith("too_slow") for each in expected) == 3
    assert expected.count(None) >= 2


def test_every_row_of_the_matrix_names_a_test_that_exists() -> None:
    missing = []
    for row in _benchmark("matrix_rows").ROWS:
        path, _, name = row.test.partition("[")[0].partition("::")
        if row.test and f"def {name}(" not in (BENCHMARKS.parent / path).read_text(encoding="utf-8"):
            missing.append(row.test)
    assert missing == []
