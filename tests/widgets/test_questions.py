"""When which question of a panel is answered."""

import math

from tunemagic.widgets.questions import FORGET_SECONDS, MOST_QUESTIONS, Questions


def ask(topic, on=True, view="page", **options):
    return {"kind": "ask", "view": view, "topic": topic, "options": options, "on": on}


def test_an_answer_is_due_at_once_then_after_a_change_and_half_a_second():
    questions = Questions()
    questions.take(ask("best"), 0.0)
    assert questions.due(10.0) == [("best", {})]
    assert (questions.due(11.0), questions.next_at()) == ([], math.inf)
    questions.mark_stale()
    assert (questions.next_at(), questions.due(10.4)) == (10.5, [])
    assert questions.due(10.5) == [("best", {})]


def test_what_takes_long_is_computed_less_often():
    questions = Questions()
    questions.take(ask("importance"), 0.0)
    questions.due(10.0)
    questions.mark_stale()
    assert questions.next_at() == 15.0


def test_questions_are_told_apart_by_their_options_and_can_be_ended():
    questions = Questions()
    questions.take(ask("contour", x="lr", y="units"), 0.0)
    questions.take(ask("contour", y="lr", x="units"), 0.0)
    questions.take(ask("contour", on=False, y="units", x="lr"), 0.0)
    assert questions.due(0.0) == [("contour", {"y": "lr", "x": "units"})]


def test_of_too_many_questions_the_first_ones_are_forgotten():
    questions = Questions()
    for number in range(MOST_QUESTIONS + 3):
        questions.take(ask("trial", trial=str(number)), 0.0)
    due = questions.due(0.0)
    assert (len(due), due[0]) == (MOST_QUESTIONS, ("trial", {"trial": "3"}))


def test_what_makes_no_sense_is_no_question():
    questions = Questions()
    for content in ({}, {"topic": 3, "options": {}, "on": True}, {"topic": "best", "options": [], "on": True}):
        questions.take(content, 0.0)
    assert questions.due(0.0) == []


def test_a_page_that_ends_a_question_leaves_it_to_the_others():
    questions = Questions()
    for view, on in (("a", True), ("b", True), ("b", False)):
        questions.take(ask("best", on=on, view=view), 0.0)
    assert questions.due(0.0) == [("best", {})]
    questions.take(ask("best", on=False, view="a"), 1.0)
    questions.mark_stale()
    assert questions.next_at() == math.inf


def test_a_page_that_is_heard_no_more_asks_no_more():
    questions = Questions()
    for view in ("a", "b"):
        questions.take(ask("importance", view=view), 0.0)
    questions.take(ask("importance", view="b"), FORGET_SECONDS)
    assert questions.due(FORGET_SECONDS + 1) == [("importance", {})]
    questions.mark_stale()
    assert questions.due(2 * FORGET_SECONDS + 1) == []
    assert questions.next_at() == math.inf


def test_asking_on_is_not_asking_anew_but_another_page_needs_an_answer():
    questions = Questions()
    questions.take(ask("importance", view="a"), 0.0)
    questions.due(0.0)
    questions.take(ask("importance", view="a"), 10.0)
    assert questions.due(10.0) == []
    questions.take(ask("importance", view="b"), 11.0)
    assert questions.due(11.0) == [("importance", {})]


def test_a_view_that_begins_anew_has_asked_nothing():
    questions = Questions()
    questions.take(ask("best", view="a"), 0.0)
    questions.take(ask("slice", view="b"), 0.0)
    questions.greet("a")
    assert questions.due(0.0) == [("slice", {})]


def test_of_too_many_pages_the_first_ones_are_forgotten():
    questions = Questions()
    for number in range(MOST_QUESTIONS + 1):
        questions.take(ask("best", view=str(number)), 0.0)
    for number in range(1, MOST_QUESTIONS + 1):
        questions.take(ask("best", on=False, view=str(number)), 0.0)
    assert questions.due(0.0) == []
