"""Buttons and forms that steer a search, by mouse and by keyboard, in a real browser."""

from __future__ import annotations

import random

import pytest

from tests.browser.page import PanelPage
from tests.browser.story import SPACE, epochs_of, search, stamped, study_started
from tunemagic import events as ev
from tunemagic.space import Condition, Kind, Parameter, SearchSpace

pytestmark = pytest.mark.browser


def click(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def running(page, **more):
    panel = PanelPage(page, **more)
    panel.start(stamped(search(trials=5, unfinished=3)))
    panel.settle()
    return panel


def test_a_search_is_paused_and_goes_on_and_its_clock_stands_still(page):
    panel = PanelPage(page)
    events = stamped([*search(trials=2, unfinished=1), ev.StudyPaused(), ev.StudyContinued()])
    panel.start(events[:-2])
    panel.settle()
    click(page, "Pause")
    assert panel.acknowledge(line="%tune pause digits") == {"verb": "pause", "args": {}}
    assert page.locator(".tm-same:visible").inner_text().split() == ["same", "as", "%tune", "pause", "digits", "Copy"]
    panel.events(events[-2:-1])
    panel.settle()
    assert page.locator(".tm-state").inner_text() == "paused"
    assert page.locator(".tm-spoken").inner_text().startswith("paused, 2/30 trials")
    times = page.locator(".tm-times").inner_text()
    assert times == "2/30 trials · 0:31 elapsed"
    click(page, "Resume")
    assert panel.acknowledge()["verb"] == "resume"
    assert page.locator(".tm-same:visible").count() == 0
    panel.events(events[-1:])
    panel.settle()
    assert page.get_by_role("button", name="Pause").is_visible()
    assert panel.errors == []


def test_one_running_trial_is_skipped_at_once_and_of_several_one_is_chosen(page):
    panel = running(page)
    click(page, "Skip trial")
    assert panel.acknowledge() == {"verb": "skip", "args": {"trial": 6}}
    rng = random.Random(1)
    panel.start(stamped([study_started(), *epochs_of(1, 15, 4, rng), *epochs_of(2, 15, 2, rng)]))
    panel.settle()
    click(page, "Skip trial")
    assert page.locator(".tm-drawer:visible button").all_inner_texts() == ["trial 1 (4/15)", "trial 2 (2/15)"]
    click(page, "trial 2 (2/15)")
    assert panel.acknowledge() == {"verb": "skip", "args": {"trial": 2}}
    assert page.locator(".tm-drawer:visible").count() == 0


def test_the_line_of_a_click_can_be_copied(browser):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    # The clipboard belongs to pages with an address of their own.
    page.route("http://localhost/**", lambda route: route.fulfill(body="<html></html>", content_type="text/html"))
    page.goto("http://localhost/")
    panel = running(page)
    click(page, "Pause")
    panel.acknowledge(line="%tune pause digits")
    click(page, "Copy")
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("() => navigator.clipboard.readText()") == "%tune pause digits"
    context.close()


def test_values_are_tried_by_keyboard_and_wrong_ones_are_marked(page):
    panel = running(page)
    page.get_by_role("button", name="Try values").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.tagName") == "INPUT"
    page.keyboard.press("Control+a")
    page.keyboard.type("999")
    page.keyboard.press("Enter")
    assert page.locator(".tm-wrong:visible").inner_text() == "Outside the range, or not of its kind: units"
    assert page.evaluate("() => document.activeElement.getAttribute('aria-invalid')") == "true"
    page.keyboard.press("Control+a")
    page.keyboard.type("128")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("1e-3")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    values = {"units": 128, "lr": 0.001, "activation": "tanh"}
    assert panel.acknowledge(ok=False, message="units: 128 was tried already.") == {
        "verb": "try",
        "args": {"values": values},
    }
    assert page.locator(".tm-wrong:visible").inner_text() == "units: 128 was tried already."
    assert page.locator(".tm-told").inner_text() == ""
    page.keyboard.press("Escape")
    assert page.locator(".tm-drawer:visible").count() == 0
    assert page.evaluate("() => document.activeElement.textContent") == "Try values"


def test_only_hyperparameters_that_are_active_are_asked_for(page):
    conditional = Parameter(
        name="momentum",
        kind=Kind.FLOAT,
        default=0.9,
        low=0.0,
        high=1.0,
        conditions=(Condition(parent="activation", values=("tanh",)),),
    )
    panel = PanelPage(page)
    started = study_started()
    space = SearchSpace((*SPACE.parameters, conditional)).to_json()
    panel.start(stamped([started, ev.SpaceChanged(space=space, reason="more")]))
    panel.settle()
    click(page, "Try values")
    assert page.locator(".tm-field:visible .tm-label").all_inner_texts() == ["units", "lr", "activation"]
    page.get_by_label("activation").select_option("tanh")
    page.get_by_label("momentum").fill("0.5")
    click(page, "Try")
    assert panel.acknowledge()["args"] == {"values": {"units": 64, "lr": 0.01, "activation": "tanh", "momentum": 0.5}}


def test_a_trial_of_the_table_is_tried_again_with_other_values(page):
    panel = running(page)
    page.get_by_role("button", name="3", exact=True).click()
    values = page.locator(".tm-details dd").first.inner_text()
    click(page, "Try these values again …")
    units = page.get_by_label("units").input_value()
    assert f"units {units} " in values
    page.get_by_label("units").fill("256")
    click(page, "Try")
    assert panel.acknowledge()["args"]["values"]["units"] == 256
    assert page.locator(".tm-drawer:visible").count() == 0


def test_the_space_is_narrowed_fixed_and_limited(page):
    panel = running(page)
    click(page, "Space")
    click(page, "Apply")
    assert page.locator(".tm-wrong:visible").inner_text() == "Nothing was changed."
    page.get_by_label("lr: from").fill("0.2")
    click(page, "Apply")
    assert page.locator(".tm-wrong:visible").inner_text() == "Not a range: lr"
    page.get_by_label("lr: from").fill("0.001")
    page.get_by_label("units: fix at").fill("128")
    page.get_by_label("relu").uncheck()
    page.get_by_label("tanh").uncheck()
    click(page, "Apply")
    assert page.locator(".tm-wrong:visible").inner_text() == "Not a range: activation"
    page.get_by_label("tanh").check()
    page.keyboard.press("Enter")
    assert panel.acknowledge() == {
        "verb": "space",
        "args": {"ranges": {"lr": [0.001, 0.1]}, "fixed": {"units": 128}, "choices": {"activation": ["tanh"]}},
    }


def test_the_budget_sends_what_was_changed(page):
    panel = running(page)
    click(page, "Budget")
    assert page.get_by_label("Trials in all").input_value() == "30"
    page.get_by_label("Trials in all").fill("12.5")
    click(page, "Apply")
    assert "whole numbers above 0" in page.locator(".tm-wrong:visible").inner_text()
    page.get_by_label("Trials in all").fill("50")
    page.get_by_label("Minutes in all").fill("2.5")
    click(page, "Apply")
    assert panel.acknowledge() == {"verb": "budget", "args": {"max_trials": 50, "minutes": 2.5}}


def test_one_box_is_open_at_a_time_and_none_after_the_end(page):
    panel = running(page)
    for name in ("Space", "Budget", "Try values"):
        click(page, name)
        assert page.locator(".tm-drawer:visible").count() == 1
    events = stamped([*search(trials=5), ev.StudyEnded(reason=ev.EndReason.STOPPED, message="stopped")])
    panel.start(events)
    panel.settle()
    assert page.locator(".tm-drawer:visible").count() == 0
    assert page.locator(".tm-actions button:visible").count() == 0


FINDINGS = [
    {
        "verdict": "boundary_low",
        "trial": None,
        "evidence": {"name": "lr<b>", "hits": 3, "of": 5, "low": 0.0001, "high": 0.1},
        "remedies": [
            {
                "id": "widen",
                "values": {"name": "lr", "low": 0.00001, "high": 0.01},
                "action": {"verb": "space", "args": {"ranges": {"lr": [1e-5, 1e-2]}}},
            },
            {
                "id": "larger",
                "values": {},
                "action": {"verb": "try", "args": {"values": {"units": 64, "lr": 0.01}}},
            },
        ],
    },
    {
        "verdict": "not_known_here",
        "trial": 2,
        "evidence": {"gap": 0.25},
        "remedies": [{"id": "cell", "values": {}, "action": {"verb": "cell", "args": {"code": "%%tune\nx = '<b>'"}}}],
    },
]


def test_findings_have_evidence_and_a_button_for_each_remedy(page):
    panel = PanelPage(page)
    ended = [*search(trials=4), ev.StudyEnded(reason=ev.EndReason.TRIALS, message="done")]
    panel.start(stamped(ended))
    panel.settle()
    assert page.locator(".tm-healthy:visible").inner_text() == "Nothing stands out."
    panel.start(stamped([*ended, ev.StudyDiagnosed(findings=FINDINGS)]))
    panel.settle()
    assert page.locator(".tm-healthy:visible").count() == 0
    buttons = page.locator(".tm-finding button").all_inner_texts()
    assert buttons == ["Set lr to 1e-5–0.01", "Try units=64, lr=0.01", "trial 2", "Insert the changed cell"]
    assert page.locator(".tm-finding b").count() == 0
    assert page.locator(".tm-finding p").all_inner_texts() == [
        "lr<b>: the best lie at the lower end",
        "3 of the best 5 trials have lr<b> in the bottom tenth of its range 0.0001 … 0.1.",
        "not known here trial 2",
        "gap=0.25",
    ]
    assert page.locator(".tm-finding li > span").all_inner_texts()[0] == "Widen lr to 1e-5 … 0.01"
    click(page, "Set lr to 1e-5–0.01")
    assert panel.acknowledge() == {"verb": "space", "args": {"ranges": {"lr": [1e-5, 1e-2]}}}
    click(page, "Insert the changed cell")
    assert panel.acknowledge(ok=False, message="no notebook")["verb"] == "cell"
    assert page.locator(".tm-code pre").inner_text() == "%%tune\nx = '<b>'"
    assert page.locator(".tm-code button").inner_text() == "Copy"
    click(page, "trial 2")
    assert page.locator(".tm-details:visible").count() == 1
    assert panel.errors == []


def test_a_read_only_study_offers_nothing_to_steer(page):
    panel = PanelPage(page)
    panel.start(stamped(search(trials=2, unfinished=1)), read_only="another kernel runs it.")
    panel.settle()
    assert page.locator(".tm-actions button:visible").count() == 0
    assert page.locator(".tm-told").inner_text() == "another kernel runs it."
