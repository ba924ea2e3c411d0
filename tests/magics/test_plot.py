"""``%tune plot`` and ``study.plot``."""

import json

import pytest
from IPython.core.completer import provisionalcompleter

from tunemagic.errors import OptionError


@pytest.fixture
def study(notebook, shell, tmp_path):
    """A replayed study of fourteen trials."""
    rows = [
        {"values": {"units": units, "act": act}, "curves": {"val_loss": [1.0, units / (1 + (act == "relu"))]}}
        for units in range(4, 32, 4)
        for act in ("relu", "tanh")
    ]
    path = tmp_path / "curves.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert notebook(f"%tune run digits --replay {path} --tuner random -n 14 --view none").err == ""
    return shell.user_ns["study"]


def test_a_picture_is_shown_with_its_sentence_as_alternative_text(notebook, study):
    shown = notebook("%tune plot importance")
    assert shown.err == ""
    [output] = shown.outputs
    assert set(output.data) == {"text/plain", "image/png"}
    sentence = output.data["text/plain"]
    assert sentence.startswith("Importance for val_loss: units ")
    assert output.metadata == {"image/png": {"alt": sentence}}
    assert repr(study.plot("importance")) == sentence
    assert repr(study.plot("importance", lang="zh")).startswith("对 val_loss 的重要性：units ")
    for wrong, said in (
        (lambda: study.plot("best", "x.png"), "received 'x.png' after the kind; .* study.plot"),
        (lambda: study.plot("best", lang="fr"), "received lang='fr'; expected 'en' or 'zh'"),
    ):
        with pytest.raises(OptionError, match=said):
            wrong()


def test_a_picture_is_written_to_a_file_too(notebook, study, tmp_path):
    target = tmp_path / "a picture.svg"
    shown = notebook(f"%tune plot contour digits -x act -y units -o '{target}'")
    assert shown.out == f"Written to {target}\n"
    assert target.read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("plot", "expected KIND after it"),
        (
            "plot importanc",
            "importance, slice, contour, pareto, timeline, spread, exports or confusion. Did you mean importance?",
        ),
        ("plot contour -x unit", "contour x: received 'unit'; expected one of units, act. Did you mean units?"),
        ("plot slice -x units", "slice: received the option 'x'; it has no options."),
        ("plot best -o a.gif", "expected a name that ends in .png, .svg, .pdf."),
        ("plot best digit", "no study"),
    ],
)
def test_a_mistake_is_told_in_one_line(notebook, study, line, part):
    error = notebook(f"%tune {line}").error
    assert part in error
    assert "\n" not in error.strip()


def test_kinds_are_completed_then_studies(shell, study):
    def completed(text):
        with provisionalcompleter():
            return [found.text for found in shell.Completer.completions(text, len(text))]

    assert completed("%tune plot ")[:3] == ["curves", "best", "parallel"]
    assert completed("%tune plot imp") == ["importance"]
    assert "digits" in completed("%tune plot importance d")
