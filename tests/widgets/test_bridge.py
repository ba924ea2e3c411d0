"""The channel between a study and a panel: what is sent when, and what commands do."""

from __future__ import annotations

import dataclasses
import io
import threading
import zipfile
from dataclasses import replace

import pytest

from tests.golden.make import unpacked
from tests.widgets.fakes import NOTHING_RUNS, REFUSED, STOPPED, Outbox, ToldStudy, exported
from tunemagic import events as ev
from tunemagic.export.modes import MILDEST_FIRST, every_mode
from tunemagic.export.place import fingerprint
from tunemagic.export.targets.kinds import KINDS
from tunemagic.i18n import Language, catalogue
from tunemagic.request import QuantMode, Target
from tunemagic.trial import replay
from tunemagic.widgets.bridge import StudyChannel

MODES = sorted(every_mode(), key=MILDEST_FIRST.index)


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


def ack(key="k1", *, ok=True, done=True, message="", line=""):
    return {"kind": "ack", "id": key, "ok": ok, "done": done, "message": message, "line": line}


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
    assert outbox.kinds()[:2] == ["texts", "snapshot"]


def test_a_snapshot_holds_the_curves_as_bytes(study, outbox, channel):
    study.start()
    study.run_trial(1, 0.5, 0.75)
    channel.receive({"kind": "hello", "have": 0})
    message = outbox.wait_for_kind("snapshot")
    buffers = outbox.messages[1][1]
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
    contents = contents[1:]  # the texts come first
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
    assert outbox.wait_for_kind("ack") == ack(line="%tune stop digits")


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
    verbs = "stop, detach, convert, cancel, download, pause, resume, skip, try, space, budget, select, cell"
    assert outbox.wait_for_kind("ack")["message"] == f"expected one of {verbs}; received 'jump'."
    assert outbox.kinds() == ["ack"]


def test_convert_answers_at_once_and_again_when_done(study, outbox, channel):
    study.start()
    study.run_trial(1, 0.5)
    study.end()
    channel.receive({"kind": "hello", "have": 0})
    outbox.wait_for_kind("snapshot")
    study.may_convert.clear()
    channel.receive(command(study, "convert", args={"mode": "all"}))
    line = "%tflite digits --quant all"
    assert outbox.wait_for_kind("ack") == ack(done=False, line=line)
    progress = {"at": 1, "count": len(every_mode()), "target": "tflite", "mode": "none", "stopping": False}
    assert outbox.wait_for_kind("status")["status"]["converting"] == progress
    channel.receive(command(study, "convert", "k2", args={"mode": "none"}))
    busy = "a conversion is running already; wait for its results."
    assert outbox.wait_for_kind("ack", count=2) == ack("k2", ok=False, message=busy)
    study.may_convert.set()
    assert outbox.wait_for_kind("ack", count=3) == ack(line=line)
    assert (study.asked, study.asked_modes) == ([("export", ("tflite", True))], MODES)
    contents = outbox.wait_for(lambda found: len(received_seqs(found)) >= len(MODES))
    shown = [event["mode"] for one in contents if one["kind"] == "events" for event in one["events"]]
    assert shown == MODES


def test_an_export_is_ended_by_a_click_and_what_is_finished_is_kept(study, outbox, channel):
    study.start()
    channel.receive({"kind": "hello", "have": 0})
    outbox.wait_for_kind("snapshot")
    study.may_convert.clear()
    channel.receive(command(study, "cancel", "k0"))
    assert outbox.wait_for_kind("ack") == ack("k0", message="nothing is exported now.")
    channel.receive(command(study, "convert", args={"target": "onnx", "mode": "none"}))
    assert outbox.wait_for_kind("ack", count=2) == ack(done=False, line="%tune export digits --to onnx")
    channel.receive(command(study, "cancel", "k2"))
    assert outbox.wait_for_kind("ack", count=3) == ack("k2")
    stopping = {"at": 1, "count": 1, "target": "onnx", "mode": "none", "stopping": True}
    outbox.wait_for(
        lambda found: any(one["kind"] == "status" and one["status"]["converting"] == stopping for one in found)
    )
    study.may_convert.set()
    assert outbox.wait_for_kind("ack", count=4) == ack(ok=False, message=str(STOPPED))


