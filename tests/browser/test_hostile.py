"""Names, values and errors that are HTML stay text: in the panel, the record and the side panel."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.search import LONG, completed, journal_view, run, tune_cell

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAYLOAD = "<img src=x onerror=window.pwned=1>"
# A parameter's name, its values, a metric's name, an error and the line that raises it.
HOSTILE = f"""
kind = hp.Choice("{PAYLOAD}", ["{PAYLOAD}", "a{PAYLOAD}", "b{PAYLOAD}", "bad"])
if kind == "bad":
    raise ValueError("{PAYLOAD}")
units = hp.Int("units", 8, 256)
model = keras.Sequential([keras.layers.Dense(units, "relu"), keras.layers.Dense(10, "softmax")])
more = keras.metrics.SparseTopKCategoricalAccuracy(name="top{PAYLOAD}")
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy", more])
"""


def fired(page) -> bool:
    """Whether some payload became an element; its script would run a moment later."""
    return page.evaluate("() => window.pwned !== undefined || document.querySelector('img[src=x]') !== null")


def open_failure(panel):
    panel.locator("tr[data-state=failed] .tm-fold").first.click()
    expect(panel.locator(".tm-details:visible")).to_contain_text(f"ValueError: {PAYLOAD}")
    expect(panel.locator(".tm-details:visible")).to_contain_text(f'raise ValueError("{PAYLOAD}")')


def test_the_payload_would_fire_where_text_is_taken_for_html(lab):
    lab.page.evaluate("payload => document.body.insertAdjacentHTML('beforeend', payload)", PAYLOAD)
    lab.page.wait_for_function("() => window.pwned === 1")
    assert fired(lab.page)
    lab.page.evaluate("() => { document.querySelector('img[src=x]').remove(); delete window.pwned; }")
    lab.errors.clear()


def test_hostile_text_stays_text_live_after_a_reload_and_in_the_record(lab):
    run(lab, "%config TuneMagics.max_failures = 1000")
    search = run(lab, tune_cell("hostile", f"{LONG} --background", HOSTILE))
    side = lab.side_panel()
    expect(completed(search.panel).nth(1)).to_contain_text(PAYLOAD)
    expect(search.panel.locator("th", has_text=PAYLOAD)).to_be_attached()
    open_failure(search.panel)
    search.panel.get_by_label("Metric").select_option(f"top{PAYLOAD}")
    lab.execute("tunemagic:show-panel")
    expect(side.locator(".tm-name")).to_have_text("hostile")
    open_failure(side)
    lab.screenshot("lab-hostile-light")
    assert not fired(lab.page)
    lab.save()
    lab.reload()
    expect(completed(search.panel).nth(1)).to_contain_text(PAYLOAD)
    open_failure(search.panel)
    search.panel.get_by_role("button", name="Stop").click()
    expect(search.panel.locator(".tm-state")).to_have_text("stopped")
    record = run(lab, "%tune status")
    expect(record.picture).to_be_visible()
    expect(record.outputs).to_contain_text(f"ValueError: {PAYLOAD}")
    best = run(lab, "%tune best")
    expect(best.outputs).to_contain_text(PAYLOAD)
    assert not fired(lab.page)
    lab.save()
    lab.reload()
    expect(record.picture).to_be_visible()
    expect(record.outputs).to_contain_text(PAYLOAD)
    expect(best.outputs).to_contain_text(PAYLOAD)
    assert not fired(lab.page)
    view = journal_view(lab.server.folder, "hostile")
    assert {parameter.name for parameter in view.space.parameters} == {PAYLOAD, "units"}
