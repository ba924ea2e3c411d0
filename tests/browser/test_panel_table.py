"""The table of trials, curves, tabs and languages of the panel, in a real browser."""

from __future__ import annotations

import csv
import json

import pytest

from tests.browser.page import PanelPage
from tests.browser.story import search, stamped, study_started
from tests.browser.test_panel_states import pareto_search, repeated_search
from tunemagic import events as ev
from tunemagic.analysis.answers import answer
from tunemagic.i18n import Language
from tunemagic.trial import replay
from tunemagic.widgets.artefacts import targets_info

pytestmark = pytest.mark.browser


def shown(page):
    return [int(text.split()[0]) for text in page.locator(".tm-fold").all_inner_texts()]


def filter_by(page, panel, text):
    page.get_by_label("Filter trials").fill(text)
    page.wait_for_timeout(200)
    panel.settle()


def reply(panel, view):
    """Answer what is asked, as the kernel does."""
    for topic, options in panel.asked():
        if topic == "targets":
            info = targets_info()
        else:
            info = answer(view, topic, options, log_of=lambda number: f"Epoch 1\nloss <b>{number}</b>")
        panel.answer(topic, options, json.loads(json.dumps(info)))
    panel.settle()


def test_trials_are_filtered_and_downloaded(page):
    panel = PanelPage(page)
    view = replay(stamped(search(trials=8)))
    panel.snapshot(view)
    panel.settle()
    filter_by(page, panel, "state=completed units>=128")
    wanted = [t.number for t in view.trials if t.state == "completed" and t.values["units"] >= 128]
    assert shown(page) == wanted[::-1]
    assert page.locator(".tm-filtered").inner_text() == f"{len(wanted)} of 8 trials"
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    assert download.value.suggested_filename == "digits.csv"
    with download.value.path().open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head[:8] == ["trial", "state", "score", "best_epoch", "seconds", "units", "lr", "activation"]
    assert [int(row[0]) for row in rows] == wanted[::-1]
    filter_by(page, panel, "nothing>3")
    assert "“nothing>3” is no condition" in page.locator(".tm-filtered").inner_text()
    assert page.get_by_label("Filter trials").get_attribute("aria-invalid") == "true"
    assert len(shown(page)) == 8
    filter_by(page, panel, "trial>99")
    assert page.locator(".tm-empty:visible").inner_text() == "No trial matches the filter."
    assert page.get_by_role("button", name="CSV").is_disabled()


def test_columns_are_chosen(page):
    panel = PanelPage(page)
    events = stamped(search(trials=3, unfinished=1))
    panel.start(events[:-1])
    panel.settle()
    page.get_by_role("button", name="Columns").click()
    page.locator(".tm-tools").get_by_label("lr").uncheck()
    page.locator(".tm-tools").get_by_label("best epoch").uncheck()
    panel.events(events[-1:])
    panel.settle()
    heads = page.locator(".tm-trials th:visible").all_inner_texts()
    assert heads == ["trial", "state", "val_accuracy", "units", "activation", "time"]
    assert page.locator(".tm-trials tbody tr").first.locator("td:visible").count() == 6
    page.keyboard.press("Escape")
    assert page.evaluate("() => document.activeElement.textContent") == "Columns"


def test_details_ask_for_the_log_while_they_are_open(page):
    panel = PanelPage(page)
    view = replay(stamped(search(trials=4)))
    panel.snapshot(view)
    panel.settle()
    page.get_by_role("button", name="4", exact=True).click()
    assert panel.asked() == [("trial", {"trial": "4"})]
    reply(panel, view)
    assert page.locator(".tm-log").inner_text() == "Epoch 1\nloss <b>4</b>"
    page.get_by_role("button", name="4", exact=True).click()
    assert panel.asked() == []


