"""A study's trials as a data frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunemagic.trial import StudyView

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["trials_frame"]


def trials_frame(view: StudyView) -> pd.DataFrame:
    """One row per trial, by its number: state, score, best epoch, values, seconds, reason.

    Several runs of a trial add ``spread``, the standard deviation of their scores, and ``scores``;
    several objectives add a column each.
    """
    import pandas as pd

    rows = [
        {
            "trial": trial.number,
            "state": str(trial.state),
            view.objective: trial.score,
            **({"spread": trial.spread, "scores": trial.scores} if view.runs > 1 else {}),
            **{name: trial.metrics.get(name) for name, _ in view.objectives},
            "best_epoch": trial.best_epoch,
            **{name: trial.values.get(name) for name in view.space.names},
            "seconds": trial.seconds,
            "reason": trial.reason,
        }
        for trial in view.trials
    ]
    several = ["spread", "scores"] if view.runs > 1 else []
    further = [name for name, _ in view.objectives]
    columns = ["trial", "state", view.objective, *several, *further, "best_epoch", *view.space.names]
    return pd.DataFrame(rows, columns=[*columns, "seconds", "reason"]).set_index("trial")
