"""A running search in JupyterLab is paused, steered and brushed by clicks; Python and journal agree."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.search import BODY, completed, journal_view, run, tune_cell
from tunemagic.trial import TrialState

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def click(panel, name):
    panel.get_by_role("button", name=name, exact=True).click()


def view_of(lab, name):
    return journal_view(lab.server.folder, name)


def test_a_search_is_paused_given_values_a_range_and_a_budget_and_goes_on(lab):
    search = run(lab, tune_cell("steered", "--max-trials 400 --epochs 40 --tuner random --background"))
    panel = search.panel
    expect(completed(panel).nth(1)).to_be_attached()
    click(panel, "Pause")
    expect(panel.locator(".tm-state")).to_have_text("paused")
    expect(panel.locator(".tm-same:visible")).to_contain_text("%tune pause steered")
    assert run(lab, "print(study.view.state, study.running)").text().strip() == "paused True"
    held = view_of(lab, "steered").seq

    click(panel, "Try values")
    panel.get_by_label("units", exact=True).fill("112")
    panel.get_by_label("rate", exact=True).fill("0.005")
    click(panel, "Try")
    expect(panel.locator(".tm-same:visible")).to_contain_text("%tune try")
    click(panel, "Space")
    panel.get_by_label("rate: from").fill("0.001")
    click(panel, "Apply")
    expect(panel.locator(".tm-same:visible")).to_contain_text("%tune space")
    click(panel, "Budget")
    panel.get_by_label("Trials in all").fill("300")
    panel.get_by_label("Workers").fill("2")
    click(panel, "Apply")
    expect(panel.locator(".tm-same:visible")).to_contain_text("%tune budget")
    lab.screenshot("lab-paused-light")
    assert lab.violations(".jp-Cell .tm-panel") == []
    before = view_of(lab, "steered")
    assert not [trial for trial in before.trials if trial.why == "you asked for it"]

    click(panel, "Resume")
    expect(panel.locator(".tm-state")).to_have_text("running")
    expect(completed(panel).nth(len(before.trials) + 3)).to_be_attached()
    # Held in the middle of its trials: what runs at the click still runs when the click arrives.
    click(panel, "Pause")
    expect(panel.locator(".tm-state")).to_have_text("paused")
    click(panel, "Skip trial")
    choice = panel.locator(".tm-drawer:visible button")
    if choice.count():  # two run at a time
        choice.first.click()
    click(panel, "Resume")
    expect(panel.locator("tr[data-state=stopped]")).to_have_count(1)
    click(panel, "Stop")
    expect(search.picture).to_be_visible()

    view = view_of(lab, "steered")
    later = view.trials[len(before.trials) :]
    asked = later[0]
    assert (asked.why, asked.values) == ("you asked for it", {"units": 112, "rate": 0.005})
    assert all(0.001 <= trial.values["rate"] <= 0.01 for trial in later)
    assert (view.max_trials, view.workers) == (300, 2)
    assert {trial.worker for trial in later if trial.state is TrialState.COMPLETED} == {1, 2}
    assert view.elapsed < 1e3
    assert held < view.seq


def test_trials_inside_a_brush_are_in_python(lab):
    run(lab, tune_cell("brushed", "--max-trials 6 --epochs 1 --tuner random"))
    panel = run(lab, "%tune panel brushed").panel
    panel.get_by_role("tab", name="Parallel").click()
    axis = panel.get_by_role("slider", name="units", exact=True)
    expect(axis).to_be_visible()
    axis.scroll_into_view_if_needed()
    axis.focus()
    lab.page.keyboard.press("ArrowUp")
    expect(panel.locator(".tm-said:visible")).to_contain_text("trials inside")
    expect(panel.locator(".tm-told")).to_have_text("study.selected holds 2 trials")
    inside = run(lab, "print(sorted(study.selected.index))").text().strip()
    lab.screenshot("lab-parallel-light")
    view = view_of(lab, "brushed")
    # The key brushes the upper half of the axis, from 72 to 128.
    assert inside == str([trial.number for trial in view.trials if trial.values["units"] >= 72])


def test_a_remedys_button_writes_the_changed_cell_below(lab):
    slow = BODY.replace('hp.Float("rate", 1e-4, 1e-2, sampling="log")', "3e-4")
    run(lab, tune_cell("short", "--max-trials 2 --epochs 5 --tuner random", slow))
    panel = run(lab, "%tune panel short").panel
    click(panel.locator(".tm-finding").filter(has_text="Still improving"), "Insert the changed cell")
    written = lab.page.wait_for_function(
        """() => jupyterapp.shell.currentWidget.content.widgets
            .map(cell => cell.model.sharedModel.source)
            .find(source => source.startsWith('%%tune short-more-epochs '))"""
    )
    first, *body = written.json_value().splitlines()
    assert first.startswith("%%tune short-more-epochs --objective val_accuracy")
    assert "--epochs 10" in first
    assert body == slow.strip().splitlines()
