"""Sentences about a compression by their id in the catalogue, so that they can be said in any of its languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tunemagic.i18n import ENGLISH, Catalogue

__all__ = ["Said"]


@dataclass(frozen=True, slots=True)
class Said:
    """A text of the catalogue and the values in it."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict)

    def text(self, texts: Catalogue = ENGLISH) -> str:
        """The sentence in the language of ``texts``."""
        return texts(self.key, **self.values)
