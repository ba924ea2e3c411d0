"""When which question of a panel is answered."""

import math

from tunemagic.widgets.questions import MOST_QUESTIONS, Questions


def ask(topic, on=True, **options):
    return {"kind": "ask", "topic": topic, "options": options, "on": on}


def test_an_answer_is_due_at_once_then_after_a_change_and_half_a_second():
    questions = Questions()
    questions.take(ask("best"))
    assert questions.due(10.0) == [("best", {})]
    assert (questions.due(11.0), questions.next_at()) == ([], math.inf)
    questions.mark_stale()
    assert (questions.next_at(), questions.due(10.4)) == (10.5, [])
    assert questions.due(10.5) == [("best", {})]


def test_what_takes_long_is_computed_less_often():
    questions = Questions()
    questions.take(ask("importance"))
    questions.due(10.0)
    questions.mark_stale()
    assert questions.next_at() == 15.0


def test_questions_are_told_apart_by_their_options_and_can_be_ended():
    questions = Questions()
    questions.take(ask("contour", x="lr", y="units"))
    questions.take(ask("contour", y="lr", x="units"))
    questions.take(ask("contour", on=False, y="units", x="lr"))
    assert questions.due(0.0) == [("contour", {"y": "lr", "x": "units"})]


def test_of_too_many_questions_the_first_ones_are_forgotten():
    questions = Questions()
    for number in range(MOST_QUESTIONS + 3):
        questions.take(ask("trial", trial=str(number)))
    due = questions.due(0.0)
    assert (len(due), due[0]) == (MOST_QUESTIONS, ("trial", {"trial": "3"}))


def test_what_makes_no_sense_is_no_question():
    questions = Questions()
    for content in ({}, {"topic": 3, "options": {}, "on": True}, {"topic": "best", "options": [], "on": True}):
        questions.take(content)
    assert questions.due(0.0) == []
