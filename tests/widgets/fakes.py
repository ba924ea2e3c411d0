"""A study without training: real events through a real ledger, told by the test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.browser.story import study_started
from tunemagic import events as ev
from tunemagic.errors import ExportError, StudyError
from tunemagic.export.result import ExportResult
from tunemagic.flips import Flip, FlipsInfo
from tunemagic.ledger import Ledger
from tunemagic.request import QuantMode, Target
from tunemagic.samples import SampleInfo
from tunemagic.trial import StudyView


class ToldStudy:
    """What a screen needs of a study; the test records the events itself."""

    def __init__(self, name: str = "digits") -> None:
        self.name = name
        self.read_only_reason = ""
        self.ledger = Ledger(None)
        self.stopped = threading.Event()
        self.asked: list[tuple[str, Any]] = []
        self.may_convert = threading.Event()
        self.may_convert.set()
        self.asked_modes: list[QuantMode] = []
        self.export_error: Exception | None = None
        self.listening: set[Callable[[ev.Event], None]] = set()

    @property
    def session(self) -> str:
        return self.view.session

    @property
    def view(self) -> StudyView:
        return self.ledger.view

    def subscribe(self, listener: Callable[[ev.Event], None]) -> Callable[[], None]:
        unsubscribe = self.ledger.subscribe(listener)
        self.listening.add(listener)

        def end() -> None:
            self.listening.discard(listener)
            unsubscribe()

        return end

    @property
    def listeners(self) -> int:
        return len(self.listening)

    def events_after(self, seq: int) -> list[ev.Event]:
        return self.ledger.events_after(seq)

    def log(self, number: int) -> str:
        return f"printed by trial {number}"

    def stop(self) -> None:
        self.stopped.set()

    # What is asked is written down, and done as far as an event says so.

    def skip(self, number: int | None = None) -> None:
        self.asked.append(("skip", number))
        if number is None:
            raise NOTHING_RUNS

    def pause(self) -> None:
        self.ledger.record(ev.StudyPaused())

    def resume(self) -> None:
        self.ledger.record(ev.StudyContinued())

    def try_(self, /, **values: Any) -> dict[str, Any]:
        self.ledger.record(ev.TrialQueued(values=values))
        return values

    def narrow(self, **changes: Any) -> str:
        self.asked.append(("narrow", changes))
        return "the next proposals lie in the new range"

    def set_budget(self, **limits: Any) -> str:
        self.asked.append(("set_budget", limits))
        self.ledger.record(ev.LimitsChanged(max_trials=limits.get("max_trials"), minutes=limits.get("minutes")))
        return ""

    def select(self, trials: Sequence[int]) -> None:
        self.asked.append(("select", list(trials)))

    def export(
        self,
        to: str,
        modes: Sequence[QuantMode],
        *,
        force: bool = False,
        on_result: Callable[[ExportResult], None] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self.asked.append(("export", (str(to), force)))
        for mode in modes:
            assert self.may_convert.wait(30)
            if self.export_error is not None or (stop is not None and stop.is_set()):
                raise self.export_error or STOPPED
            self.asked_modes.append(mode)
            result = exported(mode, target=Target(to))
            self.ledger.record(result.event())
            if on_result is not None:
                on_result(result)

    def flips(self, export: ev.ModelExported) -> FlipsInfo:
        sample = SampleInfo(row=3, picture="", values=(0.5, 1.0))
        return FlipsInfo(flips=(Flip(sample=sample, truth="1", keras="1 (0.6)", file="0 (0.5)"),), names=("a", "b"))

    def start(self) -> None:
        self.ledger.record(study_started(study=self.name))

    def run_trial(self, number: int, *scores: float) -> None:
        self.ledger.record(
            ev.TrialStarted(trial=number, attempt=1, values={"units": 32}, epochs=len(scores), why="random")
        )
        for epoch, score in enumerate(scores, start=1):
            self.ledger.record(ev.EpochEnded(trial=number, attempt=1, epoch=epoch, logs={"val_accuracy": score}))
        best = max(scores)
        self.ledger.record(
            ev.TrialFinished(
                trial=number,
                attempt=1,
                score=best,
                best_epoch=scores.index(best) + 1,
                metrics={"val_accuracy": best},
                seconds=1.0,
            )
        )

    def end(self) -> None:
        self.ledger.record(ev.StudyEnded(reason=ev.EndReason.TRIALS, message="all trials were run."))


class ToldBook:
    """Studies that the test adds itself."""

    def __init__(self) -> None:
        self.studies: list[ToldStudy] = []
        self.disk: dict[str, ToldStudy] = {}
        self.unreadable = False
        self.listeners: list[Callable[[], None]] = []

    def live(self) -> list[ToldStudy]:
        return list(self.studies)

    def names(self) -> list[str]:
        if self.unreadable:
            raise PermissionError("the folder of studies")
        live = [study.name for study in self.studies]
        return live + [name for name in self.disk if name not in live]

    def get(self, name: str) -> ToldStudy:
        if name not in self.disk:
            raise StudyError(f"no study named {name!r}.")
        return self.disk[name]

    def stamp(self, name: str) -> object:
        study = self.disk.get(name)
        return None if study is None else study.view.seq

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def add(self, study: ToldStudy) -> None:
        self.studies.append(study)
        for listener in list(self.listeners):
            listener()


def exported(mode: QuantMode, target: Target = Target.TFLITE) -> ExportResult:
    return ExportResult(
        trial=1, target=target, mode=str(mode), path=Path(f"{mode}.{target}"), verdict=ev.Verdict.VERIFIED, message=""
    )


STOPPED = ExportError("the conversion was stopped; files that were finished before are kept.")
NOTHING_RUNS = StudyError("study digits: no trial runs now, so there is none to skip.")
REFUSED = ExportError("the model has no input shape; call it once on data.")


class Outbox:
    """Collects what a channel sends, and waits for it."""

    def __init__(self) -> None:
        self.messages: list[tuple[dict[str, Any], list[bytes]]] = []
        self.changed = threading.Condition()

    def __call__(self, content: Any, buffers: Any = ()) -> None:
        with self.changed:
            self.messages.append((dict(content), list(buffers)))
            self.changed.notify_all()

    def kinds(self) -> list[str]:
        return [content["kind"] for content, _ in self.messages]

    def wait_for(self, wanted: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """The contents so far, as soon as ``wanted`` is true of them. Fails after 30 seconds."""

        def contents() -> list[dict[str, Any]]:
            return [content for content, _ in self.messages]

        with self.changed:
            assert self.changed.wait_for(lambda: wanted(contents()), timeout=30), self.kinds()
            return contents()

    def wait_for_kind(self, kind: str, *, count: int = 1) -> dict[str, Any]:
        """The ``count``-th message of this kind."""
        contents = self.wait_for(lambda found: sum(one["kind"] == kind for one in found) >= count)
        return [one for one in contents if one["kind"] == kind][count - 1]
