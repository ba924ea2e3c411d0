"""Which language is spoken: what was asked for, else the page's, else the machine's."""

import pytest

from tunemagic.i18n import Language
from tunemagic.magics.language import spoken
from tunemagic.request import Lang
from tunemagic.widgets import page

MACHINE = {"LANG": "zh_CN.UTF-8"}


@pytest.fixture(autouse=True)
def _no_page(monkeypatch):
    monkeypatch.setattr(page, "_told", None)


@pytest.mark.parametrize(
    ("asked", "told", "environ", "language"),
    [
        ((), None, {}, Language.ENGLISH),
        ((), None, MACHINE, Language.CHINESE),
        ((), None, {"LANGUAGE": "en:zh", **MACHINE}, Language.ENGLISH),
        ((), None, {"LC_ALL": "", "LANG": "de_DE.UTF-8"}, Language.ENGLISH),
        ((), "en", MACHINE, Language.ENGLISH),
        ((), "zh-CN", {}, Language.CHINESE),
        ((), "fr-FR", MACHINE, Language.ENGLISH),
        ((), 7, MACHINE, Language.CHINESE),
        ((None, Lang.AUTO, "zh"), "en", {}, Language.CHINESE),
        (("en", "zh"), "zh-CN", MACHINE, Language.ENGLISH),
        (("auto",), "zh-CN", {}, Language.CHINESE),
    ],
    ids=range(11),
)
def test_the_strongest_wish_counts(asked, told, environ, language):
    page.tell_language(told)
    assert spoken(*asked, environ=environ).language is language
