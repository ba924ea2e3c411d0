"""Write the golden journals and the views that must come of them.

Run it again only when an event or the view changes on purpose; read the difference before
committing it. Both ``tests/test_protocol.py`` and the TypeScript tests read the files. The
journals of EARLIER lack the fields that came later: they must be read for ever, and are never
written again.
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
from tunemagic.widgets.wire import event_batch, snapshot, view_to_json

FOLDER = Path(__file__).parent
UNITS = Parameter(name="units", kind=Kind.INT, default=32, low=32, high=128, step=32)
RATE = Parameter(name="lr", kind=Kind.FLOAT, default=0.01, low=1e-4, high=0.1, sampling=Sampling.LOG)
STATUS = {"session": "aaaa00000001", "waiting": True, "converting": False, "read_only": ""}


EARLIER = {
    "finished": "all trials ran; the weights of a beaten one were dropped; equal scores keep the earlier",
    "failed": "trials fail in build and in fit until the search gives up; hostile text stays text",
    "stopped": "the user stopped in the middle of a trial, whose best epoch counts",
    "resumed": "the process died in trial 2; another session runs it again with more trials",
    "not_finite": "NaN epochs, a metric that comes late, one that stays away, and a space that grows",
    "exported": "a finished study, converted in three modes, one of them twice",
}


class Story:
    """Records events of one invented study with invented, repeatable times."""

    def __init__(self, directory: Path) -> None:
        ticks = itertools.count()
        self.journal = Journal(directory)
        self.ledger = Ledger(
            self.journal, clock=lambda: next(ticks) * 0.375, wall_clock=lambda: 1_760_000_000.25 + next(ticks)
        )
        self.ledger.start_clock()
        self.record = self.ledger.record

    def start(self, **settings: Any) -> None:
        common: dict[str, Any] = {"max_trials": 4, "minutes": None, "epochs": 4, "keep": 2, "max_failures": 3}
        self.record(
            ev.StudyStarted(
                study="digits",
                session="aaaa00000001",
                space=SearchSpace((UNITS, RATE)).to_json(),
                objective="val_accuracy",
                direction=ev.Direction.MAX,
                seed=7,
                code="units = hp.Int('units', 32, 128, step=32)\n",
                data="1437 rows, 64 columns",
                fingerprint={"the cell": "0123456789abcdef"},
                versions={"keras": "3.15.0"},
                **{"strategy": "tpe", "strategy_reason": "you asked for it", **common, **settings},
            )
        )

    def trial(self, number: int, *curve: float, units: int = 64, lr: float = 0.01) -> None:
        self.begin(number, units=units, lr=lr)
        self.epochs(number, *curve)

    def begin(self, number: int, *, units: int = 64, lr: float = 0.01, **more: Any) -> None:
        values = {"units": units, "lr": lr}
        self.record(
            ev.TrialStarted(trial=number, values=values, epochs=4, why="TPE", **{"attempt": 1, "memo": {}, **more})
        )

    def epochs(self, number: int, *curve: float, attempt: int = 1, run: int = 1, first: int = 1) -> None:
        for epoch, value in enumerate(curve, start=first):
            logs = {"loss": round(1 - value, 6), "val_accuracy": value}
            self.record(ev.EpochEnded(trial=number, attempt=attempt, run=run, epoch=epoch, logs=logs))

    def finish(self, number: int, score: float, best_epoch: int, **more: Any) -> None:
        metrics = {"loss": round(1 - score, 6), "val_accuracy": score, **more.pop("metrics", {})}
        trainer = "whole epochs in one graph call"
        ended: dict[str, Any] = {"attempt": 1, "seconds": 1.5, "trainer": trainer, "worker": 1, **more}
        self.record(ev.TrialFinished(trial=number, score=score, best_epoch=best_epoch, metrics=metrics, **ended))

    def prune(self, number: int, score: float | None, best_epoch: int | None, reason: str) -> None:
        metrics = {} if score is None else {"loss": round(1 - score, 6), "val_accuracy": score}
        self.record(
            ev.TrialPruned(
                trial=number,
                attempt=1,
                score=score,
                best_epoch=best_epoch,
                metrics=metrics,
                seconds=0.0 if score is None else 0.75,
                reason=reason,
                worker=None if score is None else 1,
            )
        )

    def save_state(self, number: int, epoch: int, *, run: int = 1) -> None:
        state = ev.WeightsFile(file=f"trial-{number}.{run}-{epoch}.state", sha256="ef" * 32, bytes=122_880)
        self.record(ev.TrialStateSaved(trial=number, attempt=1, run=run, epoch=epoch, state=state))

    def end(self, reason: ev.EndReason, message: str) -> None:
        self.record(ev.StudyEnded(reason=reason, message=message))


def pruned(story: Story) -> None:
    """One trial is pruned early, one is pruned but the best, one is skipped; then nothing fits the limits."""
    story.start(pruner="median", pruner_reason="the curves of trials are comparable", max_trials=None, minutes=10.0)
    story.trial(1, 0.5, 0.75, 0.8125, 0.75, units=32)
    story.finish(1, 0.8125, 3)
    story.trial(2, 0.25, 0.375, lr=0.0001)
    story.prune(2, 0.375, 2, "below the median at epoch 2: 0.375 < 0.75")
    story.trial(3, 0.5, 0.875, 0.625, lr=0.1)
    story.prune(3, 0.875, 2, "below the median at epoch 3: 0.625 < 0.8125")
    story.begin(4, units=128)
    story.prune(4, None, None, "its model has 9000 weights; --max-params allows 8000")
    story.end(ev.EndReason.LIMITS, "20 proposed models in a row have more than 8000 weights")


def runs(story: Story) -> None:
    """Two repeats on two folds: one trial with four runs, one that is in its third, where a metric comes late."""
    story.start(repeats=2, folds=2)
    story.begin(1)
    for run, curve in enumerate(((0.5, 0.75), (0.5, 0.625, 0.75), (0.875,), (0.25, 0.625)), start=1):
        story.epochs(1, *curve, run=run)
        metrics = {"loss": 1 - max(curve), "val_accuracy": max(curve)}
        best_epoch = curve.index(max(curve)) + 1
        story.record(ev.RunEnded(trial=1, attempt=1, run=run, score=max(curve), best_epoch=best_epoch, metrics=metrics))
    story.finish(1, 0.75, 1)
    story.begin(2, units=96)
    for run in (1, 2):
        story.epochs(2, 0.5, run=run)
        story.record(ev.RunEnded(trial=2, attempt=1, run=run, score=0.5, best_epoch=1, metrics={"val_accuracy": 0.5}))
    story.epochs(2, 0.625, run=3)
    logs = {"loss": None, "val_accuracy": 0.875, "lr": 0.001}
    story.record(ev.EpochEnded(trial=2, attempt=1, run=3, epoch=2, logs=logs))


def workers(story: Story) -> None:
    """Two workers train at a time, one trial fails; another session goes on in the kernel."""
    story.start()
    story.record(ev.ExecutorChosen(kind="process", workers=2, reason="you asked for 2 workers"))
    story.begin(1)
    story.begin(2, units=96)
    story.record(ev.WorkersReady(seconds=2.5))
    story.epochs(1, 0.5)
    story.epochs(2, 0.25)
    story.record(
        ev.TrialFailed(
            trial=2,
            attempt=1,
            error="SIGKILL",
            reason="its worker was killed twice: SIGKILL",
            seconds=0.5,
            worker=2,
            trainer="whole epochs in one graph call",
        )
    )
    story.epochs(1, 0.75, first=2)
    story.finish(1, 0.75, 2, worker=1)
    story.begin(3, units=32)
    story.epochs(3, 0.5)
    story.record(
        ev.StudyResumed(
            session="bbbb00000002",
            max_trials=5,
            minutes=None,
            epochs=4,
            pruner="median",
            pruner_reason="you chose it",
        )
    )
    reason = "`base` (a Keras model) can't be sent"
    story.record(ev.ExecutorChosen(kind="inline", workers=1, reason=reason))
    story.begin(3, units=32, attempt=2)


def retried(story: Story) -> None:
    """Lost workers: one attempt goes on after epoch 2, one in its second run, one begins its second run anew."""
    story.start(repeats=2, max_trials=3)
    story.record(ev.ExecutorChosen(kind="process", workers=1, reason="all that the cell needs can be sent"))
    story.record(ev.WorkersReady(seconds=2.5))
    story.begin(1)
    story.epochs(1, 0.5, 0.625)
    story.save_state(1, 2)
    story.epochs(1, 0.75, first=3)
    story.begin(1, attempt=2, resumed_epoch=2)
    story.epochs(1, 0.8125, first=3, attempt=2)
    story.record(ev.RunEnded(trial=1, attempt=2, run=1, score=0.8125, best_epoch=3, metrics={"val_accuracy": 0.8125}))
    story.epochs(1, 0.5, run=2, attempt=2)
    story.record(ev.RunEnded(trial=1, attempt=2, run=2, score=0.5, best_epoch=1, metrics={"val_accuracy": 0.5}))
    story.finish(1, 0.65625, 3, attempt=2)
    story.record(ev.WeightsDropped(trial=1, state_only=True))
    for number, epoch in ((2, 1), (3, 0)):
        story.begin(number, units=96)
        story.epochs(number, 0.5, 0.375)
        metrics = {"val_accuracy": 0.5}
        story.record(ev.RunEnded(trial=number, attempt=1, run=1, score=0.5, best_epoch=1, metrics=metrics))
        story.epochs(number, *(0.25,) * epoch, run=2)
        story.save_state(number, epoch, run=2)
        story.epochs(number, 0.875, run=2, first=1 + epoch)
        story.begin(number, units=96, attempt=2, resumed_run=2, resumed_epoch=epoch)
        story.epochs(number, 0.75, run=2, first=1 + epoch, attempt=2)


def pareto(story: Story) -> None:
    """Two objectives: two trials that nothing beats, one beaten, one of equal values, one without a size."""
    story.start(objectives=[{"name": "params", "direction": "min"}], max_trials=5)
    for number, (score, params) in enumerate(((0.75, 500), (0.875, 9000), (0.75, 700), (0.75, 500)), start=1):
        story.trial(number, 0.5, score)
        story.finish(number, score, 2, metrics={"params": params})
    story.trial(5, 0.9375)
    story.finish(5, 0.9375, 1)
    story.end(ev.EndReason.TRIALS, "all 5 trials done")


STORIES: tuple[Callable[[Story], None], ...] = (pruned, runs, workers, retried, pareto)


def write_journal(tell: Callable[[Story], None]) -> None:
    """Tell the story into ``<story>.jsonl`` beside this file."""
    with tempfile.TemporaryDirectory() as folder:
        story = Story(Path(folder))
        tell(story)
        story.journal.close()
        shutil.copyfile(Path(folder) / JOURNAL_FILE, FOLDER / f"{tell.__name__}.jsonl")


def write_expected(name: str) -> None:
    """What must come of a journal: its events as they cross the wire, its view, its snapshot."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(FOLDER / f"{name}.jsonl", Path(folder) / JOURNAL_FILE)
        events = read_journal(Path(folder)).events
    view = replay(events)
    message, buffers = snapshot(view, status=STATUS, age=0.5)
    expected = {
        "events": event_batch(events)["events"],
        "view": view_to_json(view),
        "snapshot": message,
        "buffer": buffers[0].hex(),
    }
    text = json.dumps(expected, indent=1, allow_nan=False, ensure_ascii=False)
    (FOLDER / f"{name}.view.json").write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Write the journals of STORIES, and what must come of every journal."""
    for tell in STORIES:
        write_journal(tell)
    for name in (*EARLIER, *(tell.__name__ for tell in STORIES)):
        write_expected(name)


if __name__ == "__main__":
    main()
