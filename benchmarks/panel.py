"""What the live panel costs: in the kernel, on the wire, in the browser.

Each cost is measured by turns with two other ways to show the same learning curves: a picture
that matplotlib draws anew, and a plotly FigureWidget. Exits with 1 when a limit is broken:
  kernel    <= 1 ms per update (median) at 300 trials x 300 epochs
  module    <= 120 kB minified, <= 45 kB gzipped, style sheet included
  browser   <= 50 ms of the page's main thread per update at 100 trials x 100 epochs
  snapshot  < 300 kB for a study of 2000 trials x 20 epochs with four metrics
  burst     1000 events a second, one batch lost on the way: the page ends up showing what the
            replayed journal gives

Usage: python benchmarks/panel.py [--rounds 40]
"""

from __future__ import annotations

import argparse
import base64
import gzip
import io
import json
import random
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from chromium import chromium_path  # noqa: E402 - beside this file

from tests.browser.page import PanelPage  # noqa: E402 - the tests' fake of a front end
from tests.browser.story import stamped, study_started  # noqa: E402
from tunemagic import events as ev  # noqa: E402
from tunemagic.ledger import Ledger  # noqa: E402
from tunemagic.trial import StudyView, replay  # noqa: E402
from tunemagic.widgets.bridge import StudyChannel  # noqa: E402
from tunemagic.widgets.wire import PanelStatus, event_batch, snapshot  # noqa: E402

STATIC = ROOT / "tunemagic" / "static"
KERNEL_LIMIT_MS = 1.0
BROWSER_LIMIT_MS = 50.0
SNAPSHOT_LIMIT = 300_000
MODULE_LIMIT, GZIP_LIMIT = 120_000, 45_000
STATUS = PanelStatus(session="aaaa00000001", waiting=True, converting=None, read_only="")
BATCH_MS = 125


def story(trials: int, epochs: int, *, seed: int = 7) -> Iterator[ev.Event]:
    """Whole trials with four noisy metrics; the last one lacks its end."""
    rng = random.Random(seed)
    yield study_started(max_trials=trials, epochs=epochs)
    for number in range(1, trials + 1):
        values = {
            "units": rng.randrange(32, 257, 32),
            "lr": 10 ** rng.uniform(-4, -1),
            "activation": rng.choice(["relu", "tanh"]),
        }
        yield ev.TrialStarted(trial=number, attempt=1, values=values, epochs=epochs, why="TPE")
        level = rng.uniform(0.5, 0.9)
        logs: dict[str, float | None] = {}
        for epoch in range(1, epochs + 1):
            score = level + 0.09 * (1 - 1 / epoch) + rng.gauss(0, 0.004)
            logs = {"loss": 0.99 - score, "accuracy": score + 0.01, "val_loss": 1 - score, "val_accuracy": score}
            yield ev.EpochEnded(trial=number, attempt=1, epoch=epoch, logs=logs)
        if number < trials:
            yield ev.TrialFinished(
                trial=number,
                attempt=1,
                score=logs["val_accuracy"] or 0.0,
                best_epoch=epochs,
                metrics={**logs, "parameters": rng.randrange(10_000)},
                seconds=rng.uniform(1, 2),
                trainer="whole epochs in one graph call",
                worker=1,
            )


def later_epochs(first: int, trial: int, count: int) -> list[ev.Event]:
    """``count`` further epochs of one trial, with ``seq`` from ``first`` on."""
    rng = random.Random(trial)
    return [
        ev.EpochEnded(
            seq=first + index,
            at=1_760_000_000.0 + first + index,
            elapsed=float(first + index),
            trial=trial,
            attempt=1,
            epoch=10_000 + index,
            logs={"loss": rng.random(), "val_accuracy": rng.random()},
        )
        for index in range(count)
    ]


# -- kernel ----------------------------------------------------------------------------------------


class _Study:
    """What a channel needs of a study."""

    name = "digits"
    read_only_reason = ""

    def __init__(self, events: Sequence[ev.Event]) -> None:
        self.ledger = Ledger(None, tuple(events))
        self.session = self.ledger.view.session
        self.subscribe = self.ledger.subscribe
        self.events_after = self.ledger.events_after

    @property
    def view(self) -> StudyView:
        return self.ledger.view


