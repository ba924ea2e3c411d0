"""The same real search in Notebook 7: the live panel, Stop, the record, the side panel."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import JupyterServer, open_notebook
from tests.browser.search import (
    LONG,
    SETUP,
    SHORT,
    completed,
    journal_view,
    on_disk,
    on_screen,
    run,
    start,
    tune_cell,
    wait_until_grown,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def notebook(browser, tmp_path_factory):
    server = JupyterServer(tmp_path_factory.mktemp("notebook"), "notebook")
    try:
        with open_notebook(browser, server, "digits.ipynb", [SETUP]) as notebook:
            notebook.run_cell(0)
            yield notebook
    finally:
        server.close()


def test_curves_grow_while_the_cell_runs_and_stop_leaves_the_record(notebook):
    search = start(notebook, tune_cell("grow", LONG))
    expect(completed(search.panel).nth(1)).to_be_attached()
    wait_until_grown(search.panel)
    assert search.is_running()
    notebook.screenshot("notebook-cell-running-light")
    assert notebook.violations(".jp-Cell .tm-panel") == []
    search.panel.get_by_role("button", name="Stop").click()
    search.wait()
    expect(search.picture).to_be_visible()
    expect(search.panel).to_have_count(0)
    assert search.kinds() == ["display_data"]
    notebook.screenshot("notebook-record-light")
    assert str(journal_view(notebook.server.folder, "grow").end_reason) == "stopped"
    assert run(notebook, "study.best_model.predict(x_train[:3], verbose=0).shape").text() == "(3, 10)"
    assert notebook.errors == []


def test_the_side_panel_shows_the_search(notebook):
    run(notebook, tune_cell("beside", SHORT))
    notebook.execute("tunemagic:show-panel")
    side = notebook.side_panel()
    expect(side.locator(".tm-name")).to_have_text("beside")
    expect(side.locator(".tm-state")).to_have_text("finished")
    assert on_screen(side.locator(".tm-panel")) == on_disk(notebook.server.folder, "beside")
    notebook.screenshot("notebook-side-light")
    assert notebook.violations(".tunemagic-SidePanel") == []
    assert notebook.errors == []


def test_tune_this_cell_and_the_form_work_too(notebook):
    page = notebook.page
    run(notebook, "model = keras.Sequential([keras.layers.Dense(24), keras.layers.Dense(10)])\nmodel.compile()")
    notebook.execute("tunemagic:tune-cell")
    source = "() => jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.getSource()"
    page.wait_for_function(f"() => ({source})().startsWith('%%tune\\nunits = 24  #@tune int(6, 96, step=6)')")
    notebook.execute("tunemagic:new-cell")
    form = page.locator(".tunemagic-form")
    expect(form.locator("pre")).to_contain_text("units = 24  #@tune int(6, 96, step=6)")
    form.get_by_role("button", name="Insert cell").click()
    page.wait_for_function(f"() => ({source})().startsWith('%%tune\\nunits = 24')")
    notebook.screenshot("notebook-form-light")
    assert notebook.errors == []
