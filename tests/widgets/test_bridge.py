"""The channel between a study and a panel: what is sent when, and what commands do."""

from __future__ import annotations

import threading

import pytest

from tests.golden.make import unpacked
from tests.widgets.fakes import REFUSED, Outbox, ToldStudy
from tunemagic import events as ev
from tunemagic.request import QuantMode
from tunemagic.trial import replay
from tunemagic.widgets.bridge import StudyChannel


@pytest.fixture
def study():
    return ToldStudy()


@pytest.fixture
def outbox():
    return Outbox()


@pytest.fixture
def detached():
    return threading.Event()


@pytest.fixture
def channel(study, outbox, detached):
    channel = StudyChannel(study, outbox, waiting=True, detach=detached.set)
    yield channel
    channel.close()


def command(study, verb, key="k1", **more):
    content = {"kind": "command", "id": key, "study": study.name, "session": study.session, "verb": verb, "args": {}}
    return {**content, **more}


def ack(key="k1", *, ok=True, done=True, message=""):
    return {"kind": "ack", "id": key, "ok": ok, "done": done, "message": message}


def received_seqs(contents):
    return [event["seq"] for one in contents if one["kind"] == "events" for event in one["events"]]


def test_nothing_is_sent_before_a_front_end_says_hello(study, outbox, channel):
    study.start()
    study.run_trial(1, 0.5, 0.75)
    channel.waiting = False
    assert not channel.first_contact.is_set()
    channel.receive({"kind": "hello", "have": 0})
    outbox.wait_for_kind("snapshot")
    assert channel.first_contact.is_set()
    assert outbox.kinds()[0] == "snapshot"


def test_a_snapshot_holds_the_curves_as_bytes(study, outbox, channel):
    study.start()
    study.run_trial(1, 0.5, 0.75)
    channel.receive({"kind": "hello", "have": 0})
    message = outbox.wait_for_kind("snapshot")
    buffers = outbox.messages[0][1]
    assert [type(buffer) for buffer in buffers] == [bytes]
    found = unpacked(message, buffers)
    table = {"names": ["val_accuracy"], "trial": [1], "run": [1], "metric": [0], "length": [2], "kept": [True]}
    assert found["body"]["curves"] == table
    # 0.5 and 0.75 are 3f000000 and 3f400000: least significant bytes first.
    assert found["curve_bytes"] == "00000000" + "0040" + "3f3f"
    assert message["seq"] == study.view.seq


def test_every_event_after_the_snapshot_arrives_once_and_in_order(study, outbox, channel):
    study.start()
    channel.receive({"kind": "hello", "have": 0})
    outbox.wait_for_kind("snapshot")
    for number in range(1, 41):
        study.run_trial(number, 0.25, 0.5, 0.75)
    last = study.view.seq
    contents = outbox.wait_for(lambda found: received_seqs(found)[-1:] == [last])
    assert received_seqs(contents) == list(range(contents[0]["seq"] + 1, last + 1))
    batches = [one for one in contents if one["kind"] == "events"]
    assert all((one["from"], one["to"]) == (one["events"][0]["seq"], one["events"][-1]["seq"]) for one in batches)
    told = [ev.event_from_json(event) for one in batches for event in one["events"]]
    assert replay([*study.events_after(0)[: contents[0]["seq"]], *told]) == study.view


def test_a_burst_of_events_becomes_few_messages(study, outbox, channel):
    study.start()
    channel.receive({"kind": "hello", "have": 0})
    outbox.wait_for_kind("snapshot")
    for number in range(1, 201):
        study.run_trial(number, 0.5)
    outbox.wait_for(lambda found: received_seqs(found)[-1:] == [study.view.seq])
    # 600 events; how many batches depends on the machine's speed, one each would be no coalescing.
    assert outbox.kinds().count("events") < 60


def test_a_replay_brings_what_is_missing(study, outbox, channel):
    study.start()
    study.run_trial(1, 0.5, 0.75)
    channel.receive({"kind": "hello", "have": 0})
    outbox.wait_for_kind("snapshot")
    channel.receive({"kind": "replay", "have": 2})
    assert received_seqs([outbox.wait_for_kind("events")]) == [3, 4, 5]


def test_a_replay_of_very_much_is_a_snapshot(study, outbox, channel):
    study.start()
    for number in range(1, 101):
        study.run_trial(number, 0.5)
    channel.receive({"kind": "hello", "have": 0})
    outbox.wait_for_kind("snapshot")
    channel.receive({"kind": "replay", "have": 1})
    outbox.wait_for_kind("snapshot", count=2)
    assert "events" not in outbox.kinds()


