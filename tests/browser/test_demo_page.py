"""The widget to try a model out, in a real browser, without Jupyter."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.browser.page import AXE, DARK, SCREENS, STATIC
from tests.browser.test_panel_exports import digit
from tunemagic.i18n import ENGLISH, Language, catalogue

pytestmark = pytest.mark.browser

_FAKE_MODEL = """
async code => {
  const handlers = new Set();
  const model = {
    send: content => demo.sent.push(content),
    on: (event, handler) => handlers.add(handler),
    off: (event, handler) => handlers.delete(handler)
  };
  const demo = {sent: [], handlers, deliver: content => [...handlers].forEach(handler => handler(content))};
  window.demo = demo;
  const module = await import(URL.createObjectURL(new Blob([code], {type: 'text/javascript'})));
  demo.end = module.default.render({model, el: document.body.appendChild(document.createElement('div'))});
}
"""
IMAGE = {"layout": "image", "height": 8, "width": 8, "channels": 1, "low": 0.0, "high": 16.0, "names": []}
FILES = [{"mode": "none", "name": "digits.tflite", "bytes": 71_016}, {"mode": "int8", "name": "d", "bytes": 25_112}]


def answered(best, share, microseconds, outputs=10):
    rest = (1 - share) / (outputs - 1)
    values = [share if one == best else rest for one in range(outputs)]
    return {"outputs": values, "text": f"{best} ({share})", "microseconds": microseconds}


class DemoPage:
    """A page with the widget; the test is its kernel."""

    def __init__(self, page, *, dark=False, texts=ENGLISH, look=IMAGE, labels=None, classes=True):
        self.page = page
        self.errors = []
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        style = "".join(f"{name}: {value};" for name, value in DARK.items()) if dark else ""
        page.set_content(
            f"<!doctype html><html lang='en'><head><title>demo</title></head>"
            f"<body style='margin: 12px; background: {'#111' if dark else '#fff'}; {style}'></body></html>"
        )
        page.add_style_tag(content=(STATIC / "demo.css").read_text(encoding="utf-8"))
        page.evaluate(_FAKE_MODEL, (STATIC / "demo.js").read_text(encoding="utf-8"))
        shown = {key: text for key, text in texts.texts.items() if key.startswith("demo.")}
        labels = [str(number) for number in range(10)] if labels is None else labels
        setup = {"texts": shown, "look": look, "count": 360, "files": FILES, "labels": labels, "classes": classes}
        self.deliver({"kind": "setup", **setup})

    def deliver(self, content):
        self.page.evaluate("content => demo.deliver(content)", json.loads(json.dumps(content)))

    def asked(self):
        """The latest question."""
        return self.page.evaluate("() => demo.sent.at(-1)")

    def answer(self, reply, error=""):
        self.deliver({"kind": "answer", "id": self.asked()["id"], "reply": reply, "error": error})

    def question(self):
        asked = self.asked()
        return asked["what"], asked["row"], asked["mode"]


def flip(row=17, **more):
    sample = {"row": row, "picture": digit(), "values": []}
    keras, file = answered(8, 0.61, 310.2), answered(3, 0.52, 6.5)
    return {"sample": sample, "truth": "8", "keras": keras, "file": file, "same": False, **more}


@pytest.mark.parametrize("language", list(Language), ids=["english", "chinese"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_is_readable_in_every_theme_width_and_language(page, dark, language):
    demo = DemoPage(page, dark=dark, texts=catalogue(language))
    demo.answer(flip())
    expect(page.locator(".tm-demo-said")).to_contain_text("8 (0.61)")
    page.add_script_tag(path=AXE)
    SCREENS.mkdir(parents=True, exist_ok=True)
    for width in (480, 1400):
        page.set_viewport_size({"width": width, "height": 700})
        page.screenshot(path=SCREENS / f"demo_{'dark' if dark else 'light'}_{language}_{width}.png")
        found = page.evaluate(
            "async () => (await axe.run('.tm-demo')).violations.map(one => [one.id, one.nodes[0].html])"
        )
        assert found == []
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert "demo." not in page.locator(".tm-demo").inner_text()
    assert demo.errors == []


def test_samples_are_picked_and_the_next_wrong_one_and_disagreement_are_found(page):
    demo = DemoPage(page)
    assert demo.question() == ("row", 0, "none")
    demo.answer(flip(0, same=True))
    page.get_by_label("Sample").first.fill("12")
    assert demo.question() == ("row", 12, "none")
    demo.answer(flip(12))
    page.get_by_role("button", name="Next disagreement").click()
    assert demo.question() == ("flip", 12, "none")
    demo.answer(flip(17))
    assert page.get_by_label("Sample").first.input_value() == "17"
    said = "True: 8. Keras says 8 (0.61), the file says 3 (0.52). They disagree."
    expect(page.locator(".tm-demo-said")).to_have_text(said)
    heads = page.locator(".tm-demo thead th").all_inner_texts()
    assert heads == ["class", "Keras · 310.2 µs", "TF Lite · 6.5 µs"]
    page.locator(".tm-demo select").select_option("int8")
    assert demo.question() == ("row", 17, "int8")
    demo.answer(flip(17))
    page.get_by_role("button", name="Next wrong one").click()
    demo.answer(None)
    expect(page.locator(".tm-demo-said")).to_contain_text("The Keras model answers none of them wrong")
    assert demo.errors == []


def test_a_drawn_picture_is_scaled_to_the_input_and_asked_one_at_a_time(page):
    demo = DemoPage(page)
    demo.answer(flip(0))
    page.get_by_role("button", name="Clear").click()
    assert demo.asked()["values"] == [0.0] * 64
    before = demo.asked()["id"]
    box = page.locator("canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 10, steps=12)
    page.mouse.up()
    assert demo.asked()["id"] == before  # the answer is still due
    demo.answer(flip(sample=None))
    asked = demo.asked()
    assert (asked["what"], asked["id"], len(asked["values"])) == ("values", before + 1, 64)
    rows = [asked["values"][start : start + 8] for start in range(0, 64, 8)]
    assert min(min(row[3:5]) for row in rows[1:7]) > 4 > max(max(row[:2] + row[6:]) for row in rows)
    demo.answer(flip(sample=None, truth=""))
    expect(page.locator(".tm-demo-said")).to_have_text("Keras says 8 (0.61), the file says 3 (0.52). They disagree.")
    assert demo.errors == []


def test_a_row_of_a_table_is_typed_and_numbers_are_compared(page):
    look = {"layout": "columns", "height": 0, "width": 0, "channels": 0, "low": 0, "high": 9, "names": ["rooms", "age"]}
    demo = DemoPage(page, look=look, labels=["price"], classes=False)
    reply = {"outputs": [21.4], "text": "21.4", "microseconds": 200.0}
    sample = {"row": 0, "picture": "", "values": [6.5, 40.0]}
    both = {"truth": "22", "keras": reply, "file": {**reply, "outputs": [21.1], "text": "21.1"}, "same": False}
    demo.answer({"sample": sample, **both})
    page.get_by_label("rooms").fill("7.25")
    assert demo.asked()["values"] == [7.25, 40.0]
    demo.answer({"sample": None, **both, "truth": ""})
    page.get_by_label("age").fill("")
    assert demo.asked()["values"] == [7.25, 40.0]
    expect(page.get_by_label("age")).to_have_attribute("aria-invalid", "true")
    assert page.locator(".tm-demo tbody td").all_inner_texts() == ["21.4", "21.1"]
    assert page.get_by_role("button", name="Next wrong one").count() == 0
    page.evaluate("() => demo.end()")
    assert page.evaluate("() => [demo.handlers.size, document.querySelectorAll('.tm-demo').length]") == [0, 0]
    assert demo.errors == []
