"""The lab extension in Chinese: each of its texts has a translation, where JupyterLab looks for it."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

from jupyterlab_server.translation_utils import get_installed_packages_locale

from tunemagic.i18n import ENGLISH, Language, catalogue

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "make_locale.py"


def make_locale():
    spec = importlib.util.spec_from_file_location("make_locale", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_translations_are_what_the_script_writes_and_none_is_missing():
    done = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == ("", 0)


def test_the_texts_of_the_extension_are_found_in_its_sources():
    module = make_locale()
    assert ("Tune: show panel", "") in module.used()
    assert len(module.used()) > 40
    assert module._CALL.search("trans._n('%1 trial', '%1 trials', n)")[2] == "'%1 trials'"
    assert module._value("'it''s ' + \"here\"") == "its here"


def test_translations_fill_in_the_same_values():
    chinese = catalogue(Language.CHINESE).texts
    pairs = {text: chinese[key] for key, text in ENGLISH.texts.items() if key.startswith("lab.")}
    assert {
        text for text, other in pairs.items() if set(re.findall(r"%\d", text)) != set(re.findall(r"%\d", other))
    } == set()


def test_no_catalogue_entry_is_left_over():
    module = make_locale()
    needed = {text for pair in module.used() for text in pair} | module.settings_texts()
    assert sorted(set(module.catalogue("en").values()) - needed) == []


def test_jupyterlab_serves_them_for_chinese():
    packs, message = get_installed_packages_locale("zh_CN")
    texts = packs["tunemagic"]
    assert message == ""
    assert texts[""]["language"] == "zh-CN"
    assert texts["Tune: show panel"] == ["调参：显示面板"]
