"""The layers of .importlinter hold, and each contract breaks when it should."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOT_CODE = shutil.ignore_patterns("__pycache__", "static", "labextension")


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "tunemagic", tmp_path / "tunemagic", ignore=NOT_CODE)
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def test_the_package_keeps_its_layers():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("events.py", "import tunemagic.journal", "Imports only go down"),
        ("analysis/curves.py", "import tunemagic.search.loop", "Imports only go down"),
        ("journal.py", "import IPython", "Only magics and widgets know the notebook"),
        ("search/loop.py", "import matplotlib", "Only plots and record draw"),
        ("study.py", "import tunemagic.record", "A study does not draw itself"),
        ("search/loop.py", "import keras_tuner", "Only search.oracle and search.hyperparameters know Keras Tuner"),
    ],
)
def test_a_forbidden_import_inside_a_function_is_found(copy: Path, module: str, line: str, contract: str):
    with (copy / "tunemagic" / module).open("a", encoding="utf-8") as file:
        file.write(f"\n\ndef late() -> None:\n    {line}\n")
    done = lint_imports(copy)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{contract} BROKEN" in done.stdout


def test_a_module_without_a_place_in_the_layers_is_found(copy: Path):
    (copy / "tunemagic" / "somewhere.py").write_text("", encoding="utf-8")
    done = lint_imports(copy)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "tunemagic.somewhere" in done.stdout
