"""Pruners: verdicts with their numbers, the same from a fresh pruner as from one that followed all along."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunemagic import events as ev
from tunemagic.errors import OptionError
from tunemagic.events import Direction
from tunemagic.request import Objective, Pruner, Tuner, TuneRequest
from tunemagic.search.pruning import AshaPruner, CurvePruner, MedianPruner, choose_pruner, make_pruner
from tunemagic.trial import StudyView, apply

Curve = Sequence[float | None]


class Life:
    """A study that is told epoch by epoch, and its view."""

    def __init__(self, direction: Direction = Direction.MAX, epochs: int = 9) -> None:
        self.direction = direction
        self.epochs = epochs
        self.view = StudyView()
        self.record(
            ev.StudyStarted(
                study="s", session="a", space=[], objective="score", direction=direction, strategy="random", seed=0,
                max_trials=None, minutes=None, epochs=epochs, keep=1, max_failures=3, code="", data="",
                fingerprint={}, versions={},
            )
        )  # fmt: skip

    def record(self, event: ev.Event) -> None:
        import dataclasses

        self.view = apply(self.view, dataclasses.replace(event, seq=self.view.seq + 1))

    def start(self, trial: int, attempt: int = 1) -> None:
        self.record(ev.TrialStarted(trial=trial, attempt=attempt, values={}, epochs=self.epochs, why=""))

    def epoch(self, trial: int, value: float | None) -> None:
        epoch = self.view.trial(trial).epochs_done + 1
        self.record(ev.EpochEnded(trial=trial, attempt=1, epoch=epoch, logs={"score": value}))

    def finish(self, trial: int) -> None:
        self.record(ev.TrialFinished(trial=trial, attempt=1, score=0.0, best_epoch=1, metrics={}, seconds=0.0))

    def prune(self, trial: int) -> None:
        self.record(ev.TrialPruned(trial=trial, attempt=1, score=0.0, best_epoch=1, metrics={}, seconds=0.0, reason=""))

    def trial(self, number: int, curve: Curve) -> None:
        """A whole trial that runs to its end."""
        self.start(number)
        for value in curve:
            self.epoch(number, value)
        self.finish(number)

    def runs(self, number: int, curve: Curve, pruner: CurvePruner) -> list[str | None]:
        """A trial epoch by epoch, and the verdicts on it."""
        self.start(number)
        verdicts = []
        for value in curve:
            self.epoch(number, value)
            verdicts.append(pruner.verdict(self.view, number))
        return verdicts


def five(direction: Direction) -> Life:
    """Five finished trials; their values after epoch e are e/10 + 0.00 ... 0.04."""
    life = Life(direction)
    for number in range(1, 6):
        life.trial(number, [epoch / 10 + (number - 1) / 100 for epoch in range(1, 10)])
    return life


class TestMedian:
    def test_a_trial_below_the_median_of_finished_ones_ends_when_larger_is_better(self) -> None:
        verdicts = five(Direction.MAX).runs(6, [0.05, 0.2199, 0.5], MedianPruner(direction=Direction.MAX))
        assert verdicts == [None, "below the median at epoch 2: 0.2199 < 0.22", None]

    def test_a_trial_above_the_median_ends_when_smaller_is_better(self) -> None:
        verdicts = five(Direction.MIN).runs(6, [0.9, 0.52], MedianPruner(direction=Direction.MIN))
        assert verdicts == [None, "above the median at epoch 2: 0.52 > 0.22"]

    def test_the_best_value_so_far_is_what_counts(self) -> None:
        assert five(Direction.MAX).runs(6, [0.9, 0.1, 0.1], MedianPruner(direction=Direction.MAX)) == [None] * 3

    def test_a_value_equal_to_the_median_lets_the_trial_go_on(self) -> None:
        assert five(Direction.MAX).runs(6, [0.0, 0.22], MedianPruner(direction=Direction.MAX)) == [None, None]

    def test_nothing_is_judged_before_enough_trials_have_finished(self) -> None:
        pruner = MedianPruner(direction=Direction.MAX)
        life = Life()
        assert life.runs(1, [0.0] * 8, pruner) == [None] * 8
        life.finish(1)
        for number in range(2, 5):
            life.trial(number, [0.5] * 9)
        assert life.runs(5, [0.0] * 8, pruner) == [None] * 8

    def test_pruned_trials_do_not_move_the_median(self) -> None:
        life = five(Direction.MAX)
        for number in range(6, 16):
            life.start(number)
            life.epoch(number, 0.0)
            life.epoch(number, 0.0)
            life.prune(number)
        verdicts = life.runs(16, [0.0, 0.1], MedianPruner(direction=Direction.MAX))
        assert verdicts == [None, "below the median at epoch 2: 0.1 < 0.22"]

    def test_the_last_epoch_is_never_pruned(self) -> None:
        verdicts = five(Direction.MAX).runs(6, [None] * 8 + [0.0], MedianPruner(direction=Direction.MAX))
        assert verdicts == [None] * 9

    def test_epochs_without_a_finite_value_are_not_judged(self) -> None:
        life = five(Direction.MAX)
        verdicts = life.runs(6, [None, None, 0.1, float("inf"), 0.1], MedianPruner(direction=Direction.MAX))
        assert verdicts[:4] == [None, None, "below the median at epoch 3: 0.1 < 0.32", None]

    def test_values_that_others_lack_do_not_count(self) -> None:
        life = Life()
        for number in range(1, 5):
            life.trial(number, [0.1, None, 0.3])
        life.trial(5, [0.1, 0.8, 0.3])
        verdicts = life.runs(6, [0.0, 0.7], MedianPruner(direction=Direction.MAX))
        assert verdicts == [None, "below the median at epoch 2: 0.7 < 0.8"]

    @settings(deadline=None, max_examples=30)
    @given(
        curves=st.lists(st.lists(st.floats(-1, 1), min_size=6, max_size=6), min_size=6, max_size=12),
        direction=st.sampled_from(Direction),
    )
    def test_it_decides_as_optuna_does(self, curves: list[list[float]], direction: Direction) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        reference = optuna.create_study(
            direction="minimize" if direction is Direction.MIN else "maximize",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2),
        )
        pruner = MedianPruner(direction=direction)
        life = Life(direction, epochs=7)
        for number, curve in enumerate(curves, 1):
            trial = reference.ask()
            life.start(number)
            pruned = False
            for epoch, value in enumerate(curve, 1):
                trial.report(value, epoch)
                life.epoch(number, value)
                expected = trial.should_prune()
                assert (pruner.verdict(life.view, number) is not None) == expected
                if expected:
                    pruned = True
                    break
            life.prune(number) if pruned else life.finish(number)
            state = optuna.trial.TrialState.PRUNED if pruned else optuna.trial.TrialState.COMPLETE
            reference.tell(trial, None if pruned else curve[-1], state=state)


class TestAsha:
    def test_the_first_trial_goes_on(self) -> None:
        assert Life().runs(1, [0.0] * 8, AshaPruner(direction=Direction.MAX, epochs=9)) == [None] * 8

    def test_only_the_best_third_at_a_rung_goes_on(self) -> None:
        pruner = AshaPruner(direction=Direction.MAX, epochs=9)
        life = Life()
        for number in range(1, 12):
            life.trial(number, [number / 100 + epoch / 10 for epoch in range(9)])
        assert life.runs(12, [0.0799], pruner) == ["not among the best third of 12 trials at epoch 1: 0.0799 < 0.08"]
        life.prune(12)
        assert life.runs(13, [0.085, 0.2, 0.1], pruner) == [
            None,
            None,
            "not among the best third of 12 trials at epoch 3: 0.2 < 0.28",
        ]

    def test_of_less_than_a_third_the_best_goes_on(self) -> None:
        life = Life(Direction.MIN)
        life.trial(1, [0.41] * 9)
        verdicts = life.runs(2, [0.52], AshaPruner(direction=Direction.MIN, epochs=9))
        assert verdicts == ["not the best of 2 trials at epoch 1: 0.52 > 0.41"]

    def test_trials_with_equal_values_go_on(self) -> None:
        life = Life()
        for number in range(1, 6):
            life.trial(number, [0.5] * 9)
        assert life.runs(6, [0.5] * 8, AshaPruner(direction=Direction.MAX, epochs=9)) == [None] * 8

    def test_running_and_pruned_trials_count_at_the_rungs_that_they_reached(self) -> None:
        pruner = AshaPruner(direction=Direction.MAX, epochs=9)
        life = Life()
        life.start(1)
        life.epoch(1, 0.9)
        life.start(2)
        life.epoch(2, 0.8)
        life.prune(2)
        assert life.runs(3, [0.85], pruner) == ["not among the best third of 3 trials at epoch 1: 0.85 < 0.9"]

    def test_the_number_of_epochs_is_no_rung(self) -> None:
        life = Life()
        life.trial(1, [0.9] * 9)
        verdicts = life.runs(2, [0.9] * 8 + [0.0], AshaPruner(direction=Direction.MAX, epochs=9))
        assert verdicts == [None] * 9


def random_life(draw: Any, pruner: CurvePruner, direction: Direction) -> list[tuple[StudyView, int, str | None]]:
    """Trials side by side, some cut off and begun again; every verdict with the view it was given on."""
    life = Life(direction, epochs=5)
    verdicts = []
    running: list[int] = []
    for _ in range(draw(st.integers(5, 60))):
        if len(running) < 3 and (not running or draw(st.booleans())):
            running.append(len(life.view.trials) + 1)
            life.start(running[-1])
            continue
        number = draw(st.sampled_from(running))
        if life.view.trial(number).epochs_done and draw(st.integers(0, 9)) == 0:
            life.start(number, attempt=2)  # its worker died
            continue
        life.epoch(number, draw(st.none() | st.floats(0, 1)))
        verdict = pruner.verdict(life.view, number)
        verdicts.append((life.view, number, verdict))
        done = life.view.trial(number).epochs_done >= 5
        if verdict is not None or done:
            life.prune(number) if verdict is not None else life.finish(number)
            running.remove(number)
    return verdicts


@pytest.mark.parametrize("kind", [Pruner.MEDIAN, Pruner.ASHA])
@pytest.mark.parametrize("direction", Direction)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_a_fresh_pruner_and_one_that_jumps_about_give_the_same_verdicts(
    kind: Pruner, direction: Direction, data: st.DataObject
) -> None:
    def make() -> CurvePruner:
        pruner = make_pruner(kind, direction=direction, epochs=5)
        assert pruner is not None
        return pruner

    verdicts = random_life(data.draw, make(), direction)
    assert [make().verdict(view, number) for view, number, _ in verdicts] == [verdict for *_, verdict in verdicts]
    order = data.draw(st.permutations(verdicts))
    jumping = make()
    assert [jumping.verdict(view, number) for view, number, _ in order] == [verdict for *_, verdict in order]


@pytest.mark.parametrize("kind", [Pruner.MEDIAN, Pruner.ASHA])
def test_a_verdict_reads_each_ended_trial_once(kind: Pruner, monkeypatch: pytest.MonkeyPatch) -> None:
    pruner = make_pruner(kind, direction=Direction.MAX, epochs=9)
    assert pruner is not None
    life = Life()
    for number in range(1, 51):
        life.trial(number, [0.5] * 9)
    life.start(51)
    life.epoch(51, 0.9)
    pruner.verdict(life.view, 51)
    read: list[int] = []
    values = CurvePruner._values
    monkeypatch.setattr(
        CurvePruner, "_values", lambda self, view, record: read.append(record.number) or values(self, view, record)
    )
    for _ in range(7):
        life.epoch(51, 0.9)
        pruner.verdict(life.view, 51)
    assert set(read) == {51}


def test_the_median_of_many_is_that_of_the_statistics_module() -> None:
    life = Life()
    finals = [0.13, 0.2, 0.55, 0.41, 0.37, 0.9]
    for number, value in enumerate(finals, 1):
        life.trial(number, [value] * 9)
    pruner = MedianPruner(direction=Direction.MAX)
    assert statistics.median(finals) == pytest.approx(0.39)
    assert life.runs(7, [0.0, 0.38], pruner) == [None, "below the median at epoch 2: 0.38 < 0.39"]


class TestChoice:
    @pytest.mark.parametrize(
        ("tuner", "request_fields", "pruner"),
        [
            (Tuner.TPE, {}, Pruner.MEDIAN),
            (Tuner.RANDOM, {"max_trials": 30, "minutes": 5.0}, Pruner.MEDIAN),
            (Tuner.TPE, {"minutes": 5.0}, Pruner.ASHA),
            (Tuner.TPE, {"epochs": 2}, Pruner.NONE),
            (Tuner.HYPERBAND, {}, Pruner.NONE),
            (Tuner.BOHB, {"minutes": 5.0}, Pruner.NONE),
            (Tuner.GRID, {}, Pruner.NONE),
            (Tuner.RANDOM, {"repeats": 2}, Pruner.NONE),
            (Tuner.RANDOM, {"folds": 3}, Pruner.NONE),
            (Tuner.RANDOM, {"objectives": (Objective(name="parameters"),)}, Pruner.NONE),
            (Tuner.HYPERBAND, {"pruner": Pruner.ASHA}, Pruner.ASHA),
            (Tuner.RANDOM, {"pruner": Pruner.MEDIAN, "epochs": 2, "repeats": 2}, Pruner.MEDIAN),
            (Tuner.RANDOM, {"pruner": Pruner.NONE, "objectives": (Objective(name="parameters"),)}, Pruner.NONE),
        ],
    )
    def test_auto_depends_on_strategy_and_budget(
        self, tuner: Tuner, request_fields: dict[str, Any], pruner: Pruner
    ) -> None:
        chosen, reason = choose_pruner(TuneRequest(**request_fields), tuner)
        assert chosen is pruner
        assert reason

    def test_a_pruner_for_several_objectives_is_refused(self) -> None:
        request = TuneRequest(pruner=Pruner.ASHA, objectives=(Objective(name="parameters"),))
        with pytest.raises(OptionError, match=r"^--pruner asha: with 2 objectives .* --pruner none\.$"):
            choose_pruner(request, Tuner.TPE)

    def test_none_makes_no_pruner_and_auto_has_to_be_settled_before(self) -> None:
        assert make_pruner(Pruner.NONE, direction=Direction.MIN, epochs=9) is None
        with pytest.raises(ValueError, match="choose_pruner"):
            make_pruner(Pruner.AUTO, direction=Direction.MIN, epochs=9)
