"""What is to be said of the space that was searched, whatever the best model is like.

The questions are those that the Deep Learning Tuning Playbook asks after every study ("Identifying
bad search space boundaries", "Not sampling enough points in the search space"): does the best lie at
a boundary, how much of the space is infeasible, were there enough trials?
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from tunemagic.analysis.finding import Action, ActionVerb, Diagnosis, Finding, Remedy
from tunemagic.analysis.remedies import parameter_in_role, rounded
from tunemagic.request import Tuner
from tunemagic.space import Kind, Parameter, Sampling
from tunemagic.trial import StudyView, TrialRecord, TrialState

__all__ = ["space_check"]

_BEST = 5  # trials that are looked at, and so many of them at a boundary count: by chance that is 1 in 100
_AT_BOUNDARY = 3
_EDGE = 0.1  # of the range
_ENOUGH = 8  # scored trials before their best tell anything about boundaries
_FEWEST_VALUES = 5  # with fewer the outermost ones are no edge
_DECADES = 2.0  # a range of the logarithm that is at least so wide is widened by a decade
_LOST = 0.25  # share of trials without a score that is worth a word
_RANDOM = 0.5
_TRIALS_PER_PARAMETER = 2  # fewer can't show what a parameter does; Keras Tuner draws 3 before its model speaks
_LEARNING = (Tuner.TPE, Tuner.GP, Tuner.BAYESIAN, Tuner.CMAES, Tuner.BOHB)


def space_check(view: StudyView) -> tuple[Finding, ...]:
    """Findings about the search space, boundaries first."""
    if view.executor == "replay":  # a table holds what it holds
        return ()
    return (*_boundaries(view), *_lost(view), *_too_few(view))


# -- boundaries ----------------------------------------------------------------------------------


def _boundaries(view: StudyView) -> Iterator[Finding]:
    ranking = view.ranking()
    if len(ranking) < _ENOUGH:
        return
    for parameter in view.space.parameters:
        count = parameter.count()
        if parameter.low is None or parameter.high is None or parameter.low == parameter.high:
            continue
        if count is not None and count < _FEWEST_VALUES:
            continue
        at = [where for where in (_position(parameter, trial) for trial in ranking[:_BEST]) if where is not None]
        edge = _EDGE if count is None else max(_EDGE, 0.5 / (count - 1))
        for high in (True, False):
            hits = sum(where >= 1 - edge if high else where <= edge for where in at)
            if hits >= _AT_BOUNDARY and (found := _boundary(parameter, hits, len(at), high=high)) is not None:
                yield found


def _position(parameter: Parameter, trial: TrialRecord) -> float | None:
    """Where the trial's value lies in the range, 0 to 1; None outside or where it was not active."""
    value = trial.values.get(parameter.name)
    if isinstance(value, str | bool | None) or not parameter.contains(value):
        return None
    low, high = float(parameter.low or 0.0), float(parameter.high or 0.0)
    if parameter.sampling is Sampling.LINEAR:
        return (value - low) / (high - low)
    return math.log(value / low) / math.log(high / low)


def _boundary(parameter: Parameter, hits: int, of: int, *, high: bool) -> Finding | None:
    wider = _widened(parameter, high=high)
    if wider is None:
        return None
    low, top = wider
    action = Action(verb=ActionVerb.SPACE, args={"ranges": {parameter.name: [low, top]}})
    values: dict[str, float | str] = {"name": parameter.name, "low": low, "high": top}
    return Finding(
        verdict=Diagnosis.BOUNDARY_HIGH if high else Diagnosis.BOUNDARY_LOW,
        evidence={
            "name": parameter.name,
            "hits": hits,
            "of": of,
            "low": parameter.low or 0,
            "high": parameter.high or 0,
        },
        remedies=(Remedy(id="widen", values=values, action=action),),
    )


