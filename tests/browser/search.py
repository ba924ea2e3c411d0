"""Real searches on real digits: their cells, what of them is on the screen and what on the disk."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from tests.browser.jupyter import NotebookPage
from tunemagic.journal import read_journal
from tunemagic.trial import StudyView, replay

SETUP = """
import keras
from sklearn.datasets import load_digits

x_train, y_train = load_digits(return_X_y=True)
x_train = (x_train / 16).astype("float32")
%load_ext tunemagic
"""
BODY = """
units = hp.Int("units", 16, 128, step=16)
rate = hp.Float("rate", 1e-4, 1e-2, sampling="log")

model = keras.Sequential([keras.layers.Dense(units, "relu"), keras.layers.Dense(10, "softmax")])
model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
"""
SHORT = "--max-trials 3 --epochs 4"
# Ends by a click long before its last trial.
LONG = "--max-trials 400 --epochs 6"

_READ_PANEL = """
panel => ({
  seq: Number(panel.dataset.tmSeq),
  state: panel.querySelector('.tm-state').dataset.state,
  trials: [...panel.querySelectorAll('.tm-table tbody tr[data-state]')].map(row => [
    parseInt(row.querySelector('.tm-fold').textContent),
    row.dataset.state,
    row.cells[2].textContent
  ])
})
"""


def tune_cell(name: str, options: str = SHORT, body: str = BODY) -> str:
    """A cell that searches ``body`` under this name."""
    return f"%%tune {name} --objective val_accuracy --seed 1 {options}\n{body.strip()}"


@dataclasses.dataclass(frozen=True)
class StudyState:
    """A study as a user sees it: the last event, its state, and each trial's number, state and score."""

    seq: int
    state: str
    trials: tuple[tuple[int, str, str], ...]


def on_screen(panel: Any) -> StudyState:
    """What a live panel shows, read at one moment."""
    found = panel.evaluate(_READ_PANEL)
    return StudyState(found["seq"], found["state"], tuple(sorted(map(tuple, found["trials"]))))


def journal_view(folder: Path, name: str, *, seq: int | None = None) -> StudyView:
    """What the journal beside the notebook holds, up to event ``seq``."""
    return replay(read_journal(folder / ".tunemagic" / name).events[:seq])


def on_disk(folder: Path, name: str, *, seq: int | None = None) -> StudyState:
    """The journal's state in the words of the screen."""
    view = journal_view(folder, name, seq=seq)
    trials = [
        (trial.number, str(trial.state), "–" if trial.score is None else f"{trial.score:.4g}") for trial in view.trials
    ]
    return StudyState(view.seq, str(view.state), tuple(trials))


def completed(panel: Any) -> Any:
    """A locator of the rows of trials that have run to their end."""
    return panel.locator("tr[data-state=completed]")


def wait_until_grown(panel: Any) -> None:
    """Until a dozen more events have come and the curves are painted differently."""
    panel.evaluate(
        """panel => new Promise(resolve => {
            const seen = () => [Number(panel.dataset.tmSeq), panel.querySelector('canvas').toDataURL()];
            const [seq, picture] = seen();
            const look = () => {
                const [now, painted] = seen();
                if (now >= seq + 12 && painted !== picture) resolve();
                else requestAnimationFrame(look);
            };
            look();
        })"""
    )


class Cell:
    """One cell that was added to an open notebook and run."""

    def __init__(self, notebook: NotebookPage, index: int) -> None:
        self.notebook = notebook
        self.index = index
        # JupyterLab keeps the notebooks of other tabs in the page.
        self.node = notebook.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell").nth(index)
        self.panel = self.node.locator(".tm-panel")
        self.outputs = self.node.locator(".jp-OutputArea-output")
        self.picture = self.outputs.locator("img")

    def wait(self) -> None:
        """Until it has been run to its end."""
        self.notebook.await_cell(self.index)

    def text(self) -> str:
        """What its outputs say, in words."""
        self.wait()
        return "\n".join(self.outputs.all_inner_texts())

    def kinds(self) -> list[str]:
        """The kind of each output, as the notebook stores it."""
        return self.notebook.page.evaluate(
            """index => jupyterapp.shell.currentWidget.content.widgets[index].model.outputs.toJSON()
                .map(output => output.output_type)""",
            self.index,
        )

    def is_running(self) -> bool:
        """Whether the kernel still executes it."""
        return self.notebook.page.evaluate(
            "index => jupyterapp.shell.currentWidget.content.widgets[index].model.executionState !== 'idle'", self.index
        )


def start(notebook: NotebookPage, source: str) -> Cell:
    """Add a cell at the end and run it without waiting."""
    index = notebook.page.evaluate(
        """source => {
            const { content } = jupyterapp.shell.currentWidget;
            const { sharedModel } = content.model;
            sharedModel.insertCell(sharedModel.cells.length, {
                cell_type: 'code', source, metadata: { trusted: true }
            });
            return sharedModel.cells.length - 1;
        }""",
        source.strip(),
    )
    notebook.start_cell(index)
    return Cell(notebook, index)


def run(notebook: NotebookPage, source: str) -> Cell:
    """Add a cell at the end and run it to its end."""
    cell = start(notebook, source)
    cell.wait()
    return cell


def remove_cells(notebook: NotebookPage) -> None:
    """Leave an empty notebook; its kernel goes on."""
    notebook.page.evaluate(
        """() => {
            const { sharedModel } = jupyterapp.shell.currentWidget.content.model;
            sharedModel.deleteCellRange(0, sharedModel.cells.length);
        }"""
    )


def open_beside(notebook: NotebookPage, name: str) -> None:
    """Bring another notebook of the server to the front, in a tab of the same page."""
    notebook.page.evaluate("async path => { await jupyterapp.commands.execute('docmanager:open', {path}); }", name)
    notebook.page.wait_for_function(
        """path => {
            const { context, sessionContext } = jupyterapp.shell.currentWidget ?? {};
            const idle = sessionContext?.session?.kernel?.status === 'idle';
            return context?.path === path && sessionContext.isReady && idle;
        }""",
        arg=name,
    )
