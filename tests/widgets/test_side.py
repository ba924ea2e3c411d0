"""The list of studies for the side panel."""

from __future__ import annotations

import comm
import pytest

from tests.widgets.fakes import Outbox, ToldBook, ToldStudy
from tunemagic.widgets.side import SideChannel


class RecordedComm(comm.base_comm.BaseComm):
    """A comm whose far end is an outbox."""

    outbox: Outbox

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        if msg_type == "comm_msg":
            self.outbox(data, buffers or ())

    def say(self, **data):
        self.handle_msg({"content": {"data": data}})


@pytest.fixture
def comms(monkeypatch):
    made = []

    def create_comm(**options):
        made.append(RecordedComm(**options))
        made[-1].outbox = Outbox()
        return made[-1]

    monkeypatch.setattr("tunemagic.widgets.side.create_comm", create_comm)
    return made


@pytest.fixture
def book():
    return ToldBook()


@pytest.fixture
def side(book, comms):
    side = SideChannel(book)
    yield side
    side.close()


def row(name, state="new", done=0, total=None, objective="", best=None, model_id=""):
    return {
        "name": name,
        "state": state,
        "done": done,
        "total": total,
        "objective": objective,
        "best": best,
        "model_id": model_id,
    }


def test_nothing_is_sent_before_a_side_panel_asks(book, comms, side):
    book.add(ToldStudy())
    assert comms[0].outbox.messages == []
    comms[0].say(kind="request_state")
    assert comms[0].outbox.wait_for_kind("studies") == {"kind": "studies", "v": 1, "studies": [row("digits")]}


def test_the_list_follows_studies_and_the_book(book, comms, side):
    first = ToldStudy()
    book.add(first)
    comms[0].say(kind="request_state")
    comms[0].outbox.wait_for_kind("studies")
    first.start()
    first.run_trial(1, 0.5, 0.75)
    book.add(ToldStudy("second"))
    running = row("digits", "running", 1, 30, "val_accuracy", 0.75)
    comms[0].outbox.wait_for(lambda found: found[-1]["studies"] == [running, row("second")])


def test_a_study_that_left_the_book_is_not_followed_any_more(book, comms, side):
    first = ToldStudy()
    book.add(first)
    comms[0].say(kind="request_state")
    comms[0].outbox.wait_for(lambda found: found[-1:] and found[-1]["studies"] == [row("digits")])
    book.studies.clear()
    book.add(ToldStudy("second"))
    comms[0].outbox.wait_for(lambda found: found[-1]["studies"] == [row("second")])
    assert first.listeners == 0


def test_other_messages_are_ignored(book, comms, side):
    comms[0].say(kind="something else")
    comms[0].say()
    assert comms[0].outbox.messages == []


def test_closing_ends_the_comm_and_every_subscription(book, comms):
    study = ToldStudy()
    book.add(study)
    side = SideChannel(book)
    comms[0].say(kind="request_state")
    comms[0].outbox.wait_for_kind("studies")
    side.close()
    side.close()
    assert (book.listeners, study.listeners, comms[0]._closed) == ([], 0, True)
