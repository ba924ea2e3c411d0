"""Two studies side by side, as numbers."""

from __future__ import annotations

from dataclasses import replace

from tests.browser.story import search, stamped
from tunemagic.analysis.curves import Limits
from tunemagic.analysis.studies import BestStep, ValueRow, compare_studies_info
from tunemagic.events import Direction
from tunemagic.trial import StudyView, replay


def told(trials: int, seed: int, name: str = "digits") -> StudyView:
    return replace(replay(stamped(search(trials=trials, seed=seed))), study=name)


def test_studies_with_one_objective_are_ranked_and_share_their_axis() -> None:
    left, right = told(6, 7), told(3, 8, "other")
    info = compare_studies_info(left, right)
    assert left.best_trial is not None
    assert right.best_trial is not None
    assert (info.left.name, info.right.name, info.left.trials, info.right.trials) == ("digits", "other", 6, 3)
    assert (info.left.best, info.right.best) == (left.best_trial.score, right.best_trial.score)
    assert info.better == ("left" if (info.left.best or 0) > (info.right.best or 0) else "right")
    assert info.left.steps[0] == BestStep(trial=1, best=left.trials[0].score or 0.0)
    assert [step.best for step in info.left.steps] == sorted({step.best for step in info.left.steps})
    assert info.left.last == 6
    assert isinstance(info.limits, Limits)
    mine, other = left.best_trial.values, right.best_trial.values
    assert info.values == tuple(
        ValueRow(name=name, left=mine[name], right=other[name]) for name in mine if mine[name] != other[name]
    )
    assert info.same_values == len(mine) - len(info.values)


def test_different_objectives_are_not_ranked() -> None:
    info = compare_studies_info(told(3, 7), replace(told(3, 8), objective="val_loss", direction=Direction.MIN))
    assert (info.better, info.limits) == ("", None)


def test_a_study_without_a_score_has_nothing_to_differ_in() -> None:
    info = compare_studies_info(told(3, 7), told(0, 7, "empty"))
    assert (info.better, info.values, info.same_values, info.right.best, info.right.steps) == ("", (), 0, None, ())
    assert compare_studies_info(told(3, 7), told(3, 7)).better == ""
