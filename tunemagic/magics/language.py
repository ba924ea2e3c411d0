"""Which language tunemagic speaks in a notebook: what was asked for, else the page's, else the machine's."""

from __future__ import annotations

import os
from collections.abc import Mapping

from tunemagic.i18n import Catalogue, Language, catalogue, language_of
from tunemagic.request import Lang
from tunemagic.widgets.page import page_language

__all__ = ["spoken"]

_ASKED = {Lang.EN: Language.ENGLISH, Lang.ZH: Language.CHINESE}
# In this order, as gettext asks them; LANGUAGE may list several.
_VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


def spoken(*asked: Lang | str | None, environ: Mapping[str, str] = os.environ) -> Catalogue:
    """The texts to use.

    Args:
        asked: Wishes, the strongest first; None and ``auto`` are none.
        environ: Environment variables.
    """
    wishes = (_ASKED.get(Lang(wish)) for wish in asked if wish is not None)
    wish = next((language for language in wishes if language is not None), None)
    return catalogue(wish or page_language() or _of_machine(environ) or Language.ENGLISH)


def _of_machine(environ: Mapping[str, str]) -> Language | None:
    said = next((environ[name] for name in _VARIABLES if environ.get(name)), "")
    return language_of(said.split(":")[0])
