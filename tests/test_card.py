"""The model card: what is known of a study, what a person has to fill in, and nothing that a viewer would run."""

from dataclasses import replace
from pathlib import Path

import pytest

from tunemagic import datasets
from tunemagic.card import card_text, write_card
from tunemagic.errors import ExportError
from tunemagic.events import Verdict
from tunemagic.journal import read_journal
from tunemagic.markdown import code_block, escaped, table
from tunemagic.request import Target
from tunemagic.search.cell import read_cell
from tunemagic.search.data import resolve_data
from tunemagic.trial import StudyView, replay

GOLDEN = Path(__file__).parent / "golden"


class Told:
    """What a card is written of."""

    def __init__(self, view, **more):
        self.view = view
        vars(self).update(more)


def golden(name, folder):
    (folder / "journal.jsonl").write_bytes((GOLDEN / f"{name}.jsonl").read_bytes())
    return replay(read_journal(folder).events)


def sections(text):
    """The lines of each section by its title."""
    parts = text.split("\n## ")
    return {part.split("\n")[0]: [line for line in part.split("\n")[1:] if line] for part in parts}


def test_the_card_tells_scores_with_their_noise_values_with_their_ranges_and_files_with_their_verdicts(tmp_path):
    found = sections(card_text(golden("verified", tmp_path)))
    assert list(found) == [
        "# digits", "Model", "Intended use", "Out of scope", "Limits", "Data", "Scores", "Hyperparameters", "Search",
        "Best trials", "Code", "Contact",
    ]  # fmt: skip
    assert found["Scores"] == [
        "- **val_accuracy:** 0.875 (best of 4 epochs, on the validation part that the search chose by)",
        "- **loss:** 0.125",
        "- **val_accuracy from other seeds:** 0.8125 ± 0.062, 3 times",
        "- Trial 2 over trial 1: the gain of 0.0938 is inside the noise of ±0.155 (95 %).",
    ]
    assert found["Hyperparameters"][2:] == ["| units | 96 | 32 … 128 step 32 |", "| lr | 0.01 | 0.0001 … 0.1 log |"]
    assert found["Intended use"] == ["> **To be filled in:** What is the model for, and who is to use it?"]
    files = sections(card_text(golden("exported", tmp_path)))
    assert files["Files"][0] == "Exported files: 1 of 3 verified"
    assert [row.split(" | ")[1] for row in files["Files"][3:6]] == ["not verified", "failed", "verified"]
    assert files["Loading"][1] == "interpreter = Interpreter('a.tflite')   # from ai_edge_litert.interpreter"


def test_the_card_tells_of_the_data_and_under_which_licence_it_may_be_used(tmp_path):
    digits = datasets.load("digits")
    namespace = {"digits": digits, "x_train": digits.x[:500] / 16, "y_train": digits.y[:500]}
    study = Told(
        golden("verified", tmp_path),
        data=resolve_data_of(namespace),
        program=read_cell("units = hp.Int('units', 1, 2)", namespace),
    )
    write_card(study, tmp_path / "digits.card.md")
    told = "\n".join(sections((tmp_path / "digits.card.md").read_text())["Data"])
    assert "- **classes in the training part:** 10: 0 (" in told
    assert "- **values the model takes:** from 0 to 1 in the training part" in told
    assert f"- **note on the raw data set:** {escaped(digits.card.note)}" in told
    assert f"- **licence:** {escaped(digits.card.licence)}" in told
    assert f"- **fingerprint:** {study.data.digest}" in told


