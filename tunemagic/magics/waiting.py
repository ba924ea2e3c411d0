"""Waiting for a study in the kernel's main thread, without a traceback whatever the user presses."""

from __future__ import annotations

import contextvars
import queue
import signal
import threading
from collections.abc import Callable
from enum import StrEnum
from types import FrameType, TracebackType
from typing import Any, Protocol, TypeVar

__all__ = ["Interrupts", "WaitEnd", "Waitable", "on_thread", "wait_for"]

Item = TypeVar("Item")

# Upper bound of the time between Interrupt and the stop request.
_POLL_SECONDS = 0.1


class Waitable(Protocol):
    """What waiting needs of a study."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait; True when ended."""

    def stop(self) -> None:
        """Ask for a graceful end; return at once."""


class WaitEnd(StrEnum):
    """Why waiting is over."""

    ENDED = "ended"
    DETACHED = "detached"  # the panel's Detach button
    GIVEN_UP = "given up"  # Interrupt was pressed again while the study was stopping


class Interrupts:
    """Counts presses of Interrupt inside a ``with`` block instead of raising KeyboardInterrupt.

    An exception could strike between any two instructions, also while the record is drawn or
    inside the handler of the first press; a count can't. Only the main thread receives signals:
    in another thread the count stays 0.
    """

    def __init__(self) -> None:
        self.count = 0
        self._before: Any = None
        self._active = False

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._press)
            self._active = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._active:
            # None stands for a handler that was not installed from Python and can't be put back.
            signal.signal(signal.SIGINT, signal.default_int_handler if self._before is None else self._before)
            self._active = False

    def _press(self, number: int, frame: FrameType | None) -> None:
        self.count += 1


def wait_for(
    study: Waitable, interrupts: Interrupts, *, detached: Callable[[], bool], tick: Callable[[], None]
) -> WaitEnd:
    """Wait until the study has ended, the user detaches, or presses Interrupt twice.

    The first press asks the study to stop and waiting goes on until its trial has ended, so that
    everything is kept and the best model is ready.

    Args:
        study: Waited for.
        interrupts: The presses so far; its block must enclose the call.
        detached: Asked about ten times a second.
        tick: Called about ten times a second.
    """
    stopping = False
    while not study.wait(_POLL_SECONDS):
        if interrupts.count > 1:
            return WaitEnd.GIVEN_UP
        if interrupts.count and not stopping:
            study.stop()
            stopping = True
        if detached():
            return WaitEnd.DETACHED
        tick()
    return WaitEnd.ENDED


def on_thread(
    work: Callable[[Callable[[Item], None], threading.Event], object],
    *,
    take: Callable[[Item], None],
    interrupts: Interrupts,
) -> bool:
    """Run ``work(emit, stop)`` on a thread of its own and hand what it emits to ``take`` on this one.

    Interrupt sets ``stop``; pressed again, the thread is left to itself and the answer is False.
    Raises what ``work`` raises.
    """
    stop, items, faults = threading.Event(), queue.SimpleQueue[Item](), list[BaseException]()

    def run() -> None:
        try:
            work(items.put, stop)
        except BaseException as error:  # raised again on the caller's thread
            faults.append(error)

    # In a copy of this thread's context, what is printed lands in the cell that runs now.
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(run,), name="tunemagic-verb", daemon=True)
    thread.start()
    try:
        alive = True
        while alive and interrupts.count < 2:
            thread.join(_POLL_SECONDS)
            alive = thread.is_alive()  # asked before the last items are taken
            if interrupts.count:
                stop.set()
            while not items.empty():
                take(items.get())
    except BaseException:
        stop.set()
        raise
    if alive:
        return False
    if faults:
        raise faults[0]
    return True
