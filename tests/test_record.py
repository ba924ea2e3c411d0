"""The static record: all facts, as HTML and as text, small, and inert whatever the texts hold."""

import base64
import io
import json
import math
import random
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter
from PIL import Image

from tests.browser.story import search, shipped, stamped
from tunemagic.analysis.summary import summary_info
from tunemagic.analysis.wording import progress_line
from tunemagic.events import Direction, EndReason, ModelExported, StudyEnded, Verdict
from tunemagic.i18n import Language, catalogue
from tunemagic.journal import read_journal
from tunemagic.record import record_bundle
from tunemagic.space import Condition, Kind, Parameter, Sampling, SearchSpace
from tunemagic.text import one_line
from tunemagic.trial import StudyState, StudyView, TrialRecord, TrialState, replay

GOLDEN = Path(__file__).parent / "golden"
MOST_BYTES = 150_000
PAYLOADS = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    '" style="position:fixed;inset:0" x="',
    "</p></li></ul></td></tr></table></div><h1>out</h1>",
    "<!-- ",
    "--><b>bold</b>",
    "]]><x>",
    "<style>*{display:none}</style>",
    "<iframe src=//example.org>",
    "<a href=javascript:alert(1)>click</a>",
    "<base href=//example.org/>",
    "<meta http-equiv=refresh content=0>",
    "&lt;b&gt;&#60;b&#62;",
    "<\0img src=x onerror=alert(1)>",
    "\x1b[31mred\x1b[0m<b>",
    "\u202egnp.<b>",
    "\ud800<b>\udfff",
    "a\nb\r\n\t<b>\u2028c",
    "$\\foo$ x$_{$ $$ <b>",
    "<textarea><plaintext><noscript><template>",
    "<b>" * 20_000,
]