def test_a_file_travels_to_the_page_as_it_was_verified(study, outbox, channel, tmp_path):
    folder = tmp_path / "digits-json"
    folder.mkdir()
    (folder / "model.json").write_text("{}", encoding="utf-8")
    (tmp_path / "digits.onnx").write_bytes(b"onnx")
    study.start()
    for target, path in ((Target.ONNX, tmp_path / "digits.onnx"), (Target.JSON, folder)):
        result = replace(exported(QuantMode.NONE, target), path=path, bytes=4, sha256=fingerprint(path)[2])
        study.ledger.record(result.event())
    study.ledger.record(replace(exported(QuantMode.INT8), path=tmp_path / "digits.onnx", sha256="00", bytes=4).event())
    for number, key in enumerate(("1 onnx none", "1 json none", "1 tflite int8", "../etc/passwd")):
        channel.receive(command(study, "download", str(number), args={"export": key}))
    outbox.wait_for_kind("ack", count=4)
    answers = [(content["ok"], content["message"], buffers) for content, buffers in outbox.messages]
    assert answers[0] == (True, "digits.onnx", [b"onnx"])
    assert answers[1][:2] == (True, "digits-json.zip")
    with zipfile.ZipFile(io.BytesIO(answers[1][2][0])) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"digits-json/model.json": b"{}"}
    assert answers[2:] == [
        (False, "digits.onnx was changed since it was made; export it again.", []),
        (False, "expected an artefact of study digits; received '../etc/passwd'.", []),
    ]


def test_a_page_hears_what_there_is_to_export_to_and_which_samples_differ(study, outbox, channel, monkeypatch):
    monkeypatch.setitem(KINDS, Target.ONNX, replace(KINDS[Target.ONNX], packages=("not_there",)))
    study.start()
    study.ledger.record(exported(QuantMode.INT8).event())
    for topic, options in (("targets", {}), ("flips", {"export": "1 tflite int8"}), ("flips", {"export": "x"})):
        channel.receive({"kind": "ask", "view": "v", "topic": topic, "options": options, "on": True})
    answers = outbox.wait_for(lambda found: sum(one["kind"] == "answer" for one in found) == 3)
    by_question = {(one["topic"], one["options"].get("export")): one for one in answers if one["kind"] == "answer"}
    offers = by_question["targets", None]["info"]["exports"]
    assert [one["mode"] for one in offers if one["target"] == "tflite"] == list(MILDEST_FIRST)
    missing = {one["target"]: one["missing"] for one in offers if one["target"] in ("keras", "onnx")}
    needs = 'onnx: the package not_there is not installed. Run: %pip install "tunemagic[onnx]"'
    assert missing == {"keras": "", "onnx": needs}
    assert by_question["flips", "1 tflite int8"]["info"] == dataclasses.asdict(study.flips(None))
    assert by_question["flips", "x"]["error"] == "expected an artefact of study digits; received 'x'."


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
    channel.receive(command(study, "convert", args={"mode": "int5"}))
    message = "expected one of none, dynamic, float16, int8, int16x8, int4, mixed, all; received 'int5'."
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


