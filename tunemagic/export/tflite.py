"""A Keras model as TF Lite files, each compared with the model in its real runtime before it counts as done."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tunemagic.durable import sha256_of, write_atomic
from tunemagic.errors import ExportError
from tunemagic.events import ModelExported, Verdict, finite
from tunemagic.export.handover import hand_over
from tunemagic.export.process import Worker, WorkerDied, WorkerSilent
from tunemagic.export.task import EVALUATION_SAMPLES, Task, prepare
from tunemagic.export.verify import Comparison, compare, gate_of, judge
from tunemagic.export.worker import Job
from tunemagic.request import QuantMode

__all__ = ["EVALUATION_SAMPLES", "MILDEST_FIRST", "convert_tflite", "file_name", "split_target"]

MILDEST_FIRST = (QuantMode.NONE, QuantMode.FLOAT16, QuantMode.DYNAMIC, QuantMode.INT8)
_TARGET = "tflite"
# Importing TensorFlow takes 5 s, several times that on a busy machine or a cold disk.
_START_SECONDS = 180
_START = "the start of the conversion process"


def file_name(stem: str, mode: QuantMode, verdict: Verdict = Verdict.VERIFIED) -> str:
    """What a file is called: ``digits.tflite``, ``digits.int8.tflite``, ``digits.int8.not-verified.tflite``."""
    parts = [stem, *([] if mode is QuantMode.NONE else [str(mode)])]
    if verdict is not Verdict.VERIFIED:
        parts.append("not-verified")
    return ".".join([*parts, "tflite"])


def split_target(path: str | Path, stem: str) -> tuple[Path, str]:
    """Folder and stem of the files: ``out/small.tflite`` -> out, small; a folder keeps the given stem."""
    target = Path(path)
    if str(path).endswith("/") or target.is_dir():
        return target, stem
    return target.parent, target.name.removesuffix(".tflite")


def convert_tflite(
    model: Any,
    modes: Sequence[QuantMode],
    *,
    x_eval: Any,
    y_eval: Any,
    representative: Any = None,
    directory: str | Path,
    stem: str,
    trial: int | None = None,
    score_name: str | None = None,
    on_result: Callable[[ModelExported], None] | None = None,
    timeout_seconds: float = 300,
    stop: threading.Event | None = None,
) -> tuple[ModelExported, ...]:
    """Convert ``model`` in every mode, the mildest first, and compare each file with it on ``x_eval``.

    Conversion and comparison run in one process of their own, started again when the converter
    crashes. The model and TensorFlow's state in this process are left as they are. Works from any thread.
    A file that misses its limits is written under a name that says so; an older verified file of
    that mode then stays. Inputs and outputs of every file are those of the model (float32 for a float32
    model), also for int8: the file quantises and dequantises itself.

    Args:
        model: a built Keras model with one input and one output; it need not come from a study.
        modes: what to make; repeated modes count once.
        x_eval: held-out inputs (sample, ...); at most ``EVALUATION_SAMPLES`` of them are used.
        y_eval: their targets as in training, or None to compare outputs only.
        representative: inputs that int8 is calibrated on; None takes up to 200 samples (a quarter at
            most) of ``x_eval``, which are then left out of the comparison.
        directory: folder of the files; made when missing.
        stem: begin of the files' names.
        trial: the trial that the model belongs to, for the result.
        score_name: the study's metric, for the result; None = accuracy for classes, else the loss.
        on_result: called with each result as soon as it is there, on this thread.
        timeout_seconds: for each step of a mode (conversion, run).
        stop: when set, the conversion ends with an ExportError.

    Returns:
        One result per mode. A mode that could not be converted, loaded or run has ``Verdict.FAILED``.

    Raises:
        ExportError: the model, the data or the folder can't be used; nothing was written then.
    """
    wanted = tuple(mode for mode in MILDEST_FIRST if mode in {QuantMode(mode) for mode in modes})
    if not wanted:
        raise ExportError(f"expected at least one mode of {', '.join(MILDEST_FIRST)}; received none.")
    task = prepare(model, x_eval, y_eval, representative, wanted, score_name)
    target = _Target(directory=_usable_folder(directory), stem=_usable_stem(stem), trial=trial)
    results: list[ModelExported] = []

    def finish(result: ModelExported) -> None:
        results.append(result)
        if on_result is not None:
            on_result(result)

    with tempfile.TemporaryDirectory(prefix="tunemagic-tflite-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        try:
            remark = hand_over(model, folder, task.x)
            for part, array in task.arrays().items():
                np.save(folder / f"{part}.npy", array, allow_pickle=False)
        except OSError as error:
            raise ExportError(f"can't write to the temporary folder {folder}: {error.strerror or error}.") from error
        task.remarks.extend([remark] if remark else [])
        _run_modes(wanted, folder, task, target, finish, timeout_seconds=timeout_seconds, stop=stop)
    return tuple(results)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """Where the files go, and the trial they belong to."""

    directory: Path
    stem: str
    trial: int | None

    def failed(self, mode: QuantMode, message: str) -> ModelExported:
        """The result of a mode that gave no file."""
        return ModelExported(
            trial=self.trial, target=_TARGET, mode=str(mode), path="", verdict=Verdict.FAILED, message=message
        )


def _run_modes(
    modes: Sequence[QuantMode],
    folder: Path,
    task: Task,
    target: _Target,
    finish: Callable[[ModelExported], None],
    *,
    timeout_seconds: float,
    stop: threading.Event | None,
) -> None:
    """Run workers until every mode has its result: a crash or a hang costs the mode it happened in."""
    left = list(modes)
    while left:
        Job(modes=[str(mode) for mode in left], half=task.half, calibrated=task.calibration is not None).write(folder)
        step = _START
        with Worker(folder) as worker:
            try:
                while left:
                    limit = _START_SECONDS if step == _START else timeout_seconds
                    fact = worker.next_fact(timeout_seconds=limit, stop=stop)
                    match fact["kind"]:
                        case "ready":
                            step = "converter"
                        case "step":
                            step = fact["step"]
                        case "refused":
                            _fail_all(left, target, finish, fact["message"])
                        case "failed":
                            finish(target.failed(left.pop(0), fact["message"]))
                        case "done":
                            finish(_finished(left.pop(0), fact, folder, task, target))
            except WorkerDied as error:
                message = f"{step} {error}"
            except WorkerSilent:
                message = f"{step} did not finish within {limit:g} s and was ended"
            else:
                return
        if step == _START:
            _fail_all(left, target, finish, f"{message}, before any mode was tried")
        else:
            finish(target.failed(left[0], f"{left.pop(0)}: {message}"))


def _fail_all(modes: list[QuantMode], target: _Target, finish: Callable[[ModelExported], None], message: str) -> None:
    while modes:
        finish(target.failed(modes.pop(0), message))


def _finished(mode: QuantMode, fact: dict[str, Any], folder: Path, task: Task, target: _Target) -> ModelExported:
    """Judge what the worker made, and put the file in its place."""
    gate = gate_of(mode, task.answers.kind, half=task.half)
    try:
        content = (folder / f"{mode}.tflite").read_bytes()
        outputs = np.load(folder / f"{mode}.npy", allow_pickle=False)
        comparison = compare(task.keras, outputs, task.y, answers=task.answers, score=task.score, gate=gate)
    except (OSError, ValueError) as error:
        return target.failed(mode, f"{mode}: {error}")
    verdict, message = judge(comparison, gate)
    path = target.directory / file_name(target.stem, mode, verdict)
    try:
        write_atomic(path, content, mode=0o644)
    except OSError as error:
        return target.failed(mode, f"{mode}: can't write {path}: {error.strerror or error}.")
    if verdict is not Verdict.VERIFIED and not gate.proves:
        message += f"; try --quant {MILDEST_FIRST[MILDEST_FIRST.index(mode) - 1]}"
    plain = folder / f"{QuantMode.NONE}.tflite"
    remarks = [*fact["remarks"], *task.remarks, f"fastest run {fact['microseconds_least']:.1f} µs"]
    if plain.exists() and len(content) > plain.stat().st_size:
        remarks.insert(0, "larger than the float32 file, because every operation (each unrolled step too) adds scales")
    message = "; ".join([message, *remarks])
    return _result(mode, fact, comparison, content, path, verdict, message, target.trial)


def _result(
    mode: QuantMode,
    fact: dict[str, Any],
    comparison: Comparison,
    content: bytes,
    path: Path,
    verdict: Verdict,
    message: str,
    trial: int | None,
) -> ModelExported:
    return ModelExported(
        trial=trial,
        target=_TARGET,
        mode=str(mode),
        path=str(path),
        verdict=verdict,
        message=message,
        bytes=len(content),
        gzip_bytes=fact["gzip_bytes"],
        sha256=sha256_of(content),
        score_name=comparison.score_name,
        score_before=comparison.score_before,
        score_after=comparison.score_after,
        agreement=comparison.agreement,
        max_abs_diff=finite(comparison.max_abs_diff),
        tolerance=comparison.tolerance,
        microseconds=fact["microseconds"],
        runtime=fact["runtime"],
    )


def _usable_stem(stem: str) -> str:
    """The stem, when no file made of it can land outside the folder. Raises ExportError."""
    if (
        not stem
        or stem.startswith(".")
        or len(stem.encode()) > 150
        or not stem.isprintable()
        or set(stem) & set('/\\:*?"<>|')
    ):
        raise ExportError(
            f"file name: expected 1 to 150 printable characters without slashes, not beginning with a dot; "
            f"received {ascii(stem)[:60]}."
        )
    return stem


def _usable_folder(directory: str | Path) -> Path:
    """The folder, made when missing, in which a file was written and removed as a proof. Raises ExportError."""
    folder = Path(directory)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(tempfile.NamedTemporaryFile(prefix=".tunemagic-", dir=folder)):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ExportError(f"can't write into {folder}: {reason}. Name another folder for the file.") from error
    return folder
