from html.parser import HTMLParser

import pytest

from tunemagic.events import Direction, ModelExported, Verdict
from tunemagic.magics.tables import Table, best_table, exports_table, status_line, studies_table
from tunemagic.trial import StudyState, StudyView, TrialRecord, TrialState

BEST = TrialRecord(
    number=1,
    attempt=1,
    values={"units": 64, "lr": 0.00123456},
    state=TrialState.COMPLETED,
    epochs=3,
    why="",
    started=0.0,
    score=0.9722222,
    best_epoch=2,
    metrics={"val_accuracy": 0.9722222, "val_loss": None},
)
VIEW = StudyView(
    study="digits",
    state=StudyState.FINISHED,
    objective="val_accuracy",
    direction=Direction.MAX,
    strategy="random",
    max_trials=5,
    elapsed=200.4,
    trials=(BEST,),
    best=1,
)
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</table><script>alert(1)</script>",
    "a\nb\x1b[31m\u202e",
    '"><svg onload=x>',
]


class Elements(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags = set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)


def test_a_table_is_aligned_text_and_plain_html():
    table = Table(caption="two rows", columns=("name", "n"), rows=(("a", "10"), ("long", "2")), notes=("a note",))
    assert table.bundle() == {
        "text/plain": "two rows\nname  n\na     10\nlong  2\na note",
        "text/html": (
            '<table><caption>two rows</caption><thead><tr><th scope="col">name</th><th scope="col">n</th></tr></thead>'
            "<tbody><tr><td>a</td><td>10</td></tr><tr><td>long</td><td>2</td></tr></tbody></table><p>a note</p>"
        ),
    }


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text):
    table = Table(caption=text, columns=(text,), rows=((text,),), notes=(text,))
    assert Elements(table.html()).tags == {"table", "caption", "thead", "tr", "th", "tbody", "td", "p"}
    assert len(table.text().splitlines()) == 4
    assert all(line.isprintable() for line in table.text().splitlines())


def test_a_status_names_the_study_on_one_line():
    assert status_line(VIEW) == "digits: 1/5 trials, finished · best val_accuracy 0.9722 (trial 1) · 3:20"
    assert status_line(StudyView(study="a\nb")) == "a b: 0 trials, new · no score yet · 0:00"


def test_all_studies_stand_in_one_table():
    assert studies_table([VIEW, StudyView(study="other", strategy="grid")]).text() == (
        "2 studies\n"
        "study   state     trials  best                           time  tuner\n"
        "digits  finished  1/5     val_accuracy 0.9722 (trial 1)  3:20  random\n"
        "other   new       0       no score yet                   0:00  grid"
    )


def test_the_best_trial_is_shown_with_values_and_metrics():
    assert best_table(VIEW).text() == (
        "digits: best val_accuracy 0.9722 (trial 1) in epoch 2 of 3\n"
        "name          value\n"
        "units         64\n"
        "lr            0.00123456\n"
        "val_accuracy  0.9722\n"
        "val_loss      –"
    )


def test_exports_show_sizes_scores_and_what_was_not_reached():
    results = [
        ModelExported(
            trial=1,
            target="tflite",
            mode="none",
            path="a.tflite",
            verdict=Verdict.VERIFIED,
            message="same answers",
            bytes=71016,
            gzip_bytes=64994,
            score_name="accuracy",
            score_before=0.9778,
            score_after=0.9778,
            agreement=1.0,
            max_abs_diff=3e-7,
            microseconds=2.14,
        ),
        ModelExported(trial=1, target="tflite", mode="int8", path="", verdict=Verdict.FAILED, message="no <luck>"),
    ]
    table = exports_table(results)
    assert table.text() == (
        "TF Lite: 1 of 2 verified\n"
        "mode  verdict   bytes   gzip bytes  accuracy  in Keras  agreement  max abs diff  µs/sample  file\n"
        "none  verified  71,016  64,994      0.9778    0.9778    100.0 %    3e-7          2.14       a.tflite\n"
        "int8  failed    –       –           –         –         –          –             –\n"
        "none: same answers\n"
        "int8: no <luck>"
    )
    assert "no &lt;luck&gt;" in table.html()
