"""Two trials compared, and whether their difference is noise."""

from dataclasses import replace
from statistics import stdev

import pytest

from tunemagic.analysis.compare import MetricPair, ValuePair, compare_info, compare_verdict, difference_texts
from tunemagic.analysis.noise import NoiseSource, pooled_spread, welch
from tunemagic.analysis.verification import VerifiedRole, trials_to_verify, verification_info, verification_verdict
from tunemagic.errors import StudyError
from tunemagic.events import Direction
from tunemagic.space import Condition, Kind, Parameter, SearchSpace
from tunemagic.trial import StudyView, TrialRecord, TrialState

UNITS = Parameter(name="units", kind=Kind.INT, default=64, low=32, high=128)
RATE = Parameter(name="lr", kind=Kind.FLOAT, default=0.01, low=1e-3, high=0.1)
ACT = Parameter(name="act", kind=Kind.CHOICE, default="relu", choices=("relu", "tanh"))
DROP = Parameter(
    name="drop",
    kind=Kind.FLOAT,
    default=0.1,
    low=0.0,
    high=0.5,
    conditions=(Condition(parent="act", values=("tanh",)),),
)
SPACE = SearchSpace((UNITS, RATE, ACT, DROP))
ONE = TrialRecord(
    number=1,
    attempt=1,
    values={"units": 64, "lr": 0.01, "act": "relu"},
    state=TrialState.COMPLETED,
    epochs=2,
    why="your default values",
    started=0.0,
    curves={"val_accuracy": (0.5, 0.75)},
    score=0.75,
    best_epoch=2,
    metrics={"val_accuracy": 0.75, "parameters": 900},
)
TWO = replace(
    ONE,
    number=2,
    values={"units": 128, "lr": 0.01, "act": "relu", "drop": 0.2},
    why="TPE",
    curves={"val_accuracy": (0.625, 0.875, None)},
    score=0.875,
    metrics={"val_accuracy": 0.875, "parameters": 900},
)
THREE = replace(TWO, number=3, values={"units": 32, "lr": 0.01}, score=0.8125)


def study(*trials):
    best = max((t for t in trials if t.score is not None), key=lambda t: t.score)
    return StudyView(
        study="digits",
        objective="val_accuracy",
        direction=Direction.MAX,
        space=SPACE,
        trials=trials,
        best=best.number,
    )


def test_only_what_differs_is_told():
    info = compare_info(study(ONE, TWO), 1, 2)
    assert info.values == (
        ValuePair(name="units", first=64, second=128),
        ValuePair(name="drop", first=None, second=0.2),
    )
    assert info.metrics == (MetricPair(name="val_accuracy", first=0.75, second=0.875, difference=0.125),)
    assert (info.better, info.first.curve, info.second.curve) == (2, (0.5, 0.75), (0.625, 0.875, None))
    assert difference_texts(info) == (
        ("val_accuracy", "0.75", "0.875", "+0.125"),
        ("units", "64", "128", ""),
        ("drop", "–", "0.2", ""),
    )


def test_a_difference_between_other_means_than_the_scores_says_so():
    view = study(replace(ONE, verified=(0.6, 0.62)), replace(TWO, verified=(0.8, 0.84)))
    info = compare_info(view, 1, 2)
    assert difference_texts(info)[0][3] == "+0.125"
    assert compare_verdict(info)[0] == (
        "Trial 2 is better by 0.21 in val_accuracy, between the means of the trainings from other seeds."
    )
    repeated = study(replace(ONE, scores=(0.7, 0.8)), replace(TWO, scores=(0.85, 0.9)))
    assert compare_verdict(compare_info(repeated, 1, 2))[0] == "Trial 2 is better by 0.125 in val_accuracy."


def test_without_repeats_the_noise_is_not_known_and_how_to_know_it_is_said():
    info = compare_info(study(ONE, TWO), 1, 2)
    assert (info.noise.source, info.noise.margin, info.noise.inside) == (NoiseSource.UNKNOWN, None, None)
    assert compare_verdict(info) == (
        "Trial 2 is better by 0.125 in val_accuracy.",
        "How much of that is luck is not known: `%tune best digits --verify 3` trains again to find out.",
    )
    assert repr(info).splitlines()[-2:] == list(compare_verdict(info))


@pytest.mark.parametrize(("field", "source"), [("scores", NoiseSource.REPEATS), ("verified", NoiseSource.VERIFIED)])
def test_a_difference_inside_the_spread_of_several_trainings_is_noise(field, source):
    near = study(replace(ONE, **{field: (0.7, 0.8)}), replace(TWO, **{field: (0.7, 0.9)}))
    far = study(replace(ONE, **{field: (0.1, 0.11, 0.12)}), replace(TWO, **{field: (0.8, 0.81, 0.82)}))
    found = [compare_info(view, 1, 2).noise for view in (near, far)]
    assert [(noise.source, noise.inside) for noise in found] == [(source, True), (source, False)]


