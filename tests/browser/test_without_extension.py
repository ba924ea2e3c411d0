"""A kernel with tunemagic behind a JupyterLab that can't show its panel: text that says what to do."""

from __future__ import annotations

import re
import sys

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import JupyterServer, open_notebook
from tests.browser.search import LONG, SETUP, run, start, tune_cell

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WIDGETS = "@jupyter-widgets/jupyterlab-manager"
MISSING = {"no widgets at all": ("tunemagic", "anywidget", WIDGETS), "no anywidget": ("tunemagic", "anywidget")}
# Jupyter's words for a comm and for a widget that the page has no extension for.
UNKNOWN = ("Exception opening new comm", "No version of module anywidget is registered")


@pytest.fixture(scope="module", params=MISSING)
def notebook(request, browser, tmp_path_factory):
    server = JupyterServer(tmp_path_factory.mktemp("without"), "lab", without=MISSING[request.param])
    try:
        with open_notebook(browser, server, "digits.ipynb", [SETUP]) as notebook:
            notebook.run_cell(0)
            yield notebook
    finally:
        server.close()


def test_the_text_view_says_what_to_install_and_the_record_comes_at_the_end(notebook, request):
    search = start(notebook, tune_cell("plain", LONG))
    expect(search.outputs).to_contain_text("so this is the text view")
    hint = search.outputs.inner_text()
    assert "pip install tunemagic" in hint
    assert sys.prefix in hint
    expect(search.outputs).to_contain_text(re.compile(r"trial ([3-9]|\d\d+)/400 · best val_accuracy"))
    assert search.is_running()
    name = request.node.callspec.id.replace(" ", "-")
    notebook.screenshot(f"lab-text-{name}-light")
    notebook.interrupt()
    expect(search.picture).to_be_visible()
    assert search.kinds() == ["display_data"]
    assert search.text().startswith("plain · stopped · ")
    assert run(notebook, "study.best_model.predict(x_train[:3], verbose=0).shape").text() == "(3, 10)"
    assert [error for error in notebook.errors if not any(known in error for known in UNKNOWN)] == []