def kernel_ours(trials: int, epochs: int, rounds: int) -> list[float]:
    """CPU milliseconds of this process per epoch event: view, batch, JSON; one batch each."""
    study = _Study(stamped(story(trials, epochs)))
    sent = threading.Event()

    def send(content: Any, buffers: Any) -> None:
        if content["kind"] == "events":
            json.dumps(content, allow_nan=False)  # what Jupyter's session does with it
            sent.set()
        elif content["kind"] == "snapshot":
            sent.set()

    channel = StudyChannel(study, send, waiting=True, detach=lambda: None)  # type: ignore[arg-type]
    channel.receive({"kind": "hello", "have": 0, "lang": "en"})
    sent.wait()
    costs = []
    for epoch in range(rounds):
        time.sleep(BATCH_MS / 1000)  # the channel's own pace
        sent.clear()
        start = time.process_time()
        study.ledger.record(
            ev.EpochEnded(trial=trials, attempt=1, epoch=epochs + 1 + epoch, logs={"loss": 0.1, "val_accuracy": 0.9})
        )
        sent.wait()
        costs.append(1000 * (time.process_time() - start))
    channel.close()
    return costs


def curves_of(view: StudyView) -> list[list[float]]:
    """Each trial's curve of the objective."""
    return [[value or 0.0 for value in trial.curves[view.objective]] for trial in view.trials]


def kernel_matplotlib(curves: list[list[float]], rounds: int) -> tuple[list[float], str]:
    """CPU milliseconds of a new figure as PNG, and the last picture as base64."""
    from matplotlib.figure import Figure

    costs, data = [], b""
    for _ in range(rounds):
        start = time.process_time()
        figure = Figure(figsize=(6.4, 3.2), dpi=100)
        axes = figure.add_subplot()
        for curve in curves:
            axes.plot(curve, linewidth=0.8)
        target = io.BytesIO()
        figure.savefig(target, format="png")
        data = target.getvalue()
        costs.append(1000 * (time.process_time() - start))
    return costs, base64.b64encode(data).decode("ascii")


