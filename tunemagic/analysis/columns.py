"""Permutation importance: how much worse a model gets when one column of its table is shuffled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tunemagic.analysis.explanation import ColumnBar, ColumnsInfo
from tunemagic.errors import DataError

__all__ = ["MAX_BARS", "columns_info"]

MAX_BARS = 20
_MAX_ROWS = 2000  # more rows hardly change the means
# Shuffles of many columns, such as pixels, would take minutes: fewer of each, then of fewer rows.
_MAX_SHUFFLES, _FEWEST_REPEATS = 2000, 3
_MAX_ANSWERS, _FEWEST_ROWS = 2_000_000, 200


class _Face:
    """A model as scikit-learn sees it: ``predict`` is what it answers, and it is fitted already."""

    def __init__(self, predict: Callable[[Any], Any]) -> None:
        self.predict = predict

    def fit(self, x: Any, y: Any) -> None:
        """Needed for scikit-learn to take it as an estimator."""
        raise NotImplementedError


def columns_info(
    predict: Callable[[Any], Any],
    x: Any,
    y: Any,
    score: Callable[[Any, Any], float],
    *,
    names: Sequence[str],
    model: str,
    score_name: str,
    larger_is_better: bool,
    repeats: int = 10,
    seed: int = 0,
) -> ColumnsInfo:
    """Permutation importance of each column, by scikit-learn's ``permutation_importance``.

    Of two columns that say the same the model may need neither: each stands in for the other.

    Args:
        predict: What the model answers to rows (row, column).
        x: Held-out rows (row, column); of more than 2,000 a seeded choice is taken, of fewer where there are many
            columns, so that the model has to answer at most about 2,000,000 rows.
        y: Their targets.
        score: A score of targets and answers.
        names: One name for each column.
        model: The model's name.
        score_name: The score's name.
        larger_is_better: Whether a larger score is a better one.
        repeats: How often each column is shuffled; fewer, but at least 3 times, where there are more than 2,000
            shuffles in all.
        seed: Seed of the choice and of the shuffles.

    Raises:
        DataError: ``x`` is no table.

    Source: Breiman 2001, Random Forests, section 10; Fisher, Rudin and Dominici 2019.
    """
    import numpy as np
    from sklearn.inspection import permutation_importance

    if x.ndim != 2:
        raise DataError(
            f"permutation shuffles the columns of a table; received samples of shape {x.shape[1:]}. "
            "Use --how gradients for images and series."
        )
    held_rows, asked_repeats = len(x), repeats
    repeats = min(repeats, max(_FEWEST_REPEATS, _MAX_SHUFFLES // x.shape[1]))
    most = min(_MAX_ROWS, max(_FEWEST_ROWS, _MAX_ANSWERS // (x.shape[1] * repeats)))
    if len(x) > most:
        rows = np.sort(np.random.default_rng(seed).choice(len(x), most, replace=False))
        x, y = x[rows], y[rows]
    sign = 1.0 if larger_is_better else -1.0
    found = permutation_importance(
        _Face(predict),
        x,
        y,
        scoring=lambda face, rows, targets: sign * score(targets, face.predict(rows)),
        n_repeats=repeats,
        random_state=seed,
    )
    order = np.argsort(-found.importances_mean, kind="stable")
    bars = [
        ColumnBar(
            name=names[column], mean=float(found.importances_mean[column]), spread=float(found.importances_std[column])
        )
        for column in order[:MAX_BARS]
    ]
    return ColumnsInfo(
        model=model,
        score=score_name,
        value=float(score(y, predict(x))),
        rows=len(x),
        repeats=repeats,
        bars=tuple(bars),
        held_rows=held_rows,
        asked_repeats=asked_repeats,
        hidden=len(order) - len(bars),
    )