def test_the_spread_of_other_trials_stands_for_single_trainings():
    noisy = replace(THREE, verified=(0.6, 0.7, 0.8))
    noise = compare_info(study(ONE, TWO, noisy), 1, 2).noise
    assert (noise.source, noise.inside) == (NoiseSource.STUDY, True)
    # Student's t for 2 degrees of freedom, times the pooled deviation, times sqrt(2).
    assert noise.margin == pytest.approx(4.3027 * 0.1 * 2**0.5, rel=1e-4)
    quiet = replace(THREE, verified=(0.700, 0.701, 0.702))
    assert compare_info(study(ONE, TWO, quiet), 1, 2).noise.inside is False


def test_welch_gives_the_interval_that_scipy_gives():
    from scipy.stats import ttest_ind

    first, second = (0.91, 0.93, 0.96), (0.94, 0.95, 0.97, 0.99)
    noise = welch(first, second, NoiseSource.VERIFIED)
    interval = ttest_ind(second, first, equal_var=False).confidence_interval(0.95)
    assert (noise.difference - noise.margin, noise.difference + noise.margin) == pytest.approx(tuple(interval))
    assert noise.runs == (3, 4)


def test_equal_scores_are_no_certainty():
    equal = study(replace(ONE, verified=(0.9, 0.9)), replace(TWO, verified=(0.95, 0.95)))
    noise = compare_info(equal, 1, 2).noise
    assert (noise.source, noise.margin, noise.inside) == (NoiseSource.UNKNOWN, None, None)
    assert compare_verdict(compare_info(equal, 1, 2))[-1] == (
        "How much of that is luck is not known: training again gave equal scores. `%tune best digits --verify 5` "
        "trains more often."
    )
    assert verification_verdict(verification_info(equal)) == (
        "Trial 2 and trial 1: their means differ by 0.05, and how much of that is luck is not known, since training "
        "again gave equal scores. Verify with more repeats.",
    )


@pytest.mark.parametrize("second", [(0.95, 0.95), (0.95, 0.951)])
def test_where_scores_are_equal_the_spread_of_the_study_stands_for_theirs(second):
    view = study(replace(ONE, verified=(0.9, 0.9)), replace(TWO, verified=second), replace(THREE, scores=(0.8, 0.9)))
    noise = compare_info(view, 1, 2).noise
    spread, freedom = pooled_spread(view)
    assert (noise.source, noise.inside, freedom) == (NoiseSource.STUDY, True, 3)
    assert noise.margin == pytest.approx(3.1824 * spread, rel=1e-4)
    assert verification_info(view).gains[0].inside is True


FOLDS = ((0.7, 0.9, 0.8, 0.71, 0.91, 0.81), (0.74, 0.93, 0.85, 0.75, 0.94, 0.86))  # three folds, twice


def test_scores_on_folds_are_compared_fold_by_fold():
    from scipy.stats import t

    first, second = FOLDS
    view = replace(study(replace(ONE, scores=first), replace(TWO, scores=second)), folds=3, repeats=2)
    noise = compare_info(view, 1, 2).noise
    gains = [after - before for before, after in zip(first, second, strict=True)]
    # Between one fold and the next there is far more than between the trials.
    assert (noise.source, noise.inside, noise.runs) == (NoiseSource.FOLDS, False, (6, 6))
    assert noise.margin == pytest.approx(t.ppf(0.975, 5) * stdev(gains) * (1 / 6 + 1 / 2) ** 0.5)
    assert welch(first, second, NoiseSource.REPEATS).inside is True
    cut = replace(view, trials=(view.trials[0], replace(view.trials[1], scores=second[:2])))
    assert compare_info(cut, 1, 2).noise.runs == (2, 2)


def test_the_same_gain_on_every_fold_is_no_certainty():
    view = replace(study(replace(ONE, scores=(0.7, 0.9)), replace(TWO, scores=(0.8, 1.0))), folds=2)
    assert compare_info(view, 1, 2).noise.inside is None


def test_a_training_on_folds_counts_as_one():
    view = replace(study(replace(ONE, scores=FOLDS[0], verified=(0.8, 0.82)), TWO), folds=3)
    # The means over the folds are 0.8 and 0.81.
    assert pooled_spread(view) == (pytest.approx(((0.00005 + 0.0002) / 2) ** 0.5), 2)
    assert pooled_spread(replace(view, trials=(replace(ONE, scores=FOLDS[0][:5]), TWO))) is None


