"""Rows 1 to 8 and 11: the process dies, files are torn or gone; the study goes on from its journal.

Keras Tuner keeps a study in many small JSON files. Here one journal has everything, so what the
rows ask of oracle.json, trial.json and tuner0.json is asked of the journal's lines and of every
other file of the study's folder.
"""

from __future__ import annotations

import functools
import os
import random
import shutil
import signal
from collections import Counter
from pathlib import Path

import kill

from fault_rows.notebook import CELL, Notebook, check, refused, scored, view_on_disk
from fault_rows.registry import Counts, row
from tunemagic import durable
from tunemagic import events as ev
from tunemagic import study as study_module
from tunemagic.journal import JOURNAL_FILE, Journal, read_journal
from tunemagic.request import Tuner
from tunemagic.search.job import Work
from tunemagic.trial import StudyState, TrialState

TUNERS = tuple(kill.TRIALS)


def killed_at(point: str, occurrence: int, tuner: Tuner, directory: Path) -> bool:
    """Run a dense search that kills itself when a durable step comes for the n-th time; whether it came to that."""
    left = [occurrence]

    def hook(name: str) -> None:
        left[0] -= name == point
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def search() -> None:
        durable.set_crash_point(hook)
        kill.our_search(tuner, directory)

    return kill.in_child(search) == -signal.SIGKILL


def resumed(tuner: Tuner, directory: Path, tally: kill.Tally) -> None:
    """Go on with a killed search and judge what came of it."""
    tally.kills += 1
    before = kill.finished_of(directory)
    if kill.in_child(functools.partial(kill.our_search, tuner, directory)) != 0:
        tally.failed_resumes += 1
        tally.examples.append(f"{tuner}: can't be resumed in {directory}")
    else:
        kill.judge_ours(tuner, directory, before, 1, tally)


def faultless(tally: kill.Tally) -> str:
    """The tally in words; raises when there is a fault in it."""
    check(tally.faults() == 0, f"{tally} {' '.join(tally.examples[:2])}")
    return str(tally)


@row(1, "kill -9 in a running trial")
def kill_in_trial(folder: Path, counts: Counts) -> str:
    """In trials 1, 2 and 4 of each strategy; then in an epoch of real training, after a state was saved."""
    tally = kill.Tally()
    for tuner in TUNERS:
        for trial in (1, 2, 4):
            directory = folder / f"{tuner}-{trial}"
            check(killed_at("journal.TrialStarted.after", trial, tuner, directory), f"{tuner} was not killed")
            resumed(tuner, directory, tally)
    return f"{faultless(tally)}; {_kill_in_epoch(folder / 'real')}"


def _kill_in_epoch(folder: Path) -> str:
    def search() -> None:
        # Every epoch saves its state, so that nobody has to wait for one.
        study_module.Work = functools.partial(Work, state_seconds=0.0)
        saved = [0]

        def hook(name: str) -> None:
            saved[0] += name == "journal.TrialStateSaved.after"
            if saved[0] == 3:
                os.kill(os.getpid(), signal.SIGKILL)

        durable.set_crash_point(hook)
        Notebook(folder).run(CELL, max_trials=1, epochs=8, workers=0)

    check(kill.in_child(search) == -signal.SIGKILL, "the search with real training was not killed")
    saved = view_on_disk(folder / "s").trials[0].state_epoch
    check(saved >= 1, "no training state was saved before the kill")
    after = Notebook(folder).run(CELL, max_trials=1, epochs=8, workers=0)
    start = [event for event in after.events_after(0) if isinstance(event, ev.TrialStarted)][-1]
    trial = after.view.trials[0]
    check(start.resumed_epoch >= saved, f"resumed after epoch {start.resumed_epoch}; expected {saved}")
    check(trial.state is TrialState.COMPLETED, f"the trial is {trial.state}: {trial.reason}")
    check(trial.epochs_done == 8, f"{trial.epochs_done} epochs; expected 8")
    return f"real training resumed after epoch {start.resumed_epoch} of 8"


