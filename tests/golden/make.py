"""Write the golden journals and the views that must come of them.

Run it again only when an event or the view changes on purpose; read the difference before
committing it. Both ``tests/test_protocol.py`` and the TypeScript tests read the files. The
journals of EARLIER lack the fields that came later: they must be read for ever, and are never
written again.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import shutil
import struct
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tunemagic import events as ev
from tunemagic.journal import JOURNAL_FILE, Journal, read_journal
from tunemagic.ledger import Ledger
from tunemagic.space import Kind, Parameter, Sampling, SearchSpace
from tunemagic.trial import replay
from tunemagic.widgets.wire import Snapshot, event_batch, snapshot, view_to_json

FOLDER = Path(__file__).parent
UNITS = Parameter(name="units", kind=Kind.INT, default=32, low=32, high=128, step=32)
RATE = Parameter(name="lr", kind=Kind.FLOAT, default=0.01, low=1e-4, high=0.1, sampling=Sampling.LOG)
STATUS = {"session": "aaaa00000001", "waiting": True, "converting": None, "read_only": ""}


EARLIER = {
    "finished": "all trials ran; the weights of a beaten one were dropped; equal scores keep the earlier",
    "failed": "trials fail in build and in fit until the search gives up; hostile text stays text",
    "stopped": "the user stopped in the middle of a trial, whose best epoch counts",
    "resumed": "the process died in trial 2; another session runs it again with more trials",
    "not_finite": "NaN epochs, a metric that comes late, one that stays away, and a space that grows",
    "exported": "a finished study, converted in three modes, one of them twice",
    "pruned": "one trial is pruned early, one is the best all the same, one is skipped; then nothing fits the limits",
    "runs": "two repeats on two folds: one trial with four runs, one in its third, where a metric comes late",
    "workers": "two workers train at a time, one trial fails; another session goes on in the kernel",
    "retried": "lost workers: one attempt goes on after epoch 2, one in its second run, one begins that run anew",
    "pareto": "two objectives: two trials that nothing beats, one beaten, one of equal values, one without a size",
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
            ev.TrialStarted(trial=number, values=values, epochs=4, **{"attempt": 1, "memo": {}, "why": "TPE", **more})
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


def steered(story: Story) -> None:
    """The user pauses, narrows a range, gives values and another budget; a finding; then it goes on in a session."""
    story.start()
    story.record(ev.ExecutorChosen(kind="process", workers=1, reason="all that the cell needs can be sent"))
    story.trial(1, 0.5, 0.75)
    story.record(ev.StudyPaused())
    story.record(ev.TrialQueued(values={"units": 128, "lr": 0.001}))
    story.record(ev.TrialQueued(values={"units": 96, "lr": 0.01}))
    narrow = dataclasses.replace(RATE, low=1e-3, high=1e-2)
    space = SearchSpace((UNITS, narrow)).to_json()
    story.record(ev.SpaceChanged(space=space, reason="1 of 1 trials lies in it", asked=True))
    story.record(ev.LimitsChanged(max_trials=6, minutes=2.5))
    story.record(ev.ExecutorChosen(kind="process", workers=2, reason="you asked for it"))
    story.record(ev.StudyContinued())
    story.finish(1, 0.75, 2)
    story.begin(2, units=128, lr=0.001, why="you asked for it", queued=True)
    story.epochs(2, 0.5, 0.875)
    story.prune(2, 0.875, 2, "below the median at epoch 2: 0.875 < 0.9")
    story.save_state(1, 2)
    story.record(ev.WeightsDropped(trial=1, state_only=True))
    evidence = {"gap": 0.25, "epochs": 4, "metric": "val_accuracy"}
    remedies = [{"id": "dropout", "values": {"rate": 0.3}, "action": None}]
    story.record(
        ev.StudyDiagnosed(findings=[{"verdict": "overfit", "trial": 1, "evidence": evidence, "remedies": remedies}])
    )
    story.end(ev.EndReason.STOPPED, "stopped after 2 trials")


def verified(story: Story) -> None:
    """Two trials are trained again after the search, one of them once more; then the study goes on."""
    story.start(max_trials=2)
    story.trial(1, 0.5, 0.75)
    story.finish(1, 0.75, 2)
    story.trial(2, 0.625, 0.875, units=96)
    story.finish(2, 0.875, 2)
    story.end(ev.EndReason.TRIALS, "all 2 trials done")
    for number, scores in ((2, [0.75, 0.8125]), (1, [0.75, 0.6875]), (2, [0.75, 0.8125, 0.875])):
        story.record(ev.TrialVerified(trial=number, scores=scores))
    story.record(ev.StudyResumed(session="bbbb00000002", max_trials=3, minutes=None, epochs=4))
    story.trial(3, 0.5, units=32)


def shipped(story: Story) -> None:
    """The best trial as three artefacts, all that is known of each; one was made anew, one can't be made."""
    story.start(max_trials=1)
    story.trial(1, 0.5, 0.875)
    story.finish(1, 0.875, 2)
    story.end(ev.EndReason.TRIALS, "all 1 trials done")
    common: dict[str, Any] = {"trial": 1, "score_name": "accuracy", "score_before": 0.875, "threads": 1, "batch": 1}
    common |= {"verdict": ev.Verdict.VERIFIED, "samples": 16, "sha256": "ab" * 32, "seconds": 1.25}
    for mode, size, after, flips in (("int8", 15_360, 0.75, [3, 11]), ("int8", 15_362, 0.8125, [11])):
        story.record(
            ev.ModelExported(
                target="tflite",
                mode=mode,
                path=f"exports/digits.{mode}.tflite",
                message="verified on 16 samples",
                bytes=size,
                gzip_bytes=size // 2,
                score_after=after,
                agreement=1 - len(flips) / 16,
                flips=flips,
                confusion=[[7, 1], [1, 7]],
                max_abs_diff=0.125,
                tolerance=0.5,
                tolerance_reason="weights and activations keep 8 bits",
                microseconds=3.5,
                microseconds_least=3.25,
                runtime="ai-edge-litert 2.3.0",
                operations=["FULLY_CONNECTED", "SOFTMAX"],
                warnings=["larger than the float32 file"],
                **common,
            )
        )
    story.record(
        ev.ModelExported(
            target="onnx",
            mode="none",
            path="exports/digits.onnx",
            message="",
            bytes=70_748,
            score_after=0.875,
            **common,
        )
    )
    failed = {"trial": 1, "target": "caffe", "mode": "none", "path": "", "verdict": ev.Verdict.FAILED}
    story.record(ev.ModelExported(message="caffe: layer gru has no counterpart in Caffe.", **failed))


