"""What to try against each verdict, the most promising and cheapest first, with a step where one can be taken at once.

The order is that of the Deep Learning Tuning Playbook (github.com/google-research/tuning_playbook):
for training that blows up first the learning rate and its warm-up, then clipping; against overfitting
first what costs nothing, then regularisation, then less model, then more data. "Less model, more
data, regularisation", "preprocessing, model, hyperparameters, structure" and "more machines, less
model, a faster optimiser" are also what tuning guides for beginners agree on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from tunemagic.analysis.finding import Action, ActionVerb, Diagnosis, Remedy
from tunemagic.analysis.next_cell import Again, changed_cell
from tunemagic.space import Kind, Parameter, Sampling, Value
from tunemagic.trial import StudyView, TrialRecord

__all__ = ["Role", "parameter_in_role", "remedies_for", "rounded"]

Role: TypeAlias = str
# A parameter's role is told by its name, as users and papers name them.
_ROLES: Mapping[Role, re.Pattern[str]] = {
    "dropout": re.compile(r"drop", re.I),
    "decay": re.compile(r"decay|(^|_)(l1|l2|reg\w*)($|_)|weight_?penalty", re.I),
    "rate": re.compile(r"(^|_)(lr|eta|alpha)($|_|\d)|learning|(^|_)rate($|_)|step_size", re.I),
    "batch": re.compile(r"batch", re.I),
    "depth": re.compile(r"layer|depth|block", re.I),
    "width": re.compile(r"unit|filter|width|neuron|hidden|node|channel|(^|_)dim", re.I),
}
_MORE_EPOCHS = 2  # times as many: the Playbook doubles a training budget that was too short
_STEP_UP = 10  # of a learning rate: one decade, the step of a first sweep
_Make: TypeAlias = Callable[[StudyView, TrialRecord], Action | None]


def remedies_for(
    verdict: Diagnosis,
    view: StudyView | None = None,
    trial: TrialRecord | None = None,
    again: Again | None = None,
) -> tuple[Remedy, ...]:
    """The remedies against a verdict on a model, in order; with actions where the study allows them.

    ``again`` is what is known for writing the study's cell once more.
    """

    def action(name: str) -> Action | None:
        if view is None or trial is None:
            return None
        if name in _CELLS:
            return _new_cell(view, _CELLS[name], again, name)
        return _ACTIONS[name](view, trial) if name in _ACTIONS else None

    return tuple(Remedy(id=name, action=action(name)) for name in _REMEDIES[verdict])


def parameter_in_role(view: StudyView, role: Role) -> Parameter | None:
    """The space's first parameter that plays this role by its name; of several meanings the first in order."""
    for parameter in view.space.parameters:
        if next((name for name, pattern in _ROLES.items() if pattern.search(parameter.name)), None) == role:
            return parameter
    return None


def rounded(value: float, parameter: Parameter) -> float | int:
    """A value that the parameter can have: a whole number where it must be one, else two digits."""
    return max(1, round(value)) if parameter.kind is Kind.INT else float(f"{value:.2g}")


# -- steps ---------------------------------------------------------------------------------------


def _try(role: Role, factor: float, least_change: float = 0.0) -> _Make:
    """Try the best values with one of them multiplied, or raised by so much at least."""

    def make(view: StudyView, trial: TrialRecord) -> Action | None:
        parameter = parameter_in_role(view, role)
        value = None if parameter is None else trial.values.get(parameter.name)
        if parameter is None or isinstance(value, str | bool | None) or not _within(parameter, value):
            return None
        wanted = _inside(parameter, max(value * factor, value + least_change) if factor > 1 else value * factor)
        if wanted is None or wanted == value:
            return None
        return Action(verb=ActionVerb.TRY, args={"values": {**trial.values, parameter.name: wanted}})

    return make


def _within(parameter: Parameter, value: float) -> bool:
    return parameter.contains(value)


def _inside(parameter: Parameter, wanted: float) -> Value | None:
    """The value nearest to the wanted one that the parameter can have."""
    if parameter.low is None or parameter.high is None:
        numbers = [choice for choice in parameter.choices if not isinstance(choice, str | bool)]
        return min(numbers, key=lambda choice: abs(choice - wanted)) if numbers else None
    nearest = min(max(wanted, parameter.low), parameter.high)
    if parameter.step and parameter.sampling is Sampling.LINEAR:
        nearest = parameter.low + round((nearest - parameter.low) / parameter.step) * parameter.step
    elif parameter.low < nearest < parameter.high:
        nearest = min(max(rounded(nearest, parameter), parameter.low), parameter.high)
    return round(nearest) if parameter.kind is Kind.INT else float(f"{nearest:.6g}")  # no 0.30000000000000004


def _higher_rates(view: StudyView, trial: TrialRecord) -> Action | None:
    """Move the range of the learning rate up by a decade."""
    parameter = parameter_in_role(view, "rate")
    if parameter is None or parameter.low is None or parameter.high is None or parameter.kind is not Kind.FLOAT:
        return None
    value = trial.values.get(parameter.name)
    low = float(value) if isinstance(value, int | float) else parameter.low
    high = max(parameter.high, _STEP_UP * low) if low < parameter.high / _STEP_UP else _STEP_UP * parameter.high
    return _range(parameter, low, high)


