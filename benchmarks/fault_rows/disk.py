"""Rows 9, 10 and 21 to 27: weights files that were altered, full disks, folders and names that are not ours."""

from __future__ import annotations

import functools
import os
import random
import resource
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import kill

from fault_rows.notebook import CELL, Notebook, check, refused, scored, view_on_disk
from fault_rows.registry import Counts, row
from tunemagic.errors import OptionError, StorageError
from tunemagic.journal import JOURNAL_FILE, read_journal
from tunemagic.request import Tuner, check_study_name
from tunemagic.search.weights import load_weights
from tunemagic.trial import StudyState, TrialState

NOBODY = 65534
HOSTILE = ("../../x", "..", ".", "/etc/x", "a/b", "a\\b", "", " a", "-a/..", "a\0b", "a\nb", "x" * 300)
ODD = (
    *("study", "Study 1", "a_b", "a-b", "a.b", "1", "x" * 64, "größe", "été", "研究", "исследование", "μ", "a  b"),
    *("%x", "a%20b", "<img src=x>", "a[1]*", "$HOME", "`id`", "a;b", "a|b", "a&b", "~", "~x", "a'b", 'a"b', "a\tb"),
    *("con:", "a?", "*", "x" * 65, "🙂", "a\u202eb", "\ufeffa"),
)
# A model with a weights file of some 90 kB.
LARGE_CELL = """
units = hp.Int("units", 300, 400)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(units), keras.layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
batch_size = 80
"""


# -- weights files -----------------------------------------------------------------------------------


@row(9, "weights file cut, emptied, replaced or missing")
def weights_damaged(folder: Path, counts: Counts) -> str:
    """The best one is passed over with a note, and the next best given; without any, it says what to do."""
    damages: dict[str, Callable[[Path], object]] = {
        "cut": lambda path: path.write_bytes(path.read_bytes()[:-100]),
        "empty": lambda path: path.write_bytes(b""),
        "garbage": lambda path: path.write_bytes(os.urandom(5000)),
        "missing": lambda path: path.unlink(),
    }
    for name, damage in damages.items():
        study = Notebook(folder / name).run(CELL, max_trials=3)
        ranking = study.view.ranking()
        for trial in ranking[:2]:
            damage(study.directory / trial.weights.file)
        model = study.best_model
        units = model.layers[0].units
        check(units == ranking[2].values["units"], f"{name}: got a model of {units} units")
        notes = " ".join(study.view.notes)
        check(all(f"trial {trial.number} is passed over" in notes for trial in ranking[:2]), f"{name}: {notes}")
        damage(study.directory / ranking[2].weights.file)
        study._best = None
        refused(lambda study=study: study.best_model, "no weights on disk that can be used")
    return f"{', '.join(damages)}: passed over with a note, the next best given"


@row(10, "weights file with a flipped bit")
def weights_flipped(folder: Path, counts: Counts) -> str:
    """Always noticed, wherever the bit is."""
    study = Notebook(folder).run(CELL, max_trials=1)
    trial = study.best_trial
    path = study.directory / trial.weights.file
    model, data = study.best_model, path.read_bytes()
    rng = random.Random(1)
    noticed = 0
    for _ in range(counts.flips):
        flipped = bytearray(data)
        flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        try:
            load_weights(model, path, trial.weights.sha256)
        except StorageError:
            noticed += 1
    check(noticed == counts.flips, f"{noticed} of {counts.flips} flipped bits were noticed")
    return f"{noticed} of {counts.flips} flipped bits noticed in a file of {len(data)} bytes"


