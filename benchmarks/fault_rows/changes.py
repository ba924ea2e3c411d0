"""Rows 12 to 20: the cell, the machine or the clock changes; two start at once; studies grow."""

from __future__ import annotations

import functools
import threading
import time
from pathlib import Path
from typing import Any

import kill
import scale

from fault_rows.notebook import Notebook, check, refused, scored, view_on_disk
from fault_rows.registry import Counts, row
from tunemagic import events as ev
from tunemagic.errors import StudyBusyError
from tunemagic.events import Direction
from tunemagic.journal import Journal
from tunemagic.ledger import Ledger
from tunemagic.request import Objective, Tuner
from tunemagic.search.hyperparameters import hyperparameters_of, new_hyperparameters, space_of
from tunemagic.search.loop import SearchLoop
from tunemagic.search.oracle import make_strategy
from tunemagic.search.weights import WeightsFolder
from tunemagic.trial import StudyState, TrialState

CLOCK_JUMP = 5 * 3600.0


def unchanged(notebook: Notebook, trials: int) -> None:
    """Raise unless the study ``s`` still has this many trials on disk."""
    found = len(view_on_disk(notebook.book.root / "s").trials)
    check(found == trials, f"{found} trials on disk; expected {trials} as before")


@row(12, "search space changed between runs")
def space_changed(folder: Path, counts: Counts) -> str:
    """Named at once; with --resume refused when trials lie outside."""
    notebook = Notebook(folder)
    notebook.run(scored())
    other = scored().replace('hp.Int("units", 4, 32, step=4)', 'hp.Int("units", 500, 600)')
    first = refused(lambda: notebook.open(other, max_trials=4), "the cell changed", "--new", "--resume")
    second = refused(lambda: notebook.open(other, max_trials=4, resume=True), "units", "outside", "--new")
    unchanged(notebook, 2)
    return f"0 trials run: {first[:70]} ... / {second[:90]}"


@row(13, "objective or direction changed")
def objective_changed(folder: Path, counts: Counts) -> str:
    """Both are named."""
    notebook = Notebook(folder)
    notebook.run(scored(), objective=Objective(name="val_loss"))
    other = Objective(name="val_accuracy")
    text = refused(
        lambda: notebook.open(scored(), max_trials=4, resume=True, objective=other), "val_loss", "val_accuracy"
    )
    turned = Objective(name="val_loss", direction=Direction.MAX)
    refused(lambda: notebook.open(scored(), max_trials=4, resume=True, objective=turned), "val_loss:max")
    unchanged(notebook, 2)
    return text


@row(14, "strategy changed")
def strategy_changed(folder: Path, counts: Counts) -> str:
    """Another name is offered; nothing is deleted."""
    notebook = Notebook(folder)
    notebook.run(scored(), tuner=Tuner.RANDOM)
    text = refused(
        lambda: notebook.open(scored(), max_trials=4, resume=True, tuner=Tuner.TPE), "random", "tpe", "another NAME"
    )
    check("delete" not in text and "overwrite" not in text, f"deletion is suggested: {text}")
    unchanged(notebook, 2)
    return text


@row(15, "two kernels, one study")
def two_kernels(folder: Path, counts: Counts) -> str:
    """One searches, the other is told who has it; every trial runs once."""
    directory = folder / "s"
    first = threading.Thread(target=kill.in_child, args=(functools.partial(kill.our_search, Tuner.RANDOM, directory),))
    first.start()
    while not (directory / "executions.log").exists():
        time.sleep(0.001)
    text = refused(lambda: Journal(directory), "read-only", "process", "since")
    first.join()
    executions = (directory / "executions.log").read_text(encoding="utf-8").splitlines()
    check(len(executions) == kill.TRIALS[Tuner.RANDOM], f"{len(executions)} executions")
    return f"{len(executions)} executions of {kill.TRIALS[Tuner.RANDOM]} trials; the second: {text}"


@row(16, "two threads start one study")
def two_threads(folder: Path, counts: Counts) -> str:
    """One starts it, the others are told that it runs."""
    study = Notebook(folder).open(scored("import time; time.sleep(0.05); return 1 / units"), max_trials=5)
    told: list[str] = []
    gate = threading.Barrier(4)

    def start() -> None:
        gate.wait()
        try:
            study.start()
        except StudyBusyError as error:
            told.append(str(error))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    study.wait()
    starts = [event for event in study.events_after(0) if isinstance(event, ev.TrialStarted)]
    check(len(told) == 3, f"{4 - len(told)} threads started it")
    check(len(starts) == 5, f"{len(starts)} trials were started; expected 5")
    return f"3 of 4 refused ({told[0]}); 5 executions"


