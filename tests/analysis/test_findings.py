"""Findings in words: titles, evidence and remedies from the catalogue, whatever the values are."""

from tunemagic.analysis.findings import FindingText, finding_texts
from tunemagic.i18n import ENGLISH, Catalogue, Language

TEXTS = Catalogue(
    Language.CHINESE,
    {
        "diagnosis.wild.title": "{name} 失控",
        "diagnosis.wild.text": "{count} 次中有 {share}",
        "remedy.rest": "休息 {hours} 小时",
        "record.finding_trial": "{title}（试验 {trial}）",
    },
)


def test_values_are_put_in_as_numbers_of_four_digits():
    finding = {
        "verdict": "wild",
        "trial": 3,
        "evidence": {"name": "lr", "count": 7, "share": 0.123456},
        "remedies": [{"id": "rest", "values": {"hours": 8.0}, "action": None}],
    }
    assert finding_texts([finding], TEXTS) == (
        FindingText(title="lr 失控（试验 3）", text="7 次中有 0.1235", remedies=("休息 8 小时",)),
    )


def test_what_has_no_text_stands_there_by_its_name():
    finding = {
        "verdict": "un_known",
        "evidence": {"a": None, "b": True, "c": [1.0, 2.5], "d": {"x": "y\nz"}},
        "remedies": [{"id": "think"}],
    }
    assert finding_texts([finding, {}], ENGLISH) == (
        FindingText(
            title="un known: a –, b True, c 1, 2.5, d x=y z", text="a –, b True, c 1, 2.5, d x=y z", remedies=("think",)
        ),
        FindingText(title="", text="", remedies=()),
    )
