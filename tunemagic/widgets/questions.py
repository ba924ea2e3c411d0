"""Which pictures the views of a panel show, and when each is computed anew."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from tunemagic import events as ev
from tunemagic.errors import TuneError
from tunemagic.i18n import Catalogue
from tunemagic.i18n.facts import translate
from tunemagic.trial import StudyView
from tunemagic.widgets.artefacts import export_of, targets_info
from tunemagic.widgets.wire import Answer

if TYPE_CHECKING:
    from tunemagic.flips import FlipsInfo

__all__ = [
    "FORGET_SECONDS",
    "MOST_QUESTIONS",
    "SLOW_TOPICS",
    "AskedStudy",
    "Questions",
    "answer_to",
    "changes_pictures",
]

MOST_QUESTIONS = 12  # of several views together, and views of one question; the ones asked first are forgotten
FORGET_SECONDS = 30.0  # a page on screen repeats its questions every ten
_LONGEST_ID = 64
TARGETS, FLIPS = "targets", "flips"
SLOW_TOPICS = (FLIPS,)  # a model is built anew for them
_SECONDS = 0.5  # at least between two answers to the same question
_SLOW_SECONDS = {"importance": 5.0, "contour": 5.0, FLIPS: 5.0}  # forests of trees, a model that is built anew
# An epoch alone changes no picture but the curves, which the page draws itself.
_CHANGING = (
    ev.StudyStarted,
    ev.StudyResumed,
    ev.SpaceChanged,
    ev.TrialStarted,
    ev.RunEnded,
    ev.TrialFinished,
    ev.TrialPruned,
    ev.TrialStopped,
    ev.TrialFailed,
    ev.TrialVerified,
    ev.ModelExported,
)


def changes_pictures(event: ev.Event) -> bool:
    """Whether pictures may look different after this event."""
    return isinstance(event, _CHANGING)


@dataclass(slots=True)
class _Question:
    topic: str
    options: dict[str, str]
    asked: dict[str, float] = field(default_factory=dict)  # by the view that asks: when it did so last
    stale: bool = True
    next_at: float = -math.inf


class Questions:
    """The questions that are open, each with the views that ask it. Used under its owner's lock, but for ``answer``.

    A page that goes away says nothing, so a view repeats what it asks while it is on screen; one
    that was not heard from for a while asks no more. ``now`` is seconds of one clock.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[Any, ...], _Question] = {}

    def take(self, content: Mapping[str, Any], now: float) -> None:
        """Let a view ask, go on asking, or end it. What can't be understood is ignored: it is not from our panel."""
        topic, options = content.get("topic"), content.get("options")
        if not isinstance(topic, str) or not isinstance(options, Mapping):
            return
        texts = {str(name): str(value) for name, value in options.items()}
        key, view = (topic, *sorted(texts.items())), str(content.get("view", ""))[:_LONGEST_ID]
        if content.get("on") is not True:
            self._end(key, view)
            return
        self._forget(now)
        question = self._open.pop(key, None) or _Question(topic, texts)
        if view not in question.asked:  # it has no answer yet
            question.stale, question.next_at = True, -math.inf
        question.asked.pop(view, None)
        question.asked[view] = now
        self._open[key] = question
        while len(question.asked) > MOST_QUESTIONS:
            del question.asked[next(iter(question.asked))]
        while len(self._open) > MOST_QUESTIONS:
            del self._open[next(iter(self._open))]

    def greet(self, view: str) -> None:
        """A view has begun anew: what it asked before counts no more."""
        for key in list(self._open):
            self._end(key, view)

    def _end(self, key: tuple[Any, ...], view: str) -> None:
        question = self._open.get(key)
        if question is not None:
            question.asked.pop(view, None)
            if not question.asked:
                del self._open[key]

    def _forget(self, now: float) -> None:
        for key, question in list(self._open.items()):
            for view in [view for view, heard in question.asked.items() if now - heard > FORGET_SECONDS]:
                self._end(key, view)

    def mark_stale(self) -> None:
        """Something has changed that pictures show."""
        for question in self._open.values():
            question.stale = True

    def next_at(self) -> float:
        """When the next answer is due, in seconds of the clock that ``due`` is told; infinity for never."""
        return min((question.next_at for question in self._open.values() if question.stale), default=math.inf)

    def due(self, now: float) -> list[tuple[str, dict[str, str]]]:
        """Topics and options to answer now; they count as answered."""
        self._forget(now)
        due = [question for question in self._open.values() if question.stale and question.next_at <= now]
        for question in due:
            question.stale = False
            question.next_at = now + _SLOW_SECONDS.get(question.topic, _SECONDS)
        return [(question.topic, question.options) for question in due]


class AskedStudy(Protocol):
    """What questions need of a study: see Study. Everything may be called from any thread."""

    @property
    def view(self) -> StudyView:
        """The state now; an immutable value."""

    def log(self, number: int) -> str:
        """What this trial has printed."""

    def flips(self, export: ev.ModelExported) -> FlipsInfo:
        """The samples that an artefact answers otherwise than its model."""


def answer_to(study: AskedStudy, topic: str, options: dict[str, str], texts: Catalogue) -> Answer:
    """The answer, computed from the study as it is now; what can't be computed says why."""
    view = study.view
    info, error = None, ""
    try:
        info = _info(study, view, topic, options, texts)
    except TuneError as fault:
        error = translate(str(fault), texts)
    # Whoever asks must hear of it, and the other pictures must not go without their answers.
    except Exception as fault:
        error = texts("verb.not_computed", fault=f"{type(fault).__name__}: {fault}")
    return Answer(
        kind="answer", v=ev.PROTOCOL_VERSION, topic=topic, options=options, seq=view.seq, info=info, error=error
    )


def _info(
    study: AskedStudy, view: StudyView, topic: str, options: Mapping[str, str], texts: Catalogue
) -> dict[str, Any]:
    if topic == TARGETS:
        return targets_info()
    if topic == FLIPS:
        return dataclasses.asdict(study.flips(export_of(view, options.get("export"))))
    # Pictures need scientific packages, which a panel that shows none does not load.
    from tunemagic.analysis.answers import answer

    return answer(view, topic, options, log_of=study.log, texts=texts)
