"""The catalogues: complete, alike in both languages, and nothing in them that nobody uses."""

import ast
import re
from pathlib import Path

import pytest

from tunemagic.i18n import ENGLISH, PLACEHOLDER, Catalogue, Language, catalogue, language_of

ROOT = Path(__file__).parents[2]
CHINESE = catalogue(Language.CHINESE)
AREAS = {key.split(".")[0] for key in ENGLISH.texts}
ID = re.compile(rf"(?:{'|'.join(sorted(AREAS))})(?:\.[\w ]+)+")
FORMS = (".one", ".other")


def base(key):
    """The id under which the code asks for it."""
    return key.removesuffix(".one").removesuffix(".other")


KNOWN = {*ENGLISH.texts, *map(base, ENGLISH.texts)}


def test_both_languages_have_the_same_ids_in_order():
    assert list(CHINESE.texts) == list(ENGLISH.texts) == sorted(ENGLISH.texts)


def test_both_languages_fill_in_the_same_values():
    def names(texts, key):
        # A form for one or several may say the number in one language and not in the other.
        return set(PLACEHOLDER.findall(texts.texts[key])) - ({"count"} if key.endswith(FORMS) else set())

    assert [key for key in ENGLISH.texts if names(ENGLISH, key) != names(CHINESE, key)] == []


@pytest.mark.parametrize("texts", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_no_text_is_empty_or_broken(texts):
    faulty = {
        key: text for key, text in texts.texts.items() if not text.strip() or re.sub(PLACEHOLDER, "", text).count("{")
    }
    assert faulty == {}
    assert [key for key in texts.texts if not ID.fullmatch(key)] == []


def test_chinese_texts_are_chinese():
    """What has words of its own and is the same in both languages is listed here."""
    same = {
        key
        for key, text in ENGLISH.texts.items()
        if CHINESE.texts[key] == text and re.search("[a-z]{3}", PLACEHOLDER.sub("", text))
    }
    assert same == SAME


SAME = {
    "demo.keras",
    "demo.tflite",
    "panel.filter_example",
    "panel.modes.float16",
    "panel.modes.int4",
    "panel.modes.int8",
    *(f"panel.target.{name}" for name in ("caffe", "openvino", "savedmodel", "tflite", "torch")),
    "plot.exports.circle",
}


def test_a_form_for_one_has_a_form_for_several():
    assert [key for key in ENGLISH.texts if key.endswith(".one") and f"{base(key)}.other" not in ENGLISH.texts] == []


def test_a_missing_text_comes_in_english_and_an_unknown_id_as_itself():
    partly = Catalogue(Language.CHINESE, {"state.new": "未开始"})
    assert [partly("state.new"), partly("state.running"), partly("no.such", a=1)] == ["未开始", "running", "no.such"]
    assert partly("count.trials", count=2, number="2") == "2 trials"
    assert ENGLISH("no.such") == "no.such"


def test_values_are_filled_in_once_and_missing_ones_stay_visible():
    assert ENGLISH("record.setting", label="{text}", text="<b>") == "{text}: <b>"
    assert ENGLISH("record.setting", label="a") == "a: {text}"


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("zh-CN", Language.CHINESE),
        ("zh_CN.UTF-8", Language.CHINESE),
        ("zh", Language.CHINESE),
        ("en_GB", Language.ENGLISH),
        ("de_DE", None),
        ("C.UTF-8", None),
        ("", None),
    ],
)
def test_a_locale_names_a_language(locale, language):
    assert language_of(locale) is language


# -- what the code asks for --------------------------------------------------------------------------


def _python():
    """Ids that stand in Python sources, and patterns of ids that are put together there."""
    literals, patterns, asked = set(), set(), set()
    for path in sorted((ROOT / "tunemagic").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and ID.fullmatch(node.value):
                literals.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [re.escape(part.value) if isinstance(part, ast.Constant) else r"[\w ]+" for part in node.values]
                if re.fullmatch(r"\\\.[a-z]+", parts[-1]) and len(parts) == 2:
                    patterns.add(r"[\w.]+" + parts[-1])  # a part of a text that has an id of its own
                elif re.match(rf"(?:{'|'.join(AREAS)})\\\.", parts[0]):
                    patterns.add("".join(parts))
            elif isinstance(node, ast.Call) and _is_catalogue(node.func) and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    asked.add(first.value)
    return literals, patterns, asked


def _is_catalogue(function):
    """Whether ``texts(...)``, ``self.texts(...)`` or ``self._texts(...)(...)`` is called."""
    match function:
        case ast.Name(id="texts"):
            return True
        case ast.Attribute(attr="texts"):
            return True
        case ast.Call(func=ast.Attribute(attr="_texts")):
            return True
    return False


def _typescript():
    literals, patterns = set(), set()
    for path in sorted((ROOT / "labextension/src").rglob("*.ts")):
        text = path.read_text(encoding="utf-8")
        literals |= set(re.findall(rf"['\"]({ID.pattern})['\"]", text))
        for template in re.findall(r"`([a-z]+\.(?:[^`$\s]|\$\{[^}`]*\})*)`", text):
            pieces = re.split(r"\$\{[^}]*\}", template)
            patterns.add(r"[\w ]+".join(map(re.escape, pieces)))
    return literals, patterns


def test_every_id_that_the_code_asks_for_has_a_text():
    literals, _, asked = _python()
    screen, _ = _typescript()
    assert sorted(asked - KNOWN) == []
    assert sorted(screen - KNOWN) == []
    assert len(literals) > 100


def test_every_text_is_used_by_python_or_the_screen():
    literals, patterns, _ = _python()
    screen, more = _typescript()
    shapes = [re.compile(pattern) for pattern in patterns | more]
    used = literals | screen
    left = {
        key
        for key in map(base, ENGLISH.texts)
        if key not in used
        and not key.startswith(("fact.", "lab."))
        and not any(shape.fullmatch(key) for shape in shapes)
    }
    assert sorted(left) == []