def test_two_ticked_trials_are_compared(page):
    panel = PanelPage(page)
    view = replay(stamped(repeated_search()))
    panel.snapshot(view)
    panel.settle()
    page.get_by_label("Compare trial 4").check()
    assert page.locator(".tm-compare").inner_text().endswith("Tick a second trial.")
    page.get_by_label("Compare trial 3").check()
    reply(panel, view)
    assert page.locator(".tm-compare p").inner_text() == (
        "Trial 3 is better by 0.00878 in val_accuracy. That is inside the noise: "
        "two trainings of the same values differ by up to 0.0253 (95 %, from their repeats)."
    )
    rows = page.locator(".tm-compare tbody tr")
    assert [row.locator("td").first.inner_text() for row in rows.all()] == ["val_accuracy", "units", "lr", "activation"]
    assert "compared" in page.locator(".tm-legend li:visible").all_inner_texts()
    page.get_by_label("Compare trial 2").check()
    assert panel.asked() == [("compare", {"a": "3", "b": "2"})]
    assert page.get_by_label("Compare trial 4").is_checked() is False
    panel.answer("compare", {"a": "3", "b": "2"}, None, "trial 3 failed without a score")
    panel.settle()
    assert page.locator(".tm-compare p").inner_text() == "trial 3 failed without a score"
    page.get_by_role("button", name="Close").click()
    assert page.locator(".tm-compare:visible").count() == 0
    assert panel.asked() == []


def picture(page):
    return page.locator(".tm-chart canvas").evaluate("canvas => canvas.toDataURL()")


