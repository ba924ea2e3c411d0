"""The exports that a panel asks for: one at a time, with how far it is, and a way to end it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from tunemagic.errors import OptionError
from tunemagic.export.modes import MILDEST_FIRST, every_mode
from tunemagic.export.result import ExportResult
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.request import QuantMode, Target
from tunemagic.text import one_line
from tunemagic.widgets.wire import Conversion

__all__ = ["ALL_MODES", "Conversions", "Export", "ExportedStudy", "exports_of"]

ALL_MODES = "all"
Export = tuple[Target, QuantMode]


class ExportedStudy(Protocol):
    """What an export needs of a study: see Study."""

    name: str

    def export(
        self,
        to: str,
        modes: Sequence[QuantMode],
        *,
        force: bool = False,
        on_result: Callable[[ExportResult], None] | None = None,
        stop: threading.Event | None = None,
    ) -> Any:
        """Export and verify the best model; results arrive as events."""


def exports_of(args: Mapping[str, Any], texts: Catalogue = ENGLISH) -> tuple[Export, ...]:
    """The artefacts that ``{"target": "tflite", "mode": "int8"}`` asks for. Raises OptionError for others.

    Without a target it is ``tflite``, without a mode ``none``; the mode ``all`` is every mode that can be made
    here, in their order.
    """
    target, mode = args.get("target", Target.TFLITE), args.get("mode", QuantMode.NONE)
    for value, known in ((target, list(Target)), (mode, [*QuantMode, ALL_MODES])):
        if value not in known:
            raise OptionError(texts("verb.expected_one", names=", ".join(known), found=one_line(repr(value), 60)))
    modes = sorted(every_mode(), key=MILDEST_FIRST.index) if mode == ALL_MODES else [QuantMode(mode)]
    return tuple((Target(target), mode) for mode in modes)


class Conversions:
    """Runs one export of a study at a time, on a thread of its own.

    Args:
        study: Whose best model is exported.
        on_change: Called on any thread when ``progress`` is another one.
    """

    def __init__(self, study: ExportedStudy, on_change: Callable[[], None]) -> None:
        self._study = study
        self._on_change = on_change
        self._lock = threading.Lock()
        self._progress: Conversion | None = None
        self._stop = threading.Event()

    @property
    def progress(self) -> Conversion | None:
        """What is made now; None while nothing is."""
        return self._progress

    def start(self, exports: Sequence[Export], done: Callable[[BaseException | None], None]) -> bool:
        """Begin, and call ``done`` on another thread with what went wrong; False when another one is running."""
        with self._lock:
            if self._progress is not None:
                return False
            self._stop = threading.Event()
            self._progress = _progress(exports[0], 0, len(exports))
        threading.Thread(
            target=self._run, args=(exports, done), name=f"tunemagic-convert-{self._study.name}", daemon=True
        ).start()
        return True

    def stop(self) -> bool:
        """Let it end soon; what is finished is kept. False when nothing is running."""
        with self._lock:
            if self._progress is None:
                return False
            self._progress = Conversion(**{**self._progress, "stopping": True})
            self._stop.set()
        self._on_change()
        return True

    def _run(self, exports: Sequence[Export], done: Callable[[BaseException | None], None]) -> None:
        left = list(exports)

        def count(result: ExportResult) -> None:
            left[:] = [export for export in left if export != (result.target, result.mode)]
            with self._lock:
                if left and self._progress is not None:
                    done = len(exports) - len(left)
                    self._progress = _progress(left[0], done, len(exports), self._progress["stopping"])
            self._on_change()

        fault: BaseException | None = None
        try:
            # A click on what is there already means: make it again.
            self._study.export(
                exports[0][0], [mode for _, mode in exports], force=True, on_result=count, stop=self._stop
            )
        except Exception as error:  # whatever a converter raises must reach the panel instead of ending a thread
            fault = error
        with self._lock:
            self._progress = None
        done(fault)


def _progress(export: Export, done: int, count: int, stopping: bool = False) -> Conversion:
    target, mode = export
    return Conversion(at=done + 1, count=count, target=target, mode=mode, stopping=stopping)
