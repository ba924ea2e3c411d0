"""The comm ``tunemagic``: the side panel's list of this kernel's studies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from comm import create_comm

from tunemagic.events import PROTOCOL_VERSION, Event
from tunemagic.widgets.bridge import StudyLike
from tunemagic.widgets.route import answer_while_busy
from tunemagic.widgets.wire import StudyList, StudyRow

__all__ = ["TARGET_NAME", "BookLike", "SideChannel"]

TARGET_NAME = "tunemagic"
_LIST_SECONDS = 0.5


class BookLike(Protocol):
    """What the side panel needs of the study book."""

    def live(self) -> Sequence[StudyLike]:
        """Studies that belong to this kernel, the latest last."""

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` when a study is added or replaced; returns what ends that."""


class SideChannel:
    """Tells side panels which studies there are. Opens its comm when made.

    Nothing is sent and no thread runs before a side panel has asked, so other front ends notice
    nothing. Close it when the extension is unloaded; loading again makes a new one.
    """

    def __init__(self, book: BookLike) -> None:
        self._book = book
        self._wake = threading.Condition()
        self._dirty = False
        self._closed = False
        self._thread: threading.Thread | None = None
        self._subscriptions: dict[StudyLike, Callable[[], None]] = {}
        self._comm = create_comm(target_name=TARGET_NAME, data={"v": PROTOCOL_VERSION})
        answer_while_busy(self._comm)
        self._comm.on_msg(self._receive)
        self._unsubscribe = book.on_change(self._mark)

    def close(self) -> None:
        """Close the comm and end every subscription. Closing twice is harmless."""
        with self._wake:
            if self._closed:
                return
            self._closed = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
        self._unsubscribe()
        for unsubscribe in self._subscriptions.values():
            unsubscribe()
        self._comm.close()

    def _receive(self, message: Mapping[str, Any]) -> None:
        data = message["content"]["data"]
        match data.get("kind"):
            case "show":
                study = next((item for item in self._book.live() if item.name == data.get("study")), None)
                if study is not None:
                    _open_panel(study)
            case "request_state":
                pass
            case _:
                return
        self._mark()
        self._start()

    def _start(self) -> None:
        with self._wake:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._publish, name="tunemagic-side", daemon=True)
                self._thread.start()

    def _mark(self, event: Event | None = None) -> None:
        """Called by studies and the book with their locks held: only leave a mark."""
        with self._wake:
            self._dirty = True
            self._wake.notify()

    def _publish(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._dirty or self._closed)
                if self._closed:
                    return
                self._dirty = False
            studies = self._book.live()
            self._follow(studies)
            rows = [study_row(study) for study in studies]
            self._comm.send(StudyList(kind="studies", v=PROTOCOL_VERSION, studies=rows))
            with self._wake:
                self._wake.wait_for(lambda: self._closed, timeout=_LIST_SECONDS)

    def _follow(self, studies: Sequence[StudyLike]) -> None:
        """Subscribe to new studies, drop those that are gone."""
        for study in [known for known in self._subscriptions if known not in studies]:
            self._subscriptions.pop(study)()
        for study in studies:
            if study not in self._subscriptions:
                self._subscriptions[study] = study.subscribe(self._mark)


def study_row(study: StudyLike) -> StudyRow:
    """One line of the side panel's list."""
    # anywidget costs a third of a second, which loading the extension does not pay.
    from tunemagic.widgets.panel import TunePanel

    view = study.view
    best = view.best_trial
    panel = TunePanel.shown_for(study)
    return StudyRow(
        name=study.name,
        state=str(view.state),
        done=view.ended_trials,
        total=view.max_trials,
        objective=view.objective,
        best=None if best is None else best.score,
        model_id="" if panel is None else panel.model_id,
    )


def _open_panel(study: StudyLike) -> None:
    from tunemagic.widgets.panel import TunePanel

    if TunePanel.shown_for(study) is None:
        # A cell that waits has a panel of its own, in which Detach is offered.
        TunePanel(study, waiting=False)
