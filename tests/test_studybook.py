"""Which study a cell means: new, gone on with, shown as it is, or refused with the difference named."""

import shutil
import subprocess
import sys
import textwrap
import threading
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tunemagic import events as ev
from tunemagic.continuity import fingerprint
from tunemagic.errors import OptionError, StorageError, StudyBusyError, StudyChangedError, StudyError, TuneError
from tunemagic.events import Direction
from tunemagic.journal import JOURNAL_FILE, read_journal
from tunemagic.request import Objective, Pruner, Tuner, TuneRequest, ValKind, ValSplit
from tunemagic.search.cell import read_cell
from tunemagic.search.data import resolve_data
from tunemagic.study import Study
from tunemagic.studybook import StudyBook, needs_run
from tunemagic.trial import StudyState, replay

PATIENCE = 120.0  # seconds until a test gives up


def run(study: Study) -> Study:
    study.start()
    assert study.wait(PATIENCE)
    return study


def numbers(study: Study) -> list[int]:
    return [trial.number for trial in study.view.trials]


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def cell(quick_cell: str) -> str:
    """What a study is made of matters here, not its training."""
    return quick_cell


@pytest.fixture
def other_kernel(book: StudyBook) -> Iterator[StudyBook]:
    """Another kernel's book over the same folder."""
    other = StudyBook(book.root)
    yield other
    other.close()


# -- the same cell again -----------------------------------------------------------------------------


def test_a_new_cell_is_a_new_study_that_has_to_be_started(open_cell: Any, book: StudyBook) -> None:
    study = open_cell(tuner=Tuner.RANDOM)
    assert (study.name, study.directory, needs_run(study)) == ("s", book.root / "s", True)
    assert (book.names(), book.get(), book.get("s"), book.live()) == (["s"], study, study, [study])
    view = study.view
    assert (view.objective, view.direction, view.strategy, view.seed) == ("val_loss", Direction.MIN, "random", 0)
    assert (view.max_trials, view.minutes, view.epochs, view.keep, view.max_failures) == (2, None, 1, 3, 3)
    assert view.data.startswith("x_train (80, 64) float32, y_train (80,) int64; validation: 16 samples")
    assert sorted(view.versions) == ["keras", "keras-tuner", "optuna", "python", "tensorflow", "tunemagic"]


def test_the_same_cell_again_shows_the_finished_study_and_writes_nothing(open_cell: Any, book: StudyBook) -> None:
    study = run(open_cell())
    before = content(book.root)
    assert open_cell() is study
    assert not needs_run(study)
    assert content(book.root) == before


def test_a_larger_limit_goes_on_and_a_smaller_one_does_not(open_cell: Any) -> None:
    study = run(open_cell(max_trials=2))
    assert not needs_run(open_cell(max_trials=2))
    with pytest.raises(StudyError) as caught:
        open_cell(max_trials=1)
    assert str(caught.value) == "study s has 2 trials, so --max-trials 1 leaves none to run. Give a larger number."
    assert needs_run(open_cell(max_trials=3))
    assert numbers(run(study)) == [1, 2, 3]


@pytest.fixture
def choice_cell(cell: str) -> Callable[..., str]:
    """The cell with a choice of these units, which a grid takes in this order."""
    return lambda *units: cell.replace('hp.Int("units", 4, 32, step=4)', f'hp.Choice("units", {list(units)})')


def units(study: Study) -> list[Any]:
    return [trial.values["units"] for trial in study.view.trials]


