"""The side panel in JupyterLab, with real searches in two notebooks."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import open_notebook
from tests.browser.search import (
    LONG,
    SETUP,
    SHORT,
    journal_view,
    on_disk,
    on_screen,
    open_beside,
    run,
    start,
    tune_cell,
)

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
    notebook.run_from_palette("Tune: show panel")
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


def test_searches_on_disk_are_listed_opened_and_compared(notebook):
    side = notebook.side_panel()
    notebook.execute("tunemagic:show-panel")
    row = {name: side.locator(f"tr[data-study={name}]") for name in ("again", "first", "beside")}
    expect(row["again"]).to_contain_text("finished")
    expect(row["first"]).to_contain_text("on disk")
    row["first"].get_by_role("button", name="first").focus()
    notebook.page.keyboard.press("Enter")
    expect(side.locator(".tm-name")).to_have_text("first")
    expect(row["first"]).to_contain_text("finished, on disk")
    assert on_screen(side.locator(".tm-panel")) == on_disk(notebook.server.folder, "first")
    notebook.execute("tunemagic:stop")
    expect(toast(notebook)).to_contain_text("study again is finished; there is nothing to stop.")
    close_toasts(notebook)
    row["again"].get_by_label("Compare again").check()
    row["beside"].get_by_label("Compare beside").check()
    compared = side.get_by_role("region", name="Comparison")
    expect(compared.locator("thead th")).to_have_text([re.compile("again"), re.compile("beside")])
    best = [journal_view(notebook.server.folder, name).best_trial for name in ("again", "beside")]
    shown = compared.get_by_role("row", name="Best score").get_by_role("cell")
    expect(shown).to_have_text([f"{trial.score:.4g}" for trial in best])
    expect(compared.locator("svg path[data-side]")).to_have_count(2)
    notebook.screenshot("lab-side-compare-light")
    assert notebook.violations(".tunemagic-SidePanel") == []
    notebook.set_theme("JupyterLab Dark")
    try:
        notebook.page.wait_for_function("() => document.querySelector('#jupyterlab-splash') === null")
        notebook.screenshot("lab-side-compare-dark")
        assert notebook.violations(".tunemagic-Compare") == []
    finally:
        notebook.set_theme("JupyterLab Light")
    row["first"].get_by_label("Compare first").check()
    expect(row["again"].get_by_label("Compare again")).not_to_be_checked()
    row["first"].get_by_label("Compare first").uncheck()
    expect(compared).to_be_hidden()
    assert notebook.errors == []


def test_notifications_tell_of_a_better_score_and_of_the_end(notebook):
    names = ("notifyWhenBetter", "notifyWhenDone")
    for name in names:
        notebook.set_setting("tunemagic:plugin", name, True)
    try:
        run(notebook, tune_cell("noted", f"{LONG} --background"))
        expect(toast(notebook).filter(has_text="Search noted: better val_accuracy").first).to_be_visible()
        notebook.run_from_palette("Tune: stop the search")
        expect(toast(notebook).filter(has_text="Done: %tune stop noted")).to_be_visible()
        expect(toast(notebook).filter(has_text="Search noted has ended: best val_accuracy")).to_be_visible()
        notebook.screenshot("lab-notified-light")
        close_toasts(notebook)
    finally:
        for name in names:
            notebook.set_setting("tunemagic:plugin", name, False)
    assert notebook.errors == []


def toast(notebook):
    return notebook.page.locator(".Toastify__toast")


def close_toasts(notebook):
    """Close what is shown: it lies over the side panel."""
    notebook.page.evaluate(
        "() => document.querySelectorAll('.jp-Notification-Toast-Close').forEach(node => node.click())"
    )
    expect(toast(notebook)).to_have_count(0)
