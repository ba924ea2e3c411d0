"""How much each hyperparameter matters: fANOVA by optuna's evaluator. The only importer of optuna here.

Hutter, Hoos and Leyton-Brown 2014, "An Efficient Approach for Assessing Hyperparameter Importance".
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from tunemagic.analysis.axes import Scale, parameter_scales, scored_trials
from tunemagic.analysis.pictures import ImportanceBar, ImportanceInfo
from tunemagic.errors import OptionError
from tunemagic.trial import StudyView

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MAX_TRIALS", "MIN_TRIALS", "Transform", "importance_info"]

# On four tables with one dominant hyperparameter (mnist1d, HPOBench phoneme, HPOLib protein_structure and
# slice_localization; 30 random samples of each) the longest bar was the right one in 74 of 120 cases with 8
# trials, in 98 with 12, in 100 with 15 and in 108 with 20.
MIN_TRIALS = 12
MAX_TRIALS = 256  # half a second; further trials change the shares by a few hundredths
_TREES = 32  # 16, 32 and 64 trees agree within 0.02
_SEED = 0

# A trial: its number, its position on each scale (None where the hyperparameter was not active), its score.
_Row: TypeAlias = tuple[int, tuple[float | None, ...], float]
# Of each scale: the step between positions (0 for none), and whether they are in order.
_Grain: TypeAlias = tuple[float, bool]


class Transform(StrEnum):
    """What is done to the objective first.

    ``raw`` misleads as soon as some trials diverged: a few huge losses are nearly all the
    variance, and whatever these trials have in common by chance seems to matter.
    """

    RANK = "rank"
    LOG = "log"
    RAW = "raw"


def importance_info(view: StudyView, transform: Transform | str = Transform.RANK) -> ImportanceInfo:
    """Each hyperparameter's own share of the variance of the transformed objective, 0 to 1.

    What is missing to 1 is due to combinations. Every trial with a score counts, also a pruned
    one; of trials that go on from each other the last one does. Of more than MAX_TRIALS every
    second (fourth ...) one counts. A hyperparameter that was not active in a trial could have had
    any value there, so it gets one at random: it matters as much as it does in all trials
    together. Raises OptionError for ``log`` with a score that is not positive.
    """
    how = _transform(transform)
    scales = parameter_scales(view)
    needed = max(MIN_TRIALS, 2 * len(scales))
    rows = _rows(view, scales)
    bars: tuple[ImportanceBar, ...] = ()
    if scales and len(rows) >= needed:
        shares = _shares(tuple(rows), tuple((scale.step, scale.ordered) for scale in scales), how)
        named = [
            ImportanceBar(name=scale.name, share=round(share, 4)) for scale, share in zip(scales, shares, strict=True)
        ]
        bars = tuple(sorted(named, key=lambda bar: -bar.share))
    return ImportanceInfo(objective=view.objective, transform=str(how), bars=bars, trials=len(rows), needed=needed)


def _transform(text: Transform | str) -> Transform:
    try:
        return Transform(text)
    except ValueError:
        raise OptionError(f"importance: expected one of {', '.join(Transform)}; received {text!r}.") from None


def _rows(view: StudyView, scales: Sequence[Scale]) -> list[_Row]:
    scored = scored_trials(view)
    continued = {trial.parent for trial, _ in scored}
    ended = [(trial, score) for trial, score in scored if trial.number not in continued]
    step = 1
    while len(ended) > step * MAX_TRIALS:  # by powers of two, so that one more trial seldom changes all
        step *= 2
    return [
        (trial.number, tuple(scale.place(trial.values.get(scale.name)) for scale in scales), score)
        for trial, score in ended[::step]
    ]


@functools.lru_cache(maxsize=8)  # several pictures ask, and only an ended trial changes the answer
def _shares(rows: tuple[_Row, ...], grains: tuple[_Grain, ...], transform: Transform) -> tuple[float, ...]:
    """The shares in the order of the scales."""
    import optuna

    targets = _targets([score for _, _, score in rows], transform)
    if targets.min() == targets.max():
        return (0.0,) * len(grains)
    names = [str(index) for index in range(len(grains))]
    distributions = dict(zip(names, map(_distribution, grains), strict=True))
    with _quiet():
        study = optuna.create_study()
        study.add_trials(
            [
                optuna.trial.create_trial(
                    params=dict(zip(names, _filled(number, places, grains), strict=True)),
                    distributions=distributions,
                    value=target,
                )
                for (number, places, _), target in zip(rows, targets.tolist(), strict=True)
            ]
        )
        evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=_TREES, seed=_SEED)
        found = evaluator.evaluate(study)
    return tuple(float(found[name]) for name in names)


def _targets(scores: Sequence[float], transform: Transform) -> NDArray[np.float64]:
    import numpy as np

    values = np.asarray(scores, dtype=np.float64)
    if transform is Transform.RAW:
        return values
    if transform is Transform.LOG:
        if values.min() <= 0:
            raise OptionError(f"importance: log needs positive scores; received {values.min():g}. Use rank.")
        return np.asarray(np.log(values))
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # the mean rank of equal ones
    return np.asarray(ranks[inverse])


def _distribution(grain: _Grain) -> Any:
    """Numbers by their order, so that one cut of a tree parts the small from the large; texts each by itself."""
    from optuna import distributions

    step, ordered = grain
    if ordered:
        # Half a step more at both ends: fANOVA weighs a value by the width of what is around it.
        return distributions.FloatDistribution(-step / 2, 1 + step / 2)
    return distributions.CategoricalDistribution(tuple(range(_levels(step))))


def _levels(step: float) -> int:
    return round(1 / step) + 1


def _filled(number: int, places: tuple[float | None, ...], grains: tuple[_Grain, ...]) -> list[float]:
    """Positions, of texts their indices; drawn where the hyperparameter was not active."""
    import numpy as np

    # By the trial's number, so that later trials don't change what earlier ones got.
    drawn = np.random.default_rng((_SEED, number)).random(len(places)).tolist()
    filled = []
    for place, share, (step, ordered) in zip(places, drawn, grains, strict=True):
        if place is None:
            # A value that could be, or trees would tell from it that it was drawn.
            place = int(share * _levels(step)) * step if step else share
        filled.append(min(1.0, place) if ordered else round(place / step))
    return filled


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Optuna tells of every new study on stderr."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)