def test_an_extension_counts_the_trials_that_were_not_skipped_only(
    open_cell: Any, choice_cell: Callable[..., str]
) -> None:
    source = choice_cell(32, 4, 28, 8, 24, 12)
    options = {"tuner": Tuner.GRID, "max_params": 12 * (65 + 10) + 10}
    study = run(open_cell(source, max_trials=2, **options))
    assert [str(trial.state) for trial in study.view.trials] == ["pruned", "completed"] * 2
    assert not needs_run(open_cell(source, max_trials=2, **options))
    assert needs_run(open_cell(source, max_trials=3, **options))
    assert [str(trial.state) for trial in run(study).view.trials] == ["pruned", "completed"] * 3
    assert units(study) == [32, 4, 28, 8, 24, 12]
    assert not needs_run(open_cell(source, max_trials=3, **options))


def test_a_grid_that_was_exhausted_goes_on_with_the_points_that_are_new(
    open_cell: Any, choice_cell: Callable[..., str], book: StudyBook
) -> None:
    options = {"tuner": Tuner.GRID, "max_trials": None}
    study = run(open_cell(choice_cell(4, 8), **options))
    assert (study.view.end_reason, units(study)) == (ev.EndReason.EXHAUSTED, [4, 8])
    before = content(book.root)
    assert open_cell(choice_cell(4, 8), **options) is study
    assert (needs_run(study), content(book.root)) == (False, before)
    wider = open_cell(choice_cell(4, 6, 8), resume=True, **options)
    assert (wider is study, needs_run(study)) == (True, True)
    run(study)
    assert (study.view.end_reason, units(study)) == (ev.EndReason.EXHAUSTED, [4, 8, 6])
    assert not needs_run(open_cell(choice_cell(4, 6, 8), **options))


def test_an_extension_with_another_pruner_has_that_one_from_then_on(open_cell: Any, other_kernel: StudyBook) -> None:
    study = run(open_cell(max_trials=1, pruner=Pruner.NONE))
    assert (study.view.pruner, study.view.pruner_reason) == ("none", "you chose it")
    run(open_cell(max_trials=2, pruner=Pruner.MEDIAN))
    run(open_cell(max_trials=3))
    for view in (study.view, other_kernel.get("s").view):
        assert (view.pruner, view.pruner_reason, len(view.trials)) == ("median", "you chose it", 3)


def test_another_kernel_goes_on_where_this_one_ended(open_cell: Any, book: StudyBook, other_kernel: StudyBook) -> None:
    first = run(open_cell())
    score, values = first.best_trial.score, first.best_values
    book.close()
    study = open_cell(book=other_kernel)
    assert not needs_run(study)
    assert (study.best_trial.score, study.best_model.layers[0].units) == (score, values["units"])
    assert numbers(run(open_cell(book=other_kernel, max_trials=3))) == [1, 2, 3]


def test_a_running_study_is_taken_up_again_by_its_cell_and_refused_to_another(
    open_cell: Any, cell: str, namespace: dict[str, Any]
) -> None:
    go_on = threading.Event()
    namespace["wait"] = lambda: go_on.wait(PATIENCE)
    source = cell + "wait()\n"
    go_on.set()
    study = open_cell(source)
    go_on.clear()
    study.start()
    assert open_cell(source) is study
    assert not needs_run(study)
    for change in (
        {"source": source + "\n"},
        {"source": source, "epochs": 9},
        {"source": source, "new": True, "seed": 4},
    ):
        with pytest.raises(StudyBusyError) as caught:
            open_cell(**change)
        assert str(caught.value) == (
            "study s is running with another cell, data or options. Stop it with `%tune stop`, or give this cell a "
            "NAME of its own."
        )
    go_on.set()
    assert study.wait(PATIENCE)
    assert numbers(study) == [1, 2]


# -- something has changed ---------------------------------------------------------------------------