def _lower_rates(view: StudyView, trial: TrialRecord) -> Action | None:
    """Cut the range of the learning rate above a tenth of what was too much."""
    parameter = parameter_in_role(view, "rate")
    if parameter is None or parameter.low is None or parameter.high is None or parameter.kind is not Kind.FLOAT:
        return None
    value = trial.values.get(parameter.name)
    high = (float(value) if isinstance(value, int | float) else parameter.high) / _STEP_UP
    return _range(parameter, min(parameter.low, high / _STEP_UP), high)


def _range(parameter: Parameter, low: float, high: float) -> Action:
    bounds = [rounded(low, parameter), rounded(high, parameter)]
    return Action(verb=ActionVerb.SPACE, args={"ranges": {parameter.name: bounds}})


def _wider(role: Role) -> _Make:
    def make(view: StudyView, trial: TrialRecord) -> Action | None:
        parameter = parameter_in_role(view, role)
        if parameter is None or parameter.kind is not Kind.INT or parameter.low is None or parameter.high is None:
            return None
        return _range(parameter, parameter.low, 2 * parameter.high)

    return make


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What a new cell has otherwise: so many times the epochs, another number of repeats, lines at its end."""

    epochs: int = 1
    repeats: int | None = None
    lines: tuple[str, ...] = ()


def _new_cell(view: StudyView, change: _Change, again: Again | None, what: str) -> Action | None:
    if any(line.split(" = ")[0] in view.code for line in change.lines):
        return None  # the cell has its own already; where to add to it can't be known
    epochs = None if change.epochs == 1 else change.epochs * view.epochs
    code = changed_cell(view, epochs=epochs, repeats=change.repeats, lines=change.lines, again=again, what=what)
    return None if code is None else Action(verb=ActionVerb.CELL, args={"code": code})


_CELLS: Mapping[str, _Change] = {
    "more_epochs": _Change(epochs=_MORE_EPOCHS),
    "repeats": _Change(repeats=3),
    "rate_on_plateau": _Change(lines=("callbacks = [keras.callbacks.ReduceLROnPlateau(patience=3)]",)),
    "stop_early": _Change(lines=("callbacks = [keras.callbacks.EarlyStopping(patience=5)]",)),
}
_ACTIONS: Mapping[str, _Make] = {
    "lower_rate": _lower_rates,
    "lower_rate_some": _try("rate", 1 / 3),
    "raise_rate_some": _try("rate", 3),
    "raise_rate": _higher_rates,
    "try_higher_rate": _try("rate", _STEP_UP),
    "dropout": _try("dropout", 1.5, 0.1),
    "weight_decay": _try("decay", _STEP_UP),
    "smaller": _try("width", 0.5),
    "larger": _wider("width"),
    "deeper": _wider("depth"),
    "larger_batch": _try("batch", 4),
    "much_larger_batch": _try("batch", 16),
}
_LEAK_REMEDIES = ("look_at_data", "split_by_group", "split_by_time", "fit_scaler_on_training")
_DIVERGED_REMEDIES = ("lower_rate", "scale_inputs", "warm_up", "clip_gradients", "check_data")
_REMEDIES: Mapping[Diagnosis, tuple[str, ...]] = {
    Diagnosis.MISSING_VALUES: ("fill_gaps", "check_data"),
    Diagnosis.SPOILT_WEIGHTS: _DIVERGED_REMEDIES,
    Diagnosis.DIVERGED: _DIVERGED_REMEDIES,
    Diagnosis.LEAK_DUPLICATES: ("drop_duplicates", "split_by_group"),
    Diagnosis.LEAK_FEATURE: ("drop_column", "look_at_data"),
    Diagnosis.LEAK_AT_ONCE: _LEAK_REMEDIES,
    Diagnosis.LEAK_BETTER: ("drop_duplicates", "larger_validation", "split_by_time", "look_at_data"),
    Diagnosis.DEAD_UNITS: ("lower_rate_some", "leaky_activation", "scale_inputs", "normalise_layers", "check_bias"),
    Diagnosis.RATE_TOO_LOW: ("raise_rate", "try_higher_rate", "adaptive_optimizer", "more_epochs"),
    Diagnosis.OVERFIT: ("stop_early", "dropout", "weight_decay", "smaller", "augment", "more_data"),
    Diagnosis.UNDERFIT: ("larger", "deeper", "less_regularisation", "better_inputs", "other_model"),
    Diagnosis.NOISY: ("lower_rate_some", "larger_batch", "average_weights", "larger_validation", "repeats"),
    Diagnosis.SLOW_INPUT: ("prefetch", "prepare_once", "parallel_map"),
    Diagnosis.SLOW_TRACING: ("no_eager", "fixed_shapes", "no_python_arguments"),
    Diagnosis.SLOW_STEPS: ("much_larger_batch", "steps_per_execution"),
    Diagnosis.SLOW_SIZE: ("smaller", "take_smaller_trial", "two_objectives", "faster_machine"),
    Diagnosis.STILL_IMPROVING: ("more_epochs", "raise_rate_some", "schedule"),
    Diagnosis.PLATEAUED: ("rate_on_plateau", "larger", "other_optimizer", "stop_early"),
}
