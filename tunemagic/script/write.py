"""Write the script and its data, run the script in a process of its own, and say what came of it."""

from __future__ import annotations

import ast
import gzip
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunemagic.durable import sha256_of, write_atomic
from tunemagic.errors import ExportError
from tunemagic.events import Direction, Verdict, finite
from tunemagic.export.result import ExportResult
from tunemagic.models.schedules import over_steps, total_steps
from tunemagic.request import Target, Tuner
from tunemagic.script.arrays import packed, split_arrays
from tunemagic.script.check import check_script
from tunemagic.script.from_cell import cell_parts
from tunemagic.script.from_model import model_parts
from tunemagic.script.page import Parts, Training, script_text
from tunemagic.script.unwritable import Unwritable
from tunemagic.script.winner import HasWinner, Winner
from tunemagic.text import counted, one_line

__all__ = ["write_code"]

_READABLE = 0o644
_STEM = re.compile(r"[\w.-]{1,100}")
_BY_EPOCHS = (Tuner.HYPERBAND, Tuner.BOHB)  # they decide how long a trial is trained
_DEFAULT_EPOCHS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A script that is not written yet."""

    text: str
    data: bytes | None
    model: Any
    x: Any
    trial: int | None
    warnings: tuple[str, ...]


def write_code(
    source: HasWinner | Winner | Any, path: str | Path, *, force: bool = False, x: Any = None
) -> ExportResult:
    """Write a script of plain Keras that builds the model, trains it as the study did and evaluates it.

    Of a study it is the user's own cell with the winner's values, or, where the cell needs more than plain Keras, a
    line for each layer of the model that came of it. The script is run in a process that has no tunemagic: with the
    study's weights its model must answer as the study's does, and one epoch must train. One that does not is written
    under a name that says so.

    Args:
        source: A study, or a compiled Keras model.
        path: The script, such as ``digits.py``; a study's data is written beside it as ``digits.npz``.
        force: Whether files of these names are replaced.
        x: Inputs (sample, ...) to compare a model on that has no study; random ones without.

    Raises:
        ExportError: The model can't be had as source, the data is too large, or a file exists or can't be written.
    """
    target = Path(path)
    if not _STEM.fullmatch(target.stem) or target.suffix != ".py":
        raise ExportError(f"code: received {one_line(target.name, 60)!r}; expected a name like digits.py.")
    winner = source if isinstance(source, Winner) else source.winner() if hasattr(source, "winner") else None
    draft = _draft_of_model(source, target.stem, x) if winner is None else _draft_of_study(winner, target.stem)
    beside = [target] if draft.data is None else [target, target.with_suffix(".npz")]
    for file in beside:
        if file.exists() and not force:
            raise ExportError(f"code: {file} exists already; add --force to replace it, or -o PATH for another name.")
    return _written(draft, target)


def _draft_of_study(winner: Winner, stem: str) -> _Draft:
    warnings: list[str] = []
    try:
        parts = cell_parts(winner)
        arrays = split_arrays(winner, as_given=True)
    except Unwritable as reason:
        warnings.append(f"written from the model's layers, not from the cell: {reason}")
        parts = _parts_of_model(winner, str(reason))
        arrays = {**split_arrays(winner, as_given=False), **parts.arrays}
        if "sample_weight" in arrays:
            arrays["sample_weight"] = winner.data.training_rows(arrays["sample_weight"], "sample_weight")
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
    inputs = arrays["x_val"] if not winner.setup.data else split_arrays(winner, as_given=False)["x_val"]
    return _Draft(
        text=_checked_text(parts, training),
        data=packed(arrays),
        model=winner.model,
        x=inputs,
        trial=trial.number,
        warnings=tuple(warnings),
    )


def _epochs(winner: Winner) -> int:
    """For how many epochs the trial was trained, at most."""
    asked = winner.setup.fit.get("epochs")
    fixed = asked is None or winner.view.strategy in _BY_EPOCHS
    return winner.trial.epochs if fixed else int(asked or winner.trial.epochs)


def _parts_of_model(winner: Winner, reason: str) -> Parts:
    """The parts of the winner's model, its schedule over the whole training as the study had it."""
    size = winner.setup.fit.get("batch_size")
    rows = len(winner.data.x) if winner.fold is None else len(winner.fold.train_rows)
    try:
        over_steps(
            winner.model.optimizer,
            lambda: total_steps(rows, epochs=_epochs(winner), batch_size=32 if size is None else size),
        )
        return model_parts(winner.model, winner.setup, targets=winner.data.y is not None)
    except Unwritable as error:
        raise ExportError(
            f"code: the cell can't be written as a script, since {reason}; nor can its model, since {error}. Use --to "
            "keras, or change the cell."
        ) from error


