"""A study on one side, a comm on the other: batches of events out, commands in.

One thread per channel does all sending, so messages keep their order and a slow front end never
holds up the study. What commands do stands in ``widgets.commands``.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from tunemagic.events import PROTOCOL_VERSION, Event
from tunemagic.i18n import Language, catalogue, language_of
from tunemagic.i18n.facts import fact_texts
from tunemagic.trial import StudyState, StudyView
from tunemagic.widgets.commands import Commands, Insert, SteeredStudy
from tunemagic.widgets.page import tell_language
from tunemagic.widgets.questions import SLOW_TOPICS, AskedStudy, Questions, answer_to, changes_pictures
from tunemagic.widgets.wire import Acknowledgement, Answer, PanelStatus, StatusChange, Texts, event_batch, snapshot

__all__ = ["Send", "StudyChannel", "StudyLike"]

Send = Callable[[Mapping[str, Any], Sequence[bytes]], None]

_LOG = logging.getLogger(__name__)

# At most eight batches a second: Jupyter servers drop all output of a kernel that sends too many
# messages, and nobody sees more than that.
_BATCH_SECONDS = 0.125
# A longer gap is cheaper to close with a snapshot, whose curves are binary.
_REPLAY_LIMIT = 200
# The texts that a panel shows; the others stay in the kernel.
_PANEL_TEXTS = ("panel.", "diagnosis.", "remedy.", "why.", "plot.", "compare.", "state.")


class StudyLike(SteeredStudy, AskedStudy, Protocol):
    """What a screen needs of a study. Everything may be called from any thread."""

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call ``listener`` after every event; returns what ends that."""

    def events_after(self, seq: int) -> list[Event]:
        """Events with a larger ``seq``, in order."""