ADVICE = "Use --resume to go on all the same, --new to start afresh (the old one is kept aside), or another NAME."
NOT_SET = "not set"


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"epochs": 5}, "--epochs was 1 and is 5"),
        ({"seed": 3}, "--seed was 0 and is 3"),
        ({"tuner": Tuner.GRID}, "--tuner was auto and is grid"),
        ({"objective": Objective(name="val_accuracy")}, "--objective was val_loss and is val_accuracy:"),
        ({"val": ValSplit(kind=ValKind.LAST, fraction=0.25)}, "--val was not set and is last 0.25 "),
        ({"epochs": 5, "seed": 3}, "--epochs was 1 and is 5; --seed was 0 and is 3"),
    ],
)
def test_changed_options_are_named_and_nothing_is_touched(
    options: dict[str, Any], difference: str, open_cell: Any, book: StudyBook
) -> None:
    run(open_cell(max_trials=1))
    before = content(book.root)
    with pytest.raises(StudyChangedError) as caught:
        open_cell(**{"max_trials": 9, **options})
    assert str(caught.value) == f"study s has 1 trials from something else: {difference}. {ADVICE}"
    assert content(book.root) == before


def test_a_changed_cell_data_or_function_is_named(open_cell: Any, cell: str, namespace: dict[str, Any]) -> None:
    namespace["factor"] = 3
    source = cell + "scale = factor\n"
    run(open_cell(source, max_trials=1))

    def difference(changed: str = source) -> str:
        with pytest.raises(StudyChangedError) as caught:
            open_cell(changed)
        text = str(caught.value)
        assert text.endswith(ADVICE)
        return text.removeprefix("study s has 1 trials from something else: ").removesuffix(" " + ADVICE)

    assert difference(source + "# a comment\n") == "the cell changed."
    namespace["factor"] = 4
    assert difference() == "functions that the cell uses changed."
    namespace["factor"] = 3
    namespace["x_train"][3, 5] += 1
    assert difference() == "the data changed."
    assert difference(source + "\n") == "the cell changed; the data changed."


def test_other_package_versions_are_named_with_both(open_cell: Any, book: StudyBook, other_kernel: StudyBook) -> None:
    run(open_cell(max_trials=1))
    book.close()
    path = book.root / "s" / "journal.jsonl"
    edit_first_event(path, lambda text: text.replace('"package versions":"', '"package versions":"emacs 1.0 '))
    with pytest.raises(StudyChangedError) as caught:
        open_cell(book=other_kernel)
    assert "package versions was emacs 1.0 keras 3." in str(caught.value)
    assert " and is keras 3." in str(caught.value)


def edit_first_event(path: Path, edit: Any) -> None:
    """Change the first line of a journal and its checksum."""
    import zlib

    first, rest = path.read_bytes().split(b"\n", 1)
    payload = edit(first[9:].decode()).encode()
    path.write_bytes(b"%08x %s\n" % (zlib.crc32(payload), payload) + rest)


def test_every_part_of_the_fingerprint_shows_its_change(namespace: dict[str, Any], cell: str) -> None:
    request = TuneRequest()

    def marks(source: str = cell, uses: dict[str, str] | None = None, **options: Any) -> dict[str, str]:
        data = resolve_data(TuneRequest(), namespace, seed=0)
        return fingerprint(TuneRequest(**options), read_cell(source, namespace), data, uses or {})

    before = marks()
    assert before == marks()
    changes = [
        ("the cell", marks(cell + "\n")),
        ("functions that the cell uses", marks(uses={"f": "def f(): pass"})),
        ("--val", marks(val=ValSplit(kind=ValKind.LAST, fraction=0.2))),
        ("--objective", marks(objective=Objective(name="val_loss", direction=Direction.MAX))),
        ("--tuner", marks(tuner=Tuner.GRID)),
        ("--epochs", marks(epochs=request.epochs + 1)),
        ("--seed", marks(seed=1)),
    ]
    namespace["y_train"][0] += 1
    changes.append(("the data", marks()))
    for part, after in changes:
        assert [name for name in before if before[name] != after[name]] == [part]


def test_limits_view_and_keep_are_no_difference(open_cell: Any) -> None:
    study = run(open_cell(max_trials=1))
    assert open_cell(max_trials=1, minutes=5.0, keep=1, background=True, out="result") is study


