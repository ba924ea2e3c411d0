"""What the README says of options and verbs is what the magics have."""

import re
from pathlib import Path
from typing import Any

import pytest

from tunemagic.magics.lines import export_parser, tune_parser
from tunemagic.magics.verbs import VERBS
from tunemagic.request import Pruner, QuantMode, Tuner, ViewKind

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    """The cells of each row of the table under a header line."""
    rows = README.split(heading, 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    return [re.split(r"(?<!\\)\|", row.strip().strip("|")) for row in rows if not row.startswith("|---")]


def options_in(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text))


def test_the_table_of_options_is_complete():
    rows = table("| option | meaning | default |")
    assert options_in(" ".join(row[0] for row in rows)) == set(tune_parser().option_strings()) - {"-h", "--help"}


@pytest.mark.parametrize(("option", "words"), [("--tuner", Tuner), ("--pruner", Pruner), ("--view", ViewKind)])
def test_the_words_of_an_option_are_listed(option, words):
    [meaning] = [row[1] for row in table("| option | meaning | default |") if option in row[0]]
    assert set(re.findall(r"`(\w+)`", meaning)) == {str(word) for word in words}


def test_each_strategy_is_described_once():
    rows = table("| strategy | how it proposes values | use it when |")
    assert sorted(row[0].strip(" `") for row in rows) == sorted(tuner for tuner in Tuner if tuner is not Tuner.AUTO)


def test_links_to_sections_point_at_headings():
    headings = re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", README)) <= anchors


def test_each_verb_has_its_line():
    rows = [row[0].strip() for row in table("| line | what it does |")]
    verbs = {words[1] for words in map(str.split, rows) if words[0].strip("`") == "%tune" and len(words) > 1}
    assert verbs == set(VERBS)


def test_the_line_of_tflite_is_complete():
    [line, meaning] = next(row for row in table("| line | what it does |") if "%tflite" in row[0])
    known = set(export_parser().option_strings()) - {"-h", "--help", "--out"}
    assert options_in(line) == known
    assert all(f"`{mode}`" in meaning for mode in QuantMode)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_linked_files_exist(name: str):
    targets = re.findall(r"\]\(([^)#]+)\)", (ROOT / name).read_text(encoding="utf-8"))
    assert [target for target in targets if "://" not in target and not (ROOT / target).exists()] == []


def test_the_cells_on_data_and_preparation_run_in_their_order():
    part = README[README.index("\n## Data\n") : README.index("\n**Augment.**")]
    notebook: dict[str, Any] = {}
    for cell in re.findall(r"```python\n(.*?)```", part, re.DOTALL):
        exec(cell, notebook)
    rows, encoded = len(notebook["x_train"]), notebook["x_rows"].shape
    assert (encoded, notebook["model"].input_shape, notebook["model"].output_shape) == ((rows, 7), (None, 7), (None, 3))
