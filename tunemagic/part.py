"""What the parts of a Study (steerable, judged, modelled) know of the whole."""

from __future__ import annotations

from abc import ABC, abstractmethod

from tunemagic.ledger import Ledger
from tunemagic.trial import StudyView

__all__ = ["StudyPart"]


class StudyPart(ABC):
    """One part of a Study; the Study itself fills in what is abstract here."""

    name: str
    _ledger: Ledger

    @property
    @abstractmethod
    def view(self) -> StudyView:
        """The state now; an immutable value."""

    @property
    @abstractmethod
    def running(self) -> bool:
        """Whether the search has a thread, paused or not."""

    @property
    @abstractmethod
    def writable(self) -> bool:
        """Whether what happens is kept on disk."""

    @abstractmethod
    def wait_for_results(self) -> None:
        """Wait until the search has ended. Raises StudyError when it is paused."""

    @abstractmethod
    def _check_open(self) -> None:
        """Raise StudyBusyError or StorageError when nothing can be kept of what is asked."""
