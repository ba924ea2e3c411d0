"""Texts made fit for one line."""

from tunemagic.text import aligned, counted, near_variable, one_line


def test_a_text_on_one_line_holds_no_character_that_acts():
    assert one_line("a\n\tb\0c\x1b[2J\u202ed\ud800e\u200b") == "a b\\x00c\\x1b[2J\\u202ed\\ud800e\\u200b"
    assert one_line("你好, étude") == "你好, étude"


def test_a_terminals_colours_are_left_out():
    assert one_line("\x1b[1;31mred\x1b[0m and\n plain") == "red and plain"


def test_a_long_text_is_cut_with_an_ellipsis():
    assert one_line("a" * 60, 60) == "a" * 60
    assert one_line("a" * 61, 60) == "a" * 59 + "…"
    assert one_line("\0" * 1_000_000, 60) == "\\x00" * 14 + "\\x0" + "…"
    assert one_line(" " * 1000 + "a", 10) == "…"


def test_only_one_thing_has_no_s():
    assert [counted(number, "trial") for number in (0, 1, 2_000_000)] == ["0 trials", "1 trial", "2,000,000 trials"]
    assert [counted(number, "batch", "batches") for number in (1, 2)] == ["1 batch", "2 batches"]
    assert [counted(minutes, "minute") for minutes in (0.5, 1.0)] == ["0.5 minutes", "1 minute"]


def test_columns_stand_below_each_other_also_with_wide_characters():
    assert aligned([("试验", "x"), ("a", "10")], right={1}) == ["试验   x", "a     10"]
    assert aligned([("a", ""), ("bc", "")]) == ["a", "bc"]


def test_variables_are_suggested_only_when_they_are_really_near():
    assert near_variable("x_nope", ["open", "x_train", "_x_nope"]) == ""
    assert near_variable("x_trian", ["open", "x_train"]) == " Did you mean x_train?"
    assert near_variable("X", ["x"]) == " Did you mean x?"
