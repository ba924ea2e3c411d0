"""The one place through which every event of a study goes: journal, then view, then listeners."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from tunemagic import events as ev
from tunemagic.journal import Journal
from tunemagic.trial import StudyView, apply, replay

__all__ = ["Ledger"]

E = TypeVar("E", bound=ev.Event)
Listener = Callable[[ev.Event], None]


class Ledger:
    """Stamps events with seq, time and elapsed seconds, and hands them on in order.

    ``journal`` None keeps the events in memory only (a study opened read-only, or a dry test).
    Safe to use from any thread. Listeners are called one event at a time while the ledger's lock
    is held, so they see events in order; they must be quick and must not record events.
    """

    def __init__(
        self,
        journal: Journal | None,
        events: tuple[ev.Event, ...] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._wall_clock = wall_clock
        self._lock = threading.RLock()
        self._events = list(events)
        self._view = replay(events)
        self._listeners: list[Listener] = []
        self._elapsed = self._view.elapsed
        self._started: float | None = None

    @property
    def view(self) -> StudyView:
        """The state after the last event."""
        return self._view

    @property
    def elapsed(self) -> float:
        """Seconds of searching so far, over all sessions."""
        with self._lock:  # another thread may stop the clock between two looks at it
            running = 0.0 if self._started is None else self._clock() - self._started
            return self._elapsed + running

    @property
    def writing(self) -> bool:
        """Whether events are written to a journal; not any more once ``show`` was used."""
        return self._journal is not None

    def start_clock(self) -> None:
        """From now on time counts as searching."""
        with self._lock:
            self._started = self._clock()

    def stop_clock(self) -> None:
        """From now on time does not count."""
        with self._lock:
            self._elapsed, self._started = self.elapsed, None

    def record(self, event: E) -> E:
        """Write the event to the journal, apply it, tell the listeners; returns it as stamped.

        Raises StorageError when it can't be written; then nothing else has happened.
        """
        with self._lock:
            stamped = self._stamp(event)
            if self._journal is not None:
                self._journal.append(stamped)
            self._accept(stamped)
            return stamped

    def show(self, event: E) -> E:
        """Apply the event and tell the listeners without writing it.

        Only for the end of a study whose disk has failed: the screen must not say "running".
        From then on nothing is written: a later line would leave a gap in the journal.
        """
        with self._lock:
            self._journal = None
            stamped = self._stamp(event)
            self._accept(stamped)
            return stamped

    def _stamp(self, event: E) -> E:
        return dataclasses.replace(event, seq=self._view.seq + 1, at=self._wall_clock(), elapsed=round(self.elapsed, 3))

    def _accept(self, event: ev.Event) -> None:
        self._view = apply(self._view, event)
        self._events.append(event)
        for listener in tuple(self._listeners):
            listener(event)

    def events_after(self, seq: int) -> list[ev.Event]:
        """Events with a larger seq, in order."""
        with self._lock:
            return self._events[max(seq, 0) :]

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` for every later event; returns what ends that."""
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe
