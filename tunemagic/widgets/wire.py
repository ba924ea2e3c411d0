"""What crosses the comm between the kernel and a screen, as types and as values.

``labextension/src/model/protocol.ts`` is generated from these types. Texts and numbers travel as
JSON. A snapshot's body is one deflated buffer with its curves as float32 (see ``snapshot``).
"""

from __future__ import annotations

import dataclasses
import json
import math
import struct
import zlib
from collections.abc import Sequence
from typing import Any, Literal, NewType, TypedDict

from tunemagic import events as ev
from tunemagic.trial import StudyView, TrialRecord, TrialState

__all__ = [
    "Acknowledgement",
    "Answer",
    "Ask",
    "CellOffer",
    "ClaimCell",
    "Command",
    "CompareStudies",
    "Conversion",
    "CurveTable",
    "EventBatch",
    "FormSource",
    "Hello",
    "InsertCell",
    "PanelStatus",
    "Replay",
    "RequestState",
    "ShowStudy",
    "SideReply",
    "Snapshot",
    "SnapshotBody",
    "StatusChange",
    "SteerStudy",
    "StudyList",
    "StudyRow",
    "SuggestCell",
    "Texts",
    "WireView",
    "event_batch",
    "packed_body",
    "snapshot",
    "view_to_json",
]

# A StudyView as JSON with its trials as columns and without curves.
WireView = NewType("WireView", dict[str, Any])

_FLOAT32_MAX = 3.4028234e38
# A panel draws at most 50 trials at a time. So many values are 80 kB, compressed; others are
# sent when their trial is looked at.
_MOST_VALUES = 40_000
_BEST_KEPT = 100


class CurveTable(TypedDict):
    """Which curves a snapshot's buffer holds, as columns, in the order in which their values lie there.

    ``run`` counts from 1: a trial with repeats or folds is trained in several runs. ``metric`` is
    an index into ``names``. The values of a curve that is not ``kept`` were left out; its
    ``length`` still says how many epochs there were.
    """

    names: list[str]
    trial: list[int]
    run: list[int]
    metric: list[int]
    length: list[int]
    kept: list[bool]


class Conversion(TypedDict):
    """An export that a panel asked for: artefact ``at`` (from 1) of ``count`` is made now, and what it is.

    ``stopping`` says that it was asked to end.
    """

    at: int
    count: int
    target: str
    mode: str
    stopping: bool


class PanelStatus(TypedDict):
    """What a panel must know besides the study's view.

    ``waiting``: a cell waits for the study, so Detach makes sense. ``converting``: the export
    that is running. ``read_only``: why nothing can be changed, or "".
    """

    session: str
    waiting: bool
    converting: Conversion | None
    read_only: str


class Snapshot(TypedDict):
    """The whole state, up to and with event ``seq``. ``age`` is seconds since that event.

    Its buffer holds a SnapshotBody and the curves.
    """

    kind: Literal["snapshot"]
    v: int
    seq: int
    age: float
    status: PanelStatus


class SnapshotBody(TypedDict):
    """What a snapshot's buffer holds as JSON, before the curves."""

    view: WireView
    curves: CurveTable


EventBatch = TypedDict(
    "EventBatch",
    {"kind": Literal["events"], "v": int, "from": int, "to": int, "events": list[ev.Event]},
)
EventBatch.__doc__ = "Events ``from`` to ``to`` without gaps."


class StatusChange(TypedDict):
    """The panel's status has changed."""

    kind: Literal["status"]
    v: int
    status: PanelStatus


class Acknowledgement(TypedDict):
    """Answer to a command: taken or refused. ``done`` is False when the result comes later.

    ``line`` is the magic line that does the same, "" where there is none. The answer to
    ``download`` has the file as its buffer, and ``message`` is the file's name.
    """

    kind: Literal["ack"]
    id: str
    ok: bool
    done: bool
    message: str
    line: str


class Texts(TypedDict):
    """The panel's texts in the language that was asked for: message id to text with ``{placeholders}``."""

    kind: Literal["texts"]
    v: int
    lang: str
    texts: dict[str, str]


class Hello(TypedDict):
    """A view was put on a page and has everything up to event ``have``. ``lang`` is the page's language.

    ``view`` is an id that all views of one panel on one page share: what it asked before is void.
    """

    kind: Literal["hello"]
    have: int
    lang: str
    view: str


