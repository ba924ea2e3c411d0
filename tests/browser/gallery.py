"""An invented search that fills every picture: workers, repeats, a second objective, pruned and failed trials."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.browser.page import PanelPage
from tests.browser.story import study_started
from tunemagic import events as ev
from tunemagic.analysis.answers import answer
from tunemagic.errors import TuneError
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.i18n.facts import fact_texts
from tunemagic.space import Condition, Kind, Parameter, Sampling, SearchSpace
from tunemagic.trial import StudyView, replay
from tunemagic.widgets.artefacts import targets_info

KINDS = ("best", "parallel", "importance", "slice", "contour", "pareto", "timeline", "spread")
SPACE = SearchSpace(
    (
        Parameter(name="lr", kind=Kind.FLOAT, default=0.01, low=1e-4, high=0.1, sampling=Sampling.LOG),
        Parameter(name="units", kind=Kind.INT, default=64, low=32, high=256, step=32),
        Parameter(name="activation", kind=Kind.CHOICE, default="relu", choices=("relu", "tanh", "swish")),
        Parameter(name="dropout_of_the_last_dense_layer", kind=Kind.FLOAT, default=0.2, low=0.0, high=0.5),
        Parameter(name="normalise", kind=Kind.BOOLEAN, default=False, choices=(False, True)),
        Parameter(name="optimizer", kind=Kind.CHOICE, default="adam", choices=("adam", "sgd")),
        Parameter(
            name="momentum",
            kind=Kind.FLOAT,
            default=0.9,
            low=0.5,
            high=0.99,
            conditions=(Condition(parent="optimizer", values=("sgd",)),),
        ),
    )
)


def gallery(*, trials: int = 40, space: SearchSpace = SPACE, workers: int = 3, running: bool = True) -> StudyView:
    """A search of so many trials, each in three runs; the last one is running."""
    rng = random.Random(3)
    started = dataclasses.replace(
        study_started(max_trials=trials + 5),
        space=space.to_json(),
        objectives=[{"name": "parameters", "direction": "min"}],
        repeats=3,
    )
    events: list[tuple[float, ev.Event]] = [
        (0.0, started),
        (0.1, ev.ExecutorChosen(kind="process", workers=workers, reason="")),
        (2.0, ev.WorkersReady(seconds=1.9)),
    ]
    free = [2.0] * workers
    for number in range(1, trials + 1):
        lane = min(range(workers), key=free.__getitem__)
        last = running and number == trials
        told = list(_trial(number, _values(space, rng), rng, lane + 1, unfinished=last))
        seconds = rng.uniform(4, 12)
        events += [(free[lane] + seconds * index / len(told), event) for index, event in enumerate(told, start=1)]
        events[-len(told)] = (free[lane], told[0])
        if isinstance(told[-1], ev.TrialFinished | ev.TrialPruned | ev.TrialFailed):
            events[-1] = (free[lane] + seconds, dataclasses.replace(told[-1], seconds=seconds))
        free[lane] += seconds + 0.1
    ordered = sorted(events, key=lambda pair: (pair[0], getattr(pair[1], "trial", 0)))
    return replay(
        [
            dataclasses.replace(event, seq=seq, at=1_760_000_000.0 + at, elapsed=round(at, 3))
            for seq, (at, event) in enumerate(ordered, start=1)
        ]
    )


def _values(space: SearchSpace, rng: random.Random) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for one in space.parameters:
        if any(values.get(need.parent) not in need.values for need in one.conditions):
            continue
        if one.choices:
            values[one.name] = rng.choice(one.choices)
        elif one.kind is Kind.INT:
            values[one.name] = rng.choice(range(int(one.low or 0), int(one.high or 0) + 1, int(one.step or 1)))
        elif one.sampling is Sampling.LOG:
            values[one.name] = math.exp(rng.uniform(math.log(one.low or 1), math.log(one.high or 1)))
        else:
            values[one.name] = rng.uniform(one.low or 0.0, one.high or 0.0)
    return values


def _trial(
    number: int, values: Mapping[str, Any], rng: random.Random, worker: int, *, unfinished: bool
) -> Iterator[ev.Event]:
    yield ev.TrialStarted(trial=number, attempt=1, values=dict(values), epochs=3, why=f"random {number}")
    rate, units = float(values.get("lr", 0.01)), int(values.get("units", 64))
    top = 0.97 - 0.05 * abs(math.log10(rate) + 2) - 4 / units - 0.02 * (values.get("activation") == "tanh")
    for epoch in range(1, 4):
        logs = {"val_accuracy": top - 0.2 / epoch, "loss": 1 / epoch}
        yield ev.EpochEnded(trial=number, attempt=1, epoch=epoch, logs=logs)
    if unfinished:
        return
    common: dict[str, Any] = {"trial": number, "attempt": 1, "seconds": 1.0, "worker": worker}
    if number % 13 == 4:
        yield ev.TrialFailed(
            error="ValueError", reason="Negative dimension size", line=6, source="model = build()", **common
        )
        return
    scores = [round(top + rng.gauss(0, 0.008), 4) for _ in range(3)]
    metrics = {"parameters": 64.0 * units + 10 * units + rng.randrange(500)}
    done = {"best_epoch": 3, "metrics": metrics, "weights": None, **common}
    if number % 7 == 5:
        yield ev.TrialPruned(score=scores[0] - 0.06, reason="worse than the median", **done)
        return
    for run, score in enumerate(scores, start=1):
        yield ev.RunEnded(trial=number, attempt=1, run=run, score=score, best_epoch=3, metrics=metrics)
    yield ev.TrialFinished(score=round(sum(scores) / 3, 4), **done)


class Gallery(PanelPage):
    """A panel that answers what it asks with the real infos."""

    def tell(self, view: StudyView, texts: Catalogue = ENGLISH, **status: Any) -> None:
        """Texts and state."""
        self.view, self.texts = view, texts
        self.answered = 0
        sent = {**texts.texts, **fact_texts(texts)}
        self.deliver({"kind": "texts", "v": 1, "lang": str(texts.language), "texts": sent})
        self.snapshot(view, **status)
        self.settle()

    def show(self, kind: str) -> None:
        """Open the tab of a picture and answer its question."""
        self.page.get_by_role("tab", name=self.texts(f"panel.view.{kind}"), exact=True).click()
        self.answer()

    def answer(self, **infos: Any) -> list[dict[str, Any]]:
        """Answer all new questions; with the infos given instead of the real ones, where there are any."""
        sent = self.page.evaluate("() => fake.sent")
        asks = [one for one in sent[self.answered :] if one["kind"] == "ask" and one["on"]]
        self.answered = len(sent)
        for ask in asks:
            self.deliver(self._answer(ask, infos))
        self.settle()
        return asks

    def _answer(self, ask: Mapping[str, Any], infos: Mapping[str, Any]) -> dict[str, Any]:
        topic, options = ask["topic"], ask["options"]
        reply = {"kind": "answer", "v": 1, "topic": topic, "options": options, "seq": self.view.seq}
        try:
            info = infos.get(topic) or (targets_info() if topic == "targets" else self._real(topic, options))
        except TuneError as error:
            return {**reply, "info": None, "error": str(error)}
        return {**reply, "info": info, "error": ""}

    def _real(self, topic: str, options: Mapping[str, str]) -> dict[str, Any]:
        return answer(self.view, topic, options, log_of=lambda _: "")

    def commands(self) -> Sequence[tuple[str, dict[str, Any]]]:
        """The verbs and arguments of all clicks so far."""
        return [(one["verb"], one["args"]) for one in self.sent() if one["kind"] == "command"]