# -- --new and --resume ------------------------------------------------------------------------------


def test_new_sets_the_old_folder_aside_whole(open_cell: Any, cell: str, book: StudyBook) -> None:
    old = run(open_cell(max_trials=1))
    before = content(old.directory)
    study = open_cell(cell + "\n", new=True)
    assert study is not old
    assert (numbers(study), needs_run(study)) == ([], True)
    assert content(book.root / "s~1") == before
    assert book.names() == ["s"]
    run(study)
    open_cell(new=True)
    assert sorted(path.name for path in book.root.iterdir()) == ["s", "s~1", "s~2"]


def test_a_study_without_trials_is_replaced_without_asking(open_cell: Any, cell: str) -> None:
    open_cell()
    study = open_cell(cell + "\n", epochs=3)
    assert (study.view.epochs, numbers(study)) == (3, [])


def test_a_corrected_cell_begins_anew_when_no_trial_had_a_score(open_cell: Any, cell: str, book: StudyBook) -> None:
    study = open_cell()
    study.record(ev.TrialStarted(trial=1, attempt=1, values={}, epochs=1, why="told"))
    study.record(ev.TrialFailed(trial=1, attempt=1, error="ValueError", reason="told", seconds=0.1))
    study.record(ev.StudyEnded(reason=ev.EndReason.FAILURES, message="told"))
    corrected = open_cell(cell + "\n# corrected")
    assert (corrected.view.trials, needs_run(corrected)) == ((), True)
    assert read_journal(book.root / "s~1").events[-1].seq == 4


def test_what_is_asked_when_going_on_holds_from_then_on(open_cell: Any, cell: str) -> None:
    run(open_cell(max_trials=1))
    study = open_cell(cell + "\n# changed", max_trials=2, keep=1, max_failures=5, resume=True)
    assert (study.view.keep, study.view.max_failures) == (1, 5)
    run(study)
    again = open_cell(cell + "\n# changed", max_trials=3)
    assert (again is study, needs_run(again)) == (True, True)


def test_resume_goes_on_with_a_changed_cell_whose_space_still_holds_the_trials(open_cell: Any, cell: str) -> None:
    study = run(open_cell(max_trials=2))
    wider = cell.replace("4, 32, step=4", "4, 64, step=4")
    assert numbers(run(open_cell(wider, resume=True, max_trials=3))) == [1, 2, 3]
    (changed,) = [event for event in study.events_after(0) if isinstance(event, ev.SpaceChanged)]
    assert changed.reason == "the cell has changed"
    assert study.view.space.parameters[0].high == 64


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("4, 32, step=4", "100, 200, step=4", "trial 1 has units=4, outside 100 … 200 step 4"),
        ('"units"', '"width"', "trial 1 has no width"),
        ('hp.Int("units", 4, 32, step=4)', 'hp.Choice("units", ["a"]) and 4', "trial 1 has units=4, outside a"),
    ],
)
def test_resume_is_refused_when_values_no_longer_fit(
    before: str, after: str, fault: str, open_cell: Any, cell: str, book: StudyBook
) -> None:
    study = run(open_cell(max_trials=1))
    kept = content(book.root)
    with pytest.raises(StudyChangedError) as caught:
        open_cell(cell.replace(before, after), resume=True, max_trials=3)
    assert str(caught.value) == (
        f"study s: its trials do not fit the cell any more: {fault}. Use --new or another NAME."
    )
    assert content(book.root) == kept
    assert open_cell(max_trials=1) is study


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"tuner": Tuner.GRID}, "--tuner was auto and is grid"),
        ({"objective": Objective(name="val_accuracy")}, "--objective was val_loss and is val_accuracy:"),
    ],
)
def test_resume_is_refused_with_another_objective_or_tuner(
    options: dict[str, Any], difference: str, open_cell: Any
) -> None:
    run(open_cell(max_trials=1))
    with pytest.raises(StudyChangedError) as caught:
        open_cell(resume=True, **options)
    assert str(caught.value) == (f"study s can't go on: {difference}. Set it back, or use --new or another NAME.")


