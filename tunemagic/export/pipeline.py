"""A Keras model as artefacts, each compared with the model in its real runtime before it counts as done."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tunemagic.errors import ExportError
from tunemagic.events import Verdict, finite
from tunemagic.export.compress.kinds import rounds
from tunemagic.export.compress.quantizing import plain_model
from tunemagic.export.handover import hand_over
from tunemagic.export.job import Job, Variant
from tunemagic.export.modes import CALIBRATED, MILDEST_FIRST, check_quantizer, milder
from tunemagic.export.place import artefact_name, check_free, fingerprint, place, usable_folder, usable_stem
from tunemagic.export.process import START_SECONDS, Worker, WorkerDied, WorkerSilent
from tunemagic.export.result import ExportResult
from tunemagic.export.runner import Run
from tunemagic.export.serve import FAULT_VARIABLE
from tunemagic.export.targets.kinds import KINDS
from tunemagic.export.task import Task, prepare
from tunemagic.export.verify import compare, confusion_of, flips_of, gate_of, judge
from tunemagic.export.warm import CONVERTER
from tunemagic.request import QuantMode, Target

__all__ = ["export_model"]

_ROUNDED = Variant(target=Target.TFLITE, mode=str(QuantMode.INT8))  # what a model that rounds is made for
_START = "the start of the conversion process"


def export_model(
    model: Any,
    variants: Sequence[tuple[str, str]],
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
            "none")``; repeated ones count once.
        x_eval: held-out inputs (sample, ...); at most ``EVALUATION_SAMPLES`` of them are used.
        y_eval: their targets as in training, or None to compare outputs only.
        representative: inputs that int8, int16x8 and mixed look at; None takes up to 200 samples (a quarter at
            most) of ``x_eval``, which are then left out of the comparison.
        directory: folder of the artefacts; made when missing.
        stem: begin of the artefacts' names.
        trial: the trial that the model belongs to, for the result.
        score_name: the study's metric, for the result; None = accuracy for classes, else the loss.
        about: facts to be kept beside the model, as JSON: labels, study, values, versions.
        force: replace artefacts that exist.
        on_result: called with each result as soon as it is there, on this thread.
        timeout_seconds: for each step of a variant (conversion, run).
        stop: when set, the export ends with an ExportError.

    Returns:
        One result per variant: TF Lite first, in order of KINDS then, the mildest mode first. A variant
        that could not be made, loaded or run has ``Verdict.FAILED`` and a message that says why.

    Raises:
        ExportError: the model, the data or the folder can't be used, or an artefact exists; nothing
            was written then.
    """
    wanted = _in_order(variants)
    others = [variant for variant in wanted if variant != _ROUNDED]
    if rounds(model) and others:
        # What computes in float computes as the same weights do in Keras' own layers.
        parts = ((model, [_ROUNDED] if _ROUNDED in wanted else []), (plain_model(model), others))
        if not force:
            _check_all_free(wanted, Path(directory), usable_stem(stem))
        return tuple(
            result
            for part, own in parts
            if own
            for result in export_model(
                part,
                [(variant.target, variant.mode) for variant in own],
                x_eval=x_eval,
                y_eval=y_eval,
                representative=representative,
                directory=directory,
                stem=stem,
                trial=trial,
                score_name=score_name,
                about=about,
                force=force,
                on_result=on_result,
                timeout_seconds=timeout_seconds,
                stop=stop,
            )
        )
    calibrated = list(dict.fromkeys(variant.mode for variant in wanted if variant.mode in CALIBRATED))
    if rounds(model):
        calibrated = []  # it holds its ranges
    task = prepare(model, x_eval, y_eval, representative, calibrated, score_name)
    directory, stem = Path(directory), usable_stem(stem)
    if not force:
        _check_all_free(wanted, directory, stem)
    results: list[ExportResult] = []

    def finish(result: ExportResult) -> None:
        results.append(result)
        if on_result is not None:
            on_result(result)

    usable_folder(directory)
    with tempfile.TemporaryDirectory(prefix="tunemagic-export-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        try:
            remark = hand_over(model, folder, task.x)
            for part, array in task.arrays().items():
                np.save(folder / f"{part}.npy", array, allow_pickle=False)
        except OSError as error:
            raise ExportError(f"can't write to the temporary folder {folder}: {error.strerror or error}.") from error
        task.remarks.extend([remark] if remark else [])
        export = _Export(
            folder=folder,
            task=task,
            directory=directory,
            stem=stem,
            trial=trial,
            about=dict(about or {}),
            timeout_seconds=timeout_seconds,
            stop=stop,
        )
        made: list[tuple[Variant, dict[str, Any]]] = []
        for variant, fact in export.convert(
            _installed(wanted, lambda variant, why: finish(export.failed(variant, why)))
        ):
            if isinstance(fact, str):
                finish(export.failed(variant, fact))
            elif variant.target is Target.TFLITE:
                finish(export.judged(variant, fact))
            else:
                made.append((variant, fact))
        for variant, fact in export.run(made):
            finish(export.failed(variant, fact) if isinstance(fact, str) else export.judged(variant, fact))
    return tuple(results)


def _in_order(variants: Sequence[tuple[str, str]]) -> list[Variant]:
    """What is asked for, each once, in the order in which it is made. Raises ExportError."""
    asked = {(str(target), str(mode)) for target, mode in variants}
    if not asked:
        raise ExportError("expected at least one target and mode, such as ('tflite', 'int8'); received none.")
    for target, mode in sorted(asked):
        if target not in set(KINDS):
            raise ExportError(f"target: expected one of {', '.join(KINDS)}; received {target!r}.")
        if mode not in set(MILDEST_FIRST):
            raise ExportError(f"mode: expected one of {', '.join(MILDEST_FIRST)}; received {mode!r}.")
    check_quantizer(QuantMode(mode) for _, mode in sorted(asked))
    targets = sorted(KINDS, key=lambda target: target is not Target.TFLITE)
    return [
        Variant(target=target, mode=str(mode))
        for target in targets
        for mode in MILDEST_FIRST
        if (target, mode) in asked
    ]


def _check_all_free(variants: Sequence[Variant], directory: Path, stem: str) -> None:
    """Raises ExportError when there is an artefact of one of them."""
    for variant in variants:
        check_free(directory / artefact_name(variant.target, stem, variant.mode))


def _installed(variants: Sequence[Variant], refuse: Callable[[Variant, str], None]) -> list[Variant]:
    """The variants whose packages are there; the others are refused."""
    kept = []
    for variant in variants:
        try:
            KINDS[variant.target].check_packages(variant.target)
        except ExportError as error:
            refuse(variant, str(error))
        else:
            kept.append(variant)
    return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class _Export:
    """One model on its way: ``folder`` is temporary, the artefacts end in ``directory``."""

    folder: Path
    task: Task
    directory: Path
    stem: str
    trial: int | None
    about: dict[str, Any]
    timeout_seconds: float
    stop: threading.Event | None

    def convert(self, variants: Sequence[Variant]) -> Iterator[tuple[Variant, dict[str, Any] | str]]:
        """Facts about every variant, or why there is none: a crash or a hang costs the variant it happened in."""
        left = list(variants)
        made: list[Variant] = []
        while left:
            Job(
                variants=[(variant.target, variant.mode) for variant in left],
                made=[(variant.target, variant.mode) for variant in made],
                half=self.task.half,
                calibrated=self.task.calibration is not None,
                about=self.about,
                fault=os.environ.get(FAULT_VARIABLE, ""),
            ).write(self.folder)
            worker = CONVERTER.take()
            used, step, done = worker.jobs > 0, _START, False
            try:
                worker.wait_until_up(stop=self.stop)
                worker.send(self.folder)
                while not done:
                    limit = START_SECONDS if step == _START else self.timeout_seconds
                    fact = worker.next_fact(timeout_seconds=limit, stop=self.stop)
                    match fact.pop("kind"):
                        case "ready":
                            step = "converter"
                        case "step":
                            step = fact["step"]
                        case "refused":
                            while left:
                                yield left.pop(0), fact["message"]
                        case "failed":
                            yield left.pop(0), fact["message"]
                        case "done":
                            made.append(left[0])
                            yield left.pop(0), fact
                        case "end":
                            done = True
            except (WorkerDied, WorkerSilent) as error:
                message = f"{step} {error}"
            finally:
                if done:
                    CONVERTER.give_back(worker)
                else:
                    worker.close()
            if done or (step == _START and used):  # a kept process may have died of something else: a fresh one tells
                continue
            if step == _START:
                while left:
                    yield left.pop(0), f"{message}, before any mode was tried"
            else:
                yield left[0], f"{left.pop(0).label}: {message}"

    def run(self, made: Sequence[tuple[Variant, dict[str, Any]]]) -> Iterator[tuple[Variant, dict[str, Any] | str]]:
        """The facts with those of a run added, or why it failed; one fresh process for each runtime."""
        groups: dict[str, list[tuple[Variant, dict[str, Any]]]] = {}
        for variant, fact in made:
            runtime = "tensorflow" if KINDS[variant.target].tensorflow else str(variant.target)
            groups.setdefault(runtime, []).append((variant, fact))
        for left in groups.values():
            while left:
                with Worker("tunemagic.export.runner") as worker:
                    try:
                        worker.wait_until_up(stop=self.stop)
                        while left:
                            variant, fact = left[0]
                            ran = self._run_one(worker, variant)
                            del left[0]
                            yield variant, ran if isinstance(ran, str) else {**fact, **ran}
                    except (WorkerDied, WorkerSilent) as error:
                        variant, _ = left.pop(0)
                        yield variant, f"{variant.label}: its runtime {error}"

    def _run_one(self, worker: Worker, variant: Variant) -> dict[str, Any] | str:
        Run(
            target=variant.target,
            path=str(variant.path_in(self.folder)),
            x=str(self.folder / "x.npy"),
            outputs=str(variant.outputs_in(self.folder)),
            fault=os.environ.get(FAULT_VARIABLE, ""),
        ).write(self.folder)
        # The first run of a process imports the runtime.
        limit = self.timeout_seconds if worker.jobs else START_SECONDS + self.timeout_seconds
        worker.send(self.folder)
        fact = worker.next_fact(timeout_seconds=limit, stop=self.stop)
        worker.next_fact(timeout_seconds=limit, stop=self.stop)  # the end
        return fact["message"] if fact.pop("kind") == "failed" else fact

    def failed(self, variant: Variant, message: str) -> ExportResult:
        """The result of a variant that gave no artefact."""
        return ExportResult(
            target=variant.target,
            mode=variant.mode,
            path=None,
            verdict=Verdict.FAILED,
            message=message,
            trial=self.trial,
        )

    def judged(self, variant: Variant, fact: dict[str, Any]) -> ExportResult:
        """Compare what the artefact answered, and put it in its place."""
        task, made = self.task, variant.path_in(self.folder)
        gate = gate_of(variant.target, variant.mode, task.answers.kind, half=task.half)
        try:
            size, packed, digest = fingerprint(made)
            outputs = np.load(variant.outputs_in(self.folder), allow_pickle=False)
            comparison = compare(task.keras, outputs, task.y, answers=task.answers, score=task.score, gate=gate)
        except (OSError, ValueError) as error:
            return self.failed(variant, f"{variant.label}: {error}")
        verdict, message = judge(comparison, gate)
        path = self.directory / artefact_name(variant.target, self.stem, variant.mode, verdict)
        try:
            place(made, path)
        except OSError as error:
            return self.failed(variant, f"{variant.label}: can't write {path}: {error.strerror or error}.")
        if verdict is not Verdict.VERIFIED and not gate.proves:
            message += f"; try --quant {milder(QuantMode(variant.mode))}"
        return ExportResult(
            target=variant.target,
            mode=variant.mode,
            path=path,
            verdict=verdict,
            message=message,
            trial=self.trial,
            bytes=size,
            gzip_bytes=packed,
            sha256=digest,
            runtime=fact["runtime"],
            samples=comparison.samples,
            score_name=comparison.score_name,
            score_before=comparison.score_before,
            score_after=comparison.score_after,
            agreement=comparison.agreement,
            flips=flips_of(task.answers, task.keras, outputs, task.rows),
            confusion=confusion_of(task.answers, outputs, task.y),
            max_abs_diff=finite(comparison.max_abs_diff),
            tolerance=comparison.tolerance,
            tolerance_reason=gate.reason,
            microseconds=fact["microseconds"],
            microseconds_least=fact["microseconds_least"],
            threads=1,
            batch=1,
            operations=tuple(fact["operations"]),
            warnings=(*fact["remarks"], *task.remarks),
            seconds=fact["seconds"],
        )
