"""What one study shows in one cell's output: live while it runs, its record at the end.

The live panel is a widget: a notebook that is reopened without its kernel can't show it. So it
is displayed under a display id and replaced by the static record when the study has ended.
"""

from __future__ import annotations

import contextvars
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from IPython.display import display

from tunemagic.errors import StudyError
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.magics.tables import status_line
from tunemagic.request import ViewKind
from tunemagic.trial import StudyView

if TYPE_CHECKING:
    from tunemagic.study import Study

__all__ = ["CellOutput", "Panel"]

# The text view is rewritten at most this often: a flood of updates makes a server drop messages.
_TEXT_SECONDS = 1.0
_FOLLOW_SECONDS = 0.25


class Panel(Protocol):
    """What the output needs of the live panel."""

    first_contact: threading.Event  # set when a front end has shown the panel
    detached: threading.Event  # set when the user has pressed Detach
    waiting: bool  # whether a cell waits for the study, so that Detach is offered

    def close(self) -> None:
        """Take the panel away from all front ends."""


class CellOutput:
    """One study's place in one cell's output.

    Args:
        study: What is shown.
        kind: What the user wants to see while it runs.
        in_kernel: Whether displays can be updated; a terminal only gets lines.
        contact_seconds: How long a front end may take to show the panel.
        make_panel: Makes the live panel, or finds the one that the study has. May raise StudyError.
        make_record: Makes the static record's MIME bundle.
        texts: Gives the texts of what is shown; asked each time, since a page may tell its language late.
        now: A clock in seconds.
        hinted: Set once this kernel was told how to get the panel; not told again then.
        after_cell: Calls a function whenever a cell has ended, and returns what ends that; None where it can't be.
    """

    def __init__(
        self,
        study: Study,
        kind: ViewKind,
        *,
        in_kernel: bool,
        contact_seconds: float,
        make_panel: Callable[[Study, ViewKind], Panel],
        make_record: Callable[[StudyView], dict[str, Any]],
        texts: Callable[[], Catalogue] = lambda: ENGLISH,
        now: Callable[[], float] = time.monotonic,
        hinted: threading.Event | None = None,
        after_cell: Callable[[Callable[[], None]], Callable[[], None]] | None = None,
    ) -> None:
        self._study = study
        self._kind = kind
        self._in_kernel = in_kernel
        self._contact_seconds = contact_seconds
        self._make_panel = make_panel
        self._make_record = make_record
        self._texts = texts
        self._now = now
        self._hinted = hinted or threading.Event()
        self._after_cell = after_cell
        self._unwatch: Callable[[], None] | None = None
        self._record: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._handle: Any = None
        self._panel: Panel | None = None
        self._opened = 0.0
        self._news: object = None
        self._hint = ""
        self._written = 0.0
        self._fell_back = False
        self._closed = False

    @property
    def texts(self) -> Catalogue:
        """The texts of what is shown, as of now."""
        return self._texts()

    def open(self) -> None:
        """Show the panel or the first line of text."""
        self._opened = self._now()
        if self._kind is ViewKind.NONE:
            return
        if self._in_kernel and self._kind is not ViewKind.TEXT:
            self._open_panel()
        if self._panel is None:
            self._write_text()

    def _open_panel(self) -> None:
        try:
            panel = self._make_panel(self._study, self._kind)
        except StudyError as error:
            self._hint = f"\n{error}"
            return
        panel.detached.clear()
        panel.waiting = True
        self._panel = panel
        self._handle = display(panel, display_id=True)

    def tick(self) -> None:
        """Keep the text up to date, and fall back to text while no front end shows the panel."""
        with self._lock:
            if self._closed or self._kind is ViewKind.NONE:
                return
            if self._panel is None:
                self._refresh_text()
            elif self._fell_back:
                self._take_back(self._panel)
            elif self._is_unseen(self._panel):
                self._fell_back = True
                if not self._hinted.is_set():
                    self._hint = _install_hint(self._contact_seconds, self._texts())
                self._hinted.set()
                self._write_text()

    def _take_back(self, panel: Panel) -> None:
        """Show the panel again when a slow front end has come after all."""
        if panel.first_contact.is_set():
            self._fell_back = False
            self._handle.update(panel)
        else:
            self._refresh_text()

    def close(self) -> None:
        """Replace whatever is shown by the record. Only the first call does something."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._put_record()
            if self._panel is not None and self._kind is ViewKind.COMPACT:
                self._panel.close()  # the side panel shows full panels only: nobody needs this one now

    def detached(self) -> bool:
        """Whether the user has pressed Detach on this panel."""
        return self._panel is not None and self._panel.detached.is_set()

    def follow(self) -> None:
        """No cell waits any longer: tick in a thread, and close when the study has ended.

        The thread runs in a copy of this context, so what it shows belongs to this cell. In a
        terminal nothing happens: lines in the middle of what the user types help nobody.
        """
        if not self._in_kernel or self._kind is ViewKind.NONE:
            return
        if self._panel is not None:
            self._panel.waiting = False
        if self._after_cell is not None:
            self._unwatch = self._after_cell(self._close_from_cell)
        context = contextvars.copy_context()
        threading.Thread(
            target=context.run, args=(self._follow,), name=f"tunemagic-output-{self._study.name}", daemon=True
        ).start()

    def _follow(self) -> None:
        while not self._study.wait(_FOLLOW_SECONDS):
            self.tick()
        self.close()

    def _close_from_cell(self) -> None:
        """Show the record of an ended study from the cell that has just run, besides the thread that follows it.

        What runs a notebook without a page takes updates from the running cell only, and would save the panel.
        """
        if self._unwatch is None or not self._study.wait(0):
            return
        self._unwatch()
        self._unwatch = None
        with self._lock:
            self._put_record()

    def _put_record(self) -> None:
        if self._kind is not ViewKind.NONE:
            self._record = self._record or self._make_record(self._study.view)
            self._put(self._record)

    def _is_unseen(self, panel: Panel) -> bool:
        late = self._now() - self._opened > self._contact_seconds
        return late and not panel.first_contact.is_set()

    def _refresh_text(self) -> None:
        if self._now() - self._written >= _TEXT_SECONDS:
            self._write_text()

    def _write_text(self) -> None:
        view = self._study.view
        self._written = self._now()
        text = status_line(view, self._texts()) + self._hint
        # A terminal keeps every line, so there only an ended trial is worth one.
        news: object = text if self._in_kernel else (view.state, view.ended_trials)
        if news != self._news:
            self._news = news
            self._put({"text/plain": text})

    def _put(self, bundle: dict[str, Any]) -> None:
        """Replace the output; in a terminal, and the first time, add to it."""
        if self._handle is not None:
            self._handle.update(bundle, raw=True)
        elif self._in_kernel:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            display(bundle, raw=True)


def _install_hint(seconds: float, texts: Catalogue) -> str:
    return "\n" + texts("output.no_front_end", seconds=f"{seconds:g}", prefix=sys.prefix)