class Page(HTMLParser):
    """The elements of an HTML text, their attributes, and what a reader sees."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements = []
        self.open = []
        self.attributes = []
        self.seen = ""
        self.others = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, [name for name, _ in attrs]))
        self.attributes += attrs
        if tag not in ("img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.seen += data

    def handle_comment(self, data):
        self.others.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def hostile_study(text):
    """A study in which every text is this one."""
    parameter = Parameter(name=text, kind=Kind.CHOICE, default=text, choices=(text, text + "2"))
    child = replace(parameter, name=text + "2", conditions=(Condition(parent=text, values=(text,)),))
    common = {"attempt": 1, "values": {text: text, "n": 1}, "epochs": 3, "why": text, "started": 0.0, "seconds": 1.0}
    curve = {"curves": {text: (0.5, None, 0.75)}, "metrics": {text: 0.75}}
    done = TrialRecord(number=1, state=TrialState.COMPLETED, score=0.75, best_epoch=3, **common, **curve)
    pruned = TrialRecord(number=4, state=TrialState.PRUNED, reason=text, trainer=text, **common)
    stopped = TrialRecord(number=2, state=TrialState.STOPPED, score=0.5, best_epoch=1, reason=text, **common, **curve)
    failed = TrialRecord(
        number=3, state=TrialState.FAILED, error=text, reason=text + "!", line=3, source=text, **common
    )
    exports = [
        ModelExported(
            trial=1,
            target=text,
            mode=text + mode,
            path=text,
            verdict=verdict,
            message=text,
            score_name=text,
            runtime=text,
        )
        for mode, verdict in zip("abc", Verdict, strict=True)
    ]
    return StudyView(
        study=text,
        session=text,
        state=StudyState.FAILED,
        space=SearchSpace((parameter, child)),
        objective=text,
        direction=Direction.MAX,
        strategy=text,
        max_trials=3,
        epochs=3,
        code=text,
        data=text,
        fingerprint={text: text},
        versions={text: text},
        trials=(done, stopped, failed, pruned),
        strategy_reason=text,
        pruner=text,
        pruner_reason=text,
        objectives=((text + "3", Direction.MIN),),
        executor=text,
        executor_reason=text,
        best=1,
        notes=(text,),
        end_reason=EndReason.ERROR,
        end_message=text,
        exports=tuple(exports),
        findings=(
            {
                "verdict": text,
                "trial": 1,
                "evidence": {text: text, "n": 1},
                "remedies": [{"id": text, "values": {text: [text]}, "action": None}],
            },
        ),
    )


def large_study(trials=200, epochs=50):
    """As many trials as a long night gives, with noisy curves and full tables."""
    chance = random.Random(7)
    space = SearchSpace(
        tuple(
            Parameter(name=f"layer_{n}_rate", kind=Kind.FLOAT, default=0.1, low=1e-4, high=1.0, sampling=Sampling.LOG)
            for n in range(20)
        )
    )
    records = []
    for number in range(1, trials + 1):
        curve = tuple(min(1.0, 0.9 * (1 - math.exp(-e / 9)) + chance.gauss(0, 0.05)) for e in range(epochs))
        score = None if number % 7 == 0 else max(curve)
        records.append(
            TrialRecord(
                number=number,
                attempt=1,
                values={name: chance.random() for name in space.names},
                state=TrialState.FAILED if score is None else TrialState.COMPLETED,
                epochs=epochs,
                why="random",
                started=0.0,
                curves={"val_accuracy": curve},
                score=score,
                best_epoch=None if score is None else curve.index(score) + 1,
                seconds=chance.uniform(1, 100),
                reason=f"reason {number}: " + "<no & \"reason'> " * 40 if score is None else "",
                source="x = '<>&' * 40" if score is None else None,
            )
        )
    scored = [trial for trial in records if trial.score is not None]
    return StudyView(
        study="long night",
        state=StudyState.FINISHED,
        space=space,
        objective="val_accuracy",
        direction=Direction.MAX,
        strategy="random",
        max_trials=trials,
        epochs=epochs,
        trials=tuple(records),
        best=max(scored, key=lambda trial: trial.score).number,
        notes=tuple(f"note {n}: " + "& more <words> " * 40 for n in range(60)),
        data="x" * 10_000,
        versions={f"package-{n}": "1.0" for n in range(200)},
        elapsed=30_000.0,
        exports=tuple(
            ModelExported(
                trial=1, target="tflite", mode=f"mode{n}", path="p" * 4000, verdict=Verdict.FAILED, message="<&>" * 500
            )
            for n in range(12)
        ),
    )


def golden(name, folder):
    (folder / "journal.jsonl").write_bytes((GOLDEN / f"{name}.jsonl").read_bytes())
    return replay(read_journal(folder).events)


def picture_of(page):
    return next(value for name, value in page.attributes if name == "src").removeprefix("data:image/png;base64,")


def test_a_finished_and_exported_study_is_told_in_text(tmp_path):
    assert record_bundle(golden("exported", tmp_path))["text/plain"] == (
        "digits: finished · 1 of 1 trial · best val_accuracy 0.9375 (trial 1) · 0:08 elapsed\n"
        "1 of 1 trials was run.\n"
        "\n"
        "Best trial\n"
        "  trial  val_accuracy   epoch    time  units    lr\n"
        "      1        0.9375  3 of 3  1.50 s     64  0.01\n"
        "\n"
        "Exported files: 1 of 3 verified\n"
        "  mode            verdict          size     gzip  accuracy  in Keras  agreement  max diff  µs/sample  file\n"
        "  tflite int8     not verified   6.1 kB   5.1 kB      0.75    0.9375     75.0 %"
        "    2.5e-7        3.5  b.tflite\n"
        "  tflite float16  failed              –        –         –         –          –         –          –  –\n"
        "  tflite          verified      20.5 kB  18.4 kB    0.9375    0.9375    100.0 %"
        "    2.5e-7        3.5  a.tflite\n"
        "  tflite int8: off\n"
        "  tflite float16: the converter refused op <CustomOp>\n"
        "\n"
        "Settings\n"
        "  objective: val_accuracy, max\n"
        "  search: random, seed 7\n"
        "  space: units 32 … 128 step 32; lr 0.0001 … 0.1 log\n"
        "  limits: 1 trial, 3 epochs a trial\n"
        "  data: 1437 rows, 64 columns\n"
        "  versions: keras 3.15.0"
    )


def test_a_failed_study_is_told_with_the_users_line(tmp_path):
    assert record_bundle(golden("failed", tmp_path))["text/plain"] == (
        "digits: failed · 2 of 4 trials · no score yet · 0:05 elapsed\n"
        "2 trials in a row failed; the last one: out of memory\n"
        "\n"
        "Failed trials\n"
        '  trial 1: ValueError: line 3: <img src=x onerror="alert(1)"> units must be positive\n'
        "    > model = build(units)\n"
        "  trial 2: ResourceExhaustedError: out of memory\n"
        "\n"
        "Settings\n"
        "  objective: val_accuracy, max\n"
        "  search: random, seed 7\n"
        "  space: units 32 … 128 step 32; lr 0.0001 … 0.1 log\n"
        "  limits: 4 trials, 3 epochs a trial\n"
        "  data: 1437 rows, 64 columns\n"
        "  versions: keras 3.15.0"
    )


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.jsonl")))
def test_html_and_text_say_the_same_facts(name, tmp_path):
    view = golden(name, tmp_path)
    bundle, info = record_bundle(view), summary_info(view)
    assert sorted(bundle) == ["text/html", "text/plain"]
    facts = [info.title, info.headline, info.ending, *info.notes, *(text for _, text in info.settings)]
    facts += [part for group in info.failures for part in (group.reason, group.source)]
    for cells in (info.top, info.exports):
        if cells is not None:
            facts += [cells.caption, *cells.columns, *(cell for row in cells.rows for cell in row), *cells.remarks]
    seen = Page(bundle["text/html"]).seen
    assert [fact for fact in facts if fact not in seen or fact not in bundle["text/plain"]] == []


def test_each_verdict_has_a_sign_of_its_own(tmp_path):
    seen = Page(record_bundle(golden("exported", tmp_path))["text/html"]).seen
    assert [sign in seen for sign in ("✓ verified", "⚠ not verified", "✗ failed")] == [True] * 3


def test_the_picture_lies_inside_the_page(tmp_path):
    page = Page(record_bundle(golden("finished", tmp_path))["text/html"])
    picture = Image.open(io.BytesIO(base64.b64decode(picture_of(page), validate=True)))
    assert (picture.format, picture.size) == ("PNG", (1324, 460))
    alt = "Learning curves of 4 trials and best score so far of digits: "
    assert dict(page.attributes)["alt"].startswith(alt)


def test_files_to_compare_get_a_picture_of_their_own_and_a_single_one_does_not():
    exports = tuple(shipped())
    view = replay(stamped([*search(trials=2), StudyEnded(reason=EndReason.TRIALS, message=""), *exports]))
    page = record_bundle(view)["text/html"]
    alts = re.findall(r'<img [^>]*alt="([^"]*)"', page)
    assert alts[1:] == ["accuracy against size (kB): tflite, float16, dynamic, int8, onnx, openvino, c int8"]
    assert len(page) < 150_000
    assert page.count("<img ") == 2
    single = replace(view, exports=exports[:1])
    assert record_bundle(single)["text/html"].count("<img ") == 1


def test_a_study_without_an_epoch_has_no_picture():
    page = Page(record_bundle(StudyView(study="new"))["text/html"])
    assert [tag for tag, _ in page.elements if tag == "img"] == []


def test_the_page_is_inert_and_whole(tmp_path):
    text = record_bundle(golden("failed", tmp_path))["text/html"] + record_bundle(large_study())["text/html"]
    page = Page(text)
    assert page.open == []
    tags = {"div", "p", "strong", "em", "ul", "li", "br", "code", "img", "span"}
    tags |= {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert {tag for tag, _ in page.elements} == tags
    assert {name for _, names in page.elements for name in names} == {
        "style",
        "src",
        "alt",
        "scope",
        "tabindex",
        "role",
        "aria-label",
    }
    assert not re.search(
        r"url\(|https?:|expression|@import|position", " ".join(v for n, v in page.attributes if n == "style")
    )


def elements_of(text):
    page = Page(record_bundle(hostile_study(text))["text/html"])
    return page.elements, page.open, page.others


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: ascii(payload)[:40])
def test_a_hostile_text_leaves_no_element_of_its_own(payload):
    assert elements_of(payload) == elements_of("plain")


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: ascii(payload)[:40])
def test_a_hostile_text_is_readable_and_printable_in_both_forms(payload):
    bundle = record_bundle(hostile_study(payload))
    for text in (Page(bundle["text/html"]).seen, bundle["text/plain"]):
        assert one_line(payload)[:50] in text
        assert all(line.isprintable() for line in text.split("\n"))
    assert len(json.dumps(bundle, allow_nan=False).encode()) < MOST_BYTES
    assert sum(len(text.encode("utf-8")) for text in bundle.values()) < MOST_BYTES


def test_a_hyperparameter_called_verdict_is_a_column_like_any_other():
    done = TrialRecord(
        number=1,
        attempt=1,
        values={"verdict": "failed", "trial": 3},
        state=TrialState.COMPLETED,
        epochs=1,
        why="",
        started=0.0,
        score=0.5,
        best_epoch=1,
    )
    page = Page(record_bundle(StudyView(study="s", objective="m", trials=(done,), best=1))["text/html"])
    assert "✗" not in page.seen


@pytest.mark.parametrize("language", list(Language), ids=str)
def test_a_large_study_stays_below_150_kilobytes(language):
    view = large_study(300, 100)
    remedies = [{"id": f"remedy {n}", "values": {"text": "&<>" * 200}} for n in range(8)]
    findings = tuple({"verdict": f"v{n}", "evidence": {"text": "&<>" * 200}, "remedies": remedies} for n in range(20))
    bundle = record_bundle(replace(view, findings=findings), catalogue(language))
    assert sum(len(text.encode("utf-8")) for text in bundle.values()) < MOST_BYTES


def test_a_diagnosis_stands_below_the_best_trials_with_what_to_try(tmp_path):
    finding = {
        "verdict": "overfit",
        "trial": 1,
        "evidence": {"metric": "loss", "train": 0.03125, "val": 0.5, "best_epoch": 2, "epochs": 3},
        "remedies": [{"id": "augment", "values": {}, "action": None}],
    }
    bundle = record_bundle(replace(golden("exported", tmp_path), findings=(finding,)))
    start = bundle["text/plain"].index("\nDiagnosis\n")
    assert (
        bundle["text/plain"][start:].splitlines()[2].startswith("  Overfitting (trial 1): loss is 0.03125 in training")
    )
    assert bundle["text/plain"].index("Best trial") < start < bundle["text/plain"].index("Exported files")
    assert "<ol" in bundle["text/html"]


def test_a_chinese_record_is_chinese_to_the_last_word_of_ours(tmp_path):
    bundle = record_bundle(golden("exported", tmp_path), catalogue(Language.CHINESE))
    lines = bundle["text/plain"].splitlines()
    assert lines[0] == "digits：已结束 · 1/1 个试验 · 最佳 val_accuracy 0.9375（试验 1） · 已用时 0:08"
    # Wide characters take two places, so that columns stand below each other.
    assert lines[4:6] == [
        "  试验  val_accuracy   轮    用时  units    lr",
        "     1        0.9375  3/3  1.50 s     64  0.01",
    ]
    assert "目标：val_accuracy，最大化" in bundle["text/plain"]
    page = Page(bundle["text/html"])
    assert dict(page.attributes)["lang"] == "zh-CN"
    assert [sign in page.seen for sign in ("✓ 已验证", "⚠ 未验证", "✗ 失败")] == [True] * 3


def test_the_same_view_gives_the_same_record():
    view = large_study(12, 5)
    assert record_bundle(view) == record_bundle(view)


def test_progress_fits_on_one_line(tmp_path):
    assert progress_line(golden("resumed", tmp_path)) == (
        "trial 3/6 · best val_accuracy 0.8125 (trial 2) · 0:12 elapsed · about 0:18 left"
    )


def test_a_notebook_turned_into_a_page_holds_the_whole_record(tmp_path):
    view, texts = golden("exported", tmp_path), catalogue(Language.CHINESE)
    bundle, info = record_bundle(view, texts), summary_info(view, texts)
    output = nbformat.v4.new_output("display_data", data=bundle)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("%%tune", outputs=[output])])
    # Also where a page lets no script and no unknown element through.
    page, _ = HTMLExporter(sanitize_html=True).from_notebook_node(notebook)
    seen = Page(page.partition("<body")[2].partition(">")[2].partition("</body>")[0]).seen
    facts = [info.headline, info.ending, *(text for _, text in info.settings), *info.top.rows[0], *info.exports.rows[0]]
    assert [fact for fact in facts if fact not in seen] == []
    assert picture_of(Page(bundle["text/html"])) in page