def test_stop_acts_at_once_and_is_acknowledged(study, outbox, channel):
    study.start()
    channel.receive(command(study, "stop"))
    assert study.stopped.is_set()
    assert outbox.wait_for_kind("ack") == ack()


def test_detach_calls_back(study, outbox, channel, detached):
    study.start()
    channel.receive(command(study, "detach"))
    assert detached.is_set()
    assert outbox.wait_for_kind("ack") == ack()


def test_a_stale_click_does_nothing(study, outbox, channel):
    study.start()
    channel.receive(command(study, "stop", session="the one before"))
    assert outbox.wait_for_kind("ack") == ack(ok=False, message="this study was restarted since; nothing was done.")
    assert not study.stopped.is_set()


def test_a_read_only_study_takes_no_commands(study, outbox, channel):
    study.start()
    study.read_only_reason = "process 12 has it open since 10:00"
    channel.receive(command(study, "stop"))
    assert outbox.wait_for_kind("ack") == ack(ok=False, message="process 12 has it open since 10:00")
    assert not study.stopped.is_set()


@pytest.mark.parametrize("content", [{}, {"kind": "replay", "have": "x"}, {"kind": ["hello"]}])
def test_messages_that_make_no_sense_are_ignored(study, outbox, channel, content):
    study.start()
    channel.receive(content)
    channel.receive(command(study, "jump"))
    assert outbox.wait_for_kind("ack")["message"] == "expected stop, detach or convert; received 'jump'."
    assert outbox.kinds() == ["ack"]


def test_convert_answers_at_once_and_again_when_done(study, outbox, channel):
    study.start()
    study.run_trial(1, 0.5)
    study.end()
    channel.receive({"kind": "hello", "have": 0})
    outbox.wait_for_kind("snapshot")
    study.may_convert.clear()
    channel.receive(command(study, "convert", args={"mode": "all"}))
    assert outbox.wait_for_kind("ack") == ack(done=False)
    assert outbox.wait_for_kind("status")["status"]["converting"] is True
    channel.receive(command(study, "convert", "k2", args={"mode": "none"}))
    busy = "a conversion is running already; wait for its results."
    assert outbox.wait_for_kind("ack", count=2) == ack("k2", ok=False, message=busy)
    study.may_convert.set()
    assert outbox.wait_for_kind("ack", count=3) == ack()
    assert study.asked_modes == list(QuantMode)
    contents = outbox.wait_for(lambda found: len(received_seqs(found)) >= len(QuantMode))
    shown = [event["mode"] for one in contents if one["kind"] == "events" for event in one["events"]]
    assert shown == [str(mode) for mode in QuantMode]


def test_a_conversion_that_fails_says_so_and_can_be_tried_again(study, outbox, channel):
    study.start()
    study.export_error = REFUSED
    channel.receive(command(study, "convert", args={"mode": "int8"}))
    assert outbox.wait_for_kind("ack", count=2) == ack(ok=False, message=str(REFUSED))
    study.export_error = RuntimeError("op not supported")
    channel.receive(command(study, "convert", "k2", args={"mode": "int8"}))
    message = "the conversion failed: RuntimeError: op not supported"
    assert outbox.wait_for_kind("ack", count=4) == ack("k2", ok=False, message=message)


def test_an_unknown_mode_is_refused(study, outbox, channel):
    study.start()
    channel.receive(command(study, "convert", args={"mode": "int4"}))
    message = "expected one of none, dynamic, float16, int8, all; received 'int4'."
    assert outbox.wait_for_kind("ack") == ack(ok=False, message=message)


def test_the_end_of_the_study_ends_the_waiting(study, outbox, channel):
    study.start()
    channel.receive({"kind": "hello", "have": 0})
    assert outbox.wait_for_kind("snapshot")["status"]["waiting"] is True
    study.end()
    assert outbox.wait_for_kind("status")["status"]["waiting"] is False


def test_a_closed_channel_lets_go_of_the_study_and_ends_its_thread(study, outbox):
    channel = StudyChannel(study, outbox, waiting=True, detach=study.stop)
    name = f"tunemagic-panel-{study.name}"
    thread = next(one for one in threading.enumerate() if one.name == name)
    channel.close()
    thread.join(30)
    assert not thread.is_alive()
    assert study.listeners == 0