def test_resume_without_a_study_says_so(open_cell: Any, book: StudyBook) -> None:
    with pytest.raises(StudyError) as caught:
        open_cell(resume=True)
    assert str(caught.value) == (
        f"--resume: there is no study named 's' in {book.root}. Leave --resume away to start it."
    )
    assert content(book.root) == {}


def test_weights_of_another_model_are_passed_over_after_a_resume(open_cell: Any, cell: str) -> None:
    study = run(open_cell(max_trials=1))
    changed = cell.replace("keras.layers.Dense(10,", "keras.layers.Dense(12,")
    with pytest.raises(StudyChangedError, match="is complete within its limits; raise --max-trials"):
        open_cell(changed, resume=True, max_trials=1)
    open_cell(changed, resume=True, max_trials=2)
    with pytest.raises(StudyError, match="no weights on disk that can be used"):
        study.best_model  # noqa: B018
    assert study.view.notes == (
        f"trial 1 is passed over: weights file {study.directory}/trial-0001-1.weights.h5 does not fit the model; the "
        "cell builds another one than when it was written.",
    )


def test_hyperparameters_that_trials_named_later_are_no_change_of_the_cell(
    open_cell: Any, cell: str, book: StudyBook
) -> None:
    loop = cell.replace(
        'hp.Int("units", 4, 32, step=4)', 'sum(hp.Int(f"units_{i}", 4, 8) for i in range(hp.Int("layers", 1, 3)))'
    )
    study = run(open_cell(loop, max_trials=4))
    assert "units_1" in study.view.space.names
    before = study.view.space
    again = open_cell(loop, max_trials=5)
    assert (again is study, needs_run(again), again.view.space) == (True, True, before)
    study.close()
    other = StudyBook(book.root)
    assert numbers(run(open_cell(loop, max_trials=6, book=other))) == [1, 2, 3, 4, 5, 6]
    other.close()


def test_new_sets_even_a_damaged_study_aside(open_cell: Any, book: StudyBook) -> None:
    run(open_cell()).close()
    path = book.root / "s" / "journal.jsonl"
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    other = StudyBook(book.root)
    with pytest.raises(TuneError, match="--new"):
        open_cell(book=other)
    assert numbers(run(open_cell(new=True, book=other))) == [1, 2]
    assert (book.root / "s~1" / "journal.jsonl").read_bytes() == bytes(data)
    other.close()


def test_a_replaced_study_still_gives_its_own_model(open_cell: Any, cell: str) -> None:
    old = run(open_cell())
    weights = old.best_model.get_weights()
    run(open_cell(cell + "\n", new=True, seed=5))
    rebuilt = old.build_model(old.best_trial.number).get_weights()
    assert all((a == b).all() for a, b in zip(weights, rebuilt, strict=True))


# -- names -------------------------------------------------------------------------------------------


def test_cells_without_a_name_get_free_names_and_find_them_again(open_cell: Any, cell: str, book: StudyBook) -> None:
    first, second = open_cell(name=None), open_cell(cell + "\n", name=None)
    assert (first.name, second.name) == ("study", "study-2")
    run(first)
    assert open_cell(name=None) is first
    assert book.names() == ["study", "study-2"]


OUTSIDE = ["../../x", "/tmp/x", "..", ".", "~", "x/y", "x\\y", "con:", "s~1"]
STRANGE = [
    "",
    " x",
    "x ",
    "-x",
    "a" * 65,
    "a" * 300,
    "<img src=x onerror=alert(1)>",
    "$HOME",
    "a\0b",
    "a\nb",
    "\u202ex",
]


