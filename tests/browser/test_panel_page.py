"""The built panel in a real browser, without Jupyter."""

from __future__ import annotations

import pytest

from tests.browser.page import PanelPage
from tests.browser.story import exports, search, stamped
from tunemagic import events as ev
from tunemagic.trial import replay

pytestmark = pytest.mark.browser


def ended(trials=9):
    return stamped(
        [
            *search(trials=trials),
            ev.StudyEnded(reason=ev.EndReason.TRIALS, message=f"{trials} of {trials} trials were run."),
            *exports(),
        ]
    )


def cells(page, row):
    return page.locator(row).locator("td").all_inner_texts()


def test_the_panel_says_hello_and_shows_a_running_study(page):
    panel = PanelPage(page)
    assert panel.sent() == [{"kind": "hello", "have": 0, "lang": "en"}]
    panel.start(stamped(search(trials=11, unfinished=6)))
    panel.settle()
    assert page.locator(".tm-name").inner_text() == "digits"
    assert page.locator(".tm-state").inner_text() == "running"
    assert page.locator(".tm-times").inner_text().startswith("11/30 trials · ")
    assert " left" in page.locator(".tm-times").inner_text()
    assert page.locator(".tm-table tbody tr:not(.tm-details)").count() == 12
    assert cells(page, ".tm-table tbody tr >> nth=0")[:2] == ["12", "running 6/15"]
    assert page.locator(".tm-chart canvas").count() == 1
    assert panel.errors == []


def test_batches_are_applied_as_they_come(page):
    events = stamped(search(trials=3, unfinished=4))
    panel = PanelPage(page)
    panel.start(events[:2])
    for start in range(2, len(events), 5):
        panel.events(events[start : start + 5])
    panel.settle()
    best = replay(events).best_trial
    assert page.locator(".tm-best").inner_text() == f"best val_accuracy {best.score:.4g} in trial {best.number}"
    assert panel.errors == []


def test_a_gap_is_noticed_and_closed_without_losing_anything(page):
    events = stamped(search(trials=3, unfinished=4))
    panel = PanelPage(page)
    panel.start(events[:10])
    panel.events(events[12:20])
    assert panel.sent()[1:] == [{"kind": "replay", "have": 10}]
    panel.events(events[10:])
    panel.events(events[5:12])
    panel.settle()
    assert page.locator(".tm-table tbody tr:not(.tm-details)").count() == 4
    assert cells(page, ".tm-table tbody tr >> nth=0")[1] == "running 4/15"
    assert panel.errors == []


def test_stop_names_the_session_and_waits_for_the_answer(page):
    panel = PanelPage(page)
    panel.start(stamped(search(trials=2, unfinished=1)))
    page.get_by_role("button", name="Stop").click()
    command = panel.sent()[-1]
    command.pop("id")
    wanted = {"kind": "command", "study": "digits", "session": "aaaa00000001", "verb": "stop", "args": {}}
    assert command == wanted
    panel.acknowledge()
    assert page.locator(".tm-state").inner_text() == "stopping"
    assert page.locator(".tm-stop").is_disabled()


def test_a_click_without_an_answer_points_to_interrupt(page):
    page.clock.install()
    panel = PanelPage(page)
    panel.start(stamped(search(trials=2, unfinished=1)))
    page.get_by_role("button", name="Stop").click()
    page.clock.run_for(2100)
    assert page.locator(".tm-notice").inner_text() == "The kernel is busy: use Interrupt (■) to stop."


def test_a_refused_click_says_why(page):
    panel = PanelPage(page)
    panel.start(stamped(search(trials=2, unfinished=1)))
    page.get_by_role("button", name="Detach").click()
    panel.acknowledge(ok=False, message="this study was restarted")
    assert page.locator(".tm-notice").inner_text() == "Not done: this study was restarted"


def test_convert_is_offered_when_the_search_has_ended_and_shows_what_came_of_it(page):
    panel = PanelPage(page)
    panel.start(ended())
    page.get_by_label("Export to").select_option("tflite int8")
    page.locator(".tm-exports").get_by_role("button", name="Convert", exact=True).click()
    assert panel.acknowledge() == {"verb": "convert", "args": {"target": "tflite", "mode": "int8"}}
    rows = page.locator(".tm-exports tbody tr:has(.tm-verdict)")
    assert rows.locator("td:first-child").all_inner_texts() == ["none (float32)", "float16", "int8", "dynamic range"]
    assert cells(page, ".tm-exports tbody tr:has(.tm-verdict) >> nth=2") == [
        "int8",
        "not verified",
        "15.4 kB",
        "11.7 kB",
        "0.9722 → 0.7139",
        "71.4 %",
        "0.52",
        "1.9",
    ]
    assert page.locator(".tm-remarks li").all_inner_texts() == [
        "int8: agreement 71.4 % is below 95 %",
        "dynamic range: the converter refused the model: <b>unknown op</b>",
    ]
    assert page.locator(".tm-exports b").count() == 0
    assert panel.errors == []


