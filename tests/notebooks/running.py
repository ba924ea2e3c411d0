"""Run an example notebook as a reader does, and read what it left."""

from pathlib import Path
from typing import Any

import nbclient
import nbformat

from tunemagic.journal import read_journal
from tunemagic.trial import StudyView, replay

FOLDER = Path(__file__).parents[2] / "example_notebooks"
CELL_SECONDS = 600


def study_of(folder: Path, name: str = "digits") -> StudyView:
    """A study that a notebook left in this folder."""
    return replay(read_journal(folder / ".tunemagic" / name).events)


def cell_that_starts(notebook: Any, start: str) -> Any:
    """The one cell that begins so."""
    [cell] = [cell for cell in notebook.cells if cell.source.startswith(start)]
    return cell


def executed(name: str, folder: Path) -> Any:
    """The notebook of this name after nbclient has run it in this folder."""
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", 4)
    nbclient.NotebookClient(
        notebook, timeout=CELL_SECONDS, startup_timeout=120, resources={"metadata": {"path": str(folder)}}
    ).execute()
    return notebook


def texts(cell: Any) -> str:
    """The plain texts that a cell showed."""
    return "\n".join(output.get("data", {}).get("text/plain", "") for output in cell.outputs)