# -- full and forbidden disks ------------------------------------------------------------------------


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """No file may grow beyond ``limit`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@row(21, "disk full while state is written")
def disk_full_for_journal(folder: Path, counts: Counts) -> str:
    """Somewhere in the journal; all earlier results can be read, and it goes on when there is room."""
    undisturbed = folder / "undisturbed"
    kill.our_search(Tuner.RANDOM, undisturbed)
    whole = (undisturbed / JOURNAL_FILE).stat().st_size
    rounds = 12
    for number in range(1, rounds + 1):
        directory = folder / f"full-{number}"
        limit = 1200 + (whole - 1200) * number // (rounds + 1)
        with full_disk(limit):
            kill.our_search(Tuner.RANDOM, directory)
        journal = directory / JOURNAL_FILE
        check(journal.stat().st_size <= limit, "the journal is longer than the disk")
        before = kill.finished_of(directory)
        view = view_on_disk(directory)
        check(view.state is not StudyState.FINISHED, "the disk was not full")
        kill.our_search(Tuner.RANDOM, directory)
        after = kill.finished_of(directory)
        check(view_on_disk(directory).state is StudyState.FINISHED, "it did not go on")
        check(all(after.get(trial) == value for trial, value in before.items()), "a finished trial was lost")
    return f"full at {rounds} places of a journal of {whole} bytes: no result lost, each goes on to its end"


@row(22, "disk full while weights are written")
def disk_full_for_weights(folder: Path, counts: Counts) -> str:
    """In an isolated worker and in the kernel: the kernel lives, the study ends with the reason and goes on later."""
    for workers in (0, 1):
        notebook = Notebook(folder / str(workers))
        study = notebook.run(LARGE_CELL, max_trials=1, workers=workers)
        check(study.view.state is StudyState.FINISHED, f"workers {workers}: {study.view.end_message}")
        study = notebook.open(LARGE_CELL, max_trials=3, workers=workers)
        with full_disk(60_000):
            study.start()
            study.wait()
        message = study.view.end_message
        check(study.view.state is StudyState.FAILED, f"workers {workers}: {study.view.state}")
        check("can't write" in message and ".weights.h5" in message, message)
        check(study.best_model.count_params() > 0, "the finished trial gives no model")
        study = notebook.run(LARGE_CELL, max_trials=3, workers=workers)
        states = [trial.state for trial in study.view.trials]
        check(states == [TrialState.COMPLETED] * 3, f"workers {workers}: {states}")
        notebook.book.close()
    return "in the kernel and in a worker: kernel alive, study ended with the file's name, then 3 of 3 completed"


@row(23, "folder that may not be written")
def folder_forbidden(folder: Path, counts: Counts) -> str:
    """Refused before training, naming the path and the setting. As root the rights of ``nobody`` are taken first."""
    notebook = Notebook(folder)
    notebook.run(scored(), name="before")  # imports everything while all files may be read
    notebook.book.root = forbidden = folder / "forbidden"
    forbidden.mkdir(mode=0o555)
    folder.chmod(0o755)
    ran: list[int] = []
    notebook.variables["ran"] = ran
    source = scored("ran.append(1); return 1 / units")

    def as_nobody() -> None:
        if os.geteuid() == 0:
            os.seteuid(NOBODY)
        try:
            notebook.run(source)
        finally:
            if os.getuid() == 0:
                os.seteuid(0)

    text = refused(as_nobody, str(forbidden), "TuneMagics.directory")
    check(not ran, "it was trained before the folder was found to be forbidden")
    check(not list(forbidden.iterdir()), "something was written")
    return text


# -- names and folders -------------------------------------------------------------------------------


@row(24, "hostile study names")
def hostile_names(folder: Path, counts: Counts) -> str:
    """Refused; nothing is created anywhere."""
    root = folder / "inside" / "root"
    root.mkdir(parents=True)
    notebook = Notebook(root)
    for name in HOSTILE:
        refused(functools.partial(notebook.open, scored(), name=name), "study name")
        refused(functools.partial(notebook.book.get, name), "study name")
    found = [path for path in folder.rglob("*") if path not in (root, root.parent)]
    check(not found, f"created: {found}")
    return f"{len(HOSTILE)} names refused, nothing created"


@row(25, "--new on a folder with other files")
def new_beside_other_files(folder: Path, counts: Counts) -> str:
    """Nothing that is not ours is deleted, whether a study was there or not; nor outside the root."""
    (folder / "victim").mkdir()
    root = folder / "root"
    (root / "s").mkdir(parents=True)
    thesis = root / "s" / "thesis.txt"
    thesis.write_text("years of work")
    (folder / "victim" / "precious.txt").write_text("years of work")
    notebook = Notebook(root)
    notebook.run(scored(), new=True)
    check(thesis.read_text() == "years of work", "a file beside the study is gone")
    notebook.book.close()
    Notebook(root).run(scored(), new=True)
    aside = root / "s~1" / "thesis.txt"
    check(aside.read_text() == "years of work", "the old study's folder was not kept whole")
    refused(lambda: Notebook(root).run(scored(), name="../victim", new=True), "study name")
    check((folder / "victim" / "precious.txt").exists(), "a file outside is gone")
    return "files of the user's own are kept beside a new study and in the one set aside"


@row(26, "symbolic links as and in a study")
def symbolic_links(folder: Path, counts: Counts) -> str:
    """A study's folder that is a link is refused; a link among its files is removed, never what it leads to."""
    victim = folder / "victim"
    victim.mkdir()
    precious = victim / "trial-0009-1.weights.h5"
    precious.write_text("years of work")
    root = folder / "root"
    root.mkdir()
    (root / "s").symlink_to(victim)
    texts = [refused(lambda new=new: Notebook(root).run(scored(), new=new), "link") for new in (False, True)]
    check(sorted(path.name for path in victim.iterdir()) == [precious.name], "the link was followed")
    (root / "s").unlink()
    notebook = Notebook(root)
    notebook.run(scored())
    (root / "s" / precious.name).symlink_to(precious)
    notebook.run(scored(), max_trials=3)
    check(precious.read_text() == "years of work", "what a link leads to was removed")
    return f"refused: {texts[0]}; a link among the files leaves its target alone"


@row(27, "odd study names")
def odd_names(folder: Path, counts: Counts) -> str:
    """Each is taken and found again, however it is typed, or refused with a reason."""
    taken = 0
    for name in ODD:
        try:
            check_study_name(name)
        except OptionError as error:
            check("expected" in str(error), str(error))
            continue
        taken += 1
        notebook = Notebook(folder)
        notebook.run(scored(), name=unicodedata.normalize("NFD", name), max_trials=1)
        notebook.book.close()
        fresh = Notebook(folder)
        for form in ("NFC", "NFD"):
            study = fresh.book.get(unicodedata.normalize(form, name))
            check(study.view.ended_trials == 1, f"{name!r} is not found again as {form}")
        check(len(read_journal(study.directory).events) > 0, f"{name!r} has no journal")
    check(taken >= 10, f"only {taken} of {len(ODD)} names were taken")
    names = sorted(unicodedata.normalize("NFC", path.name) for path in folder.iterdir())
    check(len(names) == taken, f"{taken} names made {len(names)} folders")
    return f"{taken} of {len(ODD)} names taken and found again as NFC and NFD; the others refused with a reason"
