"""What the panel says of workers, pruned trials, runs and several objectives, in a real browser."""

from __future__ import annotations

import dataclasses
import random
import re

import pytest

from tests.browser.page import PanelPage
from tests.browser.story import epochs_of, search, stamped, study_started, trial
from tunemagic import events as ev

pytestmark = pytest.mark.browser

BOHB = {
    "strategy": "bohb",
    "strategy_reason": "chosen because epochs cost the same and the space is conditional",
    "pruner": "asha",
    "pruner_reason": "many short trials",
}
ISOLATED = ev.ExecutorChosen(kind="process", workers=2, reason="all that the cell needs can be sent")


def started(**more):
    return dataclasses.replace(study_started(epochs=15), **BOHB, **more)


def pruned_trial(number, epochs, rng, *, score=True):
    told = list(epochs_of(number, 15, epochs, rng))
    yield from told
    last = told[-1].logs["val_accuracy"] if score else None
    yield ev.TrialPruned(
        trial=number,
        attempt=1,
        score=last,
        best_epoch=epochs if score else None,
        metrics={"val_accuracy": last} if score else {},
        seconds=1.2,
        reason=f"below the median at epoch {epochs}: 0.61 < 0.88" if score else "its model has 9,000,000 weights",
        worker=1,
    )


def pruning_search():
    """Ten ended trials, four of them pruned and one skipped, and two that run."""
    rng = random.Random(3)
    yield started()
    yield ISOLATED
    yield ev.WorkersReady(seconds=3.1)
    for number in range(1, 11):
        if number in (3, 5, 6, 9):
            yield from pruned_trial(number, 2 + number % 4, rng)
        elif number == 7:
            yield from skipped(number, rng)
        else:
            yield from trial(number, 15, rng, failed=number == 4)
    yield from epochs_of(11, 15, 6, rng)
    yield from epochs_of(12, 15, 3, rng)


def skipped(number, rng):
    yield from epochs_of(number, 15, 0, rng)
    reason = "its model has 9,000,000 weights; --max-params allows 1,000,000"
    yield ev.TrialPruned(trial=number, attempt=1, score=None, best_epoch=None, metrics={}, seconds=0.1, reason=reason)


def repeated_search(*, repeats=3):
    """Four trials of several runs each and one in its second run."""
    rng = random.Random(5)
    yield started(repeats=repeats, max_trials=6)
    yield ISOLATED
    yield ev.WorkersReady(seconds=3.1)
    for number in range(1, 6):
        begin, *first = epochs_of(number, 15, 15, rng)
        yield begin
        scores = []
        for run in range(1, (1 if number == 5 else repeats) + 1):
            told = [
                dataclasses.replace(event, run=run, logs={k: v + 0.02 * rng.gauss(0, 1) for k, v in event.logs.items()})
                for event in first
            ]
            yield from told
            scores.append(max(event.logs["val_accuracy"] for event in told))
            yield ev.RunEnded(
                trial=number, attempt=1, run=run, score=scores[-1], best_epoch=15, metrics={"val_accuracy": scores[-1]}
            )
        if number == 5:
            yield from (dataclasses.replace(event, run=2) for event in first[:4])
            return
        mean = sum(scores) / len(scores)
        yield ev.TrialFinished(
            trial=number,
            attempt=1,
            score=mean,
            best_epoch=15,
            metrics={"val_accuracy": mean},
            seconds=31.2,
            trainer="whole epochs in one graph call",
            worker=1 + number % 2,
        )


def pareto_search():
    """Twelve trials with a number of weights each, ended."""
    rng = random.Random(7)
    yield started(objectives=[{"name": "params", "direction": "min"}], max_trials=12)
    yield ev.ExecutorChosen(kind="inline", workers=1, reason="`base` (a Keras model) can't be sent")
    for number in range(1, 13):
        for event in trial(number, 15, rng, failed=number == 4):
            if isinstance(event, ev.TrialFinished):
                weights = int(2_000 + 90_000 * rng.random() * event.score**4)
                event = dataclasses.replace(event, metrics={**event.metrics, "params": weights})
            yield event
    yield ev.StudyEnded(reason=ev.EndReason.TRIALS, message="all 12 trials done")