class Ask(TypedDict):
    """A view shows this picture: send its info now and again whenever it has changed, until ``on`` is False.

    ``topic`` is a picture of analysis.pictures, ``trial`` for one trial's details, ``targets`` for
    what the model can be exported as, or ``flips`` for the samples that an artefact answers
    otherwise; ``options`` say which parameters, trial or artefact. ``view`` says who asks (see
    Hello), again every few seconds while it is on screen: a page that goes away says nothing.
    """

    kind: Literal["ask"]
    view: str
    topic: str
    options: dict[str, str]
    on: bool


class Answer(TypedDict):
    """The info that a view asked for, computed up to event ``seq``; ``error`` says why there is none."""

    kind: Literal["answer"]
    v: int
    topic: str
    options: dict[str, str]
    seq: int
    info: dict[str, Any] | None
    error: str


class Replay(TypedDict):
    """Events after ``have`` are missing: a batch was lost."""

    kind: Literal["replay"]
    have: int


class Command(TypedDict):
    """A click. ``session`` is the one that was on screen: a stale click carries an older one."""

    kind: Literal["command"]
    id: str
    study: str
    session: str
    verb: Literal[
        "stop",
        "detach",
        "convert",
        "cancel",
        "download",
        "pause",
        "resume",
        "skip",
        "try",
        "space",
        "budget",
        "select",
        "cell",
    ]
    args: dict[str, Any]


class StudyRow(TypedDict):
    """One study in the side panel's list. ``model_id`` names its panel's widget model, "" for none yet.

    ``where`` is "disk" for a study that this kernel has not run: it can only be looked at, and
    until it is opened nothing but its name is known.
    """

    name: str
    where: Literal["kernel", "disk"]
    state: str
    done: int
    total: int | None
    objective: str
    best: float | None
    model_id: str


class StudyList(TypedDict):
    """All studies of the kernel: those on disk, then this kernel's own, the latest last."""

    kind: Literal["studies"]
    v: int
    studies: list[StudyRow]


class RequestState(TypedDict):
    """The side panel (re)connected and asks for the list. ``lang`` is the page's language."""

    kind: Literal["request_state"]
    lang: str


class ShowStudy(TypedDict):
    """The side panel wants to show this study: make its panel if there is none. Answered only by a failure."""

    kind: Literal["show"]
    id: str
    study: str


class SuggestCell(TypedDict):
    """Turn this cell into a ``%%tune`` cell; the reply's ``code`` is the new text."""

    kind: Literal["suggest"]
    id: str
    code: str


class SteerStudy(TypedDict):
    """A command of the palette."""

    kind: Literal["steer"]
    id: str
    study: str
    verb: Literal["pause", "resume", "stop", "skip", "report"]


class CompareStudies(TypedDict):
    """Two studies side by side; the reply's ``comparison`` is a StudyComparisonInfo."""

    kind: Literal["compare"]
    id: str
    studies: list[str]


class FormSource(TypedDict):
    """The next ``%tune form`` begins with this cell."""

    kind: Literal["source"]
    id: str
    code: str


class SideReply(TypedDict):
    """What came of a request: a message for the user, and what was asked for."""

    kind: Literal["reply"]
    v: int
    id: str
    ok: bool
    message: str
    code: str
    comparison: dict[str, Any] | None


class CellOffer(TypedDict):
    """Which page inserts a cell? Several may be open; the first one that claims the offer gets the cell."""

    kind: Literal["offer"]
    v: int
    id: str


class ClaimCell(TypedDict):
    """This page could insert the cell that was offered."""

    kind: Literal["claim"]
    id: str
    page: str


class InsertCell(TypedDict):
    """Insert this cell below the active one of the kernel's notebook, and run it. Meant for one page only."""

    kind: Literal["insert_cell"]
    v: int
    id: str
    page: str
    code: str
    run: bool


def view_to_json(view: StudyView) -> dict[str, Any]:
    """The whole view as plain JSON values, trials as records with their curves."""
    data = {field.name: getattr(view, field.name) for field in dataclasses.fields(view)}
    data["space"] = view.space.to_json()
    data["trials"] = [dataclasses.asdict(trial) for trial in view.trials]
    data["exports"] = [ev.event_to_json(export) for export in view.exports]
    for name in ("fingerprint", "versions"):
        data[name] = dict(data[name])
    data["notes"] = list(view.notes)
    return data


