"""Sentences that stand in journals, in the reader's language.

What tunemagic says of a study while it runs (why a trial was proposed, why it ended, what was
chosen and why) is journaled in English. The catalogue knows each such sentence as a template
``fact.*``; a sentence that fits one is said anew in the other language, one that fits none stays
as it is: the user's own text, an exception, a sentence of another version.

A placeholder ``{fact}`` holds a sentence that is a fact itself. ``labextension/src/model/facts.ts``
is the twin of ``translate``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from tunemagic.i18n import ENGLISH, PLACEHOLDER, Catalogue, Language

__all__ = ["PREFIX", "fact_of", "translate"]

PREFIX = "fact."
_DEEPEST = 4  # facts within facts; a hostile text could nest without end


def translate(sentence: str, texts: Catalogue, *, depth: int = 0) -> str:
    """The sentence in the catalogue's language; unchanged when it is no fact that we know."""
    if not sentence or texts.language is Language.ENGLISH:
        return sentence
    found = fact_of(sentence)
    if found is None:
        return sentence
    key, parts = found
    if "fact" in parts and depth < _DEEPEST:
        parts["fact"] = translate(parts["fact"], texts, depth=depth + 1)
    return texts(key, **parts)


@functools.lru_cache(maxsize=4096)
def _find(sentence: str) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    for key, pattern in _patterns():
        match = pattern.fullmatch(sentence)
        if match is not None:
            return key, tuple(match.groupdict().items())
    return None


def fact_of(sentence: str) -> tuple[str, dict[str, str]] | None:
    """The id of the template that the sentence fits and what its placeholders hold, or None."""
    # Longer than any fact can be: exceptions are clipped long before.
    found = _find(sentence) if len(sentence) <= 2000 else None
    return None if found is None else (found[0], dict(found[1]))


@functools.cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """All templates as patterns; of two that fit, the one with more text of its own comes first."""
    facts = [(key, text) for key, text in ENGLISH.texts.items() if key.startswith(PREFIX)]
    facts.sort(key=lambda fact: (-len(PLACEHOLDER.sub("", fact[1])), fact[0]))
    return tuple((key, re.compile("".join(_pieces(text)), re.DOTALL)) for key, text in facts)


def _pieces(text: str) -> Iterator[str]:
    at = 0
    for found in PLACEHOLDER.finditer(text):
        yield re.escape(text[at : found.start()])
        # Numbers are marked by their name, so that a template with little text fits little else.
        yield f"(?P<{found[1]}>{_NUMBER if found[1] in _NUMBERS else '.+?'})"
        at = found.end()
    yield re.escape(text[at:])


_NUMBERS = frozenset({"count", "trial", "epoch", "of", "bracket", "rung", "line", "attempt"})
_NUMBER = r"[\d,]+"