def test_the_pooled_spread_counts_every_sample_once():
    view = study(replace(ONE, scores=(0.0, 0.2), verified=(0.5, 0.7)), TWO)
    assert pooled_spread(view) == (pytest.approx(0.02**0.5), 2)
    assert pooled_spread(study(ONE, TWO)) is None


def test_a_running_trial_counts_with_its_best_epoch_so_far():
    running = replace(TWO, state=TrialState.RUNNING, score=None, best_epoch=None, metrics={})
    info = compare_info(study(ONE, running), 1, 2)
    assert (info.second.score, info.second.best_epoch, info.better) == (0.875, 2, 2)
    assert compare_verdict(info)[0] == "Trial 2 is not done (epochs so far: 3): its best epoch counts for now."


def test_a_trial_that_has_just_begun_has_no_score_yet():
    begun = replace(TWO, state=TrialState.RUNNING, score=None, best_epoch=None, curves={}, metrics={})
    info = compare_info(study(ONE, begun), 1, 2)
    assert (info.noise, info.better) == (None, None)
    assert compare_verdict(info)[-1] == "One of them has no score yet."


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((1, 9), "study digits has 2 trials; received 9."),
        ((0, 1), "study digits has 2 trials; received 0."),
        ((1, 1), "received trial 1 twice; expected the numbers of two trials of study digits."),
        (
            (1, 2),
            "trial 2 failed without a score; expected two trials that have one. `%tune why 2` says what happened.",
        ),
    ],
)
def test_what_can_not_be_compared_is_refused_in_one_line(numbers, text):
    failed = replace(TWO, state=TrialState.FAILED, score=None)
    with pytest.raises(StudyError) as refused:
        compare_info(study(ONE, failed), *numbers)
    assert str(refused.value) == text


# -- verification ------------------------------------------------------------------------------------


def test_the_best_is_verified_beside_the_runner_up_and_the_defaults():
    chosen = [(trial.number, role) for trial, role in trials_to_verify(study(ONE, TWO, THREE))]
    assert chosen == [(2, VerifiedRole.BEST), (3, VerifiedRole.RUNNER_UP), (1, VerifiedRole.DEFAULT)]


def test_only_a_trial_with_the_default_values_stands_for_them():
    tried = replace(ONE, values={"units": 99, "lr": 0.01, "act": "relu"})
    assert [role for _, role in trials_to_verify(study(tried, TWO))] == [VerifiedRole.BEST, VerifiedRole.RUNNER_UP]
    later = study(tried, TWO, replace(ONE, number=3))
    assert [trial.number for trial, _ in trials_to_verify(later)] == [2, 1, 3]
    assert [trial.number for trial, _ in trials_to_verify(study(replace(ONE, score=None), TWO, THREE))] == [2, 3]
    named_later = replace(ONE, values={"units": 64})
    assert trials_to_verify(study(named_later, TWO))[-1] == (named_later, VerifiedRole.DEFAULT)


def test_a_trial_is_verified_once_and_never_against_its_own_values():
    assert [trial.number for trial, _ in trials_to_verify(study(ONE, TWO))] == [2, 1]
    assert [trial.number for trial, _ in trials_to_verify(study(ONE))] == [1]
    again = replace(TWO, number=3, score=0.8)
    assert [trial.number for trial, _ in trials_to_verify(study(ONE, TWO, again))] == [2, 1]


def test_a_gain_is_said_to_be_inside_or_outside_of_the_noise():
    best = replace(TWO, verified=(0.8, 0.82, 0.84))
    view = study(replace(ONE, verified=(0.5, 0.52, 0.54)), best, replace(THREE, verified=(0.79, 0.82, 0.85)))
    info = verification_info(view)
    assert [(row.trial, round(row.mean, 3), round(row.spread, 3)) for row in info.rows] == [
        (2, 0.82, 0.02),
        (3, 0.82, 0.03),
        (1, 0.52, 0.02),
    ]
    assert repr(info).splitlines()[:3] == [
        "trial 2 (best): 0.82 ± 0.02",
        "trial 3 (runner-up): 0.82 ± 0.03",
        "trial 1 (your default values): 0.52 ± 0.02",
    ]
    inside, outside = verification_verdict(info)
    assert "is inside the noise of" in inside
    assert outside.startswith("Trial 2 over trial 1: the gain of 0.3 is more than the noise of")


def test_what_was_never_verified_has_no_verification():
    assert verification_info(study(ONE, TWO)) is None