def test_curves_are_zoomed_by_dragging_and_by_keys_and_reset(page):
    panel = PanelPage(page)
    panel.start(stamped(search(trials=6)))
    panel.settle()
    whole = picture(page)
    box = page.locator(".tm-chart").bounding_box()
    reset = page.get_by_role("button", name="Reset zoom")
    assert not reset.is_visible()
    page.mouse.move(box["x"] + 300, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"] + 140)
    page.mouse.up()
    page.mouse.move(1, 1)
    zoomed = picture(page)
    assert zoomed != whole
    page.mouse.dblclick(box["x"] + 300, box["y"] + 100)
    page.mouse.move(1, 1)
    assert picture(page) == whole
    page.locator(".tm-chart").focus()
    page.keyboard.press("+")
    assert reset.is_visible()
    near = picture(page)
    page.keyboard.press("ArrowRight")
    assert picture(page) != near
    page.keyboard.press("Escape")
    assert picture(page) == whole
    page.keyboard.press("+")
    reset.click()
    assert picture(page) == whole
    assert not reset.is_visible()


def test_the_nearest_curve_is_read_out(page):
    panel = PanelPage(page)
    panel.start(stamped(search(trials=1)))
    panel.settle()
    box = page.locator(".tm-chart").bounding_box()
    for y in range(20, 200, 10):
        page.mouse.move(box["x"] + 400, box["y"] + y)
        if page.locator(".tm-readout").inner_text():
            break
    assert page.locator(".tm-readout").inner_text().startswith("trial 1 · epoch 7 · ")


def test_a_logarithmic_scale_says_what_it_leaves_out(page):
    panel = PanelPage(page)
    curve = [1.0, 0.5, 0.0, 0.25]
    epochs = [
        ev.EpochEnded(trial=1, attempt=1, epoch=at, logs={"val_accuracy": value}) for at, value in enumerate(curve, 1)
    ]
    begin = ev.TrialStarted(trial=1, attempt=1, values={}, epochs=4, why="")
    panel.start(stamped([study_started(), begin, *epochs]))
    panel.settle()
    page.get_by_label("Log scale").focus()
    page.keyboard.press("Space")
    assert page.locator(".tm-readout").inner_text() == "values of 0 or less have no place on a log scale"
    page.keyboard.press("Space")
    assert page.locator(".tm-readout").inner_text() == ""


def test_tabs_are_walked_with_arrows_and_ask_only_while_they_are_shown(page):
    panel = PanelPage(page)
    view = replay(stamped(pareto_search()))
    panel.snapshot(view)
    panel.settle()
    tabs = page.get_by_role("tab")
    names = ["Curves", "Best", "Parallel", "Importance", "Slice", "Contour", "Pareto", "Timeline"]
    assert [tab.inner_text() for tab in tabs.all() if tab.is_visible()] == names
    assert panel.asked() == [("targets", {})]  # what there is to export to, once
    panel.answer("targets", {}, {"exports": []})
    panel.settle()
    assert panel.asked() == []
    tabs.first.focus()
    tops = set()
    for name in names[1:]:
        page.keyboard.press("ArrowRight")
        assert page.evaluate("() => document.activeElement.textContent") == name
        assert [topic for topic, _ in panel.asked()] == [name.lower()]
        reply(panel, view)
        tops.add(page.get_by_role("tabpanel").bounding_box()["y"])
    assert len(tops) == 1
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("tab", selected=True).inner_text() == "Curves"
    assert panel.asked() == []
    page.keyboard.press("End")
    assert page.get_by_role("tab", selected=True).inner_text() == "Timeline"
    # One stop for Tab: the next one lies behind the strip.
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.getAttribute('role')") != "tab"
    assert panel.errors == []


def test_without_texts_there_are_no_words_and_other_texts_rebuild_the_panel(page):
    panel = PanelPage(page, language=None)
    panel.start(stamped(search(trials=2, unfinished=1)))
    panel.settle()
    assert page.locator(".tm-panel").get_attribute("aria-busy") == "true"
    assert page.locator(".tm-panel").inner_text() == ""
    panel.texts(Language.ENGLISH)
    panel.settle()
    assert page.locator(".tm-state").inner_text() == "running"
    panel.texts(Language.CHINESE)
    panel.settle()
    assert page.locator(".tm-state").inner_text() == "运行中"
    assert page.locator(".tm-panel").get_attribute("lang") == "zh-CN"
    assert page.locator(".tm-chart canvas").count() == 1
    assert page.locator(".tm-fold").count() == 3


def test_nothing_jumps_while_trials_arrive(page):
    panel = PanelPage(page)
    events = stamped(search(trials=12))
    panel.start(events[:3])
    panel.settle()
    places = set()
    for start in range(3, len(events), 20):
        panel.events(events[start : start + 20])
        panel.settle()
        boxes = [
            page.locator(name).bounding_box() for name in (".tm-views", ".tm-chart", ".tm-tools", ".tm-scroll >> nth=0")
        ]
        places.add(tuple(box["y"] for box in boxes))
    assert len(places) == 1


@pytest.mark.parametrize(
    ("dark", "language"), [(False, Language.ENGLISH), (True, Language.CHINESE)], ids=["light-en", "dark-zh"]
)
def test_axe_finds_nothing_wrong_in_any_tab_or_form(page, dark, language):
    name = f"{'dark' if dark else 'light'}-{language}"
    panel = PanelPage(page, dark=dark, language=language)
    running = replay(stamped(search(trials=9, unfinished=4)))
    panel.snapshot(running)
    panel.settle()
    page.locator(".tm-fold").nth(3).click()
    boxes = page.locator(".tm-trials td input")
    boxes.nth(1).check()
    boxes.nth(2).check()
    page.locator(".tm-tools button").first.click()
    reply(panel, running)
    buttons = page.locator(".tm-actions button:visible")
    for index in (3, 4, 5):
        buttons.nth(index).click()
        panel.screenshot(f"panel-form-{index}-{name}")
        assert panel.violations() == []
    findings = [{"verdict": "overfit", "trial": 2, "evidence": {}, "remedies": [{"id": "x", "action": None}]}]
    events = [*repeated_search(), ev.StudyEnded(reason=ev.EndReason.STOPPED, message="stopped")]
    ended = replay(stamped([*events, ev.StudyDiagnosed(findings=findings)]))
    panel.snapshot(ended)
    panel.settle()
    for tab in page.get_by_role("tab").all():
        if tab.is_visible():
            tab.click()
            reply(panel, ended)
            assert (tab.inner_text(), panel.violations()) == (tab.inner_text(), [])
    assert panel.errors == []
