"""What is wrong with a model, read from its learning curves and from what was measured on it.

A model has one main verdict at most: the first sign in this order that is there. What spoils all
other readings comes first (training that blew up, a leak), then what keeps a model from learning,
then how well it learns, then how fast.

    not finite > diverged > leak > dead units > rate too low > overfit > noisy > underfit > too slow
    > still improving > plateaued

Verdicts and remedies follow the Deep Learning Tuning Playbook (github.com/google-research/
tuning_playbook, "Examine the training curves" and "How should ... be debugged") and Goodfellow,
Bengio and Courville, Deep Learning (2016), sections 5.2 and 11.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunemagic.analysis.finding import Diagnosis, Evidence, Finding, Found
from tunemagic.analysis.looks import divergence, missing_values, verdict
from tunemagic.analysis.next_cell import Again
from tunemagic.analysis.remedies import remedies_for
from tunemagic.analysis.signs import Curve
from tunemagic.analysis.space_check import space_check
from tunemagic.analysis.training import epoch_seconds, whole_run
from tunemagic.analysis.unsaid import unsaid
from tunemagic.trial import StudyView, TrialRecord, TrialState

__all__ = ["diagnose", "diagnose_history"]

_MUCH_SMALLER = 4  # times fewer weights that do as well
_LONG_TRIAL = 5.0  # seconds; of shorter ones building and compiling is most, which says nothing of size


def diagnose_history(history: Mapping[str, Curve] | Any, *, evidence: Evidence | None = None) -> Finding | None:
    """The main verdict on one training, or None when nothing is wrong.

    Args:
        history: What ``fit`` returns, or its dict: a value for each epoch by the metric's name,
            None or NaN where it was not finite.
        evidence: What curves don't show: see ``search.evidence``. ``classes`` alone helps much.
    """
    found = verdict(_curves(history), evidence or {})
    return None if found is None else Finding(verdict=found[0], evidence=found[1], remedies=remedies_for(found[0]))


def diagnose(view: StudyView, *, evidence: Evidence | None = None, again: Again | None = None) -> tuple[Finding, ...]:
    """The main verdict on a study's best model, if any, then what is to be said of its search space.

    Where too little is known for a verdict, that is said instead. ``evidence`` is what was measured on
    the best trial's model. A study without an epoch has no finding.
    """
    if not any(trial.epochs_done for trial in view.trials):
        return ()
    found, trial = _best_trials_verdict(view, evidence or {})
    model: list[Finding] = []
    if found is not None and trial is not None:
        what, said = found
        remedies = remedies_for(what, view, trial, again)
        model.append(Finding(verdict=what, evidence=said, remedies=remedies, trial=trial.number))
    elif trial is not None and (missing := unsaid(_best_run(view, trial), trial.number)) is not None:
        model.append(missing)
    findings = (*model, *space_check(view))
    if not findings and view.best is None:
        return (Finding(verdict=Diagnosis.NO_SCORE, evidence={}, remedies=()),)
    return findings


def _best_trials_verdict(view: StudyView, evidence: Evidence) -> tuple[Found | None, TrialRecord | None]:
    best = view.best_trial
    if best is not None:
        curves = _best_run(view, best)
        seconds = epoch_seconds(best)
        known = {**evidence, **({} if seconds is None else {"epoch_seconds": seconds}), **_smaller(view, best)}
        return verdict(curves, known), best
    diverged = [trial for trial in view.trials if trial.state is TrialState.FAILED and trial.error == "diverged"]
    if not diverged:
        return None, None
    last = diverged[-1]
    found = verdict(whole_run(view, last, 1), evidence)
    if found is None and not last.epochs_done:
        found = missing_values(evidence)
    return found or (Diagnosis.DIVERGED, divergence((), last.epochs_done + 1)), last


def _best_run(view: StudyView, trial: TrialRecord) -> Mapping[str, Curve]:
    return whole_run(view, trial, min(trial.best_run(view.direction), len(trial.runs_curves)))


def _curves(history: Mapping[str, Curve] | Any) -> Mapping[str, Curve]:
    found: Mapping[str, Curve] = getattr(history, "history", history)
    return found


def _smaller(view: StudyView, best: TrialRecord) -> dict[str, float]:
    """A trial with far fewer weights that scores almost as well in less than half of the time."""
    size, own = best.metrics.get("parameters"), epoch_seconds(best)
    scores = [trial.score for trial in view.trials if trial.score is not None]
    if not size or own is None or best.score is None or (best.seconds or 0.0) < _LONG_TRIAL:
        return {}
    near = 0.02 * (max(scores) - min(scores))  # of all that the search made of a difference
    for trial in view.ranking()[1:]:
        other, seconds = trial.metrics.get("parameters"), epoch_seconds(trial)
        if not other or seconds is None or trial.score is None or abs(trial.score - best.score) > near:
            continue
        if size / other >= _MUCH_SMALLER and seconds <= own / 2:
            return {"parameters": size, "smaller_trial": trial.number, "times_smaller": size / other}
    return {}
