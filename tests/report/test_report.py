"""The report: one inert page with everything, small, readable by machines that read aloud."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tunemagic.errors import OptionError, StorageError
from tunemagic.i18n import ENGLISH, Language, catalogue
from tunemagic.journal import read_journal
from tunemagic.report import report_html, report_path, write_report
from tunemagic.trial import StudyView, TrialState, replay

GOLDEN = Path(__file__).parents[1] / "golden"
CHINESE = catalogue(Language.CHINESE)
VOID = ("img", "br", "meta")
HOSTILE = (
    '</title></style></pre><script>alert(1)</script><img src=x onerror=alert(1)> "><svg onload=x> \x1b[31m\u202e\0'
)


class Page(HTMLParser):
    """The elements of a page with their attributes, and what a reader sees."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements = []
        self.open = []
        self.seen = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.seen += data

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


def golden(name, folder):
    (folder / "journal.jsonl").write_bytes((GOLDEN / f"{name}.jsonl").read_bytes())
    return replay(read_journal(folder).events)


@pytest.fixture(scope="module")
def pareto(tmp_path_factory):
    """A study with several objectives, findings and code."""
    view = golden("pareto", tmp_path_factory.mktemp("pareto"))
    findings = (
        {
            "verdict": "unheard_of",
            "trial": 2,
            "evidence": {"gap": 0.123456, "what": "<b>lines</b>"},
            "remedies": [{"id": "rest", "values": {"hours": 8}, "action": None}],
        },
    )
    return replace(view, findings=findings, code="units = hp.Int('units', 1, 2)\n\tmodel = '<b>'\n")


@pytest.fixture(scope="module")
def page(pareto):
    return Page(report_html(pareto))


def test_the_page_holds_everything_about_the_study(page, pareto):
    assert [attrs["id"] for attrs in page.all("section")] == [
        "pictures",
        "best",
        "diagnosis",
        "settings",
        "space",
        "trials",
        "cell",
    ]
    for text in ("unheard of: gap 0.1235, what <b>lines</b> (trial 2)", "rest: hours 8", "model = '<b>'", "digits"):
        assert text in page.seen
    rows = [attrs for attrs in page.all("th") if attrs.get("scope") == "row"]
    assert len(rows) >= len(pareto.trials) + len(pareto.space.parameters)


def test_the_page_needs_nothing_else_and_runs_nothing(page):
    assert page.open == []
    assert {tag for tag, _ in page.elements} & {"script", "link", "iframe", "object", "base", "form"} == set()
    (policy,) = [attrs for attrs in page.all("meta") if "http-equiv" in attrs]
    assert policy["content"] == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert [attrs["src"][:22] for attrs in page.all("img")] == ["data:image/png;base64,"] * len(page.all("img"))
    links = [value for _, attrs in page.elements for name, value in attrs.items() if name in ("href", "src")]
    assert [link for link in links if not link.startswith(("#", "data:image/png;base64,"))] == []


def test_the_page_can_be_read_aloud(page):
    assert page.all("html") == [{"lang": "en"}]
    assert all(attrs["alt"] and int(attrs["width"]) > 100 for attrs in page.all("img"))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(attrs["scope"] in ("col", "row") for attrs in page.all("th"))
    identities = {attrs["id"] for _, attrs in page.elements if "id" in attrs}
    assert {attrs["href"][1:] for attrs in page.all("a")} <= identities
    assert {attrs["aria-labelledby"] for attrs in page.all("section")} <= identities
    assert [tag for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)][:2] == ["h1", "h2"]


def test_a_chinese_report_says_so_and_holds_no_english_heading(pareto):
    page = Page(report_html(pareto, CHINESE))
    assert page.all("html") == [{"lang": "zh-CN"}]
    for text in ("全部试验", "搜索空间", "帕累托集", "诊断"):
        assert text in page.seen
    for text in ("All trials", "Search space", "best ", " of ", "elapsed"):
        assert text not in page.seen.replace("best epoch", "")


def test_trainings_from_other_seeds_are_reported(tmp_path):
    view = golden("finished", tmp_path)
    best = view.best_trial
    trials = tuple(replace(one, verified=(0.9, 0.92)) if one is best else one for one in view.trials)
    assert Page(report_html(replace(view, trials=trials))).seen.count("0.91 ± 0.014") == 2  # the best, and all trials
    assert "other seeds" not in Page(report_html(view)).seen


def test_a_hostile_study_leaves_no_element_of_its_own(pareto):
    def told(text):
        trials = tuple(
            replace(
                trial,
                why=text,
                reason=text,
                error=text,
                source=text,
                state=TrialState.FAILED if trial.number == 1 else trial.state,
            )
            for trial in pareto.trials
        )
        finding = {"verdict": text, "evidence": {text: text}, "remedies": [{"id": text, "values": {text: text}}]}
        view = replace(
            pareto,
            study=text,
            end_message=text,
            notes=(text,),
            code=text,
            data=text,
            trials=trials,
            versions={text: text},
            findings=(finding,),
        )
        page = Page(report_html(view))
        return [(tag, sorted(attrs)) for tag, attrs in page.elements], page

    elements, page = told(HOSTILE)
    assert elements == told("plain")[0]
    assert "<script>alert(1)</script>" in page.seen
    assert all(char.isprintable() or char == "\n" for char in page.seen)


def test_a_study_without_trials_is_a_short_page():
    page = Page(report_html(StudyView(study="new")))
    assert page.all("section") == []
    assert "new · 0 trials" in page.seen


# -- where it is written -----------------------------------------------------------------------------


def test_a_report_is_written_beside_the_notebook_and_not_over_another_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    view = StudyView(study="first try")
    path = write_report(view)
    assert path.resolve() == tmp_path / "first try.html"
    assert path.read_text(encoding="utf-8") == report_html(view)
    assert path.stat().st_mode & 0o777 == 0o644
    with pytest.raises(OptionError, match=r"first try.html exists already. Use --force to replace it, or -o PATH"):
        write_report(view)
    path.write_text("old")
    assert write_report(view, force=True).read_text(encoding="utf-8") == report_html(view)
    assert [each.name for each in tmp_path.iterdir()] == ["first try.html"]


@pytest.mark.parametrize(("asked", "name"), [("a.html", "a.html"), ("a.HTM", "a.HTM"), ("a", "a.html"), ("", "s.html")])
def test_a_wish_names_a_file_or_a_folder(asked, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert report_path(asked or tmp_path, "s").name == name


def test_a_report_is_html_only(tmp_path):
    with pytest.raises(OptionError, match=r"received 'a.pdf'; expected a name that ends in .html, or a folder"):
        report_path(tmp_path / "a.pdf", "s")


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(StorageError, match=r"gone.a.html can't be written: No such file or directory. Use -o PATH"):
        write_report(StudyView(study="s"), tmp_path / "gone" / "a.html")


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="can't be written: Not a directory"):
        write_report(StudyView(study="s"), tmp_path / "file" / "a.html")


def test_texts_of_a_report_are_in_both_languages():
    ids = [key for key in ENGLISH.texts if key.startswith("report.")]
    assert len(ids) > 15
    assert [key for key in ids if CHINESE.texts.get(key, "") in ("", ENGLISH.texts[key])] == []
