"""The panel alone in an empty page: a fake of anywidget's model instead of a kernel."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tunemagic import events as ev
from tunemagic.i18n import Language, catalogue
from tunemagic.trial import StudyView, replay
from tunemagic.widgets.wire import PanelStatus, event_batch, snapshot

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "tunemagic" / "static"
AXE = ROOT / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
SCREENS = ROOT / "build" / "screens"

# Which texts go to the panel.
TEXTS = ("panel.", "plot.", "diagnosis.", "remedy.", "why.", "compare.", "state.")

# The names that JupyterLab's dark theme gives; the light page has none, as VS Code and Colab.
DARK = {
    "--jp-content-font-color1": "rgba(255, 255, 255, 1)",
    "--jp-content-font-color2": "rgba(255, 255, 255, 0.7)",
    "--jp-border-color2": "#424242",
    "--jp-layout-color1": "#111",
    "--jp-layout-color2": "#424242",
    "--jp-brand-color1": "#42a5f5",
}

_FAKE_MODEL = """
async ({code, kind}) => {
  const handlers = new Set();
  const state = {channel_id: 'channel-1', layout_kind: kind};
  const model = () => ({
    get: name => state[name],
    send: content => fake.sent.push(content),
    on: (event, handler) => handlers.add(handler),
    off: (event, handler) => handlers.delete(handler)
  });
  const fake = {
    sent: [],
    handlers,
    deliver(content, hex) {
      const bytes = Uint8Array.from(hex.match(/../g) ?? [], byte => parseInt(byte, 16));
      for (const handler of [...handlers]) handler(content, [new DataView(bytes.buffer)]);
    }
  };
  const url = URL.createObjectURL(new Blob([code], {type: 'text/javascript'}));
  const module = await import(url);
  const el = document.createElement('div');
  document.body.append(el);
  fake.el = el;
  fake.end = module.default.initialize({model: model()});
  fake.show = () => (fake.hide = module.default.render({model: model(), el}));
  fake.show();
  window.fake = fake;
}
"""


class PanelPage:
    """A page with one panel. ``errors`` collects whatever the page complains about."""

    def __init__(
        self, page: Any, *, dark: bool = False, kind: str = "full", language: Language | None = Language.ENGLISH
    ) -> None:
        """``language`` is that of the page and of the texts that the kernel sends; None for no texts yet."""
        self.page = page
        self.errors: list[str] = []
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        style = "".join(f"{name}: {value};" for name, value in DARK.items()) if dark else ""
        back = "#111" if dark else "#fff"
        lang = "zh-CN" if language is Language.CHINESE else "en"
        page.set_content(
            f"<!doctype html><html lang='{lang}'><head><title>panel</title></head>"
            f"<body style='margin: 12px; background: {back}; {style}'><main></main></body></html>"
        )
        page.add_style_tag(content=(STATIC / "panel.css").read_text(encoding="utf-8"))
        page.evaluate(_FAKE_MODEL, {"code": (STATIC / "panel.js").read_text(encoding="utf-8"), "kind": kind})
        if language is not None:
            self.texts(language)

    def texts(self, language: Language) -> None:
        """The texts of a language, as the kernel sends them after a hello."""
        texts = {key: text for key, text in catalogue(language).texts.items() if key.startswith(TEXTS)}
        self.deliver({"kind": "texts", "v": ev.PROTOCOL_VERSION, "lang": str(language), "texts": texts})

    def answer(self, topic: str, options: dict[str, str], info: Any, error: str = "") -> None:
        """The kernel's answer to a question."""
        content = {"kind": "answer", "topic": topic, "options": options, "info": info, "error": error}
        self.deliver({**content, "v": ev.PROTOCOL_VERSION, "seq": 0})

    def acknowledge(self, *, ok: bool = True, message: str = "", line: str = "") -> dict[str, Any]:
        """Answer the last command, which is returned without what differs from run to run."""
        command = [one for one in self.sent() if one["kind"] == "command"][-1]
        key = command["id"]
        self.deliver({"kind": "ack", "id": key, "ok": ok, "done": True, "message": message, "line": line})
        self.settle()
        return {"verb": command["verb"], "args": command["args"]}

    def deliver(self, content: Any, buffer: bytes = b"") -> None:
        """One message from the kernel, as JSON and back as a real comm does."""
        plain = json.loads(json.dumps(content, allow_nan=False))
        self.page.evaluate("([content, hex]) => fake.deliver(content, hex)", [plain, buffer.hex()])

    def snapshot(self, view: StudyView, **status: Any) -> None:
        """The whole state."""
        full: PanelStatus = {
            "session": view.session,
            "waiting": True,
            "converting": None,
            "read_only": "",
            **status,  # type: ignore[typeddict-item]
        }
        message, buffers = snapshot(view, status=full, age=0.0)
        self.deliver(message, buffers[0])

    def events(self, events: Sequence[ev.Event]) -> None:
        """One batch."""
        self.deliver(event_batch(events))

    def start(self, events: Sequence[ev.Event], **status: Any) -> None:
        """A snapshot of the state after these events."""
        self.snapshot(replay(events), **status)

    def sent(self) -> list[dict[str, Any]]:
        """Everything that the panel has sent so far, without the page's random id.

        A repeated hello, which a slow machine sees, comes once.
        """
        sent = [
            {name: value for name, value in one.items() if name != "view"}
            for one in self.page.evaluate("() => fake.sent")
        ]
        return [one for one, before in zip(sent, [None, *sent], strict=False) if one != before]

    def asked(self) -> list[tuple[str, dict[str, str]]]:
        """Topics and options of the questions that are still asked."""
        last: dict[str, bool] = {}
        for one in self.sent():
            if one["kind"] == "ask":
                last[json.dumps([one["topic"], one["options"]])] = one["on"]
        return [tuple(json.loads(key)) for key, on in last.items() if on]

    def settle(self) -> None:
        """Wait until the frame that shows the last message has been drawn."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def violations(self) -> list[str]:
        """What axe-core finds wrong with the panel."""
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.add_script_tag(path=AXE)
        found = self.page.evaluate("async () => (await axe.run('.tm-panel')).violations")
        return [f"{item['id']}: {[node['html'][:120] for node in item['nodes']]}" for item in found]

    def screenshot(self, name: str) -> None:
        """Keep a picture for people under build/screens/."""
        SCREENS.mkdir(parents=True, exist_ok=True)
        self.settle()
        self.page.screenshot(path=SCREENS / f"{name}.png", full_page=True)
