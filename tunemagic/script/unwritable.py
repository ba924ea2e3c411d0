"""Why something can't be written as source."""

from __future__ import annotations

__all__ = ["Unwritable"]


class Unwritable(Exception):
    """The text says what can't be had as source, and why. There may be another way to write it."""
