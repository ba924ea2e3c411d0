"""Write the translations of the lab extension for JupyterLab from the catalogue's ``lab.*`` texts.

The English text is what the extension hands to JupyterLab's translator. ``--check`` changes nothing
and exits with 1 when the file is not what would be written, or when the extension uses a text that
the catalogue does not have.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CATALOGUES = ROOT / "tunemagic" / "i18n"
TARGET = ROOT / "tunemagic" / "locale" / "zh_CN" / "LC_MESSAGES" / "tunemagic.json"
SOURCES = ROOT / "labextension" / "src"
SCHEMA = ROOT / "labextension" / "schema"
# JupyterLab reads the language with a dash, and the rule for plurals by exactly this name.
HEADER = {"domain": "tunemagic", "language": "zh-CN", "plural_forms": "nplurals=1; plural=0;"}
_IN_SETTINGS = "schema\u0004"  # the context in which JupyterLab looks the texts of a settings schema up
_LITERAL = r"(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`(?:[^`\\]|\\.)*`)"
_CALL = re.compile(rf"\b_{{1,2}}[n_]\(\s*({_LITERAL}(?:\s*\+\s*{_LITERAL})*)(?:\s*,\s*({_LITERAL}))?")


def catalogue(language: str) -> dict[str, str]:
    """The ``lab.*`` texts of a language by id."""
    texts = json.loads((CATALOGUES / f"{language}.json").read_text(encoding="utf-8"))
    return {key: text for key, text in texts.items() if key.startswith("lab.")}


def used() -> list[tuple[str, str]]:
    """What the extension hands to the translator: a text and its plural form, "" where there is none."""
    found = []
    for path in sorted(SOURCES.rglob("*.ts")):
        for match in _CALL.finditer(path.read_text(encoding="utf-8")):
            several = match[0].lstrip("_").startswith("n")
            found.append((_value(match[1]), _value(match[2]) if several and match[2] else ""))
    return found


def _value(literals: str) -> str:
    """The text of one or several literals joined by ``+``."""
    parts = re.findall(_LITERAL, literals)
    return "".join(re.sub(r"\\(.)", r"\1", part[1:-1]) for part in parts)


def settings_texts() -> set[str]:
    """Titles and descriptions in the schemas of the extension's settings."""
    schemas = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(SCHEMA.glob("*.json")))
    return {text for schema in schemas for text in _told(schema)}


def _told(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("title", "description") and isinstance(item, str):
                yield item
            else:
                yield from _told(item)
    elif isinstance(value, list):
        for item in value:
            yield from _told(item)


def translations() -> dict[str, Any]:
    """The file's content: the header, then each English text with its translations."""
    english, chinese = catalogue("en"), catalogue("zh_CN")
    content: dict[str, Any] = {"": HEADER}
    told = settings_texts()
    for key, text in sorted(english.items(), key=lambda entry: entry[1]):
        if key.endswith(".other") and f"{key.removesuffix('.other')}.one" in english:
            continue
        other = chinese.get(f"{key.removesuffix('.one')}.other") if key.endswith(".one") else None
        # The translator takes a plural form only from an entry that has two.
        content[text] = [chinese[key]] if other is None else [chinese[key], other]
        if text in told:
            content[_IN_SETTINGS + text] = [chinese[key]]
    return content


def missing() -> list[str]:
    """Texts of the extension that the catalogue does not have."""
    texts = {text for pair in used() for text in pair if text} | settings_texts()
    return sorted(texts - set(catalogue("en").values()))


def text() -> str:
    """The whole file."""
    return json.dumps(translations(), ensure_ascii=False, indent=2) + "\n"


def main() -> int:
    """Write or check the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    checking = parser.parse_args().check
    lost = missing()
    if lost:
        print("No lab.* entry in tunemagic/i18n for:", *lost, sep="\n  ", file=sys.stderr)
    if not checking:
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        TARGET.write_text(text(), encoding="utf-8")
    elif not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text():
        print(f"{TARGET.relative_to(ROOT)} is out of date: run python scripts/make_locale.py", file=sys.stderr)
        return 1
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