@pytest.mark.parametrize("name", [*OUTSIDE, *STRANGE])
def test_a_hostile_name_is_refused_and_creates_nothing(
    name: str, open_cell: Any, book: StudyBook, tmp_path: Path
) -> None:
    before = content(tmp_path)
    for attempt in (lambda: open_cell(name=name), lambda: book.get(name)):
        with pytest.raises(OptionError) as caught:
            attempt()
        assert str(caught.value).startswith("study name: received '")
        assert str(caught.value).isascii()
    assert content(tmp_path) == before


@pytest.mark.parametrize("name", ["digits 2", "größe", "数字", "a.b-c_d", "9", "a" * 64])
def test_a_harmless_name_is_found_again_however_it_is_typed(
    name: str, open_cell: Any, book: StudyBook, other_kernel: StudyBook
) -> None:
    study = open_cell(name=unicodedata.normalize("NFD", name))
    assert study.name == name
    for form in ("NFC", "NFD"):
        assert book.get(unicodedata.normalize(form, name)) is study
        assert other_kernel.get(unicodedata.normalize(form, name)).directory == book.root / name
    assert other_kernel.names() == [name]


def test_an_unknown_name_is_answered_with_the_known_ones(open_cell: Any, book: StudyBook) -> None:
    with pytest.raises(StudyError) as caught:
        book.get()
    assert str(caught.value) == "no study in this kernel yet; run a cell with %%tune on top, or name a study."
    open_cell(name="b")
    open_cell(name="a")
    with pytest.raises(StudyError) as caught:
        book.get("c")
    assert str(caught.value) == f"no study named 'c' in {book.root}; known: b, a."


def test_listeners_hear_of_added_studies_until_they_leave(open_cell: Any, book: StudyBook) -> None:
    heard: list[list[str]] = []
    leave = book.on_change(lambda: heard.append(book.names()))
    open_cell(name="a")
    open_cell(name="b")
    leave()
    open_cell(name="c")
    assert heard == [["a"], ["a", "b"]]


def test_the_stamp_of_a_study_changes_with_its_journal(tmp_path: Path) -> None:
    book = StudyBook(tmp_path)
    (tmp_path / "s").mkdir()
    stamps = [book.stamp("s"), book.stamp("../s")]
    assert stamps == [None, None]
    for text in ("a", "ab"):
        (tmp_path / "s" / JOURNAL_FILE).write_text(text)
        stamps.append(book.stamp("s"))
    assert len(set(stamps)) == 3
    assert book.stamp("s") == stamps[-1]


# -- nothing is written before the cell was looked at ------------------------------------------------


@pytest.mark.parametrize(
    ("change", "options"),
    [
        (("keras.layers.Dense(units", "keras.layers.Dense(1 / 0"), {}),
        (("(64,)", "(32,)"), {}),
        (("model.compile", "str"), {}),
        (("units = hp", "units = 4 #"), {}),
        (("", ""), {"objective": Objective(name="val_acuracy", direction=Direction.MAX)}),
    ],
)
def test_a_faulty_cell_creates_nothing(
    change: tuple[str, str], options: dict[str, Any], open_cell: Any, cell: str, tmp_path: Path
) -> None:
    without_own_fit = cell.partition("    def fit")[0]
    with pytest.raises(TuneError):
        open_cell(without_own_fit.replace(*change), **options)
    assert list(tmp_path.iterdir()) == []


def test_a_faulty_cell_leaves_a_finished_study_as_it_was(open_cell: Any, cell: str, book: StudyBook) -> None:
    run(open_cell(max_trials=1))
    before = content(book.root)
    for options in ({"new": True}, {"resume": True, "max_trials": 2}):
        with pytest.raises(TuneError, match="division by zero"):
            open_cell(cell + "1 / 0\n", **options)
    assert content(book.root) == before