@row(2, "kill -9 at random times, dense")
def kill_at_random(folder: Path, counts: Counts) -> str:
    """Trials of 2 ms, killed at any moment."""
    tally, rng = kill.Tally(), random.Random(1)
    for tuner in TUNERS:
        seconds = kill.measure(kill.our_search, tuner)
        wanted = tally.kills + counts.kills
        attempt = 0
        while tally.kills < wanted:
            attempt += 1
            directory = folder / f"{tuner}-{attempt}"
            search = functools.partial(kill.our_search, tuner, directory)
            if kill.in_child(search, rng.uniform(0.005, seconds)) < 0:
                resumed(tuner, directory, tally)
    return faultless(tally)


@row(3, "kill in the first trial")
def kill_in_first(folder: Path, counts: Counts) -> str:
    """It is attempt 2 of trial 1 afterwards, not a new study."""
    check(killed_at("journal.TrialStarted.after", 1, Tuner.RANDOM, folder / "s"), "was not killed")
    kill.our_search(Tuner.RANDOM, folder / "s")
    events = read_journal(folder / "s").events
    kinds = Counter(type(event).__name__ for event in events)
    check(kinds["StudyStarted"] == 1, f"{kinds['StudyStarted']} studies were started")
    attempts = [event.attempt for event in events if isinstance(event, ev.TrialStarted) and event.trial == 1]
    check(attempts == [1, 2], f"attempts at trial 1: {attempts}")
    return "one study, attempts 1 and 2 of trial 1"


@row(4, "a grid goes on after a kill")
def grid_resumes(folder: Path, counts: Counts) -> str:
    """Killed in trial 3 of 12, then every combination once."""
    tally = kill.Tally()
    check(killed_at("journal.TrialStarted.after", 3, Tuner.GRID, folder / "s"), "was not killed")
    resumed(Tuner.GRID, folder / "s", tally)
    points = {tuple(sorted(trial.values.items())) for trial in view_on_disk(folder / "s").trials}
    check(len(points) == kill.GRID_POINTS, f"{len(points)} of {kill.GRID_POINTS} combinations")
    return f"{faultless(tally)}; {len(points)} of {kill.GRID_POINTS} combinations once"


def finished_dense(directory: Path) -> None:
    """A dense search that ran to its end."""
    check(kill.in_child(functools.partial(kill.our_search, Tuner.RANDOM, directory)) == 0, "the search failed")


@row(5, "the study's state cut at every byte, or removed")
def journal_cut(folder: Path, counts: Counts) -> str:
    """The journal (their oracle.json) cut at every byte of its last record; the lock file removed."""
    finished_dense(folder / "s")
    whole = (folder / "s" / JOURNAL_FILE).read_bytes()
    events = read_journal(folder / "s").events
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    for cut in range(last, len(whole)):
        directory = folder / "cut"
        directory.mkdir()
        (directory / JOURNAL_FILE).write_bytes(whole[:cut])
        journal = Journal(directory)
        found, torn = journal.content.events, journal.content.torn
        journal.close()
        check(found == events[:-1], f"cut at byte {cut}: {len(found)} of {len(events) - 1} events")
        check(torn == whole[last:cut], f"cut at byte {cut}: the torn part is not reported")
        shutil.rmtree(directory)
    for cut in (last + 1, len(whole) - 1):
        (folder / "s" / JOURNAL_FILE).write_bytes(whole[:cut])
        (folder / "s" / "lock").unlink()
        kill.our_search(Tuner.RANDOM, folder / "s")
        check(view_on_disk(folder / "s").state is StudyState.FINISHED, "a cut study did not go on to its end")
    return f"{len(whole) - last} cuts: only the torn record is gone, kept aside and told; the study goes on"


