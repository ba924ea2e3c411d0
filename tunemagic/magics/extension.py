"""What ``%load_ext tunemagic`` puts into a shell, and how all of it is taken out again."""

from __future__ import annotations

import sys
from typing import Any

from tunemagic.magics.ahead import WorkersAhead
from tunemagic.magics.completion import LineCompleter
from tunemagic.magics.tflite import TFLiteMagics
from tunemagic.magics.tune import TuneMagics
from tunemagic.search.placeholder import Placeholder

__all__ = ["load", "unload"]

_ATTACHED = "_tunemagic_attached"


class Attached:
    """Everything of ours in one shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._tune = TuneMagics(shell)
        self._tflite = TFLiteMagics(shell, book=self._tune.book, lang=lambda: str(self._tune.lang))
        self._completer = LineCompleter(shell, self._tune.book.names)
        self._hp: Any = None
        self._side: Any = None
        self._ahead: WorkersAhead | None = None

    def attach(self) -> None:
        """Register magics and completion, offer ``hp``, and call the side panel when there is a kernel."""
        self._shell.register_magics(self._tune, self._tflite)
        self._completer.attach()
        if "hp" not in self._shell.user_ns:
            self._hp = self._shell.user_ns["hp"] = Placeholder()
        if getattr(self._shell, "kernel", None) is not None:
            from tunemagic.widgets.side import SideChannel

            self._side = SideChannel(
                self._tune.book,
                namespace=self._shell.user_ns,
                report=lambda study: self._tune.write_report(study, {}),
            )
            self._tune.take_source = self._side.take_source
            if self._tune.start_ahead:
                self._ahead = WorkersAhead(self._shell)

    def detach(self) -> None:
        """Undo attach; stop studies that run. What they found stays on disk."""
        self._tune.book.close()
        self._completer.detach()
        panels = sys.modules.get("tunemagic.widgets.panel")
        for study in self._tune.book.live():
            panel = None if panels is None else panels.TunePanel.shown_for(study)
            if panel is not None:
                panel.close()
        if self._side is not None:
            self._side.close()
        if self._ahead is not None:
            self._ahead.close()
        if self._hp is not None and self._shell.user_ns.get("hp") is self._hp:
            del self._shell.user_ns["hp"]
        for magics in (self._tune, self._tflite):
            _unregister(self._shell, magics)


def _unregister(shell: Any, magics: Any) -> None:
    """Take magics out of a shell. IPython can only put them in."""
    manager = shell.magics_manager
    manager.registry.pop(type(magics).__name__, None)
    for kind, names in magics.magics.items():
        for name in names:
            if getattr(manager.magics[kind].get(name), "__self__", None) is magics:
                del manager.magics[kind][name]
    shell.configurables[:] = [thing for thing in shell.configurables if thing is not magics]


def load(shell: Any) -> None:
    """Attach to the shell; nothing happens when it is attached already."""
    if getattr(shell, _ATTACHED, None) is None:
        attached = Attached(shell)
        attached.attach()
        setattr(shell, _ATTACHED, attached)


def unload(shell: Any) -> None:
    """Detach from the shell; nothing happens when it is not attached."""
    attached = getattr(shell, _ATTACHED, None)
    if attached is not None:
        delattr(shell, _ATTACHED)
        attached.detach()
