"""Sentences that stand in journals, in the reader's language.

What tunemagic says of a study while it runs (why a trial was proposed, why it ended, what was
chosen and why) and of an exported file (what comparing it showed, why it could not be made) is
journaled in English. The catalogue knows each such sentence as a template ``fact.*``; a sentence
that fits one is said anew in the other language, one that fits none stays as it is: the user's own
text, an exception, a sentence of another version.

A placeholder whose name begins with ``fact`` holds a sentence that is a fact itself; one that is
named like a number holds nothing else; ``label`` holds one of LABELS; any other holds no semicolon,
which joins two facts. Of these, ``reason`` is a fact too.
``labextension/src/model/facts.ts`` is the twin of ``translate``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from tunemagic.i18n import ENGLISH, PLACEHOLDER, Catalogue, Language

__all__ = ["LABELS", "NUMBERS", "PREFIX", "fact_of", "fact_texts", "translate"]

PREFIX = "fact."
_DEEPEST = 8  # facts within facts; a hostile text could nest without end
_LONGEST = 600  # characters; what an exception says is clipped to half of that
# Placeholders for numbers, so that a template with little text of its own fits little else.
# Generated for the panel by scripts/gen_protocol.py.
NUMBERS = frozenset(
    (
        "after",
        "before",
        "bits",
        "bracket",
        "bytes",
        "classes",
        "count",
        "difference",
        "epoch",
        "epochs",
        "held",
        "least",
        "limit",
        "line",
        "of",
        "process",
        "row",
        "rows",
        "rung",
        "seconds",
        "share",
        "status",
        "trial",
    )
)
# What the sentences about an exported file begin with: its target, or a TF Lite file's mode. Nothing else, so that
# an exception ("RuntimeError: crashed") is no fact. Generated for the panel as NUMBERS are.
LABELS = frozenset(
    (
        "c",
        "caffe",
        "card",
        "code",
        "dynamic",
        "float16",
        "int16x8",
        "int4",
        "int8",
        "json",
        "keras",
        "mixed",
        "none",
        "onnx",
        "openvino",
        "savedmodel",
        "tflite",
        "torch",
    )
)


def translate(sentence: str, texts: Catalogue) -> str:
    """The sentence in the catalogue's language; unchanged when it is no fact that we know."""
    if not sentence or texts.language is Language.ENGLISH:
        return sentence
    return _translate(sentence, texts, _DEEPEST)


def _translate(sentence: str, texts: Catalogue, deepest: int) -> str:
    found = fact_of(sentence)
    if found is None:
        return sentence
    key, parts = found
    for name, part in parts.items():
        if (name.startswith("fact") or name == "reason") and deepest > 0:
            parts[name] = _translate(part, texts, deepest - 1)
    return texts(key, **parts)


def fact_texts(texts: Catalogue) -> dict[str, str]:
    """What a screen needs to translate facts by itself: each template by its id, the English one by ``english.ID``.

    Nothing for English, in which facts come already.
    """
    if texts.language is Language.ENGLISH:
        return {}
    english = {key: text for key, text in ENGLISH.texts.items() if key.startswith(PREFIX)}
    return {**{key: texts(key) for key in english}, **{f"english.{key}": text for key, text in english.items()}}


def fact_of(sentence: str) -> tuple[str, dict[str, str]] | None:
    """The id of the template that the sentence fits and what its placeholders hold, or None."""
    found = _find(sentence) if len(sentence) <= _LONGEST else None
    return None if found is None else (found[0], dict(found[1]))


@functools.lru_cache(maxsize=4096)
def _find(sentence: str) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    for key, pattern in _patterns():
        match = pattern.fullmatch(sentence)
        if match is not None:
            return key, tuple(match.groupdict().items())
    return None


@functools.cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """All templates as patterns; of two that fit, the one with more text of its own comes first."""
    facts = [(key, text) for key, text in ENGLISH.texts.items() if key.startswith(PREFIX)]
    facts.sort(key=lambda fact: (-len(PLACEHOLDER.sub("", fact[1])), fact[0]))
    return tuple((key, re.compile("".join(_pieces(text)), re.DOTALL)) for key, text in facts)


def _pieces(text: str) -> Iterator[str]:
    at, seen = 0, set[str]()
    for found in PLACEHOLDER.finditer(text):
        name = found[1]
        yield re.escape(text[at : found.start()])
        yield f"(?P={name})" if name in seen else f"(?P<{name}>{_pattern_of(name)})"
        seen.add(name)
        at = found.end()
    yield re.escape(text[at:])


def _pattern_of(name: str) -> str:
    if name in NUMBERS:
        return r"-?[\d,.]+(?:e[-+]\d+)?"
    if name == "label":
        return "|".join(sorted(LABELS))
    return ".+?" if name.startswith("fact") else "(?:(?!; ).)+?"