def test_a_folder_that_can_not_be_written_is_named_before_any_training(open_cell: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("thesis", encoding="utf-8")
    root = tmp_path / "file" / "studies"
    with pytest.raises(StorageError) as caught:
        open_cell(book=StudyBook(root))
    assert str(caught.value) == (
        f"can't write {root}/s: Not a directory. Studies are kept in the folder that `%config TuneMagics.directory` "
        "names; choose one with room that you may write to."
    )
    assert (tmp_path / "file").read_text(encoding="utf-8") == "thesis"


def test_warnings_about_the_data_become_notes_of_the_study(open_cell: Any, namespace: dict[str, Any]) -> None:
    namespace["x_train"][7, 3] = float("nan")
    assert open_cell().view.notes == ("x_train has 1 NaN values in 1 of 80 rows, the first at row 7, column 3",)


# -- other processes and crashes ---------------------------------------------------------------------


def test_a_study_that_another_process_has_open_is_read_only_here(
    open_cell: Any, book: StudyBook, other_kernel: StudyBook
) -> None:
    study = run(open_cell(max_trials=1))
    book.close()
    script = """
        import sys
        from pathlib import Path
        from tunemagic.journal import Journal
        journal = Journal(Path(sys.argv[1]))
        print("ready", flush=True)
        sys.stdin.read()
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(book.root / "s")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        for options in ({}, {"max_trials": 9}, {"new": True}, {"resume": True}):
            busy = rf"study s is read-only here: process {other.pid} on \S+ has it open since \d{{4}}-\d\d-\d\d \d\d:"
            with pytest.raises(StudyBusyError, match=busy):
                open_cell(book=other_kernel, **options)
        shown = other_kernel.get("s")
        assert shown.view == study.view
        assert shown.read_only_reason == f"study s is read-only here: process {other.pid} has it open"
        with pytest.raises(StudyBusyError, match="read-only here"):
            shown.start()
        other.kill()
        other.wait()
    assert not needs_run(open_cell(book=other_kernel, max_trials=1))


def test_a_study_whose_kernel_died_is_interrupted_until_its_cell_runs_again(
    open_cell: Any, cell: str, namespace: dict[str, Any], book: StudyBook, tmp_path: Path
) -> None:
    after = tmp_path / "after the crash"
    namespace["called"] = []
    source = cell + "called.append(1)\nif len(called) == 3:\n    crash()\n"
    # What is on disk while the second trial runs is what a kernel that is killed then leaves behind.
    namespace["crash"] = lambda: shutil.copytree(book.root, after)
    run(open_cell(source, max_trials=3))
    whole = book.get("s").view

    kernel = StudyBook(after)
    shown = kernel.get("s")
    assert (shown.view.state, shown.running) == (StudyState.INTERRUPTED, False)
    assert [str(trial.state) for trial in shown.view.trials] == ["completed", "running"]
    assert shown.view.notes == ("its kernel died while it ran; run its cell again, or `%tune resume`, to go on",)
    assert shown.read_only_reason == "study s was read from disk; `%tune resume s`, or its cell, goes on with it"

    study = open_cell(source, book=kernel, max_trials=3)
    assert needs_run(study)
    assert [str(trial.state) for trial in study.view.trials] == ["completed", "interrupted"]
    run(study)
    assert [(trial.values, trial.score, trial.attempt) for trial in study.view.trials] == [
        (trial.values, trial.score, 2 if trial.number == 2 else 1) for trial in whole.trials
    ]
    kernel.close()


def test_a_torn_journal_is_gone_on_with_and_the_tear_is_told(
    open_cell: Any, book: StudyBook, other_kernel: StudyBook
) -> None:
    run(open_cell(max_trials=1))
    book.close()
    path = book.root / "s" / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-7])
    study = open_cell(book=other_kernel, max_trials=1)
    assert study.view.notes == ("the last line of the journal was torn by a crash; it was set aside",)
    assert needs_run(study)
    assert numbers(run(study)) == [1]
    assert replay(read_journal(study.directory).events) == study.view
