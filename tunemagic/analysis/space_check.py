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
from tunemagic.events import EndReason
from tunemagic.i18n.facts import fact_of
from tunemagic.request import Tuner
from tunemagic.space import Kind, Parameter, Sampling
from tunemagic.trial import StudyView, TrialRecord, TrialState

__all__ = ["edge_share", "space_check"]

_BEST = 5  # trials that are looked at
_EDGE = 0.1  # of the range
# How often random values that change nothing may give a finding at all: over all ends together
# (Bonferroni's inequality), each end by its binomial tail (Lehmann & Romano 2005, Testing Statistical
# Hypotheses, section 9.1). Strategies that learn repeat what was good, so for them it is a guide only.
_BY_CHANCE = 0.01
_ROUNDING = 1e-9
_ENOUGH = 8  # scored trials before their best tell anything about boundaries
_FEWEST_VALUES = 5  # with fewer the outermost ones are no edge
_DECADES = 2.0  # a range of the logarithm that is at least so wide is widened by a decade
_LOST = 0.25  # share of trials without a score that is worth a word
_RANDOM = 0.5
_TRIALS_PER_PARAMETER = 2  # fewer can't show what a parameter does; Keras Tuner draws 3 before its model speaks
_DRAWN = ("fact.random", "fact.random_start", "fact.quasi_random", "fact.spread")
_BRACKET = "fact.hyperband"  # says in its own fact how the values were found
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
    parameters = [each for each in view.space.parameters if _has_edges(each)]
    for parameter in parameters:
        at = [where for where in (_position(parameter, trial) for trial in ranking[:_BEST]) if where is not None]
        for high in (True, False):
            hits = sum(where >= 1 - _EDGE - _ROUNDING if high else where <= _EDGE + _ROUNDING for where in at)
            by_chance = _tail(hits, len(at), edge_share(parameter, high=high))
            if by_chance > _BY_CHANCE / (2 * len(parameters)):
                continue
            if (found := _boundary(parameter, hits, len(at), high=high)) is not None:
                yield found


def _has_edges(parameter: Parameter) -> bool:
    count = parameter.count()
    return (
        parameter.low is not None
        and parameter.high is not None
        and parameter.low < parameter.high
        and (count is None or count >= _FEWEST_VALUES)
    )


def _tail(hits: int, of: int, share: float) -> float:
    """How likely so many or more of these are, each with this chance."""
    return sum(math.comb(of, n) * share**n * (1 - share) ** (of - n) for n in range(hits, of + 1))


def edge_share(parameter: Parameter, *, high: bool) -> float:
    """The share of a range's values, as they are drawn, that lies at one of its ends.

    Of a grid of 8 values it is one value of 8, of a continuous range a tenth.
    """
    count = parameter.count()
    if count is None:
        return _EDGE
    if parameter.step is not None or parameter.sampling is Sampling.LINEAR:
        return (math.floor(_EDGE * (count - 1) + _ROUNDING) + 1) / count
    # Whole numbers by their logarithm: each stands for all that is rounded to it.
    low, top = float(parameter.low or 0.0), float(parameter.high or 0.0)
    whole = math.log((top + 0.5) / (low - 0.5))
    if high is (parameter.sampling is Sampling.LOG):  # the end where values lie close together
        first = math.ceil(top * (low / top) ** _EDGE - _ROUNDING)
        return math.log((top + 0.5) / (first - 0.5)) / whole
    last = math.floor(low * (top / low) ** _EDGE + _ROUNDING)
    return math.log((last + 0.5) / (low - 0.5)) / whole


def _position(parameter: Parameter, trial: TrialRecord) -> float | None:
    """Where the trial's value lies among those that are drawn, 0 to 1; None outside or where it was not active."""
    value = trial.values.get(parameter.name)
    if isinstance(value, str | bool | None) or not parameter.contains(value):
        return None
    low, top, steps = float(parameter.low or 0.0), float(parameter.high or 0.0), (parameter.count() or 1) - 1
    if parameter.sampling is Sampling.LINEAR:
        top = top if parameter.step is None else low + steps * parameter.step  # a step need not meet the end
        return (value - low) / (top - low)
    mirrored = parameter.sampling is Sampling.REVERSE_LOG
    width = math.log(top / low) if parameter.step is None else steps * math.log(parameter.step)
    where = math.log((top + low - value if mirrored else value) / low) / width
    return 1 - where if mirrored else where


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
    complete = view.end_reason is EndReason.EXHAUSTED or (combinations is not None and ended >= combinations)
    if not ended or complete:
        return
    drawn = sum(_is_drawn(trial.why) for trial in view.trials)
    wanted = max(2 * drawn, _TRIALS_PER_PARAMETER * parameters)
    more = (Remedy(id="more_trials", values={"study": view.study, "trials": wanted}), Remedy(id="fewer_parameters"))
    if view.strategy in _LEARNING and drawn >= _RANDOM * ended and ended >= _ENOUGH:
        said: dict[str, float | str] = {"drawn": drawn, "of": ended, "strategy": view.strategy}
        yield Finding(verdict=Diagnosis.MANY_RANDOM, evidence=said, remedies=more)
    elif ended < _TRIALS_PER_PARAMETER * parameters:
        few = {"trials": ended, "parameters": parameters}
        yield Finding(verdict=Diagnosis.FEW_TRIALS, evidence=few, remedies=more)


def _is_drawn(why: str) -> bool:
    """Whether the strategy had not learned anything that these values could come from.

    The sentence is read as the catalogue's ``fact.*``, by which it is also translated.
    """
    found = fact_of(why)
    if found is None:
        return False
    key, parts = found
    return key in _DRAWN or ("fact" in parts and key == _BRACKET and _is_drawn(parts["fact"]))