def snapshot(view: StudyView, *, status: PanelStatus, age: float) -> tuple[Snapshot, list[bytes]]:
    """The message that brings a new screen up to date, and its buffer.

    The buffer is a zlib stream of: the length of the JSON in bytes (uint32, little-endian), a
    SnapshotBody as UTF-8 JSON, then all curves as float32 with NaN for None, least significant
    bytes of all numbers first, then the second bytes, and so on. Servers and browsers can't be
    relied upon to compress. Of a very large study some curves are left out (see ``_MOST_VALUES``).
    """
    curves, values = _pack_curves(view)
    columns = [field.name for field in dataclasses.fields(TrialRecord) if field.name not in ("curves", "more_curves")]
    data = view_to_json(dataclasses.replace(view, trials=()))
    data["trials"] = {name: [_plain(getattr(trial, name)) for trial in view.trials] for name in columns}
    message = Snapshot(kind="snapshot", v=ev.PROTOCOL_VERSION, seq=view.seq, age=round(age, 3), status=status)
    return message, [packed_body(SnapshotBody(view=WireView(data), curves=curves), values)]


def packed_body(body: SnapshotBody, values: Sequence[float]) -> bytes:
    """The buffer of a snapshot (see there)."""
    import numpy as np

    text = json.dumps(body, allow_nan=False, separators=(",", ":"), ensure_ascii=False).encode()
    numbers = np.asarray(values, dtype="<f4").view("<u4")
    # A screen shows four digits; 16 of the 24 bits of a float32's mantissa are five, and half as many bytes.
    kept = np.where(np.isnan(numbers.view("<f4")), numbers, numbers & np.uint32(0xFFFFFF00))
    planes = kept.astype("<u4").view(np.uint8).reshape(-1, 4).T
    return zlib.compress(struct.pack("<I", len(text)) + text + planes.tobytes(), 6)


def _plain(value: Any) -> Any:
    """JSON values of a TrialRecord's field."""
    if isinstance(value, ev.WeightsFile):
        return dataclasses.asdict(value)
    return value


def _pack_curves(view: StudyView) -> tuple[CurveTable, list[float]]:
    """All curves in one table and, of those that are kept, all values in a row."""
    table = CurveTable(names=[], trial=[], run=[], metric=[], length=[], kept=[])
    index: dict[str, int] = {}
    values: list[float] = []
    whole = _whole_trials(view)
    for trial in view.trials:
        for run, curves in enumerate(trial.runs_curves, start=1):
            for metric, curve in curves.items():
                kept = trial.number in whole
                table["trial"].append(trial.number)
                table["run"].append(run)
                table["metric"].append(index.setdefault(metric, len(index)))
                table["length"].append(len(curve))
                table["kept"].append(kept)
                if kept:
                    values.extend(_float32(value) for value in curve)
    table["names"].extend(index)
    return table, values


def _whole_trials(view: StudyView) -> set[int]:
    """Trials whose curves are sent: all, or of a very large study those that a screen draws first."""
    running = [trial for trial in view.trials if trial.state is TrialState.RUNNING]
    left = _MOST_VALUES
    kept: set[int] = set()
    for trial in (*running, *view.ranking()[:_BEST_KEPT], *reversed(view.trials)):
        size = sum(len(curve) for curves in trial.runs_curves for curve in curves.values())
        if trial.number not in kept and (size <= left or trial in running):
            kept.add(trial.number)
            left -= size
    return kept


def _float32(value: float | None) -> float:
    """NaN for None; a number beyond float32 becomes the largest one instead of an error."""
    return math.nan if value is None else max(-_FLOAT32_MAX, min(_FLOAT32_MAX, value))


def event_batch(events: Sequence[ev.Event]) -> dict[str, Any]:
    """The EventBatch message for these events, which must be at least one and without gaps."""
    return {
        "kind": "events",
        "v": ev.PROTOCOL_VERSION,
        "from": events[0].seq,
        "to": events[-1].seq,
        "events": [ev.event_to_json(event) for event in events],
    }
