"""A study on one side, a comm on the other: batches of events out, commands in.

One thread per channel does all sending, so messages keep their order and a slow front end never
holds up the study. Commands act at once on the thread that brings them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from tunemagic.errors import TuneError
from tunemagic.events import PROTOCOL_VERSION, Event, ModelExported
from tunemagic.request import QuantMode
from tunemagic.trial import StudyState, StudyView
from tunemagic.widgets.wire import Acknowledgement, PanelStatus, StatusChange, event_batch, snapshot

__all__ = ["Send", "StudyChannel", "StudyLike"]

Send = Callable[[Mapping[str, Any], Sequence[bytes]], None]

_LOG = logging.getLogger(__name__)

# At most eight batches a second: Jupyter servers drop all output of a kernel that sends too many
# messages, and nobody sees more than that.
_BATCH_SECONDS = 0.125
# A longer gap is cheaper to close with a snapshot, whose curves are binary.
_REPLAY_LIMIT = 200


class StudyLike(Protocol):
    """What a screen needs of a study. Everything may be called from any thread."""

    name: str
    read_only_reason: str

    @property
    def session(self) -> str:
        """The id of the current start or resume."""

    @property
    def view(self) -> StudyView:
        """The state now; an immutable value."""

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call ``listener`` after every event; returns what ends that."""

    def events_after(self, seq: int) -> list[Event]:
        """Events with a larger ``seq``, in order."""

    def stop(self) -> None:
        """End the search soon; return at once."""

    def export_tflite(self, modes: Sequence[QuantMode]) -> tuple[ModelExported, ...]:
        """Convert and verify the best model; results arrive as events."""


