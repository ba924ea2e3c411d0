"""A script as text, and what it is to be compared with."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tunemagic.errors import ExportError
from tunemagic.events import Direction
from tunemagic.models.schedules import over_steps, total_steps
from tunemagic.request import Tuner
from tunemagic.script.arrays import packed, split_arrays, trained_weights
from tunemagic.script.from_cell import cell_parts
from tunemagic.script.from_model import model_parts
from tunemagic.script.page import Parts, Training, script_text
from tunemagic.script.unwritable import Unwritable
from tunemagic.script.winner import Winner
from tunemagic.text import one_line

__all__ = ["Draft", "draft_of_layers", "draft_of_model", "draft_of_study"]

_BY_EPOCHS = (Tuner.HYPERBAND, Tuner.BOHB)  # they decide how long a trial is trained
_MOST_SAMPLES = 200  # that a script's model is compared on
_DEFAULT_EPOCHS = 10
_KERAS_BATCH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A script that is not written yet.

    ``data`` is the ``.npz`` file beside it, None without one. The script must build ``model``, compared on ``x``
    (sample, ...), and train on the arrays ``trained_on``, by name; None without a study. ``from_cell``: it holds the
    user's cell. ``warnings`` are sentences for the user.
    """

    text: str
    data: bytes | None
    model: Any
    x: Any
    trial: int | None
    trained_on: Mapping[str, Any] | None = None
    from_cell: bool = False
    warnings: tuple[str, ...]


def draft_of_study(winner: Winner, stem: str) -> Draft:
    """The script of a study's winner. Raises ExportError when neither its cell nor its model can be had as source."""
    try:
        return _draft(winner, stem, cell_parts(winner), split_arrays(winner, as_given=True))
    except Unwritable as reason:
        return draft_of_layers(winner, stem, str(reason))


def draft_of_layers(winner: Winner, stem: str, reason: str) -> Draft:
    """The script of the layers of a study's winner; ``reason`` is why its cell won't do. Raises ExportError."""
    try:
        parts = _parts_of_model(winner)
        arrays = {**split_arrays(winner, as_given=False), **parts.arrays}
        if "sample_weight" in arrays:
            arrays["sample_weight"] = trained_weights(winner)
        return _draft(winner, stem, parts, arrays, reason)
    except Unwritable as error:
        raise ExportError(
            f"code: the cell can't be written as a script, since {reason}; nor can its model, since {error}. Use --to "
            "keras, or change the cell."
        ) from error


def _draft(winner: Winner, stem: str, parts: Parts, arrays: Mapping[str, Any], reason: str = "") -> Draft:
    """``reason``: why it is not the cell; "" when it is. Raises Unwritable."""
    view, trial = winner.view, winner.trial
    score = "" if trial.score is None else f" reached {view.objective} {trial.score:.6g} in epoch {trial.best_epoch}"
    about = [
        f"{stem}: the best model of a hyperparameter search, in plain Keras.",
        "",
        f"Trial {trial.number} of study {winner.name}{score} of {_epochs(winner)}.",
    ]
    if view.runs > 1:
        about.append(f"The study's score is the mean of {view.runs} trainings; this is one of them.")
    training = Training(
        stem=stem,
        about=[one_line(line, 110) for line in about],
        objective=view.objective,
        maximise=view.direction is Direction.MAX,
        epochs=_epochs(winner),
        seed=winner.seed,
        targets="y_train" in arrays,
    )
    trained_on = split_arrays(winner, as_given=False)
    weights = trained_weights(winner)
    return Draft(
        text=_checked_text(parts, training),
        data=packed(arrays),
        model=winner.model,
        x=trained_on["x_val"],
        trial=trial.number,
        trained_on=trained_on if weights is None else {**trained_on, "sample_weight": weights},
        from_cell=not reason,
        warnings=(f"written from the model's layers, not from the cell: {reason}",) if reason else (),
    )


def _epochs(winner: Winner) -> int:
    """For how many epochs the trial was trained, at most."""
    asked = winner.setup.fit.get("epochs")
    fixed = asked is None or winner.view.strategy in _BY_EPOCHS
    return winner.trial.epochs if fixed else int(asked or winner.trial.epochs)


def _parts_of_model(winner: Winner) -> Parts:
    """The parts of the winner's model, its schedule over the whole training as the study had it. Raises Unwritable."""
    size = winner.setup.fit.get("batch_size")
    rows = len(winner.data.x) if winner.fold is None else len(winner.fold.train_rows)
    over_steps(
        winner.model.optimizer,
        lambda: total_steps(rows, epochs=_epochs(winner), batch_size=_KERAS_BATCH if size is None else size),
    )
    return model_parts(winner.model, winner.setup, targets=winner.data.y is not None)


def draft_of_model(model: Any, stem: str, x: Any) -> Draft:
    """The script of a compiled model; ``x`` None for random inputs. Raises ExportError without a source."""
    from tunemagic.export.infer import check_built

    check_built(model)
    try:
        return _plain_draft(model, stem, x)
    except Unwritable as error:
        raise ExportError(f"code: {model.name} can't be written as a script, since {error}.") from error


def _plain_draft(model: Any, stem: str, x: Any) -> Draft:
    parts = model_parts(model)
    inputs = _random_inputs(model) if x is None else _checked_inputs(model, x)
    training = Training(
        stem=stem,
        about=[f"{stem}: a model in plain Keras."],
        objective="val_loss",
        maximise=False,
        epochs=_DEFAULT_EPOCHS,
        seed=0,
        targets=True,
        data=bool(parts.arrays),
    )
    return Draft(
        text=_checked_text(parts, training),
        data=packed(parts.arrays) if parts.arrays else None,
        model=model,
        x=inputs,
        trial=None,
        warnings=("its training settings are those of compile; data is given by --data PATH",),
    )


def _checked_inputs(model: Any, x: Any) -> Any:
    """The first of the given samples, as the model takes them."""
    from tunemagic.export.representative import check_inputs, input_of

    return check_inputs("the data", x, *input_of(model), gaps=True)[:_MOST_SAMPLES]


def _random_inputs(model: Any) -> Any:
    import numpy as np

    (tensor,) = model.inputs
    shape = (8, *(size or 4 for size in tensor.shape[1:]))
    draw = np.random.default_rng(0)
    return draw.integers(0, 2, shape).astype(tensor.dtype) if "int" in tensor.dtype else draw.random(shape, "float32")


def _checked_text(parts: Parts, training: Training) -> str:
    """The script's text. Raises Unwritable."""
    text = script_text(parts, training)
    try:
        ast.parse(text)
    except SyntaxError as error:  # names or texts of the cell that do not fit where they were put
        raise Unwritable(f"the script would not be Python in line {error.lineno}: {error.msg}") from error
    return text
