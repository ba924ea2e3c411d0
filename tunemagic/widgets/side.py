"""The comm ``tunemagic``: the side panel's list of studies, and what its commands ask for."""

from __future__ import annotations

import concurrent.futures
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from comm import create_comm

from tunemagic.events import PROTOCOL_VERSION, Event
from tunemagic.widgets import insert
from tunemagic.widgets.bridge import StudyLike
from tunemagic.widgets.desk import Desk
from tunemagic.widgets.page import tell_language
from tunemagic.widgets.route import answer_while_busy
from tunemagic.widgets.wire import StudyList, StudyRow

__all__ = ["TARGET_NAME", "BookLike", "SideChannel"]

TARGET_NAME = "tunemagic"
_LOG = logging.getLogger(__name__)
_LIST_SECONDS = 0.5


class BookLike(Protocol):
    """What the side panel needs of the study book."""

    def live(self) -> Sequence[StudyLike]:
        """Studies that belong to this kernel, the latest last."""

    def names(self) -> Sequence[str]:
        """Names of all studies, those on disk too."""

    def get(self, name: str) -> StudyLike:
        """The study with this name, read from disk when need be. Raises StudyError."""

    def stamp(self, name: str) -> object:
        """What is another value once the journal of this study on disk has changed."""

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` when a study is added or replaced; returns what ends that."""


class SideChannel:
    """Tells side panels which studies there are, and does what they ask. Opens its comm when made.

    Nothing is sent and no thread runs before a side panel has asked, so other front ends notice
    nothing. Close it when the extension is unloaded; loading again makes a new one. ``namespace``
    holds the notebook's variables; ``report`` writes a study's report and says where.
    """

    def __init__(
        self,
        book: BookLike,
        *,
        namespace: Mapping[str, Any] | None = None,
        report: Callable[[Any], str] | None = None,
    ) -> None:
        self._book = book
        self._wake = threading.Condition()
        self._dirty = False
        self._closed = False
        self._thread: threading.Thread | None = None
        self._subscriptions: dict[StudyLike, Callable[[], None]] = {}
        self._stale = True  # whether the names on disk have to be read anew
        self._on_disk: list[str] = []
        self._opened: dict[str, tuple[object, StudyLike]] = {}  # read from disk, with the journal's stamp then
        self._opening = threading.Lock()
        # What waits for the search is done there: the thread that brings messages must stay free for a stop.
        self._hands = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="tunemagic-side-steer")
        self._desk = Desk(self._find, namespace=namespace, report=report)
        self._comm = create_comm(target_name=TARGET_NAME, data={"v": PROTOCOL_VERSION})
        answer_while_busy(self._comm)
        self._comm.on_msg(self._receive)
        self._inserter = insert.CellInserter(self._send)
        self._unsubscribe = book.on_change(self._book_changed)

    def close(self) -> None:
        """Close the comm and end every subscription. Closing twice is harmless."""
        with self._wake:
            if self._closed:
                return
            self._closed = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
        self._hands.shutdown(wait=False, cancel_futures=True)
        self._unsubscribe()
        for unsubscribe in self._subscriptions.values():
            unsubscribe()
        self._inserter.close()
        insert.use(None)
        for _, study in self._opened.values():
            _close_panel(study)
        self._comm.close()

    def take_source(self) -> str:
        """The cell that a page has chosen for the next form, once; "" when there is none."""
        return self._desk.take_source()

    def _send(self, message: Mapping[str, Any]) -> None:
        self._comm.send(message)

    # -- from the pages --------------------------------------------------------------------------

    def _receive(self, message: Mapping[str, Any]) -> None:
        data = message["content"]["data"]
        match data.get("kind"):
            case "request_state":
                tell_language(data.get("lang"))
                insert.use(self._inserter)
                self._book_changed()
                self._start()
            case "claim":
                self._inserter.claim(str(data.get("id")), str(data.get("page")))
            case "steer" if data.get("verb") == "report":  # drawing takes seconds
                threading.Thread(target=self._answer, args=(data,), name="tunemagic-report", daemon=True).start()
            case "steer" if data.get("verb") in ("pause", "resume"):
                self._hands.submit(self._answer, data)
            case kind:
                self._answer(data)
                if kind == "show":
                    self._mark()
                    self._start()

    def _answer(self, data: Mapping[str, Any]) -> None:
        reply = self._desk.answer(data)
        if reply is not None:
            self._send(reply)
        elif data.get("kind") == "show":
            _open_panel(self._find(data["study"]))

    def _find(self, name: str) -> StudyLike:
        """A study of this kernel, or one that is read from disk, anew when it has grown there. Raises StudyError."""
        live = next((study for study in self._book.live() if study.name == name), None)
        if live is not None:
            return live
        # One at a time: two pages that open a study shall show one panel.
        with self._opening:
            stamp = self._book.stamp(name)  # before it is read: what is written meanwhile is news later
            known, study = self._opened.get(name, (None, None))
            if study is None or known != stamp:
                fresh = self._book.get(name)
                if study is not None:
                    _close_panel(study)
                    self._mark()
                study = fresh
                self._opened[name] = stamp, study
            return study

    # -- the list --------------------------------------------------------------------------------

    def _start(self) -> None:
        with self._wake:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._publish, name="tunemagic-side", daemon=True)
                self._thread.start()

    def _book_changed(self) -> None:
        self._stale = True
        self._mark()

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
            try:
                self._send_list()
            # A list that can't be made must not be the last one: the next change may bring one.
            except Exception:
                _LOG.exception("the list of studies was lost")
            with self._wake:
                self._wake.wait_for(lambda: self._closed, timeout=_LIST_SECONDS)

    def _send_list(self) -> None:
        studies = self._book.live()
        self._follow(studies)
        rows = [*self._rows_on_disk(studies), *map(study_row, studies)]
        self._send(StudyList(kind="studies", v=PROTOCOL_VERSION, studies=rows))

    def _follow(self, studies: Sequence[StudyLike]) -> None:
        """Subscribe to new studies, drop those that are gone."""
        for study in [known for known in self._subscriptions if known not in studies]:
            self._subscriptions.pop(study)()
        for study in studies:
            if study not in self._subscriptions:
                self._subscriptions[study] = study.subscribe(self._mark)

    def _rows_on_disk(self, studies: Sequence[StudyLike]) -> list[StudyRow]:
        """Studies that this kernel has not run. No journal is read for the list."""
        live = {study.name for study in studies}
        if self._stale:
            self._stale = False  # before they are read: the book may change meanwhile
            try:
                self._on_disk = list(self._book.names())
            except OSError:
                self._stale = True
                _LOG.exception("the names of studies on disk could not be read")
        with self._opening:
            own = [self._opened.pop(name)[1] for name in live & self._opened.keys()]
            opened = {name: study for name, (_, study) in self._opened.items()}
        for study in own:
            _close_panel(study)
        return [_row_on_disk(name, opened.get(name)) for name in self._on_disk if name not in live]


def study_row(study: StudyLike) -> StudyRow:
    """One line of the side panel's list."""
    # anywidget costs a third of a second, which loading the extension does not pay.
    from tunemagic.widgets.panel import TunePanel

    view = study.view
    best = view.best_trial
    panel = TunePanel.shown_for(study)
    return StudyRow(
        name=study.name,
        where="kernel",
        state=str(view.state),
        done=view.ended_trials,
        total=view.max_trials,
        objective=view.objective,
        best=None if best is None else best.score,
        model_id="" if panel is None else panel.model_id,
    )


def _row_on_disk(name: str, study: StudyLike | None) -> StudyRow:
    if study is not None:
        row = study_row(study)
        row["where"] = "disk"
        return row
    return StudyRow(name=name, where="disk", state="", done=0, total=None, objective="", best=None, model_id="")


def _open_panel(study: StudyLike) -> None:
    from tunemagic.widgets.panel import TunePanel

    if TunePanel.shown_for(study) is None:
        # A cell that waits has a panel of its own, in which Detach is offered.
        TunePanel(study, waiting=False)


def _close_panel(study: StudyLike) -> None:
    from tunemagic.widgets.panel import TunePanel

    panel = TunePanel.shown_for(study)
    if panel is not None:
        panel.close()