def test_details_are_reached_by_keyboard_and_mark_the_curve(page):
    panel = PanelPage(page)
    panel.start(stamped(search(trials=5)))
    fold = page.get_by_role("button", name="4", exact=True)
    fold.focus()
    page.keyboard.press("Enter")
    panel.settle()
    details = page.locator(".tm-details:visible")
    assert "line 6: model = keras.Sequential(layers)" in details.inner_text()
    assert page.locator(".tm-legend li:visible").all_inner_texts() == [
        "best",
        "selected",
        "other trials",
        "training (dashed)",
    ]
    page.keyboard.press("Enter")
    assert page.locator(".tm-details:visible").count() == 0


def test_the_table_is_sorted_by_a_click_and_keeps_focus(page):
    panel = PanelPage(page)
    panel.start(stamped(search(trials=6)))
    page.get_by_role("button", name="val_accuracy").click()
    page.get_by_role("button", name="val_accuracy").click()
    view = replay(stamped(search(trials=6)))
    ranked = [trial.number for trial in view.ranking()]
    shown = page.locator(".tm-fold").all_inner_texts()
    assert [int(text.split()[0]) for text in shown] == [*ranked, 4]
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("val_accuracy")
    assert page.evaluate("() => document.activeElement.textContent") == "val_accuracy"


def test_a_closed_view_leaves_nothing_behind(page):
    panel = PanelPage(page)
    events = stamped(search(trials=3))
    panel.start(events[:10])
    panel.settle()
    page.evaluate("() => fake.hide()")
    assert page.evaluate("() => fake.el.childElementCount") == 0
    panel.events(events[10:])
    page.evaluate("() => fake.show()")
    assert panel.sent()[-1] == {"kind": "hello", "have": len(events), "lang": "en"}
    assert page.locator(".tm-table tbody tr:not(.tm-details)").count() == 3
    page.evaluate("() => { fake.hide(); fake.end(); }")
    assert page.evaluate("() => fake.handlers.size") == 0
    assert panel.errors == []


def test_the_compact_panel_has_a_header_and_buttons_only(page):
    panel = PanelPage(page, kind="compact")
    panel.start(stamped(search(trials=3, unfinished=2)))
    panel.settle()
    assert page.get_by_role("button").all_inner_texts() == ["Pause", "Skip trial", "Stop", "Detach"]
    assert page.locator("canvas, table, select").count() == 0
    panel.screenshot("panel-compact")


def test_another_protocol_version_is_refused_in_words(page):
    panel = PanelPage(page)
    panel.deliver({"kind": "events", "v": 99, "from": 1, "to": 1, "events": []})
    panel.settle()
    assert "another version of tunemagic" in page.locator(".tm-notice").inner_text()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_wrong(page, dark):
    name = "dark" if dark else "light"
    panel = PanelPage(page, dark=dark)
    panel.start(stamped(search(trials=17, unfinished=6)))
    panel.settle()
    assert page.locator(".tm-panel").get_attribute("data-tm-theme") == name
    panel.screenshot(f"panel-running-{name}")
    assert panel.violations() == []
    page.get_by_role("button", name="4", exact=True).click()
    panel.start(ended())
    panel.settle()
    panel.screenshot(f"panel-ended-{name}")
    assert panel.violations() == []
    failed = [*search(trials=4), ev.StudyEnded(reason=ev.EndReason.FAILURES, message="3 trials in a row failed.")]
    panel.start(stamped(failed))
    panel.settle()
    panel.screenshot(f"panel-failed-{name}")
    assert panel.violations() == []
    assert panel.errors == []


def test_a_narrow_panel_fits_a_side_bar(page):
    page.set_viewport_size({"width": 320, "height": 700})
    panel = PanelPage(page)
    panel.start(ended())
    panel.settle()
    panel.screenshot("panel-narrow")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_five_hundred_trials_stay_readable(page):
    panel = PanelPage(page)
    panel.start(stamped(search(trials=500, epochs=20)))
    panel.settle()
    assert page.locator(".tm-readout").inner_text() == "200 of 500 trials drawn"
    panel.screenshot("panel-many")
    assert panel.errors == []