def _draft_of_model(model: Any, stem: str, x: Any) -> _Draft:
    from tunemagic.export.infer import check_built

    check_built(model)
    try:
        parts = model_parts(model)
    except Unwritable as error:
        raise ExportError(f"code: {model.name} can't be written as a script, since {error}.") from error
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
    return _Draft(
        text=_checked_text(parts, training),
        data=packed(parts.arrays) if parts.arrays else None,
        model=model,
        x=_random_inputs(model) if x is None else x,
        trial=None,
        warnings=("its training settings are those of compile; data is given by --data PATH",),
    )


def _random_inputs(model: Any) -> Any:
    import numpy as np

    (tensor,) = model.inputs
    shape = (8, *(size or 4 for size in tensor.shape[1:]))
    draw = np.random.default_rng(0)
    return draw.integers(0, 2, shape).astype(tensor.dtype) if "int" in tensor.dtype else draw.random(shape, "float32")


def _checked_text(parts: Parts, training: Training) -> str:
    text = script_text(parts, training)
    try:
        ast.parse(text)
    except SyntaxError as error:  # names or texts of the cell that do not fit where they were put
        raise ExportError(f"code: the script would not be Python in line {error.lineno}: {error.msg}.") from error
    return text


def _written(draft: _Draft, target: Path) -> ExportResult:
    """Check the script beside its data in a temporary folder, then write both."""
    with tempfile.TemporaryDirectory(prefix="tunemagic-script-") as folder:
        script = Path(folder, target.name)
        files: dict[Path, bytes] = {script: draft.text.encode("utf-8")}
        if draft.data is not None:
            files[script.with_suffix(".npz")] = draft.data
        for file, content in files.items():
            file.write_bytes(content)
        checked = check_script(script, draft.model, draft.x, trains=draft.trial is not None)
    place = target if not checked.problem else target.with_name(f"{target.stem}.not-verified.py")
    _put(place, {place: files[script], **({} if draft.data is None else {target.with_suffix(".npz"): draft.data})})
    content = files[script]
    if checked.problem:
        message = f"not verified: {checked.problem}"
    else:
        trained = ", and trained for an epoch" if draft.trial is not None else ""
        message = (
            f"verified: without tunemagic it builds the same model (largest difference {checked.max_abs_diff:.2g} on "
            f"{counted(checked.samples, 'sample')}, limit {checked.tolerance:.2g}){trained}"
        )
    size = () if draft.data is None else (f"its data, {target.stem}.npz, has {len(draft.data) / 1e6:.1f} MB",)
    return ExportResult(
        target=Target.CODE,
        mode="none",
        path=place,
        verdict=Verdict.NOT_VERIFIED if checked.problem else Verdict.VERIFIED,
        message=message,
        trial=draft.trial,
        bytes=len(content),
        gzip_bytes=len(gzip.compress(content, 9)),
        sha256=sha256_of(content),
        runtime=checked.runtime,
        samples=checked.samples,
        max_abs_diff=finite(checked.max_abs_diff),
        tolerance=checked.tolerance,
        tolerance_reason="the same float32 sums, perhaps in another order",
        warnings=(*draft.warnings, *size),
    )


def _put(place: Path, files: Mapping[Path, bytes]) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            write_atomic(file, content, mode=_READABLE)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ExportError(f"code: {place} can't be written: {why}. Use -o PATH for another place.") from error
