"""``--lang`` and ``%tune report``: what a notebook shows in Chinese, and the file that is written."""

import re

import pytest

PLAYED = "%tune run --replay mnist1d --tuner random -n 3 --seed 3 played"


@pytest.fixture
def played(notebook):
    """Run further lines in a notebook with a replayed study; nothing is trained."""
    assert notebook(f"{PLAYED} --view none").err == ""
    return notebook


def test_a_line_asks_for_its_language(played):
    (record,) = played("%tune show played --lang zh").texts
    assert record.startswith("played：已结束 · 3/3 个试验 · 最佳 val_accuracy ")
    (best,) = played("%tune best played --lang zh").texts
    assert re.match(r"played：最佳 val_accuracy \S+（试验 \d）", best)
    (why,) = played("%tune why 1 played --lang zh").texts
    assert why.startswith("played：试验 1\n")
    assert played("%tune show played").texts[0].startswith("played: finished · 3 of 3 trials")


def test_a_notebook_asks_for_its_language_once(played):
    played('%config TuneMagics.lang = "zh"')
    assert played("%tune").texts[0].startswith("1 个搜索\n搜索")
    assert played("%tune show played").texts[0].startswith("played：已结束")
    assert played("%tune show played --lang en").texts[0].startswith("played: finished")


def test_a_cell_asks_for_the_language_of_its_study(notebook):
    (record,) = notebook(f"{PLAYED} --lang zh").texts[-1:]
    assert record.startswith("played：已结束")
    assert notebook("%tune show played").texts[0].startswith("played：已结束")


def test_a_dry_run_is_told_in_chinese(tune):
    found = tune("digits -n 4 --epochs 2 --tuner random --pruner none --lang zh --dry-run")
    lines = found.texts[0].splitlines()
    assert lines[0] == "试运行：digits，random，val_loss（最小化）"
    assert [line for line in lines if line.startswith(("策略：random——由你选择", "组合数：8"))]
    assert lines[-1] == "没有保留任何结果，也没有写入任何文件。"
    assert [line for line in lines[1:] if re.search(r"[a-z]{3} [a-z]{3} [a-z]{3}", line)] == []


def test_a_language_that_there_is_not_is_refused(notebook):
    assert notebook("%tune show --lang fr").error.startswith("--lang: received 'fr'; expected auto, en or zh")


def test_a_report_is_written_beside_the_notebook(played, tmp_path):
    said = played("%tune report played --lang zh").out
    assert re.fullmatch(r"played：报告已写入 played\.html（\S+ kB）\n", said)
    page = (tmp_path / "played.html").read_text(encoding="utf-8")
    assert '<html lang="zh-CN">' in page
    assert "随机抽取" in page
    assert played("%tune report played").error == (
        "report: played.html exists already. Use --force to replace it, or -o PATH for another file."
    )
    assert played("%tune report played --force -o other").out.startswith("played: report written to other.html (")
    assert played("%tune report played -o no/where.html").error == (
        "report: no/where.html can't be written: No such file or directory. Use -o PATH for another place."
    )