class StudyChannel:
    """Keeps one panel's front ends up to date and does what they ask.

    ``send(content, buffers)`` is called on the channel's own thread only. Nothing is sent before
    a front end has said hello, so a notebook run without one stays free of messages.
    ``first_contact`` is set at the first hello. ``waiting`` says whether a cell waits for the
    study; ``detach`` is called when the user asks to end that wait.
    """

    def __init__(self, study: StudyLike, send: Send, *, waiting: bool, detach: Callable[[], None]) -> None:
        self.first_contact = threading.Event()
        self._study = study
        self._send = send
        self._waiting = waiting
        self._detach = detach
        self._converting = False
        # Never held while the study is asked: it calls _notice with its own lock held.
        self._wake = threading.Condition()
        self._answers: list[Acknowledgement] = []
        self._replay_from: int | None = None
        self._snapshot_wanted = False
        self._pending = False
        self._closed = False
        self._sent = 0
        self._status: PanelStatus | None = None
        self._unsubscribe = study.subscribe(self._notice)
        threading.Thread(target=self._publish, name=f"tunemagic-panel-{study.name}", daemon=True).start()

    @property
    def waiting(self) -> bool:
        """Whether a cell waits for the study."""
        return self._waiting

    @waiting.setter
    def waiting(self, value: bool) -> None:
        self._waiting = value
        self._wake_up()

    def close(self) -> None:
        """End the thread and the subscription. Closing twice is harmless."""
        self._unsubscribe()
        with self._wake:
            self._closed = True
            self._wake.notify()

    # -- from the front end ----------------------------------------------------------------------

    def receive(self, content: Mapping[str, Any]) -> None:
        """Handle one message. What can't be understood is ignored: it is not from our panel."""
        match content.get("kind"):
            case "hello":
                self.first_contact.set()
                with self._wake:
                    self._snapshot_wanted = True
                    self._wake.notify()
            case "replay":
                have = content.get("have")
                if isinstance(have, int):
                    with self._wake:
                        self._replay_from = have if self._replay_from is None else min(have, self._replay_from)
                        self._wake.notify()
            case "command":
                self._command(content)

    def _command(self, content: Mapping[str, Any]) -> None:
        key = str(content.get("id"))
        if content.get("study") != self._study.name or content.get("session") != self._study.session:
            self._answer(key, "this study was restarted since; nothing was done.", ok=False)
        elif self._study.read_only_reason:
            self._answer(key, self._study.read_only_reason, ok=False)
        else:
            match content.get("verb"):
                case "stop":
                    self._study.stop()
                    self._answer(key)
                case "detach":
                    self._detach()
                    self._answer(key)
                case "convert":
                    args = content.get("args")
                    self._convert(key, args.get("mode") if isinstance(args, Mapping) else None)
                case verb:
                    self._answer(key, f"expected stop, detach or convert; received {verb!r}.", ok=False)

    def _convert(self, key: str, mode: Any) -> None:
        modes = list(QuantMode) if mode == "all" else [item for item in QuantMode if item == mode]
        if not modes:
            names = ", ".join([*QuantMode, "all"])
            self._answer(key, f"expected one of {names}; received {mode!r}.", ok=False)
            return
        with self._wake:
            busy, self._converting = self._converting, True
        if busy:
            self._answer(key, "a conversion is running already; wait for its results.", ok=False)
            return
        self._answer(key, done=False)
        threading.Thread(
            target=self._run_conversion, args=(key, modes), name=f"tunemagic-convert-{self._study.name}", daemon=True
        ).start()

    def _run_conversion(self, key: str, modes: Sequence[QuantMode]) -> None:
        message = ""
        try:
            self._study.export_tflite(modes)
        except TuneError as error:
            message = str(error)
        except Exception as error:  # whatever a converter raises must reach the panel instead of ending a thread
            message = f"the conversion failed: {type(error).__name__}: {error}"
        self._converting = False
        self._answer(key, message, ok=not message)

    # -- to the front end ------------------------------------------------------------------------

    def _notice(self, event: Event) -> None:
        """Called by the study with its lock held: only leave a mark."""
        self._wake_up()

    def _wake_up(self) -> None:
        with self._wake:
            self._pending = True
            self._wake.notify()

    def _answer(self, key: str, message: str = "", *, ok: bool = True, done: bool = True) -> None:
        with self._wake:
            self._answers.append(Acknowledgement(kind="ack", id=key, ok=ok, done=done, message=message))
            self._pending = True
            self._wake.notify()

    def _publish(self) -> None:
        """The publisher thread: answers and snapshots at once, events at most every so often."""
        next_batch = 0.0
        while True:
            with self._wake:
                self._wait_for_work(next_batch)
                if self._closed:
                    return
                answers, self._answers = self._answers, []
                replay_from, self._replay_from = self._replay_from, None
                wants_snapshot, self._snapshot_wanted = self._snapshot_wanted, False
                due = self._pending and time.monotonic() >= next_batch
                if due:
                    self._pending = False
            try:
                for answer in answers:
                    self._send(answer, ())
                if wants_snapshot:
                    self._send_snapshot()
                elif replay_from is not None:
                    self._send_missing(replay_from)
                if due and self.first_contact.is_set():
                    self._send_events(self._sent)
                    self._send_status()
            # A message that can't be sent must not freeze the panel for good: the next one may pass.
            except Exception:
                _LOG.exception("a message to the panel of study %s was lost", self._study.name)
            if due:
                next_batch = time.monotonic() + _BATCH_SECONDS

    def _wait_for_work(self, next_batch: float) -> None:
        while not (self._closed or self._answers or self._snapshot_wanted or self._replay_from is not None):
            timeout = next_batch - time.monotonic() if self._pending else None
            if timeout is not None and timeout <= 0:
                return
            self._wake.wait(timeout)

    def _send_snapshot(self) -> None:
        view = self._study.view
        self._status = self._current_status(view)
        last = self._study.events_after(view.seq - 1)[:1] if view.state is StudyState.RUNNING else []
        age = max(0.0, time.time() - last[0].at) if last else 0.0
        message, buffers = snapshot(view, status=self._status, age=age)
        self._sent = view.seq
        self._send(message, buffers)

    def _send_missing(self, have: int) -> None:
        if 0 <= self._sent - have <= _REPLAY_LIMIT:
            self._send_events(have)
        else:
            self._send_snapshot()

    def _send_events(self, have: int) -> None:
        events = self._study.events_after(have)
        if events:
            self._sent = events[-1].seq
            self._send(event_batch(events), ())

    def _send_status(self) -> None:
        status = self._current_status(self._study.view)
        if status != self._status:
            self._status = status
            self._send(StatusChange(kind="status", v=PROTOCOL_VERSION, status=status), ())

    def _current_status(self, view: StudyView) -> PanelStatus:
        return PanelStatus(
            session=view.session,
            waiting=self._waiting and view.state is StudyState.RUNNING,
            converting=self._converting,
            read_only=self._study.read_only_reason,
        )
