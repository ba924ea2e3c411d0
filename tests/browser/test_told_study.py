"""The panel in JupyterLab and Notebook 7, with a study that the test tells event by event."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import JupyterServer, open_notebook
from tunemagic.export.modes import every_mode

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETUP = """
import time
from IPython.display import display
from tests.widgets.fakes import ToldBook, ToldStudy
from tunemagic.widgets.panel import TunePanel
from tunemagic.widgets.side import SideChannel

book = ToldBook()
side = SideChannel(book)
study = ToldStudy("digits")
book.add(study)
study.start()
study.run_trial(1, 0.5, 0.625, 0.75)
panel = TunePanel(study)
display(panel)
"""
# The cell is busy in Python until Stop is clicked, as when it waits for a study.
BUSY = """
number, deadline = 2, time.monotonic() + 120
while not study.stopped.is_set() and time.monotonic() < deadline:
    study.run_trial(number, 0.5, 0.75, 0.8 + number / 1000)
    number += 1
    time.sleep(0.3)
study.end()
"stopped by a click" if study.stopped.is_set() else "too late"
"""


@pytest.fixture(scope="module", params=["lab", "notebook"])
def server(request, tmp_path_factory):
    server = JupyterServer(tmp_path_factory.mktemp(request.param), request.param)
    yield server
    server.close()


def trials_shown(panel):
    return panel.locator(".tm-fold")


def test_a_study_is_followed_stopped_and_found_again(browser, server):
    with open_notebook(browser, server, "follow.ipynb", [SETUP, BUSY]) as notebook:
        notebook.run_cell(0)
        panel = notebook.panel(0)
        expect(panel.locator(".tm-best")).to_have_text("best val_accuracy 0.75 in trial 1")
        notebook.execute("tunemagic:show-panel")
        side = notebook.side_panel().locator(".tm-panel")
        expect(side.locator(".tm-name")).to_have_text("digits")
        notebook.start_cell(1)
        expect(trials_shown(panel)).not_to_have_count(1)
        expect(trials_shown(side)).not_to_have_count(1)
        notebook.screenshot(f"{server.kind}-running")
        side.get_by_role("button", name="Stop").click()
        expect(panel.locator(".tm-state")).to_have_text(re.compile("finished"))
        expect(side.locator(".tm-state")).to_have_text("finished")
        notebook.await_cell(1)
        expect(notebook.cell(1).locator(".jp-OutputArea-output")).to_have_text("'stopped by a click'")
        count = trials_shown(panel).count()
        assert notebook.violations(".tm-panel") == []
        assert notebook.violations(".tunemagic-SidePanel") == []
        notebook.save()
        notebook.reload()
        expect(trials_shown(notebook.panel(0))).to_have_count(count)
        notebook.execute("tunemagic:show-panel")
        expect(trials_shown(side)).to_have_count(count)
        notebook.panel(0).get_by_role("button", name="Convert").click()
        expect(notebook.panel(0).locator(".tm-exports .tm-verdict")).to_have_count(len(every_mode()))
        notebook.screenshot(f"{server.kind}-converted")
        notebook.restart_kernel()
        expect(side).to_have_count(0)
        expect(notebook.side_panel().locator(".tunemagic-SidePanel-hint")).to_contain_text("No search in this notebook")
        assert notebook.errors == []


# Notebook 7 has one notebook a page and changes themes by its settings only.
@pytest.mark.parametrize("server", ["lab"], indirect=True)
def test_the_side_panel_follows_notebooks_and_themes(browser, server):
    other = "second = ToldStudy('faces'); book.add(second); second.start(); second.run_trial(1, 0.25)"
    server.add_notebook("empty.ipynb", ["1 + 1"])
    with open_notebook(browser, server, "first.ipynb", [SETUP, other]) as notebook:
        notebook.run_cell(0)
        notebook.execute("tunemagic:show-panel")
        side = notebook.side_panel()
        expect(side.locator(".tm-name")).to_have_text("digits")
        notebook.run_cell(1)
        expect(side.locator(".tm-name")).to_have_text("faces")
        side.locator("tr[data-study=digits]").get_by_role("button", name="digits").click()
        expect(side.locator(".tm-name")).to_have_text("digits")
        width = side.locator("canvas").bounding_box()["width"]
        notebook.set_theme("JupyterLab Dark")
        expect(side.locator(".tm-panel")).to_have_attribute("data-tm-theme", "dark")
        assert notebook.violations(".tunemagic-SidePanel") == []
        notebook.screenshot("lab-dark")
        assert side.locator("canvas").bounding_box()["width"] == width
        notebook.page.evaluate(
            "async () => { await jupyterapp.commands.execute('docmanager:open', {path: 'empty.ipynb'}); }"
        )
        expect(side.locator(".tunemagic-SidePanel-hint")).to_contain_text("No search in this notebook yet")
        expect(side.locator(".tm-panel")).to_have_count(0)
        notebook.page.evaluate(
            "async () => { await jupyterapp.commands.execute('docmanager:open', {path: 'first.ipynb'}); }"
        )
        expect(side.locator(".tm-name")).to_have_text("digits")
        notebook.save()
        notebook.execute("application:close")
        expect(side.locator(".tunemagic-SidePanel-hint")).to_contain_text("No search in this notebook yet")
        assert notebook.errors == []
