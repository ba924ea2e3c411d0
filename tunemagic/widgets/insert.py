"""Put a new cell into the notebook, through the one page that is to do it.

A kernel may have several pages open, and every one hears every message. So a cell is offered
first; pages that could take it claim it, those in front at once and others a little later, and
the cell goes to the first that does. Where no page claims it there is no lab extension.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tunemagic.events import PROTOCOL_VERSION
from tunemagic.widgets.wire import CellOffer, InsertCell

__all__ = ["CellInserter", "insert_cell"]

_CLAIM_SECONDS = 1.5  # a panel says that the kernel is busy when no answer has come for two


@dataclass(frozen=True, slots=True)
class _Offered:
    code: str
    run: bool
    failed: Callable[[], None]
    taken: Callable[[], None]
    timer: threading.Timer


class CellInserter:
    """Offers cells to the pages of one kernel. ``send`` reaches all of them."""

    def __init__(self, send: Callable[[Mapping[str, Any]], None], *, claim_seconds: float = _CLAIM_SECONDS) -> None:
        self._send = send
        self._claim_seconds = claim_seconds
        self._lock = threading.Lock()
        self._offers: dict[str, _Offered] = {}

    def insert(
        self, code: str, *, run: bool, failed: Callable[[], None], taken: Callable[[], None] = lambda: None
    ) -> None:
        """Insert a cell below the active one; ``taken`` is called once a page does, ``failed`` when none will."""
        key = uuid.uuid4().hex[:12]
        timer = threading.Timer(self._claim_seconds, self._give_up, [key])
        timer.daemon = True
        with self._lock:
            self._offers[key] = _Offered(code, run, failed, taken, timer)
        timer.start()
        self._send(CellOffer(kind="offer", v=PROTOCOL_VERSION, id=key))

    def claim(self, key: str, page: str) -> None:
        """A page could insert the cell of this offer. Only the first claim counts."""
        with self._lock:
            offered = self._offers.pop(key, None)
        if offered is not None:
            offered.timer.cancel()
            message = InsertCell(
                kind="insert_cell", v=PROTOCOL_VERSION, id=key, page=page, code=offered.code, run=offered.run
            )
            self._send(message)
            offered.taken()

    def close(self) -> None:
        """No page gets what is still offered."""
        with self._lock:
            offers, self._offers = list(self._offers.values()), {}
        for offered in offers:
            offered.timer.cancel()
            offered.failed()

    def _give_up(self, key: str) -> None:
        with self._lock:
            offered = self._offers.pop(key, None)
        if offered is not None:
            offered.failed()


# The inserter of this kernel: panels and forms need not know the side panel's channel.
_current: CellInserter | None = None


def use(inserter: CellInserter | None) -> None:
    """Make this the kernel's inserter; None for a kernel without one."""
    global _current
    _current = inserter


def insert_cell(
    code: str,
    *,
    run: bool = False,
    failed: Callable[[], None] = lambda: None,
    taken: Callable[[], None] = lambda: None,
) -> None:
    """Insert a cell below the notebook's active one: ``taken`` is called once a page does, ``failed`` when none can."""
    if _current is None:
        failed()
    else:
        _current.insert(code, run=run, failed=failed, taken=taken)
