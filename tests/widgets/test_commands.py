"""Commands that come too late are answered, and not done."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from tests.widgets.fakes import ToldStudy
from tunemagic import events as ev
from tunemagic.widgets.commands import Commands
from tunemagic.widgets.wire import Acknowledgement


class Busy(ToldStudy):
    """Its search takes its time with a pause."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_to_pause, self.may_pause = threading.Event(), threading.Event()

    def pause(self) -> None:
        self.asked_to_pause.set()
        assert self.may_pause.wait(30)


class Answers:
    """What was answered, by the command's key."""

    def __init__(self) -> None:
        self.said: dict[str, tuple[bool, str]] = {}
        self.changed = threading.Condition()

    def __call__(self, answer: Acknowledgement, buffers: Sequence[bytes]) -> None:
        with self.changed:
            self.said[answer["id"]] = (answer["ok"], answer["message"])
            self.changed.notify_all()

    def wait_for(self, count: int) -> dict[str, tuple[bool, str]]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.said) == count, timeout=30), self.said
        return self.said


def command(study: ToldStudy, verb: str) -> dict[str, Any]:
    args = {"values": {"units": 96}}
    return {"kind": "command", "id": verb, "study": study.name, "session": study.session, "verb": verb, "args": args}


@pytest.fixture
def study() -> Busy:
    study = Busy()
    study.start()
    return study


@pytest.mark.parametrize("verb", ["stop", "try", "select"])
def test_a_click_on_a_closed_panel_is_answered(study: Busy, verb: str) -> None:
    answers = Answers()
    commands = Commands(study, answers, on_change=lambda: None, detach=study.stop)
    commands.close()
    commands.do(command(study, verb))
    assert answers.wait_for(1) == {verb: (False, "this panel was closed; nothing was done.")}
    assert not study.stopped.is_set()


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ("close", "this panel was closed; nothing was done."),
        ("restart", "this study was restarted since; nothing was done."),
        ("elsewhere", "study digits was closed"),
    ],
)
def test_a_click_that_waits_is_looked_at_again_when_its_turn_comes(study: Busy, end: str, message: str) -> None:
    answers = Answers()
    commands = Commands(study, answers, on_change=lambda: None, detach=study.stop)
    commands.do(command(study, "pause"))
    assert study.asked_to_pause.wait(30)
    commands.do(command(study, "try"))
    if end == "close":
        commands.close()
    elif end == "restart":
        study.ledger.record(ev.StudyResumed(session="the next one", max_trials=9, minutes=None, epochs=3))
    else:
        study.read_only_reason = "study digits was closed"
    study.may_pause.set()
    assert answers.wait_for(2) == {"pause": (True, ""), "try": (False, message)}
    assert study.view.queued == ()
    commands.close()
