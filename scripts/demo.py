"""Run a notebook without a browser, print what its searches found, leave an HTML page.

Usage: python scripts/demo.py NOTEBOOK FOLDER

Writes FOLDER/demo.html, and the studies and the kernel's log into FOLDER/demo/. Everything printed
is read from the studies' journals. Exits with 1 when a cell fails, when a study did not finish
with a best trial, or when a converted file could not be verified.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import nbclient
import nbformat
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert.exporters import HTMLExporter

from tunemagic.analysis.wording import byte_text, number_text, progress_line, share_text, value_text
from tunemagic.events import Verdict
from tunemagic.journal import JOURNAL_FILE, read_journal
from tunemagic.trial import StudyState, StudyView, replay

CELL_SECONDS = 900
START_SECONDS = 180
WIDGET = "application/vnd.jupyter.widget-view+json"


def run_notebook(path: Path, folder: Path) -> Any:
    """The notebook with outputs, run in ``folder``. Raises CellExecutionError, CellTimeoutError."""
    # Settings of the user's own IPython, Jupyter or Keras must not change what the demo shows.
    for variable in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "KERAS_HOME"):
        own = folder / "settings" / variable.lower()
        own.mkdir(parents=True)
        os.environ[variable] = str(own)
    # Should the kernel crash, its log says where.
    os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", PYTHONFAULTHANDLER="1")
    notebook = nbformat.read(path, as_version=4)
    total = sum(cell.cell_type == "code" for cell in notebook.cells)
    done = 0

    def announce(cell: Any, cell_index: int) -> None:
        nonlocal done
        if cell.cell_type == "code":
            done += 1
            print(f"cell {done} of {total}: {cell.source.splitlines()[0]}", flush=True)

    client = nbclient.NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        startup_timeout=START_SECONDS,
        resources={"metadata": {"path": str(folder)}},
        on_cell_start=announce,
    )
    with (folder / "kernel.log").open("w", encoding="utf-8") as log:
        client.execute(stderr=log)
    return notebook


def without_widgets(notebook: Any) -> Any:
    """The notebook without live widgets, which a page cannot run; the static record stays."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET, None)
    return notebook


def describe(view: StudyView) -> list[str]:
    """A study's outcome in a few lines."""
    lines = [f"study {view.study}: {progress_line(view)}"]
    if view.best_trial is not None:
        values = ", ".join(f"{name} {value_text(value)}" for name, value in view.best_trial.values.items())
        lines.append(f"  best values: {values}")
    for export in view.exports:
        lines.append(
            f"  {export.target} {export.mode:8} {export.verdict:12} {byte_text(export.bytes):>8}"
            f"  {export.score_name} {number_text(export.score_after)} (Keras {number_text(export.score_before)})"
            f"  agreement {share_text(export.agreement)}  {number_text(export.microseconds)} µs a sample"
        )
    return lines


def succeeded(view: StudyView) -> bool:
    """Whether the study finished with a best trial and all its files were verified."""
    verified = all(export.verdict is Verdict.VERIFIED for export in view.exports)
    return view.state is StudyState.FINISHED and view.best is not None and verified


def main() -> int:
    """Run, print, export; the exit code."""
    parser = argparse.ArgumentParser(description="Run a notebook and say what its searches found.")
    parser.add_argument("notebook", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    work = options.folder.resolve() / "demo"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)

    start = time.monotonic()
    try:
        notebook = run_notebook(options.notebook, work)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        print(f"{error}\nthe kernel's log: {work / 'kernel.log'}", file=sys.stderr)
        return 1
    seconds = time.monotonic() - start

    page, _ = HTMLExporter().from_notebook_node(without_widgets(notebook))
    target = options.folder / "demo.html"
    target.write_text(page, encoding="utf-8")

    views = [replay(read_journal(path.parent).events) for path in sorted(work.glob(f".tunemagic/*/{JOURNAL_FILE}"))]
    print()
    for view in views:
        print("\n".join(describe(view)))
    print(f"{options.notebook} ran in {seconds:.0f} s; page: {target} ({byte_text(target.stat().st_size)})")
    if not views or not all(map(succeeded, views)):
        print(
            f"expected a finished study with verified files; the kernel's log: {work / 'kernel.log'}", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
