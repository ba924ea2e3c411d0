"""The list of studies for the side panel."""

from __future__ import annotations

import threading

import comm
import pytest

from tests.widgets.fakes import Outbox, ToldBook, ToldStudy
from tunemagic.i18n import Language, catalogue
from tunemagic.i18n.facts import translate
from tunemagic.widgets import insert
from tunemagic.widgets.panel import TunePanel
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


def row(name, state="new", done=0, total=None, objective="", best=None, model_id="", where="kernel"):
    return {
        "name": name,
        "where": where,
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


def disk_study(name="old"):
    study = ToldStudy(name)
    study.read_only_reason = f"study {name} was read from disk"
    study.start()
    study.run_trial(1, 0.5, 0.75)
    study.end()
    return study


def reply(key="k1", *, ok=True, message="", code="", comparison=None):
    return {"kind": "reply", "v": 1, "id": key, "ok": ok, "message": message, "code": code, "comparison": comparison}


def test_studies_on_disk_are_named_and_read_when_one_is_opened(book, comms, side):
    book.disk = {"old": disk_study(), "older": disk_study("older")}
    book.add(ToldStudy())
    comms[0].say(kind="request_state")
    named = [row("old", "", where="disk"), row("older", "", where="disk"), row("digits")]
    comms[0].outbox.wait_for(lambda found: found[-1:] and found[-1]["studies"] == named)
    comms[0].say(kind="show", id="k1", study="old")
    comms[0].outbox.wait_for(lambda found: found[-1]["studies"][0]["model_id"] != "")
    opened = comms[0].outbox.messages[-1][0]["studies"][0]
    assert opened == row("old", "finished", 1, 30, "val_accuracy", 0.75, opened["model_id"], "disk")
    comms[0].say(kind="show", id="k2", study="old")
    comms[0].say(kind="show", id="k3", study="gone")
    assert comms[0].outbox.wait_for_kind("reply") == reply("k3", ok=False, message="no study named 'gone'.")
    assert TunePanel.shown_for(book.disk["old"]).model_id == opened["model_id"]
    # Its cell runs again: from now on it is the kernel's own.
    book.add(ToldStudy("old"))
    own = [row("older", "", where="disk"), row("digits"), row("old")]
    comms[0].outbox.wait_for(lambda found: found[-1].get("studies") == own)
    assert TunePanel.shown_for(book.disk["old"]) is None


def test_a_study_on_disk_that_has_grown_is_read_again(book, comms, side):
    book.disk = {"old": disk_study()}
    comms[0].say(kind="show", id="k1", study="old")
    before = comms[0].outbox.wait_for_kind("studies")["studies"][0]
    comms[0].say(kind="show", id="k2", study="old")
    first, book.disk["old"] = book.disk["old"], disk_study()
    book.disk["old"].run_trial(2, 0.875)
    comms[0].say(kind="show", id="k3", study="old")
    comms[0].outbox.wait_for(lambda found: found[-1]["studies"][0]["best"] == 0.875)
    after = comms[0].outbox.messages[-1][0]["studies"][0]
    assert (before["best"], after["done"]) == (0.75, 2)
    assert TunePanel.shown_for(first) is None
    assert TunePanel.shown_for(book.disk["old"]).model_id == after["model_id"]


def test_names_that_can_not_be_read_end_neither_the_list_nor_its_thread(book, comms, side):
    book.unreadable = True
    book.disk = {"old": disk_study()}
    book.add(ToldStudy())
    comms[0].say(kind="request_state")
    assert comms[0].outbox.wait_for_kind("studies")["studies"] == [row("digits")]
    book.unreadable = False
    book.studies[0].start()  # no change of the book: the names are still to be read
    comms[0].outbox.wait_for(lambda found: [one["name"] for one in found[-1]["studies"]] == ["old", "digits"])


def test_a_list_that_can_not_be_made_is_not_the_last_one(book, comms, side):
    comms[0].say(kind="request_state")
    comms[0].outbox.wait_for_kind("studies")
    failed, live = threading.Event(), book.live

    def broken():
        failed.set()
        raise RuntimeError("a broken book")

    book.live = broken
    book.add(ToldStudy())
    assert failed.wait(30)
    book.live = live
    book.add(ToldStudy("second"))
    comms[0].outbox.wait_for(lambda found: [one["name"] for one in found[-1]["studies"]] == ["digits", "second"])


def test_a_cell_with_a_model_comes_back_as_a_tune_cell(book, comms):
    side = SideChannel(book, namespace={"units": print, "learning_rate": 0.1})
    cell = "model = keras.Sequential([Dense(20), Dense(2)])\nmodel.compile(Adam(1e-3), 'mse')"
    comms[0].say(kind="suggest", id="k1", code=cell)
    assert comms[0].outbox.wait_for_kind("reply") == reply(
        code="%%tune\nunits_2 = 20  #@tune int(5, 80, step=5)\n"
        "model = keras.Sequential([Dense(units_2), Dense(2)])\nlearning_rate = 1e-3  #@tune log(0.0001, 0.01)\n"
        "model.compile(Adam(learning_rate), 'mse')"
    )
    comms[0].say(kind="suggest", id="k2", code="x = 1")
    assert "no Keras model" in comms[0].outbox.wait_for_kind("reply", count=2)["message"]
    comms[0].say(kind="suggest", id="k3")
    message = "expected code as a text; received NoneType."
    assert comms[0].outbox.wait_for_kind("reply", count=3) == reply("k3", ok=False, message=message)
    side.close()


def test_commands_act_on_their_study(book, comms, side):
    study = ToldStudy()
    study.start()
    book.add(study)
    book.disk = {"old": disk_study()}
    comms[0].say(kind="steer", id="k1", study="digits", verb="stop")
    assert comms[0].outbox.wait_for_kind("reply") == reply(message="%tune stop digits")
    assert study.stopped.is_set()
    refusals = {
        ("old", "stop"): "study old was read from disk; it can't be changed here.",
        ("gone", "stop"): "no study named 'gone'.",
        ("digits", "delete"): "expected one of pause, resume, stop, skip, report; received 'delete'.",
        ("digits", "report"): "reports can't be written here.",
    }
    for number, ((name, verb), message) in enumerate(refusals.items(), start=2):
        comms[0].say(kind="steer", id="k", study=name, verb=verb)
        assert comms[0].outbox.wait_for_kind("reply", count=number) == reply("k", ok=False, message=message)
    study.end()
    comms[0].say(kind="steer", id="k", study="digits", verb="skip")
    message = "study digits is finished; there is nothing to skip."
    assert comms[0].outbox.wait_for_kind("reply", count=6) == reply("k", ok=False, message=message)


def test_a_pause_that_waits_for_the_search_holds_no_stop_up(book, comms, side):
    study, may_pause = ToldStudy(), threading.Event()
    study.pause = lambda: may_pause.wait(30)
    study.start()
    book.add(study)
    comms[0].say(kind="steer", id="k1", study="digits", verb="pause")
    comms[0].say(kind="steer", id="k2", study="digits", verb="stop")
    assert comms[0].outbox.wait_for_kind("reply") == reply("k2", message="%tune stop digits")
    may_pause.set()
    assert comms[0].outbox.wait_for_kind("reply", count=2) == reply(message="%tune pause digits")


def test_a_chinese_page_is_refused_in_chinese(book, comms, side, monkeypatch):
    monkeypatch.setattr("tunemagic.widgets.page._told", Language.CHINESE)
    study = disk_study()
    study.read_only_reason = "study old was read from disk; `%tune resume old`, or its cell, goes on with it"
    book.disk = {"old": study}
    book.add(ToldStudy())
    book.studies[0].start()
    book.studies[0].end()
    for name in ("old", "digits"):
        comms[0].say(kind="steer", id=name, study=name, verb="skip")
    told = [comms[0].outbox.wait_for_kind("reply", count=count)["message"] for count in (1, 2)]
    assert told == [
        f"{translate(study.read_only_reason, catalogue(Language.CHINESE))}；不能在此处更改它。",
        "搜索 digits 的状态为“已结束”；%tune skip 此时不起作用。",
    ]


def test_the_report_is_written_in_a_thread_of_its_own(book, comms):
    side = SideChannel(book, report=lambda study: f"{study.name}.html")
    book.add(ToldStudy())
    comms[0].say(kind="steer", id="k1", study="digits", verb="report")
    assert comms[0].outbox.wait_for_kind("reply") == reply(message="digits.html")
    side.close()


def test_two_studies_are_compared(book, comms, side):
    book.disk = {"old": disk_study(), "older": disk_study("older")}
    comms[0].say(kind="compare", id="k1", studies=["old", "older"])
    found = comms[0].outbox.wait_for_kind("reply")["comparison"]
    assert (found["left"]["name"], found["right"]["name"], found["better"]) == ("old", "older", "")
    assert found["left"]["steps"] == ({"trial": 1, "best": 0.75},)
    comms[0].say(kind="compare", id="k2", studies=["old"])
    assert not comms[0].outbox.wait_for_kind("reply", count=2)["ok"]


def test_the_form_takes_the_chosen_cell_once(comms, side):
    comms[0].say(kind="source", id="k1", code="model = 1")
    assert comms[0].outbox.wait_for_kind("reply") == reply()
    assert [side.take_source(), side.take_source()] == ["model = 1", ""]


def test_the_first_page_that_claims_a_cell_gets_it(comms, side):
    refused = threading.Event()
    insert.insert_cell("x = 1", failed=refused.set)
    assert refused.is_set(), "no page has asked for anything yet"
    comms[0].say(kind="request_state")
    taken = threading.Event()
    insert.insert_cell("x = 1", run=True, failed=pytest.fail, taken=taken.set)
    offer = comms[0].outbox.wait_for_kind("offer")
    assert not taken.is_set()
    comms[0].say(kind="claim", id=offer["id"], page="front")
    comms[0].say(kind="claim", id=offer["id"], page="behind")
    comms[0].say(kind="claim", id="unknown", page="front")
    given = {"kind": "insert_cell", "v": 1, "id": offer["id"], "page": "front", "code": "x = 1", "run": True}
    assert comms[0].outbox.wait_for_kind("insert_cell") == given
    assert comms[0].outbox.kinds().count("insert_cell") == 1
    assert taken.is_set()


def test_a_cell_that_is_still_offered_at_the_end_is_given_up():
    refused = threading.Event()
    inserter = insert.CellInserter(lambda message: None, claim_seconds=3600)
    inserter.insert("x = 1", run=False, failed=refused.set, taken=pytest.fail)
    inserter.close()
    assert refused.is_set()


def test_a_cell_that_no_page_claims_is_given_up():
    refused = threading.Event()
    inserter = insert.CellInserter(lambda message: None, claim_seconds=0.01)
    inserter.insert("x = 1", run=False, failed=refused.set)
    assert refused.wait(30)
    inserter.close()


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