def column(page, position):
    return page.locator(f".tm-table tbody tr:not(.tm-details) td:nth-child({position})").all_inner_texts()


def setup_lines(page):
    return page.locator(".tm-setup p").all_inner_texts()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("name", "events"),
    [
        ("starting", [started(), ISOLATED]),
        ("pruned", list(pruning_search())),
        ("repeats", list(repeated_search())),
        ("pareto", list(pareto_search())),
    ],
    ids=["starting", "pruned", "repeats", "pareto"],
)
def test_every_state_is_readable_in_light_and_dark(page, name, events, dark):
    panel = PanelPage(page, dark=dark)
    panel.start(stamped(events))
    if name == "repeats":
        page.get_by_role("button", name="4", exact=True).click()
    panel.screenshot(f"panel-{name}-{'dark' if dark else 'light'}")
    assert panel.violations() == []
    assert panel.errors == []


def test_starting_workers_are_counted_up_until_one_is_ready(page):
    page.clock.install()
    panel = PanelPage(page)
    events = stamped([started(), ISOLATED, ev.WorkersReady(seconds=3.1)])
    panel.start(events[:2])
    shown = page.locator(".tm-times")
    seconds = []
    # The clock of the page runs on by itself as well.
    for wait in (50, 4000):
        page.clock.run_for(wait)
        said = re.fullmatch(r"0/30 trials · starting workers \((\d+) s\)", shown.inner_text())
        seconds.append(int(said[1]))
    assert seconds[1] >= seconds[0] + 3
    assert page.locator(".tm-spoken").inner_text() == "starting workers, 0/30 trials"
    panel.events(events[2:])
    page.clock.run_for(1100)
    assert re.fullmatch(r"0/30 trials · 0:\d\d elapsed", shown.inner_text())


@pytest.mark.parametrize("width", [900, 320])
def test_nothing_jumps_while_workers_start(page, width):
    page.set_viewport_size({"width": width, "height": 700})
    panel = PanelPage(page)
    ready = [ev.WorkersReady(seconds=3.1), *epochs_of(1, 15, 1, random.Random(1))]
    one = ev.ExecutorChosen(kind="process", workers=1, reason="")
    events = stamped([study_started(), one, *ready])
    panel.start(events[:1])
    places = []
    for event in [*events[1:], None]:
        panel.settle()
        places.append(page.locator(".tm-curves").bounding_box()["y"])
        if event is not None:
            panel.events([event])
    assert places == places[:1] * len(events)


def test_the_panel_says_which_strategy_runs_where_and_why(page):
    panel = PanelPage(page)
    panel.start(stamped([started(repeats=3, folds=5, model_limits="--max-kb 50 --quant int8"), ISOLATED]))
    panel.settle()
    assert setup_lines(page) == [
        "Strategy: bohb — chosen because epochs cost the same and the space is conditional"
        " · pruner: asha — many short trials · 3 repeats × 5 folds · --max-kb 50 --quant int8",
        "Trials run in 2 isolated workers — all that the cell needs can be sent",
    ]
    places = {
        ("inline", 1, "`base` (a Keras model) can't be sent"): (
            "Trials run in the kernel — `base` (a Keras model) can't be sent"
        ),
        ("process", 1, ""): "Trials run in an isolated worker",
        ("dask", 4, "you asked for tcp://10.0.0.1:8786"): (
            "Trials run on a Dask cluster, 4 workers — you asked for tcp://10.0.0.1:8786"
        ),
        ("replay", 1, "mnist1d"): "Trials are replayed from stored learning curves — mnist1d",
    }
    for (kind, workers, reason), text in places.items():
        panel.start(stamped([started(), ev.ExecutorChosen(kind=kind, workers=workers, reason=reason)]))
        panel.settle()
        assert setup_lines(page)[1] == text
    panel.start(stamped(search(trials=2)))
    panel.settle()
    assert setup_lines(page)[0] == "Strategy: random"


