"""What a user asks of a running search: where it is asked, from any thread, and where it is done, in the loop.

The loop's thread alone records what is asked, so that nothing comes between a look at the study and
what follows from it: no trial starts after a pause, nothing is asked of a search that has ended.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tunemagic import events as ev
from tunemagic.ledger import Ledger
from tunemagic.search.executors.base import Executor
from tunemagic.search.strategy import Strategy
from tunemagic.space import SearchSpace, Value
from tunemagic.trial import StudyState

__all__ = ["SearchOverError", "Steered", "Steering"]

T = TypeVar("T")
_LOOK_SECONDS = 0.1  # an endless wait can't be interrupted on every system


class SearchOverError(Exception):
    """The search has ended before it could do what was asked."""


class Steered:
    """A running search as its loop hands it to what is asked. Used on the loop's thread only."""

    def __init__(self, ledger: Ledger, strategy: Strategy, executor: Executor) -> None:
        self._ledger = ledger
        self._strategy = strategy
        self._executor = executor
        self._held: set[int] = set()

    @property
    def paused(self) -> bool:
        """Whether no trial may start or go on."""
        return self._ledger.view.state is StudyState.PAUSED

    def hold(self, running: set[int]) -> None:
        """While the search is paused let these trials wait after their running epochs."""
        if self.paused:
            for trial in running - self._held:
                self._executor.hold(trial)
            self._held |= running

    def pause(self) -> None:
        """Stand still, the clock too. Harmless when it does already."""
        if not self.paused:
            self._ledger.record(ev.StudyPaused())
            self._ledger.stop_clock()

    def go_on(self) -> None:
        """End a pause. Harmless when there is none."""
        if self.paused:
            self._ledger.record(ev.StudyContinued())
            self._ledger.start_clock()
            for trial in self._held:
                self._executor.release(trial)
            self._held.clear()

    def queue(self, values: dict[str, Value]) -> None:
        """Try these values next; they were checked."""
        self._ledger.record(ev.TrialQueued(values=values))

    def search_in(self, space: SearchSpace) -> str:
        """Search another space of the same names; what that means for the strategy. Raises SpaceError."""
        sentence = self._strategy.narrow(space)
        self._ledger.record(ev.SpaceChanged(space=self._strategy.space().to_json(), reason=sentence, asked=True))
        return sentence

    def limit(self, max_trials: int | None, minutes: float | None) -> None:
        """End the search at these limits; None leaves one as it is."""
        view = self._ledger.view
        limits = (view.max_trials if max_trials is None else max_trials, view.minutes if minutes is None else minutes)
        self._ledger.record(ev.LimitsChanged(max_trials=limits[0], minutes=limits[1]))

    def resize(self, workers: int) -> None:
        """Run so many trials at a time. Raises OptionError where that can't be."""
        self._executor.resize(workers)
        self._ledger.record(
            ev.ExecutorChosen(kind=self._executor.kind, workers=self._executor.slots, reason="you asked for it")
        )


@dataclass(slots=True, eq=False)
class _Request:
    action: Callable[[Steered], Any]
    done: threading.Event = field(default_factory=threading.Event)
    over: bool = False
    result: Any = None
    error: Exception | None = None


class Steering:
    """One search's ear. ``stop`` ends the search soon; numbers put into ``skips`` end those trials.

    What is asked before the loop runs waits for it. ``thread`` is the one that is to serve, and
    until there is a loop the one that makes it: it must never wait for itself.
    """

    def __init__(self, thread: threading.Thread | None = None) -> None:
        self.stop = threading.Event()
        self.skips: set[int] = set()
        self.thread = thread
        self._requests: deque[_Request] = deque()
        self._changed = threading.Condition()
        self._over = False

    @property
    def over(self) -> bool:
        """Whether nothing can be asked any more."""
        return self._over

    def ask(self, action: Callable[[Steered], T]) -> T | None:
        """Do this on the loop's thread, within a tick unless the strategy is at work, and wait for its result.

        On that thread itself, as in a listener of events, it only asks and returns None. Raises what
        the action raises, and SearchOverError when the search has ended meanwhile.
        """
        request = _Request(action)
        with self._changed:
            if self._over:
                raise SearchOverError
            self._requests.append(request)
            self._changed.notify_all()
        if threading.current_thread() is self.thread:
            return None
        while not request.done.wait(_LOOK_SECONDS):
            pass
        if request.over:
            raise SearchOverError
        if request.error is not None:
            raise request.error
        result: T = request.result
        return result

    # -- for the loop ----------------------------------------------------------------------------

    def serve(self, steered: Steered) -> bool:
        """Do what was asked since the last time; whether there was something. Called on the loop's thread."""
        self.thread = threading.current_thread()
        served = False
        while (request := self._next()) is not None:
            served = True
            try:
                request.result = request.action(steered)
            # Whoever asked gets it, whatever it is; the search goes on.
            except Exception as error:
                request.error = error
            request.done.set()
        return served

    def wait(self, seconds: float) -> None:
        """Return when something is asked or the time has passed."""
        with self._changed:
            self._changed.wait_for(lambda: self._requests, timeout=seconds)

    def close(self) -> None:
        """The search is over: what is asked from now on, and what still waits, is not done."""
        with self._changed:
            self._over = True
        while (request := self._next()) is not None:
            request.over = True
            request.done.set()

    def _next(self) -> _Request | None:
        with self._changed:
            return self._requests.popleft() if self._requests else None
