"""A real search in JupyterLab: the live panel, its buttons, and the record that it leaves."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.search import (
    LONG,
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

HALF_DRAWN = """
import time
import matplotlib.pyplot as plt

figure = plt.figure(figsize=(3, 2))
plt.plot([0, 1], [0, 1])
print("half drawn")
deadline = time.monotonic() + 60
while study.running and time.monotonic() < deadline:
    time.sleep(0.05)
plt.plot([0, 1], [1, 0])
print("running:", study.running, "open:", plt.get_fignums() == [figure.number], "lines:", len(plt.gca().lines))
"""


def test_curves_grow_while_the_cell_runs_and_stop_leaves_the_record(lab):
    search = start(lab, tune_cell("grow", LONG))
    expect(search.panel.locator(".tm-state")).to_have_text("running")
    expect(completed(search.panel).nth(1)).to_be_attached()
    wait_until_grown(search.panel)
    assert search.is_running()
    search.panel.locator(".tm-fold").last.click()
    # The height of their texts: a term's box is as high as what is said beside it, which may take two lines.
    heights = search.panel.locator(".tm-details:visible dt").evaluate_all(
        "all => all.map(dt => { const text = document.createRange(); text.selectNodeContents(dt); "
        "return text.getBoundingClientRect().height; })"
    )
    assert len(heights) > 1
    assert max(heights) < 30, "the host's styles squeeze the terms"
    search.panel.locator(".tm-fold").last.click()
    lab.screenshot("lab-cell-running-light")
    assert lab.violations(".jp-Cell .tm-panel") == []
    search.panel.get_by_role("button", name="Stop").click()
    search.wait()
    expect(search.picture).to_be_visible()
    expect(search.panel).to_have_count(0)
    assert search.picture.evaluate("img => img.decode().then(() => img.naturalWidth)") > 600
    assert search.outputs.locator("tbody tr").count() > 0
    assert search.kinds() == ["display_data"]
    lab.screenshot("lab-record-light")
    assert lab.violations(".jp-OutputArea-output") == []
    assert str(journal_view(lab.server.folder, "grow").end_reason) == "stopped"
    assert run(lab, "study.best_model.predict(x_train[:3], verbose=0).shape").text() == "(3, 10)"


def test_detach_gives_the_cell_back_and_the_search_goes_on(lab):
    search = start(lab, tune_cell("away", LONG))
    search.panel.get_by_role("button", name="Detach").click()
    search.wait()
    expect(search.panel.get_by_role("button", name="Detach")).to_be_hidden()
    seq = on_screen(search.panel).seq
    lab.page.wait_for_function(
        "([panel, seq]) => Number(panel.dataset.tmSeq) > seq + 3", arg=[search.panel.element_handle(), seq]
    )
    assert run(lab, "study.running").text() == "True"
    assert ", stopped · best val_accuracy" in run(lab, "%tune stop").text()
    expect(search.picture).to_be_visible()
    expect(search.panel).to_have_count(0)


def test_after_a_reload_the_panel_shows_what_the_journal_holds(lab):
    search = run(lab, tune_cell("reload", f"{LONG} --background"))
    expect(completed(search.panel).nth(1)).to_be_attached()
    lab.save()
    lab.reload()
    expect(search.panel.locator(".tm-state")).to_have_text("running")
    expect(completed(search.panel).nth(2)).to_be_attached()
    shown = on_screen(search.panel)
    assert shown == on_disk(lab.server.folder, "reload", seq=shown.seq)
    search.panel.get_by_role("button", name="Stop").click()
    expect(search.panel.locator(".tm-state")).to_have_text("stopped")
    assert on_screen(search.panel) == on_disk(lab.server.folder, "reload")
    assert run(lab, "%tune status").picture.is_visible()


def test_a_half_drawn_figure_survives_a_click(lab):
    search = run(lab, tune_cell("figure", f"{LONG} --background"))
    expect(completed(search.panel).first).to_be_attached()
    drawing = start(lab, HALF_DRAWN)
    expect(drawing.outputs.first).to_contain_text("half drawn")
    search.panel.get_by_role("button", name="Stop").click()
    assert "running: False open: True lines: 2" in drawing.text()
    expect(drawing.picture).to_have_count(1)


def test_the_panel_and_the_record_follow_the_theme(lab):
    search = start(lab, tune_cell("theme", LONG))
    expect(search.panel).to_have_attribute("data-tm-theme", "light")
    lab.set_theme("JupyterLab Dark")
    try:
        expect(search.panel).to_have_attribute("data-tm-theme", "dark")
        expect(completed(search.panel).nth(2)).to_be_attached()
        lab.screenshot("lab-cell-running-dark")
        assert lab.violations(".jp-Cell .tm-panel") == []
        search.panel.get_by_role("button", name="Stop").click()
        expect(search.picture).to_be_visible()
        lab.screenshot("lab-record-dark")
        assert lab.violations(".jp-OutputArea-output") == []
    finally:
        lab.set_theme("JupyterLab Light")