def test_pruned_trials_are_counted_named_and_no_failures(page):
    panel = PanelPage(page)
    panel.start(stamped(pruning_search()))
    panel.settle()
    assert page.locator(".tm-times").inner_text().startswith("9/30 trials (4 pruned, 1 skipped) · ")
    assert column(page, 2) == [
        "running 3/15",
        "running 6/15",
        "completed",
        "pruned",
        "completed",
        "skipped",
        "pruned",
        "pruned",
        "failed",
        "pruned",
        "completed",
        "completed",
    ]
    colours = page.evaluate(
        "() => ['pruned', 'failed'].map(state => "
        "getComputedStyle(document.querySelector(`tr[data-state=${state}] .tm-badge`)).color)"
    )
    assert colours[0] != colours[1]
    assert "pruned" in page.locator(".tm-legend li:visible").all_inner_texts()


def test_runs_have_a_mean_a_spread_and_curves_of_their_own(page):
    panel = PanelPage(page)
    events = stamped(repeated_search())
    panel.start(events)
    panel.settle()
    assert column(page, 2)[0] == "running 4/15, run 2/3"
    assert column(page, 3) == ["–", "0.8493 ± 0.0099", "0.8581 ± 0.012", "0.9363 ± 0.02", "0.9809 ± 0.012"]
    assert page.locator(".tm-best").inner_text() == "best val_accuracy 0.9809 ± 0.012 in trial 1"
    page.get_by_role("button", name="4", exact=True).click()
    details = page.locator(".tm-details:visible").inner_text()
    for text in ("scores of its runs", "trained by", "whole epochs in one graph call", "worker"):
        assert text in details


def test_several_objectives_have_columns_and_marked_trials(page):
    panel = PanelPage(page)
    panel.start(stamped(pareto_search()))
    panel.settle()
    heads = page.locator(".tm-trials thead th").all_inner_texts()
    assert heads[:6] == ["trial", "state", "val_accuracy", "params", "Pareto", "best epoch"]
    marked = [number for number, mark in zip(column(page, 1), column(page, 5), strict=True) if mark == "◆"]
    assert marked == ["10", "8", "7", "6 ★", "3"]
    assert page.locator(".tm-best").inner_text().endswith("in trial 6 · 5 Pareto trials")
    page.get_by_role("button", name="Pareto").click()
    page.get_by_role("button", name="Pareto").click()
    assert column(page, 5)[:6] == ["◆", "◆", "◆", "◆", "◆", ""]


def test_a_new_point_takes_the_mark_from_a_beaten_one(page):
    panel = PanelPage(page)
    events = [study_started(max_trials=None)]
    events[0] = dataclasses.replace(events[0], objectives=[{"name": "params", "direction": "min"}])
    for number, (score, params) in enumerate([(0.5, 900), (0.75, 100)], start=1):
        events += [
            ev.TrialStarted(trial=number, attempt=1, values={}, epochs=1, why=""),
            ev.TrialFinished(
                trial=number, attempt=1, score=score, best_epoch=1, metrics={"params": params}, seconds=1.0
            ),
        ]
    events = stamped(events)
    panel.start(events[:3])
    panel.settle()
    assert column(page, 5) == ["◆"]
    panel.events(events[3:])
    panel.settle()
    assert column(page, 5) == ["◆", ""]


def test_a_later_attempt_says_where_it_went_on(page):
    panel = PanelPage(page)
    again = {"trial": 1, "values": {"units": 32}, "epochs": 15, "why": "TPE"}
    events = [started(), *list(epochs_of(1, 15, 4, random.Random(1)))]
    events.append(ev.TrialStarted(**again, attempt=2, resumed_epoch=3))
    panel.start(stamped(events))
    page.get_by_role("button", name="1", exact=True).click()
    panel.settle()
    assert "2, went on after epoch 3" in page.locator(".tm-details:visible").inner_text()
    assert column(page, 2) == ["running 3/15"]


def test_only_failing_trials_blame_a_line(page):
    panel = PanelPage(page)
    rng = random.Random(2)
    failing = [started(), *trial(1, 15, rng, failed=True)]
    for reason, blamed in ((ev.EndReason.FAILURES, True), (ev.EndReason.LIMITS, False)):
        panel.start(stamped([*failing, ev.StudyEnded(reason=reason, message="no model kept to the limits")]))
        panel.settle()
        assert page.locator(".tm-failure").is_visible()
        assert page.locator(".tm-source").is_visible() is blamed
