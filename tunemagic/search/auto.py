"""Which strategy fits a search for which the user named none."""

from __future__ import annotations

from tunemagic.errors import OptionError
from tunemagic.request import DEFAULT_TRIALS, Tuner, TuneRequest
from tunemagic.search.coordinates import Axis, coordinates_of
from tunemagic.space import SearchSpace

__all__ = ["SEVERAL_OBJECTIVES", "choose_tuner"]

SEVERAL_OBJECTIVES = (Tuner.TPE, Tuner.RANDOM, Tuner.GRID, Tuner.QMC)
_FEW_EPOCHS = 2  # shorter trials can't be made shorter still
_GP_TRIALS = 250  # the Gaussian process takes ever longer, with the cube of the trials
_ONE_BRACKET = 15  # trials; with fewer, Hyperband would train next to nothing for all epochs


def choose_tuner(
    request: TuneRequest, space: SearchSpace, *, has_torch: bool, epochs_vary: bool = False
) -> tuple[Tuner, str]:
    """The strategy for this request over this space, and the reason in words.

    A small finite space is searched whole. Where short trainings tell something about long ones,
    BOHB finds good values soonest. Else the Gaussian process over numbers, which needs PyTorch,
    and TPE over everything. This follows measurements at equal budgets on tables of learning
    curves and of final values (benchmarks/fidelity.py, benchmarks/strategies.py) and agrees with
    the AutoSampler of optunahub. Raises OptionError for a strategy that takes one objective only.
    """
    if request.objectives and request.tuner not in (Tuner.AUTO, *SEVERAL_OBJECTIVES):
        able = ", ".join(SEVERAL_OBJECTIVES)
        raise OptionError(
            f"--tuner {request.tuner} takes one objective; received {len(request.objectives) + 1}. Use one of: {able}."
        )
    if request.tuner is not Tuner.AUTO:
        return request.tuner, "you chose it"
    trials = request.max_trials or (DEFAULT_TRIALS if request.minutes is None else None)
    combinations = space.combinations()
    if combinations is not None and trials is not None and combinations <= trials:
        return Tuner.GRID, f"all {combinations} combinations fit into {trials} trials"
    if request.objectives:
        return Tuner.TPE, "it can search for several objectives"
    several = request.repeats > 1 or request.folds is not None or epochs_vary
    if request.epochs > _FEW_EPOCHS and not several and (trials is None or trials >= _ONE_BRACKET):
        return Tuner.BOHB, "trials of several epochs can begin short; only the better ones go on"
    # Choices of rising numbers count as numbers: they have a place on an axis.
    numeric = all(coordinate.axis is not Axis.CHOICE for coordinate in coordinates_of(space))
    if has_torch and numeric and trials is not None and trials <= _GP_TRIALS:
        return Tuner.GP, "few trials over numbers only: a Gaussian process learns most from each"
    return Tuner.TPE, "it suits any space" if not numeric else "it suits any number of trials"
