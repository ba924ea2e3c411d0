"""The side panel in JupyterLab, with real searches in two notebooks."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import open_notebook
from tests.browser.search import LONG, SETUP, SHORT, on_disk, on_screen, open_beside, run, start, tune_cell

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def notebook(browser, lab_server):
    """A page of its own: other tests leave searches in the list."""
    with open_notebook(browser, lab_server, "side.ipynb", [SETUP]) as notebook:
        notebook.run_cell(0)
        yield notebook


def test_the_palette_opens_it_and_it_shows_the_panel_of_the_cell(notebook):
    page = notebook.page
    search = start(notebook, tune_cell("beside", LONG))
    expect(search.panel.locator(".tm-state")).to_have_text("running")
    notebook.execute("apputils:activate-command-palette")
    page.keyboard.type("Tune: show panel")
    page.locator(".lm-CommandPalette-item", has_text="Tune: show panel").first.click()
    side = notebook.side_panel()
    expect(side.locator(".tm-name")).to_have_text("beside")
    expect(side.locator("tr[data-state=completed]").nth(1)).to_be_attached()
    page.wait_for_function(
        "([one, other]) => one.dataset.tmSeq === other.dataset.tmSeq",
        arg=[search.panel.element_handle(), side.locator(".tm-panel").element_handle()],
    )
    notebook.screenshot("lab-side-running-light")
    side.get_by_role("button", name="Stop").click()
    search.wait()
    expect(side.locator(".tm-state")).to_have_text("stopped")
    assert on_screen(side.locator(".tm-panel")) == on_disk(notebook.server.folder, "beside")
    assert notebook.violations(".tunemagic-SidePanel") == []
    assert notebook.errors == []


def test_it_follows_the_current_notebook(notebook):
    page, side = notebook.page, notebook.side_panel()
    run(notebook, tune_cell("first", SHORT))
    notebook.execute("tunemagic:show-panel")
    expect(side.locator(".tm-name")).to_have_text("first")
    notebook.server.add_notebook("other.ipynb", [SETUP])
    open_beside(notebook, "other.ipynb")
    expect(side.locator(".tunemagic-SidePanel-hint")).to_contain_text("No search in this notebook yet")
    expect(side.locator(".tm-panel")).to_have_count(0)
    notebook.run_cell(0)
    run(notebook, tune_cell("second", SHORT))
    expect(side.locator(".tm-name")).to_have_text("second")
    open_beside(notebook, "side.ipynb")
    expect(side.locator(".tm-name")).to_have_text("first")
    open_beside(notebook, "other.ipynb")
    expect(side.locator(".tm-name")).to_have_text("second")
    open_beside(notebook, "side.ipynb")
    assert page.locator(".tunemagic-SidePanel .tm-panel").count() == 1
    assert notebook.errors == []


def test_after_a_kernel_restart_the_search_is_found_again(notebook):
    side = notebook.side_panel()
    notebook.execute("tunemagic:show-panel")
    run(notebook, tune_cell("again", SHORT))
    expect(side.locator(".tm-name")).to_have_text("again")
    notebook.restart_kernel()
    expect(side.locator(".tm-panel")).to_have_count(0)
    run(notebook, SETUP)
    run(notebook, tune_cell("again", SHORT))
    expect(side.locator(".tm-state")).to_have_text("finished")
    assert on_screen(side.locator(".tm-panel")) == on_disk(notebook.server.folder, "again")
    assert notebook.errors == []