class StudyChannel:
    """Keeps one panel's front ends up to date and does what they ask.

    ``send(content, buffers)`` is called on the channel's own thread only. Nothing is sent before
    a front end has said hello, so a notebook run without one stays free of messages.
    ``first_contact`` is set at the first hello. ``waiting`` says whether a cell waits for the
    study; ``detach`` is called when the user asks to end that wait. ``lang`` is the language of
    the panel, None that of its page. ``insert`` puts code into a cell: see Commands.
    """

    def __init__(
        self,
        study: StudyLike,
        send: Send,
        *,
        waiting: bool,
        detach: Callable[[], None],
        lang: Language | None = None,
        insert: Insert | None = None,
    ) -> None:
        self.first_contact = threading.Event()
        self._study = study
        self._send = send
        self._waiting = waiting
        self._lang = lang
        self._commands = Commands(study, self._answer, on_change=self._wake_up, detach=detach, insert=insert)
        self._questions = Questions()
        # Never held while the study is asked: it calls _notice with its own lock held.
        self._wake = threading.Condition()
        self._answers: list[tuple[Mapping[str, Any], Sequence[bytes]]] = []
        self._replay_from: int | None = None
        self._texts_wanted: Language | None = None
        self._snapshot_wanted = False
        self._pending = False
        self._closed = False
        self._unsent: list[Callable[[], None]] = []  # messages that failed once, on the channel's own thread only
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
        self._commands.close()
        with self._wake:
            self._closed = True
            self._wake.notify()

    # -- from the front end ----------------------------------------------------------------------

    def receive(self, content: Mapping[str, Any]) -> None:
        """Handle one message. What can't be understood is ignored: it is not from our panel."""
        match content.get("kind"):
            case "hello":
                self._greet(content.get("lang"), str(content.get("view", "")))
            case "replay":
                have = content.get("have")
                if isinstance(have, int):
                    with self._wake:
                        self._replay_from = have if self._replay_from is None else min(have, self._replay_from)
                        self._wake.notify()
            case "command":
                self._commands.do(content)
            case "ask":
                with self._wake:
                    self._questions.take(content, time.monotonic())
                    self._wake.notify()

    def _greet(self, page: Any, view: str) -> None:
        """A view was put on a page of this language: bring it up to date."""
        tell_language(page)
        known = language_of(page) if isinstance(page, str) else None
        language = self._lang or known or Language.ENGLISH
        self._commands.texts = catalogue(language)
        self.first_contact.set()
        with self._wake:
            self._questions.greet(view)
            self._texts_wanted = language
            self._snapshot_wanted = True
            self._wake.notify()

    # -- to the front end ------------------------------------------------------------------------

    def _notice(self, event: Event) -> None:
        """Called by the study with its lock held: only leave a mark."""
        if changes_pictures(event):
            with self._wake:
                self._questions.mark_stale()
        self._wake_up()

    def _wake_up(self) -> None:
        with self._wake:
            self._pending = True
            self._wake.notify()

    def _answer(self, answer: Acknowledgement | Answer, buffers: Sequence[bytes] = ()) -> None:
        with self._wake:
            self._answers.append((answer, buffers))
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
                language, self._texts_wanted = self._texts_wanted, None
                questions = self._questions.due(time.monotonic())
                due = self._pending and time.monotonic() >= next_batch
                if due:
                    self._pending = False
            messages: list[Callable[[], None]] = [partial(self._send, *answer) for answer in answers]
            if language is not None:
                messages.append(partial(self._send_texts, language))
            if wants_snapshot:
                messages.append(self._send_snapshot)
            elif replay_from is not None:
                messages.append(partial(self._send_missing, replay_from))
            if due and self.first_contact.is_set():
                messages += [self._send_new_events, self._send_status]
            messages += [partial(self._send_answer, *question) for question in questions]
            for message in self._unsent:  # a second time, which is the last one
                self._tried(message)
            self._unsent = [message for message in messages if not self._tried(message)]
            if due or self._unsent:
                next_batch = time.monotonic() + _BATCH_SECONDS

    def _tried(self, send: Callable[[], None]) -> bool:
        """Whether it could be sent. What can't be must not freeze the panel for good: the next message may pass."""
        try:
            send()
        except Exception:
            _LOG.exception("a message to the panel of study %s was lost", self._study.name)
            return False
        return True

    def _wait_for_work(self, next_batch: float) -> None:
        while not (self._closed or self._answers or self._snapshot_wanted or self._replay_from is not None):
            batch = next_batch if self._pending or self._unsent else math.inf
            due = min(batch, self._questions.next_at())
            timeout = due - time.monotonic()
            if timeout <= 0:
                return
            self._wake.wait(None if math.isinf(timeout) else timeout)

    def _send_texts(self, language: Language) -> None:
        """The panel's texts; those that this language lacks come in English."""
        texts = {**catalogue(Language.ENGLISH).texts, **catalogue(language).texts}
        shown = {key: text for key, text in texts.items() if key.startswith(_PANEL_TEXTS)}
        shown |= fact_texts(catalogue(language))
        self._send(Texts(kind="texts", v=PROTOCOL_VERSION, lang=str(language), texts=shown), ())

    def _send_snapshot(self) -> None:
        view = self._study.view
        status = self._current_status(view)
        last = self._study.events_after(view.seq - 1)[:1] if view.state is StudyState.RUNNING else []
        age = max(0.0, time.time() - last[0].at) if last else 0.0
        message, buffers = snapshot(view, status=status, age=age)
        self._send(message, buffers)
        self._sent, self._status = view.seq, status

    def _send_missing(self, have: int) -> None:
        if 0 <= self._sent - have <= _REPLAY_LIMIT:
            self._send_events(have)
        else:
            self._send_snapshot()

    def _send_events(self, have: int) -> None:
        events = self._study.events_after(have)
        if events:
            self._send(event_batch(events), ())
            self._sent = events[-1].seq

    def _send_new_events(self) -> None:
        self._send_events(self._sent)

    def _send_status(self) -> None:
        status = self._current_status(self._study.view)
        if status != self._status:
            self._send(StatusChange(kind="status", v=PROTOCOL_VERSION, status=status), ())
            self._status = status

    def _send_answer(self, topic: str, options: dict[str, str]) -> None:
        answer = partial(answer_to, self._study, topic, options, self._commands.texts)
        if topic in SLOW_TOPICS:  # nothing else may wait for it
            threading.Thread(
                target=lambda: self._answer(answer()), name=f"tunemagic-answer-{self._study.name}", daemon=True
            ).start()
        else:
            self._send(answer(), ())

    def _current_status(self, view: StudyView) -> PanelStatus:
        return PanelStatus(
            session=view.session,
            waiting=self._waiting and view.under_way,
            converting=self._commands.converting,
            read_only=self._study.read_only_reason,
        )
