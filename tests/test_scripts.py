"""The scripts behind make: what they find, and what they say when something is missing."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

SCRIPTS = Path(__file__).parent.parent / "scripts"


def run(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=240)


def program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_a_python_that_fits_is_found_by_its_real_path():
    done = run([str(SCRIPTS / "find_python.sh")], PYTHON=sys.executable)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, sys.executable, "")


def test_a_missing_python_is_named_with_its_versions(tmp_path: Path):
    done = run([str(SCRIPTS / "find_python.sh")], PYTHON=program(tmp_path / "old", "exit 1"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Expected Python 3.11, 3.12 or 3.13; found none.")


def test_a_python_without_venv_names_the_package_that_brings_it(tmp_path: Path):
    without_venv = f'case "$2" in *ensurepip*) exit 1;; *) exec "{sys.executable}" "$@";; esac'
    done = run([str(SCRIPTS / "find_python.sh")], PYTHON=program(tmp_path / "python3", without_venv))
    assert done.returncode == 1
    assert f"apt-get install python3.{sys.version_info.minor}-venv" in done.stderr


def test_a_browser_that_starts_is_found(tmp_path: Path):
    browser = program(tmp_path / "chrome", "echo Chromium 1.0")
    done = run([str(SCRIPTS / "need_chromium.sh")], TUNEMAGIC_CHROMIUM=browser)
    assert (done.returncode, done.stdout) == (0, f"{browser}\n")


def test_a_missing_browser_ends_with_what_to_do(tmp_path: Path):
    snap_stub = program(tmp_path / "chrome", "exit 1")
    program(tmp_path / "id", "echo 1000")  # a user who may not install anything
    done = run(
        [str(SCRIPTS / "need_chromium.sh")],
        TUNEMAGIC_CHROMIUM=snap_stub,
        PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "apt-get install chromium" in done.stderr


@pytest.mark.parametrize("members", [(), ("tunemagic/__init__.py",)])
def test_a_wheel_without_its_bundles_is_refused(tmp_path: Path, members: tuple[str, ...]):
    with zipfile.ZipFile(tmp_path / "tunemagic-0.1.0-py3-none-any.whl", "w") as wheel:
        for member in members:
            wheel.writestr(member, "")
    done = run([sys.executable, str(SCRIPTS / "check_wheel.py"), str(tmp_path)])
    assert done.returncode == 1
    assert "tunemagic-0.1.0-py3-none-any.whl: tunemagic/static/panel.js is missing." in done.stdout
    assert f"{tmp_path}: expected one *.tar.gz; found 0." in done.stdout


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("1 + 1", "expected a finished study"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "Kernel died"),
    ],
)
def test_a_demo_that_shows_nothing_fails(tmp_path: Path, cell: str, reason: str):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    nbformat.write(notebook, tmp_path / "one.ipynb")
    done = run([sys.executable, str(SCRIPTS / "demo.py"), str(tmp_path / "one.ipynb"), str(tmp_path)])
    assert done.returncode == 1
    assert reason in done.stderr
    assert "kernel.log" in done.stderr
