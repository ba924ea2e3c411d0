"""A Keras model as artefacts, each compared with the model in its real runtime before it counts as done."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tunemagic.errors import ExportError
from tunemagic.export.compress.kinds import rounds
from tunemagic.export.compress.quantizing import plain_model
from tunemagic.export.handover import hand_over
from tunemagic.export.job import Attempt, Job, Variant
from tunemagic.export.judging import Judge
from tunemagic.export.making import make_all
from tunemagic.export.metadata import checked_about
from tunemagic.export.modes import CALIBRATED, MILDEST_FIRST, WITH_FLEX, check_quantizer
from tunemagic.export.place import artefact_name, check_free, usable_folder, usable_stem
from tunemagic.export.process import Limits
from tunemagic.export.result import ExportResult
from tunemagic.export.running import run_all
from tunemagic.export.scratch import job_folder
from tunemagic.export.targets.kinds import KINDS
from tunemagic.export.task import Task, prepare
from tunemagic.request import QuantMode, Target
from tunemagic.text import one_line

__all__ = ["export_model"]


def export_model(
    model: Any,
    variants: str | Sequence[str | tuple[str, str]],
    *,
    x_eval: Any,
    y_eval: Any,
    representative: Any = None,
    directory: str | Path,
    stem: str,
    trial: int | None = None,
    score_name: str | None = None,
    about: Mapping[str, Any] | None = None,
    force: bool = False,
    flex: bool = False,
    on_result: Callable[[ExportResult], None] | None = None,
    timeout_seconds: float = 300,
    stop: threading.Event | None = None,
) -> tuple[ExportResult, ...]:
    """Make every variant of ``model`` and compare each with it on ``x_eval``.

    Conversion runs in one process that is kept for the next call, started again when the converter
    crashes; artefacts run in processes that have never seen the model. The model and TensorFlow's
    state in this process are left as they are. Works from any thread.
    An artefact that misses its limits is written under a name that says so; an older verified one of
    that variant then stays. Inputs and outputs of TF Lite files are those of the model (float32 for a
    float32 model), also for int8: the file quantises and dequantises itself.

    Args:
        model: a built Keras model with one input and one output; it need not come from a study.
        variants: what to make, as (target, mode), such as ``("tflite", "int8")`` and ``("onnx",
            "none")``, or as a target alone, which means mode none; repeated ones count once.
        x_eval: held-out inputs (sample, ...); at most ``EVALUATION_SAMPLES`` of them are used.
        y_eval: their targets as in training, or None to compare outputs only.
        representative: inputs that int8, int16x8 and mixed look at; None takes up to 200 samples (a quarter at
            most) of ``x_eval``, which are then left out of the comparison.
        directory: folder of the artefacts; made when missing.
        stem: begin of the artefacts' names.
        trial: the trial that the model belongs to, for the result.
        score_name: the study's metric, for the result; None = accuracy for classes, else the loss.
        about: facts to be kept beside the model, as JSON: labels, study, values, versions.
        force: replace artefacts that exist; TF Lite files that were written for the same study (of ``about``) are in
            any case.
        flex: let operations that have no TF Lite form stay TensorFlow's own, in TF Lite files of mode none, float16 and
            dynamic. Only builds of the runtime with the Flex delegate run such a file, none of them for Python, so it
            is never verified.
        on_result: called with each result as soon as it is there, on this thread.
        timeout_seconds: for each step of a variant (conversion, run).
        stop: when set, the export ends with an ExportError.

    Returns:
        One result per variant, in the order of KINDS, the mildest mode first. A variant that could not
        be made, loaded or run has ``Verdict.FAILED`` and a message that says why.

    Raises:
        ExportError: the model, the data or the folder can't be used, or an artefact exists; nothing
            was written then.
    """
    wanted = _in_order(variants)
    if flex and not any(each.target is Target.TFLITE and each.mode in WITH_FLEX for each in wanted):
        raise ExportError(
            "--flex keeps operations of TensorFlow's own in TF Lite files of mode none, float16 or dynamic; received "
            f"{', '.join(map(str, wanted))}. Ask for one of these modes, or leave --flex out."
        )
    facts, directory, stem = checked_about(about or {}), Path(directory), usable_stem(stem)
    parts = _parts(model, wanted)
    if not force:
        for variant in wanted:
            check_free(directory / artefact_name(variant.target, stem, variant.mode), facts.get("study"))
    tasks = [prepare(part, x_eval, y_eval, representative, _calibrated(part, own), score_name) for part, own in parts]
    judge = partial(Judge, directory=directory, stem=stem, trial=trial)
    limits = Limits(timeout_seconds=timeout_seconds, stop=stop)
    results: dict[Variant, ExportResult] = {}
    job = partial(Job, about=facts, flex=flex)
    with contextlib.closing(_results(parts, tasks, judge, job, limits)) as made:
        for variant, result in made:
            results[variant] = result
            if on_result is not None:
                on_result(result)
    return tuple(results[variant] for variant in wanted)


def _results(
    parts: Sequence[tuple[Any, Sequence[Variant]]],
    tasks: Sequence[Task],
    judge: Callable[..., Judge],
    job: Callable[..., Job],
    limits: Limits,
) -> Generator[tuple[Variant, ExportResult], None, None]:
    """Every variant of all parts; the folder of the artefacts is touched when all models are handed over."""
    with contextlib.ExitStack() as stack:
        judges = [judge(task=task, folder=stack.enter_context(job_folder("export"))) for task in tasks]
        for (part, _), each in zip(parts, judges, strict=True):
            _fill(each.folder, part, each.task)
        for (_, own), each in zip(parts, judges, strict=True):
            usable_folder(each.directory)
            own_job = job(half=each.task.half, calibrated=each.task.calibration is not None)
            for attempt in _attempts(own, own_job, each.folder, limits):
                yield attempt.variant, each.result(attempt)


def _parts(model: Any, wanted: Sequence[Variant]) -> list[tuple[Any, list[Variant]]]:
    """Models and what each is made into: one that rounds is for int8, all else is made of the same without rounding.

    What computes in float then computes as the same weights do in Keras' own layers.
    """
    if not rounds(model):
        return [(model, list(wanted))]
    whole = [variant for variant in wanted if variant.mode == QuantMode.INT8 and KINDS[variant.target].quantized]
    others = [variant for variant in wanted if variant not in whole]
    parts = [(model, whole)] if whole else []
    return [*parts, (plain_model(model), others)] if others else parts


def _calibrated(model: Any, wanted: Sequence[Variant]) -> list[str]:
    """The modes that need representative data; a model that rounds holds its ranges."""
    modes = [each.mode for each in wanted if each.mode in CALIBRATED and KINDS[each.target].quantized]
    return [] if rounds(model) else list(dict.fromkeys(modes))


def _attempts(wanted: Sequence[Variant], job: Job, folder: Path, limits: Limits) -> Iterator[Attempt]:
    """Every variant once: what can't be made, then what was made and run, TF Lite first."""
    refusals = {variant: _refusal(variant) for variant in wanted}
    yield from (Attempt(variant=variant, problem=why) for variant, why in refusals.items() if why)
    unrun = []
    for attempt in make_all([variant for variant, why in refusals.items() if not why], job, folder, limits):
        if attempt.problem or attempt.variant.target is Target.TFLITE:
            yield attempt
        else:
            unrun.append(attempt)
    # Only now: a converter at work beside it would be measured too.
    yield from run_all(unrun, folder, limits)


