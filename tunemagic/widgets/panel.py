"""The live panel of a study: one anywidget, shown in a cell and in the side panel."""

from __future__ import annotations

import functools
import threading
import uuid
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from tunemagic.errors import StudyError
from tunemagic.i18n import Language
from tunemagic.widgets.bridge import StudyChannel, StudyLike
from tunemagic.widgets.route import answer_while_busy

__all__ = ["TunePanel", "asset"]

_STATIC = Path(__file__).parents[1] / "static"


class TunePanel(anywidget.AnyWidget):  # type: ignore[misc]  # mypy doesn't follow anywidget
    """Shows a study while it runs and afterwards.

    ``first_contact`` is set when a front end has shown the panel; ``detached`` when the user has
    pressed Detach in any panel of this study. All data travels in messages, never in traits: a
    trait would be stored in the notebook and sent whole at every change.
    """

    channel_id = traitlets.Unicode().tag(sync=True)
    layout_kind = traitlets.Enum(["full", "compact"], "full").tag(sync=True)

    def __init__(
        self, study: StudyLike, *, compact: bool = False, waiting: bool = True, lang: Language | None = None
    ) -> None:
        """Open the panel.

        Args:
            study: What is shown.
            compact: Only the header and the buttons.
            waiting: Whether a cell waits for the study, so that Detach is offered.
            lang: The panel's language; None for the language of the page that shows it.

        Raises:
            StudyError: The panel's files were not built.
        """
        self._esm = asset("panel.js", instead="or use --view text")
        self._css = asset("panel.css", instead="or use --view text")
        self.detached = threading.Event()
        self._study = study
        # Before the comm is open: a front end may say hello as soon as it hears of the panel.
        self._channel = StudyChannel(study, self._send_content, waiting=waiting, detach=self._detach, lang=lang)
        self.first_contact = self._channel.first_contact
        super().__init__(channel_id=uuid.uuid4().hex, layout_kind="compact" if compact else "full")
        with _panels_lock:
            _open_panels.add(self)

    def open(self) -> None:
        """Open the comm, with everything in place that answers it."""
        self.on_msg(self._receive)
        super().open()
        answer_while_busy(self.comm)

    @classmethod
    def shown_for(cls, study: StudyLike) -> TunePanel | None:
        """An open full panel of this study, or None."""
        return next((panel for panel in _panels_of(study) if panel.layout_kind == "full"), None)

    @property
    def waiting(self) -> bool:
        """Whether a cell waits for the study, so that Detach is offered."""
        return self._channel.waiting

    @waiting.setter
    def waiting(self, value: bool) -> None:
        self._channel.waiting = value

    def close(self) -> None:
        """Take the panel away from all front ends. The study goes on."""
        with _panels_lock:
            _open_panels.discard(self)
        channel = getattr(self, "_channel", None)
        if channel is not None:  # None when the constructor has failed
            channel.close()
        super().close()

    def _detach(self) -> None:
        """Every panel of the study: the cell may be waiting beside another one than was clicked."""
        for panel in _panels_of(self._study):
            panel.detached.set()
            panel.waiting = False

    def _send_content(self, content: Mapping[str, Any], buffers: Sequence[bytes]) -> None:
        self.send(content, list(buffers))

    def _receive(self, widget: Any, content: Any, buffers: Any) -> None:
        if isinstance(content, Mapping):
            self._channel.receive(content)


# Widgets live in a registry of ipywidgets until they are closed; this one only finds ours in it.
_open_panels: weakref.WeakSet[TunePanel] = weakref.WeakSet()
_panels_lock = threading.Lock()


def _panels_of(study: StudyLike) -> list[TunePanel]:
    with _panels_lock:
        return [panel for panel in _open_panels if panel._study is study]


@functools.cache
def asset(name: str, *, instead: str) -> str:
    """A file that the front end's build has made.

    Raises StudyError when it was not built, with what else the user can do: ``instead``.
    """
    path = _STATIC / name
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StudyError(f"the page was not built: {path} is missing. Run `make build`, {instead}.") from None
