"""Hyperparameters and scores along axes from 0 to 1, for every picture that has such axes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tunemagic.analysis.curves import limits_of
from tunemagic.analysis.pictures import Axis, Tick
from tunemagic.analysis.wording import number_text, value_text
from tunemagic.errors import OptionError
from tunemagic.events import Direction, finite
from tunemagic.space import Kind, Parameter, Sampling, Value
from tunemagic.text import did_you_mean, one_line
from tunemagic.trial import StudyView, TrialRecord

__all__ = [
    "Scale",
    "check_name",
    "parameter_scales",
    "score_scale",
    "scored_trials",
    "shown_trials",
    "spans_decades",
    "value_scale",
]

_DIGITS = 4  # of a position: far less than a pixel, and short in JSON
_LABEL = 24
_LARGEST_LOG = 690.0  # of about 1e299; the ends of an axis lie beyond its values and must stay finite
_MOST_POINTS = 400  # more dots cover each other, and every one of them travels to the screen
_NEAR_END = 0.1  # a tick so near to the end of a range would lie on the end's own label


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis and where values lie on it.

    ``step`` is how far neighbouring values lie apart, 0 where every number can be had; ``ordered``
    says that the values are numbers.
    """

    axis: Axis
    step: float = 0.0
    ordered: bool = True
    _choices: Mapping[tuple[bool, Value], int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The hyperparameter's or metric's name."""
        return self.axis.name

    @property
    def choices(self) -> int:
        """How many choices there are; 0 for numbers."""
        return len(self._choices)

    def place(self, value: Value | None) -> float | None:
        """The position from 0 to 1, rounded; values beyond the ends lie on them. None without a place."""
        if value is None:
            return None
        if self._choices:
            at = self._choices.get(_key(value))
            return None if at is None else _even(at, len(self._choices))
        return self._numeric(_number(value))

    def _numeric(self, number: float | None) -> float | None:
        low, high = self.axis.low, self.axis.high
        if number is None or low is None or high is None:
            return None
        if self.axis.log:
            low, high = math.log(low), math.log(high)
            number = math.log(number) if number > 0 else -math.inf
        # Halves, so that the difference of two huge numbers stays finite.
        share = (number / 2 - low / 2) / (high / 2 - low / 2)
        return round(min(1.0, max(0.0, share)), _DIGITS)


def scored_trials(view: StudyView) -> list[tuple[TrialRecord, float]]:
    """Trials with a finite score and that score, in the order of the trials."""
    pairs = ((trial, finite(trial.score)) for trial in view.trials)
    return [(trial, score) for trial, score in pairs if score is not None]


def shown_trials(view: StudyView) -> list[tuple[TrialRecord, float]]:
    """As scored_trials, of more than a picture can hold the best ones and others evenly spaced in time."""
    scored = scored_trials(view)
    if len(scored) <= _MOST_POINTS:
        return scored
    kept = {trial.number for trial in view.ranking()[: _MOST_POINTS // 4]}
    others = [trial.number for trial, _ in scored if trial.number not in kept]
    room = _MOST_POINTS - len(kept)
    kept |= {others[index * len(others) // room] for index in range(room)}
    return [pair for pair in scored if pair[0].number in kept]


def parameter_scales(view: StudyView) -> tuple[Scale, ...]:
    """A scale for each hyperparameter that varies, in the order of the space.

    A range reaches over all values that trials had, also when it was narrowed meanwhile. One that
    is sampled by logarithm is a log axis; a hyperparameter that is defined several times has one
    axis for all of its definitions.
    """
    defined: dict[str, list[Parameter]] = {}
    for parameter in view.space.parameters:
        defined.setdefault(parameter.name, []).append(parameter)
    seen: dict[str, dict[tuple[bool, Value], Value]] = {name: {} for name in defined}
    for trial in view.trials:
        for name, value in trial.values.items():
            seen.setdefault(name, {}).setdefault(_key(value), value)
    scales = (_scale(name, defined.get(name, ()), list(values.values())) for name, values in seen.items())
    return tuple(scale for scale in scales if scale is not None)


def _scale(name: str, parameters: Sequence[Parameter], seen: Sequence[Value]) -> Scale | None:
    """The scale of one hyperparameter; None when it has a single value."""
    numbers = [_number(value) for value in seen]
    known = [number for number in numbers if number is not None]
    ranges = [p for p in parameters if p.kind in (Kind.INT, Kind.FLOAT)]
    if len(known) == len(seen) and len(ranges) == len(parameters):
        ends = [end for p in ranges for end in (p.low, p.high) if end is not None]
        whole = all(number == int(number) for number in [*ends, *known])
        return _range(name, [*ends, *known], ranges, whole=whole)
    return _choice(name, [*(value for p in parameters for value in p.choices), *seen])


def _range(name: str, numbers: Sequence[float], ranges: Sequence[Parameter], *, whole: bool) -> Scale | None:
    low, high = min(numbers, default=0.0), max(numbers, default=0.0)
    if low == high:
        return None
    log = low > 0 and any(p.sampling is Sampling.LOG for p in ranges)
    steps = [p.step or (1.0 if p.kind is Kind.INT else 0.0) for p in ranges if p.sampling is Sampling.LINEAR]
    step = min(steps) / (high - low) if len(steps) == len(ranges) > 0 else 0.0
    axis = Axis(name=name, ticks=(), low=low, high=high, log=log)
    return _with_ticks(axis, step=min(1.0, step), whole=whole, ends=True)


def _choice(name: str, values: Iterable[Value]) -> Scale | None:
    unique = list({_key(value): value for value in values}.values())
    if len(unique) < 2:
        return None
    numbers = [number for number in map(_number, unique) if number is not None]
    if len(numbers) == len(unique):
        unique = [value for _, value in sorted(zip(numbers, unique, strict=True), key=lambda pair: pair[0])]
    ticks = tuple(
        Tick(at=_even(index, len(unique)), text=one_line(value_text(value), _LABEL))
        for index, value in enumerate(unique)
    )
    return Scale(
        Axis(name=name, ticks=ticks),
        step=1 / (len(unique) - 1),
        ordered=len(numbers) == len(unique),
        _choices={_key(value): index for index, value in enumerate(unique)},
    )


def score_scale(view: StudyView, *, better_up: bool = False) -> Scale:
    """The scale of the objective; far outliers lie on its ends.

    With ``better_up`` position 1 is the better end. Without a score it has no ends.
    """
    best = view.best_trial
    must_show = finite(best.score) if best is not None else None
    scores = [score for _, score in scored_trials(view)]
    return value_scale(view.objective, scores, view.direction, better_up=better_up, must_show=must_show)


def value_scale(
    name: str,
    values: Sequence[float],
    direction: Direction,
    *,
    better_up: bool = False,
    must_show: float | None = None,
) -> Scale:
    """The scale of a metric with these values.

    What is minimised and spans more than a decade gets a log axis, since its small values are the
    ones to be told apart.
    """
    log = direction is Direction.MIN and spans_decades(values)
    into = math.log if log else float
    limits = limits_of([into(value) for value in values], [] if must_show is None else [into(must_show)])
    if limits is None:
        return Scale(Axis(name=name, ticks=()))
    low, high = limits.low, limits.high
    if log:
        low, high = (math.exp(max(-_LARGEST_LOG, min(_LARGEST_LOG, end))) for end in (low, high))
    if better_up and direction is Direction.MIN:
        low, high = high, low
    return _with_ticks(Axis(name=name, ticks=(), low=low, high=high, log=log), whole=False, ends=False)


def spans_decades(values: Sequence[float]) -> bool:
    """Whether all values are positive and the largest is more than ten times the smallest."""
    return bool(values) and 0 < min(values) < max(values) / 10


def check_name(given: str, names: Sequence[str], *, where: str) -> str:
    """The name, if it is one of these. Raises OptionError with the nearest one."""
    if given in names:
        return given
    known = f"expected one of {', '.join(names)}" if names else "there is nothing to choose from yet"
    raise OptionError(f"{where}: received {one_line(given, 60)!r}; {known}.{did_you_mean(given, names)}")


# -- ticks ---------------------------------------------------------------------------------------


def _with_ticks(axis: Axis, *, whole: bool, ends: bool, step: float = 0.0) -> Scale:
    """The scale with round numbers along its axis, and with ``ends`` those of the range itself."""
    bare = Scale(axis)
    low, high = sorted((axis.low or 0.0, axis.high or 0.0))
    inner = _decades(low, high) if axis.log else _round_numbers(low, high, whole=whole)
    placed = [(place, number) for number in inner if (place := bare.place(number)) is not None]
    if ends:
        placed = [(place, number) for place, number in placed if _NEAR_END < place < 1 - _NEAR_END]
        placed += [(0.0, low), (1.0, high)]
    ticks = tuple(Tick(at=place, text=number_text(number)) for place, number in sorted(placed))
    return Scale(Axis(name=axis.name, ticks=ticks, low=axis.low, high=axis.high, log=axis.log), step=step)


def _round_numbers(low: float, high: float, *, whole: bool, at_most: int = 6) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten inside a range, low < high."""
    rough = (high / 2 - low / 2) / at_most * 2
    if rough < 1e-300:  # what is smaller has no powers of ten
        return []
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((power * factor for factor in (1, 2, 5, 10) if power * factor >= rough), 10 * power)
    if whole:
        step = max(1.0, step)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    # From the whole multiple, so that no tick reads 0.30000000000000004.
    digits = max(0, 12 - math.floor(math.log10(step)))
    return [round(index * step, digits) for index in range(first, last + 1)]


def _decades(low: float, high: float, *, at_most: int = 6) -> list[float]:
    """Powers of ten inside a range, or 1, 2, 5 times them where the range is short."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = max(1, math.ceil((last - first) / at_most))
    factors = (1, 2, 5) if last - first <= 2 else (1,)
    numbers = [factor * 10.0**power for power in range(first, last + 1, every) for factor in factors]
    return [number for number in numbers if low <= number <= high]


def _even(index: int, count: int) -> float:
    return round(index / (count - 1), _DIGITS)


def _key(value: Value) -> tuple[bool, Value]:
    """True is not the choice 1."""
    return isinstance(value, bool), value


def _number(value: Value) -> float | None:
    """The value as a finite float; None for texts, truth values and whole numbers that no float can hold."""
    if isinstance(value, bool | str):
        return None
    try:
        return finite(value)
    except OverflowError:
        return None
