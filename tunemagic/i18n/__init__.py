"""Texts that users read, by message id, in English and Chinese.

One catalogue for every screen: Python reads ``en.json`` and ``zh_CN.json``, the panel gets the
same texts by comm, and the lab extension's translations are made from them. A text holds
``{placeholders}``; where a number decides between two forms, ``{count}`` chooses ``ID.one`` or
``ID.other``. ``labextension/src/model/texts.ts`` is the twin of ``Catalogue``.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

__all__ = ["ENGLISH", "PLACEHOLDER", "Catalogue", "Language", "catalogue", "language_of"]

_FOLDER = Path(__file__).parent
PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Language(StrEnum):
    """The languages that there are texts in; the value is the catalogue's file name."""

    ENGLISH = "en"
    CHINESE = "zh_CN"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The texts of one language; a text that is missing comes in English, then as its id."""

    language: Language
    texts: Mapping[str, str]

    def __call__(self, key: str, /, **values: object) -> str:
        """The text with its placeholders filled in. Values are put in as they are: escape the result."""
        form = _form(key, values, self.texts)
        text = self.texts.get(form)
        if text is None:
            text = ENGLISH.texts.get(_form(key, values, ENGLISH.texts), key) if self is not ENGLISH else key
        return PLACEHOLDER.sub(lambda found: str(values.get(found[1], found[0])), text)


def _form(key: str, values: Mapping[str, object], texts: Mapping[str, str]) -> str:
    if "count" not in values or f"{key}.other" not in texts:
        return key
    return f"{key}.one" if values["count"] == 1 and f"{key}.one" in texts else f"{key}.other"


@functools.cache
def catalogue(language: Language) -> Catalogue:
    """The catalogue of this language, read once."""
    texts = json.loads((_FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    return Catalogue(language, texts)


def language_of(text: str) -> Language | None:
    """The language that a locale such as ``zh-CN``, ``zh_CN.UTF-8`` or ``en`` means; None for others."""
    word = text.lower().replace("_", "-").split(".")[0].split("-")[0]
    return {"en": Language.ENGLISH, "zh": Language.CHINESE}.get(word)


ENGLISH = catalogue(Language.ENGLISH)
