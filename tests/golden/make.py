"""Write the golden journals and the views that must come of them.

Run it again only when an event or the view changes on purpose; read the difference before
committing it. Both ``tests/test_protocol.py`` and the TypeScript tests read the files.
"""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tunemagic import events as ev
from tunemagic.journal import JOURNAL_FILE, Journal, read_journal
from tunemagic.ledger import Ledger
from tunemagic.space import Kind, Parameter, Sampling, SearchSpace
from tunemagic.trial import replay
from tunemagic.widgets.wire import snapshot, view_to_json

FOLDER = Path(__file__).parent
UNITS = Parameter(name="units", kind=Kind.INT, default=32, low=32, high=128, step=32)
RATE = Parameter(name="lr", kind=Kind.FLOAT, default=0.01, low=1e-4, high=0.1, sampling=Sampling.LOG)
ACTIVATION = Parameter(name="act", kind=Kind.CHOICE, default="relu", choices=("relu", "tanh"))
STATUS = {"session": "aaaa00000001", "waiting": True, "converting": False, "read_only": ""}


class Story:
    """Records events of one invented study with invented, repeatable times."""

    def __init__(self, directory: Path) -> None:
        ticks = itertools.count()
        self.journal = Journal(directory)
        self.ledger = Ledger(
            self.journal, clock=lambda: next(ticks) * 0.375, wall_clock=lambda: 1_760_000_000.25 + next(ticks)
        )
        self.ledger.start_clock()

    def start(self, objective: str = "val_accuracy", direction: ev.Direction = ev.Direction.MAX, **more: Any) -> None:
        settings: dict[str, Any] = {"max_trials": 4, "minutes": None, "epochs": 3, "keep": 1, "max_failures": 3, **more}
        self.ledger.record(
            ev.StudyStarted(
                study="digits",
                session="aaaa00000001",
                space=SearchSpace((UNITS, RATE)).to_json(),
                objective=objective,
                direction=direction,
                strategy="random",
                seed=7,
                code="units = hp.Int('units', 32, 128, step=32)\n",
                data="1437 rows, 64 columns",
                fingerprint={"the cell": "0123456789abcdef"},
                versions={"keras": "3.15.0"},
                **settings,
            )
        )

    def trial(self, number: int, *curve: float | None, attempt: int = 1, units: int = 64, lr: float = 0.01) -> None:
        self.ledger.record(
            ev.TrialStarted(
                trial=number,
                attempt=attempt,
                values={"units": units, "lr": lr},
                epochs=3,
                why=f"random {number} of 4",
                memo={"seed_state": number},
            )
        )
        for epoch, value in enumerate(curve, start=1):
            logs = {"loss": None if value is None else round(1 - value, 6), "val_accuracy": value}
            self.ledger.record(ev.EpochEnded(trial=number, attempt=attempt, epoch=epoch, logs=logs))

    def finish(self, number: int, score: float, best_epoch: int, *, attempt: int = 1, kept: bool = False) -> None:
        weights = ev.WeightsFile(file=f"trial-{number}.weights.h5", sha256="ab" * 32, bytes=40_960) if kept else None
        self.ledger.record(
            ev.TrialFinished(
                trial=number,
                attempt=attempt,
                score=score,
                best_epoch=best_epoch,
                metrics={"loss": round(1 - score, 6), "val_accuracy": score},
                seconds=1.5,
                weights=weights,
            )
        )

    def end(self, reason: ev.EndReason, message: str) -> None:
        self.ledger.record(ev.StudyEnded(reason=reason, message=message))


def finished(story: Story) -> None:
    """All trials ran; the weights of a beaten one were dropped; equal scores keep the earlier."""
    story.start()
    story.trial(1, 0.5, 0.75, 0.625, units=32)
    story.finish(1, 0.75, 2, kept=True)
    story.trial(2, 0.5, 0.875, 0.9375, units=96, lr=0.001)
    story.finish(2, 0.9375, 3, kept=True)
    story.ledger.record(ev.WeightsDropped(trial=1))
    story.trial(3, 0.25, 0.9375, 0.5)
    story.finish(3, 0.9375, 2)
    story.trial(4, 0.125, 0.125, 0.125, lr=0.0001)
    story.finish(4, 0.125, 1)
    story.end(ev.EndReason.TRIALS, "4 of 4 trials were run.")


def failed(story: Story) -> None:
    """Trials fail in build and in fit until the search gives up; hostile text stays text."""
    story.start(max_failures=2)
    story.trial(1)
    story.ledger.record(
        ev.TrialFailed(
            trial=1,
            attempt=1,
            error="ValueError",
            reason='line 3: <img src=x onerror="alert(1)"> units must be positive',
            seconds=0.25,
            line=3,
            source="model = build(units)",
        )
    )
    story.trial(2, 0.5)
    story.ledger.record(
        ev.TrialFailed(trial=2, attempt=1, error="ResourceExhaustedError", reason="out of memory", seconds=2.0)
    )
    story.end(ev.EndReason.FAILURES, "2 trials in a row failed; the last one: out of memory")


