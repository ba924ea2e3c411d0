"""Count a model's weights before memory is allocated for them."""

from __future__ import annotations

import contextlib
import contextvars
import math
import threading
from typing import Any

from tunemagic.errors import OptionError
from tunemagic.search.data import TrainingData
from tunemagic.search.hyperparameters import new_hyperparameters
from tunemagic.search.job import TrialProgram
from tunemagic.search.parts import run_on
from tunemagic.weightless import weights_without_values

__all__ = ["TooLarge", "check_defaults", "check_size", "estimate_parameters", "too_large"]

_BYTES = 8  # for each weight at least: itself and what initialises it


class TooLarge(Exception):
    """The model has more weights than a trial's model may have."""


def too_large(count: int, limit: int) -> str:
    """Why a model with this many weights is not trained."""
    return f"{count:,} weights, above --max-params {limit:,}"


def check_size(model: Any, data: TrainingData, limit: int | None) -> None:
    """Raises TooLarge when the model, whose weights exist, has more of them than the limit."""
    if limit is not None and model.built and (count := model.count_params()) > limit:
        raise TooLarge(too_large(count, limit))


def check_defaults(program: TrialProgram, data: TrainingData, limit: int | None) -> None:
    """Raise OptionError when the model with the default values does not fit into memory, before it is built.

    It is built once to see which metrics it has, also when it is beyond the limit on weights.
    """
    if limit is None:
        return
    import psutil

    count = estimate_parameters(program, new_hyperparameters(), data)
    if count is not None and count > limit and _BYTES * count > psutil.virtual_memory().available:
        raise OptionError(
            f"--max-params {limit}: with the default values the model has {count:,} weights, more than fit into this "
            "machine's memory; the cell is looked at with them. Give smaller defaults, as in hp.Int(..., default=32)."
        )


def estimate_parameters(program: TrialProgram, hp: Any, data: TrainingData) -> int | None:
    """The number of weights of the model that the program builds, without allocating them.

    Runs the model code once. None when the code needs real weights, as loading pretrained ones
    does, or fails: building the model for real then tells. Runs in a thread of its own because
    Keras keeps what it knows of weights without values for each thread.
    """
    found: list[int] = []

    def count() -> None:
        # Whatever the user's code raises, it raises again when the model is built for real.
        with contextlib.suppress(BaseException), weights_without_values():
            found.append(_count(program, hp, data))

    thread = threading.Thread(target=contextvars.copy_context().run, args=(count,), name="tunemagic-estimate")
    thread.start()
    thread.join()
    return found[0] if found else None


def _count(program: TrialProgram, hp: Any, data: TrainingData) -> int:
    import keras

    model = run_on(program, hp, data)[0].model
    if not model.built:
        inputs = data.x if data.is_arrays else keras.utils.unpack_x_y_sample_weight(next(iter(data.x)))[0]
        model(
            keras.tree.map_structure(
                lambda x: keras.KerasTensor((None, *x.shape[1:]), dtype=keras.backend.standardize_dtype(x.dtype)),
                inputs,
            )
        )
    return sum(math.prod(weight.shape) for weight in model.weights)
