"""Any picture by its kind: shown, said in words, written to a file."""

import io
import subprocess
import sys
from dataclasses import replace

import pytest
from PIL import Image

from tests.analysis.made import ACT, RATE, UNITS, study, trial
from tunemagic.analysis.pictures import PictureKind
from tunemagic.errors import OptionError, StorageError
from tunemagic.i18n import Language, catalogue
from tunemagic.plots import plot
from tunemagic.trial import StudyView, TrialState

VIEW = study(
    *(
        trial(
            n,
            {"units": 7 * n % 100, "rate": 10 ** -(n % 4), "act": ACT.choices[n % 3]},
            score=n / 20,
            curves={"score": (0.1, n / 20)},
            scores=(n / 20, n / 19),
            metrics={"parameters": 1000.0 / n},
            seconds=1.0,
        )
        for n in range(1, 15)
    ),
    trial(15, {"units": 1, "rate": 0.1, "act": "relu"}, state=TrialState.FAILED, seconds=0.5),
    trial(16, {"units": 2, "rate": 0.1, "act": "relu"}, state=TrialState.RUNNING),
    space=[UNITS, RATE, ACT],
    elapsed=20.0,
    repeats=2,
)


@pytest.mark.parametrize("kind", list(PictureKind))
def test_every_kind_is_a_picture_with_its_sentence(kind):
    picture = plot(VIEW, kind)
    data, metadata = picture._repr_png_()
    image = Image.open(io.BytesIO(data)).convert("RGB")
    assert image.width > 600
    assert len(image.getcolors(maxcolors=1 << 20)) > 10
    assert metadata == {"alt": repr(picture)}
    assert repr(picture).endswith(".")
    assert "\n" not in repr(picture)


@pytest.mark.parametrize("kind", list(PictureKind))
def test_every_kind_of_an_empty_study_is_a_picture_that_says_so(kind):
    picture = plot(StudyView(objective="score"), kind)
    assert Image.open(io.BytesIO(picture.png)).format == "PNG"
    assert plot(StudyView(objective="score"), kind, texts=catalogue(Language.CHINESE)).png


def test_a_picture_is_said_in_words():
    said = [repr(plot(VIEW, kind)) for kind in ("best", "pareto", "timeline", "spread")]
    assert said == [
        "Best score so far over 14 trials: 0.7 in trial 14.",
        "parameters against score, 14 trials. Pareto trials: 14.",
        "Timeline of 16 trials. Workers: 1.",
        "score of the 2 runs of each of 12 trials.",
    ]
    assert repr(plot(VIEW, "importance")).startswith("Importance for score: units ")


def test_one_trial_is_one_trial_and_none_with_a_score_is_said():
    one = study(trial(1, {"units": 1, "rate": 0.1, "act": "relu"}, score=0.5, seconds=1.0), space=[UNITS, RATE, ACT])
    assert "1 trial across" in repr(plot(one, "parallel"))
    assert repr(plot(one, "best")).startswith("Best score so far over 1 trial: ")
    none = replace(one, trials=(replace(one.trials[0], score=None, state=TrialState.FAILED),), best=None)
    assert repr(plot(none, "parallel")) == "No trial has a score yet."


def test_options_choose_what_is_shown():
    assert repr(plot(VIEW, "contour", x="act", y="rate")).startswith("score over act and rate")
    assert plot(VIEW, "importance", transform="raw").info.transform == "raw"


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("importanc", {}, r"received 'importanc'; expected one of .* Did you mean importance\?"),
        ("contour", {"x": "unit"}, "Did you mean units"),
        ("slice", {"x": "units"}, "slice: received the option 'x'"),
        ("importance", {"transform": "log2"}, "importance: expected one of rank, log, raw"),
    ],
)
def test_what_there_is_not_is_told_on_one_line(kind, options, said):
    with pytest.raises(OptionError, match=said):
        plot(VIEW, kind, **options)


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("a.SVG", b"<?xml"), ("a.pdf", b"%PDF")])
def test_a_picture_is_written_as_its_name_ends_and_twice_the_same(tmp_path, name, start):
    first = plot(VIEW, "pareto").save(tmp_path / name).read_bytes()
    second = plot(VIEW, "pareto").save(str(tmp_path / f"b{name[1:]}")).read_bytes()
    assert first.startswith(start)
    assert first == second


def test_a_file_that_cannot_be_written_is_told_on_one_line(tmp_path):
    picture = plot(VIEW, "best")
    with pytest.raises(OptionError, match=r"'a\.gif': expected a name that ends in \.png, \.svg, \.pdf"):
        picture.save(tmp_path / "a.gif")
    with pytest.raises(StorageError, match="can't be written: No such file or directory"):
        picture.save(tmp_path / "missing" / "a.png")


def test_pictures_leave_pyplot_unimported():
    code = """
import sys
from dataclasses import replace
from tunemagic.plots import plot
from tunemagic.trial import StudyView
for kind in ("curves", "best", "parallel", "slice", "contour", "pareto", "timeline", "spread"):
    plot(StudyView(objective="score"), kind).png
print("matplotlib.pyplot" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("False\n", "")
