"""What a trial's model is on its device: size and speed follow from its structure and are known before training."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from tunemagic import events as ev
from tunemagic.errors import TrialError, TuneError
from tunemagic.randomness import kept_random_state
from tunemagic.request import DEVICE_VALUES
from tunemagic.search.borrowed import borrowed_by
from tunemagic.search.data import TrainingData
from tunemagic.search.estimate import TooLarge
from tunemagic.search.faults import describe_error
from tunemagic.search.hyperparameters import new_hyperparameters
from tunemagic.search.job import Gauge, StopFlag, TrialJob, TrialProgram
from tunemagic.search.probe import run_program
from tunemagic.search.seeds import own_names
from tunemagic.search.training import first_inputs, learn_scales
from tunemagic.search.watch import Cancelled
from tunemagic.space import Value

__all__ = ["above_limit", "device_values", "device_values_of"]

_SIZE, _LATENCY = DEVICE_VALUES


def device_values(job: TrialJob, model: Any, data: TrainingData, stop: StopFlag) -> dict[str, float]:
    """What the job's gauge says of a model that was not trained yet, by name; empty without a gauge.

    The trial is the same as without it: its random numbers and the names of its layers stay as they are.

    Raises:
        TooLarge: The model is above a limit of the search.
        TrialError: It can't be converted, or does not run.
        Cancelled: ``stop`` was set meanwhile.
    """
    work = job.work
    if work.gauge is None:
        return {}
    # What strategies keep among the values is not for others to read.
    values = {name: value for name, value in job.hp.values.items() if not name.startswith("tuner/")}
    found = _measured(work.gauge, model, data, {"trial": job.trial, "values": values}, stop)
    reason = above_limit(found, max_kb=work.max_kb, max_ms=work.max_ms)
    if reason:
        raise TooLarge(reason)
    return found


def device_values_of(
    values: Mapping[str, Value], program: TrialProgram, data: TrainingData, gauge: Gauge
) -> dict[str, float]:
    """What the gauge says of the model that the program builds with these values.

    Raises TrialError when it can't be built, converted or run.
    """
    hp = new_hyperparameters()
    hp.values = dict(values)
    with own_names(borrowed_by(program).names()):
        setup, own = run_program(program, hp, data)
    learn_scales(setup, own)
    return _measured(gauge, setup.model, own, {"trial": 1, "values": dict(values)}, threading.Event())


def _measured(
    gauge: Gauge, model: Any, data: TrainingData, facts: Mapping[str, Any], stop: threading.Event
) -> dict[str, float]:
    inputs = data.x if data.is_arrays else first_inputs(data)
    try:
        with kept_random_state(), own_names():
            _build(model, inputs)
            found = {name: float(value) for name, value in gauge(model, inputs, facts, stop).items()}
    # A converter, or a layer of the user's that is called on other shapes, may raise anything.
    except Exception as error:
        if stop.is_set():
            raise Cancelled from error
        reason = str(error) if isinstance(error, TuneError) else describe_error(error)
        raise TrialError(f"the model can't be measured as a TF Lite file: {reason}") from error
    spoilt = [name for name, value in found.items() if ev.finite(value) is None]
    if spoilt:
        raise TrialError(f"measuring the model as a TF Lite file gave {found[spoilt[0]]} for {spoilt[0]}.")
    return found


def _build(model: Any, inputs: Any) -> None:
    """Create the weights of a model that waits for its first batch, for batches of any size."""
    import keras

    if not model.built:
        model(keras.KerasTensor((None, *inputs.shape[1:]), keras.backend.standardize_dtype(inputs.dtype)))


def above_limit(values: Mapping[str, float], *, max_kb: float | None, max_ms: float | None) -> str:
    """Why a model of this size and speed is not trained: ``34.2 kB > --max-kb 30``; empty within the limits."""
    size, latency = values.get(_SIZE), values.get(_LATENCY)
    if max_kb is not None and size is not None and size > max_kb:
        return f"{_plain(size, max_kb)} kB > --max-kb {max_kb:g}"
    if max_ms is not None and latency is not None and latency > max_ms:
        return f"{_plain(latency, max_ms)} ms > --max-ms {max_ms:g}"
    return ""


def _plain(value: float, limit: float) -> str:
    """The value to 3 digits, or as many as show that it is above the limit."""
    return next((text for digits in range(3, 8) if float(text := f"{value:.{digits}g}") > limit), f"{value:g}")
