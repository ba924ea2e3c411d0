"""Look at the user's model code before the first trial: its space, its metrics, its faults.

Nothing is trained and nothing is written, so every mistake found here costs no trial.
"""

from __future__ import annotations

import contextlib
import copy
import difflib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tunemagic.errors import CellError, OptionError, SpaceError, TrialError, TuneError
from tunemagic.events import Direction
from tunemagic.randomness import kept_random_state
from tunemagic.request import DEVICE_VALUES, Objective
from tunemagic.search.arrays import for_keras
from tunemagic.search.cell import TrialSetup
from tunemagic.search.data import TrainingData
from tunemagic.search.faults import describe_error, user_frame
from tunemagic.search.hyperparameters import new_hyperparameters, space_of
from tunemagic.search.job import PARAMETERS, Measure, TrialProgram
from tunemagic.search.oracle import infer_direction
from tunemagic.search.parts import run_on
from tunemagic.space import SearchSpace

__all__ = ["Discovery", "discover", "line_finder", "run_program"]

_MAX_BUILDS = 64  # conditional scopes that are entered one after the other; more is a runaway cell
_PROBE_ROWS = 8


@dataclass(frozen=True, slots=True)
class Discovery:
    """What running the cell with default values showed.

    ``hyperparameters`` is Keras Tuner's object with all hyperparameters found; ``parameter_count``
    the number of weights of the default model, None when it builds itself on the first batch.
    """

    hyperparameters: Any
    space: SearchSpace
    objective: str
    direction: Direction
    parameter_count: int | None
    objectives: tuple[tuple[str, Direction], ...] = ()


def line_finder(program: TrialProgram) -> Callable[[Any], int | None]:
    """A function from a stack frame to the line of the user's cell that led to it, or None."""
    filename = getattr(program, "filename", "")

    def line_of(frame: Any) -> int | None:
        while frame is not None:
            if frame.f_code.co_filename == filename:
                line: int = frame.f_lineno
                return line
            frame = frame.f_back
        return None

    return line_of


def discover(
    program: TrialProgram,
    data: TrainingData,
    objective: Objective | None,
    further: Sequence[Objective] = (),
    measure: Measure | None = None,
    device: Sequence[str] = (),
) -> Discovery:
    """Run the cell with its defaults, once more for each conditional scope, and check one batch.

    ``further`` objectives beside the first one may also be values that ``measure`` gives, those
    named in ``device``, or ``parameters``, the number of the model's weights. Raises SpaceError (no hyperparameter, one
    name with two ranges), CellError (no model, not compiled), OptionError (objective unknown or
    without direction), TrialError (the user's code failed; the text names the line).
    """
    with kept_random_state(), _no_retracing_warnings():
        hyperparameters, setup, shown = _explore(program, data)
        space = space_of(hyperparameters)
        if not space.parameters:
            raise SpaceError(
                "no hyperparameter found in the cell; expected at least one, such as "
                'units = hp.Int("units", 32, 256, step=32) or units = 64  #@tune int(32, 256).'
            )
        wanted = objective or Objective(name="val_loss")
        if setup.fit_method is None:
            names = _metric_names(program, setup, shown)
            _check_objective(wanted.name, names)
            measured = [*names, PARAMETERS, *device, *_measured(measure, setup.model)] if further else names
            for each in further:
                _check_objective(each.name, measured)
    directions = [_direction(each) for each in (wanted, *further)]
    built = bool(getattr(setup.model, "built", False))
    return Discovery(
        hyperparameters,
        space,
        wanted.name,
        directions[0],
        setup.model.count_params() if built else None,
        tuple((each.name, direction) for each, direction in zip(further, directions[1:], strict=True)),
    )


@contextlib.contextmanager
def _no_retracing_warnings() -> Iterator[None]:
    """Each look at a cell evaluates another model once; TensorFlow would tell the user not to."""
    logger = logging.getLogger("tensorflow")

    def other(record: logging.LogRecord) -> bool:
        return "retracing" not in str(record.msg)

    logger.addFilter(other)
    try:
        yield
    finally:
        logger.removeFilter(other)


def _direction(objective: Objective) -> Direction:
    known = Direction.MIN if objective.name in (PARAMETERS, *DEVICE_VALUES) else infer_direction(objective.name)
    direction = objective.direction or known
    if direction is None:
        raise OptionError(
            f"--objective {objective.name}: Keras does not say whether smaller or larger is better; "
            f"write {objective.name}:min or {objective.name}:max."
        )
    return direction