def kernel_plotly(curves: list[list[float]], rounds: int) -> tuple[list[float], list[float]]:
    """CPU milliseconds of a FigureWidget: one trace is given anew, and all of them."""
    import plotly.graph_objects as go

    figure = go.FigureWidget([go.Scatter(y=curve, mode="lines") for curve in curves])
    one, every = [], []
    for number in range(rounds):
        start = time.process_time()
        figure.data[-1].y = [*curves[-1], number]
        one.append(1000 * (time.process_time() - start))
    for _ in range(max(3, rounds // 10)):
        start = time.process_time()
        with figure.batch_update():
            for trace, curve in zip(figure.data, curves, strict=True):
                trace.y = curve
        every.append(1000 * (time.process_time() - start))
    return one, every


# -- browser ---------------------------------------------------------------------------------------


class Meter:
    """Milliseconds that a page's main thread has worked, as Chromium counts them."""

    def __init__(self, page: Any) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Performance.enable")

    def __call__(self) -> float:
        """The reading now."""
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return 1000 * float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


def browser_cost(page: Any, updates: int, update: Callable[[int], None]) -> float:
    """Milliseconds of the main thread per update, at the panel's pace."""
    update(0)  # the first one also builds
    page.wait_for_timeout(1500)
    meter = Meter(page)
    before = meter()
    for number in range(1, updates + 1):
        update(number)
        page.wait_for_timeout(BATCH_MS)
    page.wait_for_timeout(500)
    return (meter() - before) / updates


def browser_costs(browser: Any, rounds: int) -> dict[str, float]:
    """Ours and both others at 100 trials x 100 epochs, each on a page of its own."""
    events = stamped(story(100, 100))
    view = replay(events)
    curves = curves_of(view)
    more = later_epochs(view.seq + 1, 100, rounds + 1)
    costs = {}

    page = browser.new_page(viewport={"width": 900, "height": 900})
    panel = PanelPage(page)
    panel.start(events)
    costs["panel"] = browser_cost(page, rounds, lambda number: panel.events([more[number]]))
    page.close()

    pictures = [kernel_matplotlib([curve[: 100 - n] for curve in curves], 1)[1] for n in range(4)]
    page = browser.new_page(viewport={"width": 900, "height": 900})
    page.set_content("<img id='picture'>")
    show = "data => { document.getElementById('picture').src = 'data:image/png;base64,' + data; }"
    costs["matplotlib PNG"] = browser_cost(page, rounds, lambda n: page.evaluate(show, pictures[n % len(pictures)]))
    page.close()

    import plotly

    page = browser.new_page(viewport={"width": 900, "height": 900})
    page.set_content("<div id='chart' style='width: 860px; height: 400px'></div>")
    page.add_script_tag(path=Path(plotly.__file__).parent / "package_data" / "plotly.min.js")
    page.evaluate(
        "curves => Plotly.newPlot('chart', curves.map(y => ({y: [...y], mode: 'lines'})), {showlegend: false})", curves
    )
    extend = "number => Plotly.extendTraces('chart', {y: [[0.5 + 0.001 * number]]}, [99])"
    costs["plotly"] = browser_cost(page, rounds, lambda number: page.evaluate(extend, number))
    page.close()
    return costs


def burst(browser: Any) -> tuple[bool, int, float]:
    """Whether a page ends up right after 1000 events a second with one batch lost; events, and their rate."""
    events = stamped(story(60, 120), seconds=0.001)
    page = browser.new_page(viewport={"width": 900, "height": 1200})
    panel = PanelPage(page)
    panel.start(events[:1])
    size = BATCH_MS  # a thousand a second, in batches of an eighth of a second
    batches = [events[first : first + size] for first in range(1, len(events), size)]
    start = time.perf_counter()
    for number, batch in enumerate(batches):
        if number != len(batches) // 2:
            panel.events(batch)
        late = start + (number + 1) * BATCH_MS / 1000 - time.perf_counter()
        page.wait_for_timeout(max(0.0, 1000 * late))
    seconds = time.perf_counter() - start
    asked = [message["have"] for message in panel.sent() if message["kind"] == "replay"]
    if asked:
        panel.events([event for event in events if event.seq > asked[-1]])
    page.wait_for_timeout(1000)
    shown = panel.page.locator(".tm-panel").inner_text()
    page.close()
    page = browser.new_page(viewport={"width": 900, "height": 1200})
    fresh = PanelPage(page)
    fresh.start(events)
    page.wait_for_timeout(1000)
    expected = fresh.page.locator(".tm-panel").inner_text()
    page.close()
    return bool(asked) and without_clock(shown) == without_clock(expected), len(events), len(events) / seconds


def without_clock(text: str) -> list[str]:
    """The lines of a panel except for those that go on with time."""
    return [line for line in text.splitlines() if "elapsed" not in line and " left" not in line]


# -- the whole -------------------------------------------------------------------------------------


def main() -> int:
    """Measure, print, judge; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40, help="updates measured (default: 40)")
    rounds = parser.parse_args().rounds
    failures = []

    def judge(name: str, value: float, limit: float, unit: str) -> None:
        verdict = "PASS" if value <= limit else "FAIL"
        print(f"  {verdict} {name}: {value:,.4g} {unit} (at most {limit:,.4g})")
        if value > limit:
            failures.append(name)

    print(f"kernel, CPU time per update, 300 trials x 300 epochs, medians of {rounds}")
    ours = statistics.median(kernel_ours(300, 300, rounds))
    curves = curves_of(replay(stamped(story(300, 300))))
    picture = statistics.median(kernel_matplotlib(curves, max(3, rounds // 8))[0])
    one, every = map(statistics.median, kernel_plotly(curves, rounds))
    judge("panel", ours, KERNEL_LIMIT_MS, "ms")
    for name, value in (("matplotlib PNG", picture), ("plotly, one trace", one), ("plotly, all traces", every)):
        print(f"       {name}: {value:.4g} ms = {value / ours:.1f} x the panel's")

    print("module")
    files = [(STATIC / name).read_bytes() for name in ("panel.js", "panel.css")]
    judge("minified", sum(map(len, files)), MODULE_LIMIT, "bytes")
    judge("gzipped", sum(len(gzip.compress(data, 9)) for data in files), GZIP_LIMIT, "bytes")

    print("snapshot of 2000 trials x 20 epochs x 4 metrics")
    message, buffers = snapshot(replay(stamped(story(2000, 20))), status=STATUS, age=0.0)
    judge("payload", len(json.dumps(message)) + sum(map(len, buffers)), SNAPSHOT_LIMIT, "bytes")
    batch = event_batch(later_epochs(1, 1, 1))
    print(f"       one epoch: {len(json.dumps(batch))} bytes")

    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        print(f"browser, main thread per update, 100 trials x 100 epochs, {rounds} updates")
        costs = browser_costs(browser, rounds)
        judge("panel", costs["panel"], BROWSER_LIMIT_MS, "ms")
        for name in ("matplotlib PNG", "plotly"):
            print(f"       {name}: {costs[name]:.4g} ms = {costs[name] / costs['panel']:.1f} x the panel's")
        right, count, rate = burst(browser)
        browser.close()
    print(f"burst\n  {'PASS' if right else 'FAIL'} {count} events at {rate:.0f} a second, one batch lost and replayed")
    if not right:
        failures.append("burst")
    print(f"FAIL: {', '.join(failures)}" if failures else "PASS")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