@row(6, "a trial's record cut, emptied or removed")
def trial_record_damaged(folder: Path, counts: Counts) -> str:
    """A line of the journal (their trial.json) cut short, emptied or removed: refused before any training."""
    notebook = Notebook(folder)
    notebook.run(scored())
    notebook.book.close()
    journal = folder / "s" / JOURNAL_FILE
    lines = journal.read_bytes().splitlines(keepends=True)
    number = next(i for i, line in enumerate(lines) if b'"TrialFinished"' in line)
    for damage in (lines[number][:20] + b"\n", b"\n", b""):
        journal.write_bytes(b"".join([*lines[:number], damage, *lines[number + 1 :]]))
        before = journal.read_bytes()
        refused(lambda: Notebook(folder).open(scored(), max_trials=4), "journal.jsonl")
        check(journal.read_bytes() == before, "a damaged journal was written to")
    journal.write_bytes(b"".join(lines))
    study = Notebook(folder).run(scored(), max_trials=3)
    check(study.view.ended_trials == 3, "the restored journal did not go on")
    return "3 kinds of damage refused at once, nothing written; the restored file goes on"


@row(7, "any one small file removed")
def any_file_removed(folder: Path, counts: Counts) -> str:
    """Every file but the journal, which is the study itself."""
    Notebook(folder / "whole").run(scored(), max_trials=4)
    names = sorted(path.name for path in (folder / "whole" / "s").iterdir() if path.name != JOURNAL_FILE)
    for name in names:
        copy = folder / f"without-{name}"
        shutil.copytree(folder / "whole", copy)
        (copy / "s" / name).unlink()
        study = Notebook(copy).run(scored(), max_trials=5)
        states = [trial.state for trial in study.view.trials]
        check(states == [TrialState.COMPLETED] * 5, f"without {name}: {states}")
        check([trial.attempt for trial in study.view.trials] == [1] * 5, f"without {name}: a trial ran again")
    return f"{len(names)} files removed one at a time ({', '.join(names)}): 4 finished trials kept each time"


@row(8, "a finished trial removed from disk")
def finished_trial_removed(folder: Path, counts: Counts) -> str:
    """Its files: its number is not used again. Its journal lines: refused, since the numbers have a gap."""
    notebook = Notebook(folder)
    study = notebook.run(scored(), max_trials=3)
    notebook.book.close()
    for path in (folder / "s").glob("*trial-0002*"):
        path.unlink()
    scores = [trial.score for trial in study.view.trials]
    again = Notebook(folder)
    study = again.run(scored(), max_trials=5)
    again.book.close()
    check([trial.score for trial in study.view.trials[:3]] == scores, "a finished trial was overwritten")
    check(study.view.ended_trials == 5, f"{study.view.ended_trials} trials; expected 5")
    journal = folder / "s" / JOURNAL_FILE
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(line for line in lines if b'"trial":2,' not in line))
    refused(lambda: Notebook(folder).open(scored(), max_trials=6), "expected event", "Lines are missing")
    return "without its files: numbers go on, 5 of 5 trials; without its lines: refused before any training"


@row(11, "kill between score and end")
def kill_around_the_score(folder: Path, counts: Counts) -> str:
    """At every durable step between a trial's first epoch and the next trial's start."""
    steps = _steps_of_a_search(folder / "steps")
    starts = [i for i, name in enumerate(steps) if name == "journal.TrialStarted.after"]
    tally = kill.Tally()
    names: Counter[str] = Counter(steps[: starts[4]])
    for name in steps[starts[4] : starts[6]]:
        names[name] += 1
        directory = folder / f"kill-{tally.kills}"
        check(killed_at(name, names[name], Tuner.RANDOM, directory), f"{name} did not come again")
        resumed(Tuner.RANDOM, directory, tally)
    return f"{faultless(tally)}; every score belongs to its weights"


def _steps_of_a_search(directory: Path) -> list[str]:
    """The names of a dense search's durable steps, in order."""
    log = directory.with_suffix(".log")

    def search() -> None:
        durable.set_crash_point(functools.partial(kill.note, log))
        kill.our_search(Tuner.RANDOM, directory)

    check(kill.in_child(search) == 0, "the search failed")
    return log.read_text(encoding="utf-8").splitlines()
