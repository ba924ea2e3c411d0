"""The comparison of exported files: menu, progress, plane, table, confusion, samples, download."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from tests.browser.gallery import Gallery
from tests.browser.page import SCREENS
from tests.browser.story import search, shipped, stamped
from tunemagic import events as ev
from tunemagic.analysis.exports import export_key
from tunemagic.i18n import ENGLISH, Language, catalogue
from tunemagic.trial import replay

pytestmark = pytest.mark.browser

ROWS = ".tm-exports .tm-table > tbody > tr"
OFFERS = [
    *({"target": "tflite", "mode": mode, "missing": ""} for mode in ("none", "dynamic", "float16", "int8")),
    {"target": "onnx", "mode": "none", "missing": ""},
    {"target": "torch", "mode": "none", "missing": 'torch: not installed. Run: %pip install "tunemagic[torch]"'},
    {"target": "caffe", "mode": "none", "missing": ""},
]


def digit():
    pixels = bytes((row * 31 + column * 17) % 255 for row in range(8) for column in range(8))
    buffer = io.BytesIO()
    Image.frombytes("L", (8, 8), pixels).save(buffer, format="png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


FLIPS = {
    "names": (),
    "flips": [
        {"sample": {"row": row, "picture": picture, "values": values}, "truth": "8", "keras": "8 (0.61)", "file": file}
        for row, picture, values, file in (
            (17, digit(), (), "3 (0.52)"),
            (203, "", [((7 * step) % 11) / 10 for step in range(40)], "1 (0.49)"),
            (318, "", [5.1, 3.5, 1.4, 0.2], "9 (0.77)"),
        )
    ],
}


def events(exports=shipped):
    end = ev.StudyEnded(reason=ev.EndReason.TRIALS, message="all 3 trials done")
    return stamped([*search(trials=3), end, *exports()])


def told(page, *, dark=False, texts=ENGLISH, exports=shipped, **status):
    panel = Gallery(page, dark=dark)
    panel.tell(replay(events(exports)), texts, **status)
    panel.answer(targets={"exports": OFFERS})
    return panel


def names(page):
    return page.locator(f"{ROWS} > td:first-child").all_inner_texts()


@pytest.mark.parametrize("language", list(Language), ids=["english", "chinese"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_comparison_is_readable_in_every_theme_width_and_language(page, dark, language):
    panel = told(page, dark=dark, texts=catalogue(language))
    page.get_by_role("button", name="int8", exact=True).click()
    panel.answer(flips=FLIPS)
    section = page.locator(".tm-exports")
    for width in (480, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        panel.settle()
        panel.settle()
        SCREENS.mkdir(parents=True, exist_ok=True)
        section.screenshot(path=SCREENS / f"exports_{'dark' if dark else 'light'}_{language}_{width}.png")
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        assert panel.violations() == []
    assert "panel." not in section.inner_text()
    assert "plot." not in section.inner_text()
    assert panel.errors == []


def test_what_was_found_is_told_in_chinese(page):
    panel = told(page, texts=catalogue(Language.CHINESE))
    page.get_by_role("button", name="int8", exact=True).click()
    panel.settle()
    terms = page.locator(".tm-exports .tm-details dt").all_inner_texts()
    said = dict(zip(terms, page.locator(".tm-exports .tm-details dd").all_inner_texts(), strict=True))
    reason = "权重和激活值保留 8 位，介于两个类别之间的样本变动最大"
    assert said["结果"] == f"已在 450 个样本上验证：最大差 0.021（限值 0.5：{reason}），99.33% 的回答相同"
    assert said["容差依据"] == reason
    assert said["备注"] == "在评估数据的 200 个样本上校准，这些样本不参与比较"
    text = page.locator(".tm-exports").inner_text()
    assert "未验证：只有 90.22% 的回答相同（应至少为 95.0%）" in text
    assert "层 <b>gru</b> (GRU) 没有 Caffe 形式。" in text
    assert panel.errors == []


def test_the_menu_says_what_is_missing_and_a_row_makes_a_mode_that_is_not_there_yet(page):
    panel = told(page, exports=lambda: list(shipped())[:1])
    options = page.get_by_label("Export to").locator("option")
    assert options.all_inner_texts() == [
        "TF Lite · none (float32)",
        "TF Lite · dynamic range",
        "TF Lite · float16",
        "TF Lite · int8",
        "TF Lite · all modes",
        "ONNX",
        "PyTorch (not installed)",
        "Caffe",
    ]
    missing = options.nth(6)
    assert (missing.is_disabled(), missing.get_attribute("title")) == (True, OFFERS[5]["missing"])
    assert panel.asked() == [("exports", {})]  # what there is to export to is asked once
    assert names(page) == ["none (float32)", "dynamic range", "float16", "int8"]
    page.get_by_role("button", name="Convert to int8").click()
    assert panel.commands() == [("convert", {"target": "tflite", "mode": "int8"})]
    page.get_by_label("Export to").select_option("onnx none")
    panel.acknowledge()
    page.locator(".tm-exports").get_by_role("button", name="Convert", exact=True).click()
    page.get_by_role("button", name="Try it").click()
    cell = {"code": "%tune demo digits"}
    assert panel.commands()[1:] == [("convert", {"target": "onnx", "mode": "none"}), ("cell", cell)]
    assert panel.errors == []


def test_progress_is_told_and_the_export_can_be_stopped(page):
    running = {"at": 2, "count": 5, "target": "tflite", "mode": "int8", "stopping": False}
    panel = told(page, converting=running)
    assert page.locator(".tm-busy").inner_text() == "2 of 5: int8 …"
    assert page.locator(".tm-exports").get_by_role("button", name="Convert", exact=True).first.is_disabled()
    page.get_by_role("button", name="Stop export").click()
    assert panel.acknowledge() == {"verb": "cancel", "args": {}}
    panel.snapshot(panel.view, converting={**running, "stopping": True})
    panel.settle()
    assert page.locator(".tm-busy").inner_text() == "Stopping at 2 of 5: int8 …"
    assert page.get_by_role("button", name="Stop export").is_disabled()
    panel.snapshot(panel.view)
    panel.settle()
    assert page.get_by_role("button", name="Stop export").is_hidden()
    assert panel.errors == []


def test_a_point_is_reached_by_keys_and_opens_its_row_with_confusion_and_samples(page):
    panel = told(page)
    page.locator(".tm-exports svg [data-key=ring]").focus()
    assert page.locator(".tm-exports .tm-said").inner_text() == "int8 · verified · 51.3 kB · 0.9778 → 0.9689 · 6.5 µs"
    page.keyboard.press("ArrowRight")
    assert page.locator(".tm-exports .tm-said").inner_text().startswith("dynamic range · verified")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    panel.answer(flips=FLIPS)
    details = page.locator(".tm-exports .tm-details")
    assert page.evaluate("() => document.activeElement.textContent") == "int8"
    assert "digits.int8.tflite" in details.inner_text()
    assert "/home/somebody" not in page.locator(".tm-exports").inner_html()
    assert details.locator(".tm-confusion tbody tr").first.locator("td").all_inner_texts() == ["44", "1", *"········"]
    captions = details.locator("figcaption").all_inner_texts()
    assert captions[0] == "17: true 8, Keras 8 (0.61), file 3 (0.52)"
    assert details.locator("img").evaluate("image => image.naturalWidth") == 8
    page.keyboard.press("Enter")
    assert details.count() == 0
    assert panel.asked() == [("exports", {})]
    assert panel.errors == []


def test_the_plane_runs_across_size_or_time(page):
    panel = told(page)
    page.get_by_role("button", name="time of one sample").click()
    panel.answer()
    assert panel.asked() == [("exports", {"x": "latency"})]
    label = page.locator(".tm-exports svg.tm-svg").get_attribute("aria-label")
    assert label == "accuracy against time of one sample (µs): dynamic, int8, tflite, float16, onnx, openvino, c int8"
    assert page.get_by_role("button", name="time of one sample").get_attribute("aria-pressed") == "true"
    assert panel.errors == []


def test_the_table_is_sorted_by_a_click_and_what_has_no_number_comes_last(page):
    panel = told(page)
    made = ["none (float32)", "float16", "dynamic range", "int8", "ONNX", "OpenVINO", "C array int8", "Caffe"]
    assert names(page) == made
    page.locator(".tm-exports th").get_by_role("button", name="size").click()
    by_size = ["int8", "dynamic range", "C array int8", "float16", "ONNX", "none (float32)", "OpenVINO", "Caffe"]
    assert names(page) == by_size
    page.locator(".tm-exports th").get_by_role("button", name="size").click()
    assert names(page) == [*reversed(by_size[:-1]), "Caffe"]
    assert panel.errors == []


def test_a_file_comes_as_a_buffer_and_is_saved_under_its_name(page):
    panel = told(page)
    page.get_by_role("button", name="ONNX", exact=True).click()
    download = page.get_by_role("button", name="Download")
    download.click()
    answer = {"kind": "ack", "ok": True, "done": True, "message": "digits.onnx", "line": ""}
    command = panel.sent()[-1]
    assert (command["verb"], command["args"]) == ("download", {"export": export_key(panel.view.exports[4])})
    with page.expect_download() as saved:
        panel.deliver({**answer, "id": command["id"]}, b"onnx bytes")
    assert saved.value.suggested_filename == "digits.onnx"
    assert saved.value.path().read_bytes() == b"onnx bytes"
    download.click()
    command = panel.sent()[-1]
    panel.deliver({**answer, "id": command["id"], "ok": False, "message": "digits.onnx was changed"})
    panel.settle()
    assert page.locator(".tm-exports .tm-wrong").inner_text() == "digits.onnx was changed"
    assert page.locator(".tm-notice").inner_text() == ""
    assert panel.errors == []