# -- steering ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "args", "message", "line"),
    [
        ("pause", {}, "", "%tune pause digits"),
        ("resume", {}, "", "%tune resume digits"),
        ("skip", {"trial": 3}, "", "%tune skip 3 digits"),
        ("try", {"values": {"units": 96, "lr": 0.001}}, "", "%tune try units=96 lr=0.001 digits"),
        (
            "space",
            {"ranges": {"lr": [0.0001, 0.01]}, "fixed": {"units": 96}, "choices": {"act": ["relu", "tanh"]}},
            "the next proposals lie in the new range",
            "%tune space digits --range lr=0.0001:0.01 --fix units=96 --choices act=relu,tanh",
        ),
        (
            "budget",
            {"max_trials": 50, "workers": 2},
            "the search ends after 50 trials; 0 trials at a time",
            "%tune budget digits -n 50 -w 2",
        ),
        ("select", {"trials": [3, 7]}, "study.selected holds 2 trials", ""),
    ],
)
def test_a_click_is_done_and_answered_with_the_line_that_does_the_same(
    study, outbox, channel, verb, args, message, line
):
    study.start()
    channel.receive(command(study, verb, args=args))
    assert outbox.wait_for_kind("ack") == ack(message=message, line=line)


def test_clicks_that_wait_for_the_search_are_done_in_their_order(study, outbox, channel):
    study.start()
    for key, verb in enumerate(["pause", "resume", "try", "pause"]):
        channel.receive(command(study, verb, str(key), args={"values": {"units": 96}}))
    outbox.wait_for_kind("ack", count=4)
    assert [type(event).__name__ for event in study.events_after(1)] == [
        "StudyPaused",
        "StudyContinued",
        "TrialQueued",
        "StudyPaused",
    ]
    channel.receive({"kind": "hello", "have": 0})
    assert outbox.wait_for_kind("snapshot")["status"]["waiting"] is True  # a cell waits for a paused study too


@pytest.mark.parametrize(
    ("verb", "args", "message"),
    [
        ("skip", {}, str(NOTHING_RUNS)),
        ("try", {"values": [1]}, "values: expected values by name; received [1]."),
        ("try", "units", "values: expected values by name; received None."),
        ("space", {"ranges": 3}, "ranges: expected values by name; received 3."),
        ("select", {"trials": "all"}, "select: expected a list of trials; received 'all'."),
        ("cell", {}, "cell: expected code; received None."),
        ("cell", {"code": "1"}, "No JupyterLab extension listens here; copy the code."),
    ],
)
def test_what_can_not_be_done_is_refused_with_its_reason(study, outbox, channel, verb, args, message):
    study.start()
    channel.receive(command(study, verb, args=args))
    assert outbox.wait_for_kind("ack") == ack(ok=False, message=message)


def test_code_goes_into_a_cell_and_is_answered_once_a_page_has_taken_it(study, outbox):
    cells = []
    channel = StudyChannel(
        study, outbox, waiting=True, detach=study.stop, insert=lambda code, taken, failed: cells.append((code, taken))
    )
    study.start()
    channel.receive(command(study, "cell", args={"code": "units = 96"}))
    channel.receive(command(study, "select", "k2", args={"trials": []}))
    assert outbox.wait_for_kind("ack")["id"] == "k2"
    ((code, taken),) = cells
    taken()
    assert (code, outbox.wait_for_kind("ack", count=2)) == ("units = 96", ack())
    channel.close()


def test_a_chinese_page_is_refused_in_chinese(study, outbox, channel):
    study.start()
    channel.receive({"kind": "hello", "have": 0, "lang": "zh-CN"})
    channel.receive(command(study, "stop", session="the one before"))
    channel.receive(command(study, "convert", "k2", args={"mode": "int5"}))
    told = [outbox.wait_for_kind("ack", count=count)["message"] for count in (1, 2)]
    assert told == [
        "此搜索已重新开始；未执行任何操作。",
        "应为 none, dynamic, float16, int8, int16x8, int4, mixed, all 之一；收到的是 'int5'。",
    ]


# -- what can't be sent ------------------------------------------------------------------------------


class LossyOutbox(Outbox):
    """Fails at the first messages of each of these kinds, so many times."""

    def __init__(self, **failures):
        super().__init__()
        self.failures = failures

    def __call__(self, content, buffers=()):
        if self.failures.get(content["kind"], 0):
            self.failures[content["kind"]] -= 1
            raise OSError("the wire is cut")
        super().__call__(content, buffers)