def _measured(measure: Measure | None, model: Any) -> list[str]:
    """The names of the values that the user's ``measure`` gives for a model that was never trained."""
    if measure is None:
        return []
    try:
        values = measure(model)
    # The user's own function: whatever it raises becomes one line.
    except Exception as error:
        raise TrialError(f"measure failed on the untrained model: {describe_error(error)}") from error
    if not isinstance(values, Mapping):
        raise TrialError(f"measure gave {type(values).__name__}; expected a dict such as {{'size_kb': 12.5}}.")
    return [str(name) for name in values]


def _explore(program: TrialProgram, data: TrainingData) -> tuple[Any, TrialSetup, TrainingData]:
    """All hyperparameters, also those in conditional scopes; setup and data of the default values."""
    line_of = line_finder(program)
    known = new_hyperparameters(line_of)
    first: tuple[TrialSetup, TrainingData] | None = None
    waiting: list[Any] = []
    entered: list[Any] = []
    hp = known
    for _ in range(_MAX_BUILDS):
        built = run_program(program, hp, data)
        first = first or built
        known.merge([new for new in hp.space if not known._exists(new.name, new.conditions)])
        entered += [scope for scope in hp.active_scopes if scope not in entered]
        waiting += [scope for scope in hp.inactive_scopes if scope not in waiting]
        waiting = [scope for scope in waiting if scope not in entered]
        if not waiting:
            return known, *first
        hp = new_hyperparameters(line_of)
        hp.merge(known)
        scope = waiting.pop(0)
        entered.append(scope)
        hp.values = {condition.name: condition.values[0] for condition in copy.deepcopy(scope)} | {
            p.name: p.default for p in known.space if p.name not in {condition.name for condition in scope}
        }
        hp.ensure_active_values()
    raise SpaceError(
        f"the cell opens more than {_MAX_BUILDS} conditional scopes; expected fewer. Split it into studies."
    )


def run_program(program: TrialProgram, hp: Any, data: TrainingData) -> tuple[TrialSetup, TrainingData]:
    """What the cell makes of these values and of the data. Raises TrialError with the line when its code fails."""
    try:
        setup, changed, _ = run_on(program, hp, data)
    except TuneError:
        raise
    # The user's own code, run by us for the first time: any fault of it becomes one line.
    except (Exception, SystemExit) as error:
        raise TrialError(_fault_text(program, error)) from error
    return setup, changed


def _fault_text(program: TrialProgram, error: BaseException) -> str:
    line, source = user_frame(error, getattr(program, "filename", ""))
    where = "" if line is None else f"line {line}: "
    code = "" if not source else f"  [{source.strip()}]"
    return f"{where}{describe_error(error)}{code}"


def _metric_names(program: TrialProgram, setup: TrialSetup, data: TrainingData) -> list[str]:
    """The names that ``fit`` will log, from evaluating a handful of rows of what the cell made of the data."""
    if not getattr(setup.model, "compiled", True):
        raise CellError(
            "the model is not compiled; expected model.compile(optimizer, loss, metrics=[...]) in the cell."
        )
    logs = _evaluate(program, setup.model, data.x, data.y, data)
    if data.val_x is None:
        return list(logs)
    if _sample_shape(data.val_x) != _sample_shape(data.x):
        _evaluate(program, setup.model, data.val_x, data.val_y, data)
    return [*logs, *(f"val_{name}" for name in logs)]


def _evaluate(program: TrialProgram, model: Any, x: Any, y: Any, data: TrainingData) -> Mapping[str, Any]:
    """The metrics of a few samples. Raises TrialError when the model can't take them."""
    try:
        if hasattr(x, "take") and not hasattr(x, "shape"):
            logs: Mapping[str, Any] = model.evaluate(x.take(1), verbose=0, return_dict=True)
        else:
            y = None if y is None else y[:_PROBE_ROWS]
            logs = model.evaluate(for_keras(x[:_PROBE_ROWS]), y, verbose=0, return_dict=True)
    # Shapes, dtypes and losses that do not fit surface here with whatever type Keras chose.
    except Exception as error:
        raise TrialError(
            f"the model does not fit the data ({data.description}): {_fault_text(program, error)}"
        ) from error
    return logs


def _sample_shape(part: Any) -> Any:
    return part.shape[1:] if hasattr(part, "shape") else part.element_spec


def _check_objective(objective: str, names: Sequence[str]) -> None:
    if objective in names:
        return
    if objective in (PARAMETERS, *DEVICE_VALUES) and objective not in names:
        raise OptionError(
            f"--objective {objective}: is measured once in a trial, so it can't choose the best epoch; name a metric "
            f"first, as in --objective {names[-1]} --objective {objective}."
        )
    near = difflib.get_close_matches(objective, names, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise OptionError(
        f"--objective {objective}: expected one of {', '.join(names)}.{hint} Metrics are named in model.compile."
    )
