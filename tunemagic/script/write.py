"""Write the script and its data, run the script in a process of its own, and say what came of it."""

from __future__ import annotations

import gzip
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tunemagic.durable import sha256_of, write_atomic
from tunemagic.errors import ExportError
from tunemagic.events import Verdict, finite
from tunemagic.export.result import ExportResult
from tunemagic.request import Target
from tunemagic.script.check import Checked, check_script
from tunemagic.script.draft import Draft, draft_of_layers, draft_of_model, draft_of_study
from tunemagic.script.winner import HasWinner, Winner
from tunemagic.text import counted, one_line

__all__ = ["write_code"]

_READABLE = 0o644
_STEM = re.compile(r"\w[\w. -]{0,99}")


def write_code(
    source: HasWinner | Winner | Any, path: str | Path, *, force: bool = False, x: Any = None
) -> ExportResult:
    """Write a script of plain Keras that builds the model, trains it as the study did and evaluates it.

    Of a study it is the user's own cell with the winner's values, or, where the cell needs more than plain Keras, a
    line for each layer of the model that came of it. The script is run in a process that has no tunemagic: with the
    study's weights its model must answer as the study's does, the data must become what the study trained on, and one
    epoch must train. A script of the cell that fails gives way to one of the layers; if that fails too, the cell's is
    written under a name that says so.

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
    draft = draft_of_model(source, target.stem, x) if winner is None else draft_of_study(winner, target.stem)
    for file in (target, _unverified(target), *([] if draft.data is None else [target.with_suffix(".npz")])):
        if file.exists() and not force:
            raise ExportError(f"code: {file} exists already; add --force to replace it, or -o PATH for another name.")
    checked = _checked(draft, target.name)
    if checked.problem and winner is not None and draft.from_cell:
        draft, checked = _of_layers(winner, target, checked.problem) or (draft, checked)
    return _written(draft, checked, target)


def _unverified(target: Path) -> Path:
    return target.with_name(f"{target.stem}.not-verified.py")


def _checked(draft: Draft, name: str) -> Checked:
    """Run the draft's script beside its data in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="tunemagic-script-") as folder:
        script = Path(folder, name)
        script.write_text(draft.text, encoding="utf-8", newline="\n")
        if draft.data is not None:
            script.with_suffix(".npz").write_bytes(draft.data)
        return check_script(script, draft.model, draft.x, trained_on=draft.trained_on)


def _of_layers(winner: Winner, target: Path, problem: str) -> tuple[Draft, Checked] | None:
    """The script of the model's layers, if that does what the cell's does not."""
    try:
        draft = draft_of_layers(winner, target.stem, f"as a script {problem}")
    except ExportError:
        return None
    checked = _checked(draft, target.name)
    return None if checked.problem else (draft, checked)


def _written(draft: Draft, checked: Checked, target: Path) -> ExportResult:
    """Write the script and its data, and say what came of it."""
    content = draft.text.encode("utf-8")
    place = _unverified(target) if checked.problem else target
    _put(place, {place: content, **({} if draft.data is None else {target.with_suffix(".npz"): draft.data})})
    if checked.problem:
        message = f"not verified: {checked.problem}"
    else:
        trained = ", and trained for an epoch on the same data" if draft.trial is not None else ""
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