def _refusal(variant: Variant) -> str:
    """Why the variant is not even tried; empty when it is."""
    kind = KINDS[variant.target]
    try:
        kind.check_mode(variant.target, variant.mode)
        kind.check_packages(variant.target)
        check_quantizer([QuantMode(variant.mode)])
    except ExportError as error:
        return str(error)
    return ""


def _fill(folder: Path, model: Any, task: Task) -> None:
    """Put model and data into the job's folder. Raises ExportError, or OSError when it can't be written."""
    remark = hand_over(model, folder, task.x)
    for part, array in task.arrays().items():
        np.save(folder / f"{part}.npy", array, allow_pickle=False)
    task.handed.extend([remark] if remark else [])


def _in_order(variants: str | Sequence[str | tuple[str, str]]) -> list[Variant]:
    """What is asked for, each once, in the order in which it is made. Raises ExportError."""
    asked = {_pair(each) for each in ([variants] if isinstance(variants, str) else variants)}
    if not asked:
        raise ExportError("expected at least one target and mode, such as ('tflite', 'int8'); received none.")
    for target, mode in sorted(asked):
        if target not in set(KINDS):
            raise ExportError(f"target: expected one of {', '.join(KINDS)}; received {target!r}.")
        if mode not in set(MILDEST_FIRST):
            raise ExportError(f"mode: expected one of {', '.join(MILDEST_FIRST)}; received {mode!r}.")
    return [
        Variant(target=target, mode=str(mode)) for target in KINDS for mode in MILDEST_FIRST if (target, mode) in asked
    ]


def _pair(asked: object) -> tuple[str, str]:
    """A target and its mode. Raises ExportError."""
    if isinstance(asked, str):
        return str(asked), str(QuantMode.NONE)
    if not isinstance(asked, tuple | list) or len(asked) != 2:
        raise ExportError(
            f"export: received {one_line(repr(asked), 60)}; expected a target, or a target and its mode, such as "
            "'onnx' or ('tflite', 'int8')."
        )
    return str(asked[0]), str(asked[1])
