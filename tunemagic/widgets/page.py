"""The language of the page that shows this kernel's notebook, as its panel or side panel told it.

A kernel has one page; where several show it, the one that spoke last counts. Nothing here needs
a widget, so that asking is cheap where there is none.
"""

from __future__ import annotations

from tunemagic.i18n import Language, language_of

__all__ = ["page_language", "tell_language"]

_told: Language | None = None


def tell_language(lang: object) -> None:
    """Remember a page's language, such as ``zh-CN``; one that there are no texts in counts as English."""
    global _told
    if isinstance(lang, str) and lang:
        _told = language_of(lang) or Language.ENGLISH


def page_language() -> Language | None:
    """The language of the page; None while no front end has told it."""
    return _told
