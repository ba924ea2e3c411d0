"""Take the picture of the README: a search that runs in JupyterLab, its panel in the cell.

Usage, in the checkout after `make lab` or `make test`: python -m scripts.screenshot [PATH]

PATH is docs/images/panel.png when left out. Nothing on it is staged: a real kernel trains real
models on scikit-learn's handwritten digits.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import expect, sync_playwright

from tests.browser.conftest import CHROMIUM, QUIET
from tests.browser.jupyter import JupyterServer, open_notebook
from tests.browser.search import completed, start

TARGET = Path(__file__).parents[1] / "docs" / "images" / "panel.png"
SIZE = {"width": 1200, "height": 910}
ENDED_TRIALS = 10
WAIT_MILLISECONDS = 300_000

SETUP = """
import keras
from sklearn.datasets import load_digits

x_train, y_train = load_digits(return_X_y=True)
x_train = (x_train / 16).astype("float32")
"""
_EXECUTE = """
async code => {
  const { kernel } = jupyterapp.shell.currentWidget.sessionContext.session;
  await kernel.requestExecute({ code, silent: true }).done;
}
"""
SEARCH = """
%%tune digits --objective val_accuracy --max-trials 30 --epochs 15 --seed 4
units = hp.Int("units", 16, 128, step=16)
rate = hp.Float("rate", 1e-4, 1e-1, sampling="log")
activation = hp.Choice("activation", ["relu", "tanh"])

model = keras.Sequential([keras.layers.Dense(units, activation), keras.layers.Dense(10, "softmax")])
model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
"""


def take(browser: Any, folder: Path, target: Path) -> None:
    """Run the search until a trial is half way, and store what is on the screen."""
    server = JupyterServer(folder, "lab")
    try:
        with open_notebook(browser, server, "digits.ipynb", ["%load_ext tunemagic"]) as notebook:
            page = notebook.page
            page.set_viewport_size(SIZE)
            notebook.execute("application:toggle-left-area")
            # Outside of the notebook: TensorFlow has a lot to say when it is imported.
            page.evaluate(_EXECUTE, SETUP)
            notebook.run_cell(0)
            search = start(notebook, SEARCH)
            expect(completed(search.panel).nth(ENDED_TRIALS - 1)).to_be_attached()
            half_way = search.panel.locator("tr[data-state=running]", has_text=re.compile(r"running [6-9]/15"))
            expect(half_way).to_be_attached()
            page.mouse.move(0, 0)
            target.parent.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=target)
            search.panel.get_by_role("button", name="Stop").click()
            search.wait()
    finally:
        server.close()


def main() -> None:
    """Start Chromium and take the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", type=Path, default=TARGET)
    target = parser.parse_args().path
    expect.set_options(timeout=WAIT_MILLISECONDS)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, sync_playwright() as playwright:
        os.environ.update(KERAS_BACKEND="tensorflow", KERAS_HOME=folder, TF_CPP_MIN_LOG_LEVEL="3")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        take(browser, Path(folder), target)
        browser.close()
    print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