STORIES: tuple[Callable[[Story], None], ...] = (steered, verified, shipped)


def write_journal(tell: Callable[[Story], None]) -> None:
    """Tell the story into ``<story>.jsonl`` beside this file."""
    with tempfile.TemporaryDirectory() as folder:
        story = Story(Path(folder))
        tell(story)
        story.journal.close()
        shutil.copyfile(Path(folder) / JOURNAL_FILE, FOLDER / f"{tell.__name__}.jsonl")


def unpacked(message: Snapshot, buffers: list[bytes]) -> dict[str, Any]:
    """A snapshot without its compression, which differs from one release of zlib to the next."""
    content = zlib.decompress(buffers[0])
    (length,) = struct.unpack_from("<I", content)
    body = json.loads(content[4 : 4 + length])
    return {"snapshot": message, "body": body, "curve_bytes": content[4 + length :].hex()}


def write_expected(name: str) -> None:
    """What must come of a journal: its events as they cross the wire, its view, its snapshot."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(FOLDER / f"{name}.jsonl", Path(folder) / JOURNAL_FILE)
        events = read_journal(Path(folder)).events
    view = replay(events)
    expected = {
        "events": event_batch(events)["events"],
        "view": view_to_json(view),
        **unpacked(*snapshot(view, status=STATUS, age=0.5)),
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