def test_files_are_told_by_their_way_from_the_card_and_loaded_once_a_target(tmp_path, monkeypatch):
    view = golden("exported", tmp_path)
    folder = tmp_path / "work" / "kept"
    folder.mkdir(parents=True)
    plain = replace(view.exports[-1], trial=view.best, path=str(folder / "a.tflite"), score_after=0.75)
    small = replace(plain, mode="int8", path=str(folder / "a.int8.tflite"), score_after=0.875, bytes=100)
    broken = replace(small, mode="int4", path=str(folder / "a.int4.tflite"), verdict=Verdict.NOT_VERIFIED)
    elsewhere = replace(plain, target="onnx", path=str(tmp_path / "other" / "a.onnx"))
    view = replace(view, objective="val_accuracy", exports=(plain, small, broken, elsewhere))
    monkeypatch.chdir(tmp_path / "work")
    write_card(Told(view), "a.card.md")
    found = sections(Path("a.card.md").read_text(encoding="utf-8"))
    assert [row.split(" | ")[-1] for row in found["Files"][3:7]] == [
        "kept/a.tflite |", "kept/a.int8.tflite |", "kept/a.int4.tflite |", "a.onnx |",
    ]  # fmt: skip
    assert found["Loading"][1:-1] == [
        "interpreter = Interpreter('kept/a.int8.tflite')   # from ai_edge_litert.interpreter",
        "session = onnxruntime.InferenceSession('a.onnx')",
    ]


def resolve_data_of(namespace):
    from tunemagic.request import TuneRequest

    return resolve_data(TuneRequest(), namespace, seed=0)


def test_texts_of_the_notebook_stay_texts(tmp_path):
    hostile = (
        "</td><script>alert(1)</script> [x](javascript:a) ![](http://evil/x.png) | `a` *b* \x1b[31m\u202e\n# Title"
    )
    view = golden("verified", tmp_path)
    trial = replace(view.trials[1], values={hostile: hostile})
    spoilt = replace(
        view, study=hostile, data=hostile, trials=(view.trials[0], trial), code=f"{hostile}\n````\n</code>", notes=()
    )
    text = card_text(spoilt)
    outside = text[: text.index("## Code")] + text[text.index("## Contact") :]
    assert "<script" not in outside
    assert "](" not in outside.replace("\\](", "")
    assert "http://" not in outside
    assert [line for line in text.split("\n") if line.startswith("# ")] == [f"# {escaped(hostile)}", "# Title"]
    assert text.index("`````python") < text.index("````\n</code>") < text.rindex("`````")
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_the_result_is_one_of_an_export_and_no_file_is_replaced_unasked(tmp_path):
    study = Told(golden("verified", tmp_path))
    path = tmp_path / "digits.card.md"
    result = write_card(study, path)
    content = path.read_bytes()
    assert (result.target, result.mode, result.path, result.verdict, result.trial, result.bytes) == (
        Target.CARD, "none", path, Verdict.VERIFIED, 2, len(content),
    )  # fmt: skip
    path.write_text("mine")
    with pytest.raises(ExportError, match=r"digits.card.md exists already; add --force"):
        write_card(study, path)
    assert path.read_text() == "mine"
    assert write_card(study, path, force=True).sha256 == result.sha256
    with pytest.raises(ExportError, match="can't be written: No such file"):
        write_card(study, tmp_path / "none" / "c.md")
    with pytest.raises(ExportError, match="no trial with a score"):
        write_card(Told(StudyView(study="s")), path)
    with pytest.raises(ExportError, match="tells of a study; received a str"):
        write_card("model", path)


def test_markdown_keeps_words_readable():
    assert escaped("val_accuracy: 0.5 (best) _x_") == r"val_accuracy: 0.5 (best) \_x\_"
    assert [escaped(text) for text in ("1. a", "- a", "# a", "1.5", "https://a.b", "www.a.b", "a|b")] == [
        r"1\. a", r"\- a", r"\# a", "1.5", r"https\://a.b", r"www\.a.b", r"a\|b",
    ]  # fmt: skip
    assert table(("a",), [("",), ("b|c",)]) == ["| a |", "| --- |", "|   |", r"| b\|c |"]
    assert code_block("a\n```\nb", "") == ["````", "a\n```\nb", "````"]
