"""A study's best model in JupyterLab: converted by a click, compared, downloaded, and tried out."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.search import SHORT, journal_view, on_disk, run, tune_cell
from tunemagic.durable import sha256_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def verdicts(lab, name):
    exports = journal_view(lab.server.folder, name).exports
    return {(result.target, result.mode): str(result.verdict) for result in exports}


def test_a_finished_search_is_exported_compared_and_tried_out_by_clicks(lab):
    search = run(lab, tune_cell("convert", SHORT))
    expect(search.picture).to_be_visible()
    assert on_disk(lab.server.folder, "convert").state == "finished"
    lab.execute("tunemagic:show-panel")
    side = lab.side_panel()
    expect(side.locator(".tm-name")).to_have_text("convert")
    section = side.locator(".tm-exports")
    menu, convert = section.get_by_label("Export to"), section.get_by_role("button", name="Convert", exact=True)
    # What there is to export to comes from the kernel.
    expect(menu.locator("option[value='keras none']")).to_be_attached()
    menu.select_option("tflite int8")
    convert.click()
    expect(section.locator(".tm-busy")).to_have_text("1 of 1: int8 …")
    expect(section.locator(".tm-verdict")).to_have_text(["verified"])
    section.get_by_role("button", name="Convert to none (float32)").click()
    expect(section.locator(".tm-verdict")).to_have_text(["verified"] * 2)
    expect(section.locator("svg.tm-svg .tm-filled")).to_have_count(2)
    # Mode, verdict, size, gzip, score, agreement, difference, time.
    number, size, share = r"[\d.e-]+", r"[\d.]+ k?B", r"[\d.]+ %"
    figures = [size, size, rf"{number} → {number}", share, number, number]
    for row, mode in enumerate(("int8", r"none \(float32\)")):
        cells = section.locator("tbody tr:has(.tm-verdict)").nth(row).locator("td")
        wanted = [re.compile(f"^{text}$") for text in (mode, "verified", *figures)]
        expect(cells).to_have_text(wanted, use_inner_text=True)
    expect(convert.first).to_be_enabled()
    expect(side.locator(".tm-line")).to_have_text("%tflite convert --quant none")
    assert verdicts(lab, "convert") == {("tflite", "int8"): "verified", ("tflite", "none"): "verified"}

    ring = section.locator("[data-key=ring]")
    ring.focus()
    lab.page.keyboard.press("Enter")
    details = section.locator(".tm-details:visible")
    expect(details.locator(".tm-confusion tbody tr")).to_have_count(10)
    with lab.page.expect_download() as saved:
        details.get_by_role("button", name="Download").click()
    written = {result.sha256 for result in journal_view(lab.server.folder, "convert").exports}
    assert sha256_of(saved.value.path().read_bytes()) in written
    assert str(lab.server.folder) not in section.inner_html()
    lab.screenshot("lab-exports-light")
    assert lab.violations(".tunemagic-SidePanel") == []

    tried = run(lab, "%tune demo convert")
    demo = tried.node.locator(".tm-demo")
    expect(demo.locator(".tm-demo-said")).to_contain_text("Keras says")
    expect(demo.locator("select option")).to_have_count(2)
    # After four epochs the model answers some of them wrong.
    demo.get_by_role("button", name="Next wrong one").click()
    expect(demo.locator("input[type=number]")).not_to_have_value("0")
    demo.get_by_role("button", name="Clear").click()
    expect(demo.locator(".tm-demo-said")).not_to_contain_text("True:")
    demo.locator("canvas").scroll_into_view_if_needed()
    box = demo.locator("canvas").bounding_box()
    before = demo.locator("tbody").inner_text()
    lab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 20, steps=6)
    lab.page.mouse.up()
    expect(demo.locator("tbody")).not_to_have_text(before, use_inner_text=True)
    lab.screenshot("lab-demo-light")
    assert lab.violations(".jp-Cell .tm-demo") == []