def _widened(parameter: Parameter, *, high: bool) -> tuple[float, float] | None:
    """The range with more room at one end; None where there can't be more.

    On a logarithmic scale a decade for ranges of two decades and more, else as much again as there
    is; on a linear one half of the width. Shares stay below 1, counts above 0.
    """
    low, top = float(parameter.low or 0.0), float(parameter.high or 0.0)
    if parameter.sampling is not Sampling.LINEAR:
        factor = 10.0 if math.log10(top / low) >= _DECADES else top / low
        new = (low, top * factor) if high else (low / factor, top)
    elif high:
        new = (low, (1 + top) / 2 if low >= 0 and top <= 1 and parameter.kind is Kind.FLOAT else top + (top - low) / 2)
    else:
        new = (low - (top - low) / 2 if low < 0 else max(low / 2, low - (top - low) / 2), top)
    bounds = (_on_grid(new[0], parameter), _on_grid(new[1], parameter))
    return None if bounds == (low, top) else bounds


def _on_grid(value: float, parameter: Parameter) -> float:
    if parameter.kind is Kind.INT and parameter.step and parameter.sampling is Sampling.LINEAR:
        low = int(parameter.low or 0)
        steps = round((value - low) / parameter.step)
        moved = low + steps * int(parameter.step)
        return moved if moved > 0 or low <= 0 else low
    return rounded(value, parameter)


# -- trials without a score, random trials -------------------------------------------------------


def _lost(view: StudyView) -> Iterator[Finding]:
    ended = [trial for trial in view.trials if trial.state not in (TrialState.RUNNING, TrialState.INTERRUPTED)]
    failed = [trial for trial in ended if trial.state is TrialState.FAILED]
    diverged = [trial for trial in failed if trial.error == "diverged"]
    if len(diverged) >= max(2, _LOST * len(ended)):
        action = _below_divergence(view, diverged)
        yield Finding(
            verdict=Diagnosis.MANY_DIVERGED,
            evidence={"lost": len(diverged), "of": len(ended), "percent": round(100 * len(diverged) / len(ended))},
            remedies=(Remedy(id="narrow_rate", action=action), Remedy(id="scale_inputs"), Remedy(id="clip_gradients")),
        )
    others = [trial for trial in failed if trial.error != "diverged"]
    if len(others) >= max(2, _LOST * len(ended)):
        reason, count = Counter(trial.reason or trial.error for trial in others).most_common(1)[0]
        yield Finding(
            verdict=Diagnosis.MANY_FAILED,
            evidence={"lost": len(others), "of": len(ended), "reason": reason[:200], "times": count},
            remedies=(Remedy(id="see_why", values={"trial": others[-1].number}),),
        )


def _below_divergence(view: StudyView, diverged: list[TrialRecord]) -> Action | None:
    """The range of the learning rate up to the largest rate that did not blow up."""
    parameter = parameter_in_role(view, "rate")
    if parameter is None or parameter.low is None or parameter.high is None:
        return None
    bad = [value for trial in diverged if isinstance(value := trial.values.get(parameter.name), int | float)]
    good = [value for trial in view.ranking() if isinstance(value := trial.values.get(parameter.name), int | float)]
    below = [value for value in good if bad and value < min(bad)]
    high = max(below) if below else (min(bad) / 10 if bad else parameter.high)
    low = min(parameter.low, high / 10)
    bounds = [rounded(low, parameter), rounded(high, parameter)]
    return Action(verb=ActionVerb.SPACE, args={"ranges": {parameter.name: bounds}})


def _too_few(view: StudyView) -> Iterator[Finding]:
    """Too few trials for the space, or for the strategy to learn anything."""
    ended, parameters = view.ended_trials, len([p for p in view.space.parameters if p.count() != 1])
    combinations = view.space.combinations()
    if ended < 2 or (combinations is not None and ended >= combinations):
        return
    drawn = sum("random" in trial.why or "spread evenly" in trial.why for trial in view.trials)
    wanted = max(2 * drawn, _TRIALS_PER_PARAMETER * parameters)
    more = (Remedy(id="more_trials", values={"study": view.study, "trials": wanted}), Remedy(id="fewer_parameters"))
    if view.strategy in _LEARNING and drawn >= _RANDOM * ended and ended >= _ENOUGH:
        said: dict[str, float | str] = {"drawn": drawn, "of": ended, "strategy": view.strategy}
        yield Finding(verdict=Diagnosis.MANY_RANDOM, evidence=said, remedies=more)
    elif ended < _TRIALS_PER_PARAMETER * parameters:
        few = {"trials": ended, "parameters": parameters}
        yield Finding(verdict=Diagnosis.FEW_TRIALS, evidence=few, remedies=more)