def stopped(story: Story) -> None:
    """The user stopped in the middle of a trial, whose best epoch counts."""
    story.start("val_loss", ev.Direction.MIN, minutes=10.0, max_trials=None)
    story.trial(1, 0.5, 0.75, 0.625)
    story.finish(1, 0.25, 2, kept=True)
    story.trial(2, 0.875, 0.5)
    story.ledger.record(
        ev.TrialStopped(
            trial=2,
            attempt=1,
            score=0.125,
            best_epoch=1,
            metrics={"loss": 0.125, "val_accuracy": 0.875},
            seconds=0.75,
            reason="the study was stopped",
        )
    )
    story.trial(3)
    story.ledger.record(
        ev.TrialStopped(
            trial=3, attempt=1, score=None, best_epoch=None, metrics={}, seconds=0.125, reason="the study was stopped"
        )
    )
    story.end(ev.EndReason.STOPPED, "stopped by the user")


def resumed(story: Story) -> None:
    """The process died in trial 2; another session runs it again with more trials."""
    story.start()
    story.trial(1, 0.5, 0.75, 0.625)
    story.finish(1, 0.75, 2)
    story.trial(2, 0.5)
    story.ledger.record(
        ev.StudyResumed(
            session="bbbb00000002",
            max_trials=6,
            minutes=None,
            epochs=5,
            reason="the kernel died",
            code="model = build(hp)  # changed",
            fingerprint={"the cell": "1f2e3d4c5b6a7988"},
            keep=2,
        )
    )
    story.ledger.record(ev.StudyNoted(text="trial 2 runs again"))
    story.trial(2, 0.5, 0.8125, attempt=2)
    story.finish(2, 0.8125, 2, attempt=2)
    story.trial(3, 0.375)


def not_finite(story: Story) -> None:
    """NaN epochs, a metric that comes late, one that stays away, and a space that grows."""
    story.start()
    story.ledger.record(ev.StudyNoted(text="3 NaN in x_train, the first in row 17"))
    story.trial(1, None, 0.5)
    story.ledger.record(ev.EpochEnded(trial=1, attempt=1, epoch=3, logs={"loss": 0.25, "lr": 0.001}))
    space = SearchSpace((UNITS, RATE, ACTIVATION)).to_json()
    story.ledger.record(ev.SpaceChanged(space=space, reason="trial 2 named act"))
    story.trial(2, None, None, None)
    story.ledger.record(
        ev.TrialFailed(trial=2, attempt=1, error="NotFiniteError", reason="loss became NaN at epoch 1", seconds=1.0)
    )


def exported(story: Story) -> None:
    """A finished study, converted in three modes, one of them twice."""
    story.start(max_trials=1)
    story.trial(1, 0.5, 0.75, 0.9375)
    story.finish(1, 0.9375, 3, kept=True)
    story.end(ev.EndReason.TRIALS, "1 of 1 trials was run.")
    common: dict[str, Any] = {"trial": 1, "target": "tflite", "score_name": "accuracy", "runtime": "ai_edge_litert"}
    numbers: dict[str, Any] = {
        "bytes": 20_480,
        "gzip_bytes": 18_432,
        "sha256": "cd" * 32,
        "score_before": 0.9375,
        "score_after": 0.9375,
        "agreement": 1.0,
        "max_abs_diff": 2.5e-7,
        "tolerance": 1e-5,
        "microseconds": 3.5,
    }
    verified, missed = ev.Verdict.VERIFIED, ev.Verdict.NOT_VERIFIED
    record = story.ledger.record
    record(ev.ModelExported(mode="none", path="exports/a.tflite", verdict=missed, message="first", **common))
    small = {**numbers, "bytes": 6_144, "gzip_bytes": 5_120, "agreement": 0.75, "score_after": 0.75}
    record(ev.ModelExported(mode="int8", path="exports/b.tflite", verdict=missed, message="off", **common, **small))
    failure = "the converter refused op <CustomOp>"
    record(ev.ModelExported(mode="float16", path="", verdict=ev.Verdict.FAILED, message=failure, **common))
    record(ev.ModelExported(mode="none", path="exports/a.tflite", verdict=verified, message="", **common, **numbers))


STORIES: tuple[Callable[[Story], None], ...] = (finished, failed, stopped, resumed, not_finite, exported)


def main() -> None:
    """Write ``<story>.jsonl`` and ``<story>.view.json`` beside this file."""
    for tell in STORIES:
        with tempfile.TemporaryDirectory() as folder:
            directory = Path(folder)
            story = Story(directory)
            tell(story)
            story.journal.close()
            shutil.copyfile(directory / JOURNAL_FILE, FOLDER / f"{tell.__name__}.jsonl")
            view = replay(read_journal(directory).events)
        message, buffers = snapshot(view, status=STATUS, age=0.5)
        expected = {"view": view_to_json(view), "snapshot": message, "buffer": buffers[0].hex()}
        text = json.dumps(expected, indent=1, allow_nan=False, ensure_ascii=False)
        (FOLDER / f"{tell.__name__}.view.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