@row(17, "a search after one that was aborted")
def search_after_abort(folder: Path, counts: Counts) -> str:
    """Aborted by failures, and by an interrupt inside the strategy; the next one, in another thread, finishes."""
    notebook = Notebook(folder)
    broken = notebook.run(scored("raise RuntimeError('no')"), name="broken", max_trials=9)
    check(broken.view.state is StudyState.FAILED, f"the broken study is {broken.view.state}")
    interrupted = notebook.open(scored(), name="interrupted")
    make_loop = interrupted._make_loop

    def with_interrupt(*arguments: Any) -> SearchLoop:
        loop = make_loop(*arguments)
        loop._strategy.tell = _interrupt
        return loop

    interrupted._make_loop = with_interrupt
    threading.excepthook = lambda arguments: None
    interrupted.start()
    check(interrupted.wait(60), "the interrupted search hangs")
    after = notebook.run(scored(), name="after")
    check(after.view.state is StudyState.FINISHED, f"the next search is {after.view.state}")
    return f"after an abort ({broken.view.end_message[:50]}) and an interrupt the next search finished"


def _interrupt(*arguments: Any, **options: Any) -> None:
    raise KeyboardInterrupt


@row(18, "2000 finished trials")
def many_trials(folder: Path, counts: Counts) -> str:
    """Opened again in less than a second; the next trial costs less than 20 ms beside its training."""
    figures = scale.measure_study(Tuner.RANDOM, folder / "s", counts.finished_trials)
    faults = figures.faults()
    check(not faults, "; ".join(faults))
    return str(figures)


@row(19, "the Gaussian process with many trials")
def bayesian_proposal(folder: Path, counts: Counts) -> str:
    """CPU seconds of one proposal after 200 trials, BLAS threads limited."""
    strategy = make_strategy(
        Tuner.BAYESIAN,
        hyperparameters=scale.wide_space(new_hyperparameters()),
        objective="val_loss",
        direction=Direction.MIN,
        seed=kill.SEED,
        epochs=1,
    )
    view = scale.study_view(Tuner.BAYESIAN, counts.proposals)
    strategy.restore(view.trials, {trial.number: {} for trial in view.trials})
    started = time.process_time()
    proposal = strategy.ask(counts.proposals + 1)
    seconds = time.process_time() - started
    check(proposal is not None, "nothing was proposed")
    check(seconds < 3, f"{seconds:.2f} CPU seconds for a proposal after {counts.proposals} trials; expected < 3")
    return f"{seconds:.2f} CPU seconds after {counts.proposals} trials"


@row(20, "the clock jumps back five hours")
def clock_jumps(folder: Path, counts: Counts) -> str:
    """In the middle of a search: no duration is negative or long, and the time limit does not notice."""
    calls = [0]

    def wall_clock() -> float:
        calls[0] += 1
        return time.time() - (CLOCK_JUMP if calls[0] > 20 else 0.0)

    directory = folder / "s"
    journal = Journal(directory)
    ledger = Ledger(journal, wall_clock=wall_clock)
    space = space_of(kill.wide_space(new_hyperparameters()))
    ledger.record(scale.start_of_study(Tuner.RANDOM, space, trials=20, minutes=5.0))
    strategy = scale.strategy_for(Tuner.RANDOM, hyperparameters_of(space))
    SearchLoop(
        ledger=ledger,
        strategy=strategy,
        executor=kill.FakeTrainer(directory / "executions.log"),
        weights=WeightsFolder(directory),
        work=kill.WORK,
    ).run()
    journal.close()
    view = view_on_disk(directory)
    times = [event.elapsed for event in ledger.events_after(0)]
    check(calls[0] > 20, "the clock did not jump")
    check(times == sorted(times) and times[-1] < 60, f"elapsed seconds from {min(times)} to {max(times)}")
    check(all(0 <= (trial.seconds or 0) < 60 for trial in view.trials), "a trial's seconds are out of range")
    check(all(trial.state is TrialState.COMPLETED for trial in view.trials), "a trial was not completed")
    return f"20 trials in {times[-1]:.1f} s, every duration from 0 to 60 s"
