"""Which language tunemagic speaks in a notebook: what was asked for, else the page's, else the machine's."""

from __future__ import annotations

import os
from collections.abc import Mapping

from tunemagic.i18n import Catalogue, Language, catalogue, language_of
from tunemagic.request import Lang
from tunemagic.widgets.page import page_language

__all__ = ["asked_language", "spoken"]

_ASKED = {Lang.EN: Language.ENGLISH, Lang.ZH: Language.CHINESE}
# In this order, as gettext asks them; LANGUAGE may list several.
_VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


def asked_language(lang: Lang | str | None) -> Language | None:
    """The language that was asked for; None where the page or the machine decides."""
    return None if lang is None else _ASKED.get(Lang(lang))


def spoken(*asked: Lang | str | None, environ: Mapping[str, str] = os.environ) -> Catalogue:
    """The texts to use.

    Args:
        asked: Wishes, the strongest first; None and ``auto`` are none.
        environ: Environment variables.
    """
    wish = next((language for language in map(asked_language, asked) if language is not None), None)
    return catalogue(wish or page_language() or _of_machine(environ) or Language.ENGLISH)


def _of_machine(environ: Mapping[str, str]) -> Language | None:
    said = next((environ[name] for name in _VARIABLES if environ.get(name)), "")
    return language_of(said.split(":")[0])
