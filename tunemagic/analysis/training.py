"""What a trial's model has been through: its own epochs, and those of the trial that it goes on from.

The curves of a trial that follows another one (Hyperband, BOHB) begin where its parent's end; the
places before are None.
"""

from __future__ import annotations

from collections.abc import Mapping

from tunemagic.trial import StudyView, TrialRecord

__all__ = ["epoch_seconds", "whole_run"]

Curves = Mapping[str, tuple[float | None, ...]]


def whole_run(view: StudyView, trial: TrialRecord, run: int) -> Curves:
    """The curves of this run, counted from 1, with what its ancestors reported of the epochs before.

    Epochs of which nobody reported anything are left out.
    """
    curves = trial.runs_curves[run - 1] if run <= len(trial.runs_curves) else {}
    missing, length = _not_reported(curves), _length(curves)
    if not missing or trial.parent is None or not 1 <= trial.parent < trial.number:
        return curves
    earlier = whole_run(view, view.trial(trial.parent), run)
    known = min(missing, _length(earlier))
    begin = missing if missing < length else known  # all is None: training blew up in its first own epoch
    return {
        name: (*earlier.get(name, (None,) * known)[:known], *curves.get(name, (None,) * length)[begin:])
        for name in dict.fromkeys([*curves, *earlier])
    }


def epoch_seconds(trial: TrialRecord) -> float | None:
    """Seconds of one epoch of the trial's last attempt, with its share of building and compiling."""
    epochs = sum(_trained(trial, run) for run in range(trial.resumed_run, len(trial.runs_curves) + 1))
    return None if trial.seconds is None or epochs <= 0 else trial.seconds / epochs


def _trained(trial: TrialRecord, run: int) -> int:
    """How many epochs of this run the last attempt has trained itself."""
    curves = trial.runs_curves[run - 1]
    before = trial.resumed_epoch if run == trial.resumed_run else 0
    return _length(curves) - max(before, 0 if trial.parent is None else _not_reported(curves))


def _not_reported(curves: Curves) -> int:
    """How many epochs stand at the front of which there is no value at all."""
    firsts = (
        next((at for at, value in enumerate(curve) if value is not None), len(curve)) for curve in curves.values()
    )
    return min(firsts, default=0)


def _length(curves: Curves) -> int:
    return max(map(len, curves.values()), default=0)