def test_a_message_that_fails_holds_no_other_up_and_comes_a_little_later(study):
    outbox = LossyOutbox(ack=1, snapshot=1, texts=2, answer=1)
    channel = StudyChannel(study, outbox, waiting=True, detach=study.stop)
    study.start()
    study.run_trial(1, 0.5)
    channel.receive({"kind": "hello", "have": 0})
    channel.receive(ask("trial", trial="1"))
    channel.receive(command(study, "stop"))
    channel.receive(command(study, "stop", "k2"))
    for kind, count in (("snapshot", 1), ("answer", 1), ("ack", 2)):
        outbox.wait_for_kind(kind, count=count)
    assert outbox.failures == dict.fromkeys(outbox.failures, 0)
    assert "texts" not in outbox.kinds()  # twice is enough; the page asks again
    study.run_trial(2, 0.5)
    contents = outbox.wait_for(lambda found: received_seqs(found)[-1:] == [study.view.seq])
    assert sorted(one["id"] for one in contents if one["kind"] == "ack") == ["k1", "k2"]
    channel.close()


def test_events_that_could_not_be_sent_come_a_little_later_without_a_gap(study):
    outbox = LossyOutbox(events=1, status=1)
    channel = StudyChannel(study, outbox, waiting=True, detach=study.stop)
    study.start()
    channel.receive({"kind": "hello", "have": 0})
    outbox.wait_for_kind("snapshot")
    study.run_trial(1, 0.5, 0.75)
    contents = outbox.wait_for(lambda found: received_seqs(found)[-1:] == [study.view.seq])
    assert received_seqs(contents) == list(range(2, study.view.seq + 1))
    channel.close()


# -- texts and questions -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "page", "lang"),
    [(None, "zh-CN", "zh_CN"), (None, "fr", "en"), (None, None, "en"), (Language.CHINESE, "en", "zh_CN")],
)
def test_the_texts_come_in_the_language_that_was_asked_for_or_the_pages(study, outbox, asked, page, lang):
    channel = StudyChannel(study, outbox, waiting=True, detach=study.stop, lang=asked)
    channel.receive({"kind": "hello", "have": 0, "lang": page})
    message = outbox.wait_for_kind("texts")
    assert message["lang"] == lang
    expected = catalogue(Language(lang)).texts
    assert message["texts"]["panel.no_extension"] == expected["panel.no_extension"]
    assert not [key for key in message["texts"] if key.startswith(("verb.", "record."))]
    channel.close()


def ask(topic, on=True, **options):
    return {"kind": "ask", "topic": topic, "options": options, "on": on}


def test_a_question_is_answered_at_once_and_again_when_a_trial_has_ended(study, outbox, channel):
    study.start()
    study.run_trial(1, 0.5, 0.75)
    channel.receive({"kind": "hello", "have": 0})
    channel.receive(ask("trial", trial="1"))
    first = outbox.wait_for_kind("answer")
    assert (first["topic"], first["options"], first["seq"], first["error"]) == ("trial", {"trial": "1"}, 5, "")
    assert first["info"]["trial"] == 1
    study.ledger.record(ev.StudyNoted(text="no picture shows this"))
    outbox.wait_for_kind("events")
    study.run_trial(2, 0.5)
    again = outbox.wait_for_kind("answer", count=2)
    assert again["seq"] > first["seq"] + 1
    channel.receive(ask("trial", on=False, trial="1"))
    study.run_trial(3, 0.5)
    outbox.wait_for(lambda found: received_seqs(found)[-1:] == [study.view.seq])
    assert outbox.kinds().count("answer") == 2


def test_a_question_without_an_answer_says_why(study, outbox, channel):
    study.start()
    channel.receive(ask("trial", trial="9"))
    answer = outbox.wait_for_kind("answer")
    assert answer["info"] is None
    assert answer["error"] == (
        "trial: expected trial to be the number of a trial; the study has 0 trials; received '9'."
    )
