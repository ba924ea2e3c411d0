"""The part of a study that turns its best model into files for other runtimes."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from tunemagic.card import write_card
from tunemagic.errors import DataError, ExportError
from tunemagic.events import Verdict
from tunemagic.export import export_model
from tunemagic.export.choose import choose
from tunemagic.export.place import split_target, usable_folder, usable_stem
from tunemagic.export.result import ExportResult
from tunemagic.export.targets.kinds import KINDS
from tunemagic.export.task import EVALUATION_SAMPLES
from tunemagic.part import StudyPart
from tunemagic.prep.targets import class_labels
from tunemagic.request import QuantMode, Target
from tunemagic.script import write_code
from tunemagic.search.data import TrainingData, held_out_arrays
from tunemagic.trial import StudyView

if TYPE_CHECKING:
    from tunemagic.export.sensitivity import Sensitivity

__all__ = ["Exported", "export_artefacts", "study_facts"]

Job: TypeAlias = tuple[Target, QuantMode]

# What is written from facts instead of being converted, by the endings of its files.
_WRITTEN = {Target.CODE: (".py", ".npz"), Target.CARD: (".card.md",)}


def export_artefacts(
    source: Any,
    model: Any,
    jobs: Sequence[Job],
    *,
    directory: Path,
    stem: str,
    force: bool = False,
    on_result: Callable[[ExportResult], None],
    stop: threading.Event | None = None,
    trial: int | None = None,
    **comparison: Any,
) -> tuple[ExportResult, ...]:
    """Make the artefacts in this order; scripts and cards, which are written from facts, last.

    ``source`` is the study or the model that scripts and cards are about; ``comparison`` are further
    arguments of ``export_model``. Raises ExportError as that does, also when a script or a card is there already.
    """
    written = [target for target, _ in jobs if target in _WRITTEN]
    usable_stem(stem)
    if not force:
        for target in written:
            _check_absent(target, directory, stem)
    converted = [job for job in jobs if job[0] in KINDS]
    results: list[ExportResult] = []
    if converted:
        results += export_model(
            model,
            converted,
            directory=directory,
            stem=stem,
            trial=trial,
            force=force,
            on_result=on_result,
            stop=stop,
            **comparison,
        )
    for target in written:
        if stop is not None and stop.is_set():
            raise ExportError("the export was stopped; files that were finished before are kept.")
        results.append(_write(target, source, directory, stem, trial, comparison.get("x_eval")))
        on_result(results[-1])
    return tuple(results)


def _check_absent(target: Target, directory: Path, stem: str) -> None:
    for ending in _WRITTEN[target]:
        path = directory / f"{stem}{ending}"
        if path.exists():
            raise ExportError(f"{target}: {path} exists; add --force to replace it, or -o PATH for another place.")


def _write(target: Target, source: Any, directory: Path, stem: str, trial: int | None, x: Any) -> ExportResult:
    """The script or the card; what keeps it from being written is its result, since others are there already."""
    write = partial(write_code, x=x) if target is Target.CODE else write_card
    try:
        return write(source, usable_folder(directory) / f"{stem}{_WRITTEN[target][0]}", force=True)
    except ExportError as error:
        return ExportResult(
            target=target, mode=QuantMode.NONE, path=None, verdict=Verdict.FAILED, message=str(error), trial=trial
        )


class Exported(StudyPart):
    """The part of a Study that exports its best model. All of it may be called from any thread."""

    directory: Path

    @abstractmethod
    def _best_afresh(self) -> tuple[int, Any, TrainingData]: ...

    def export(
        self,
        to: str | Iterable[str],
        modes: str | Iterable[str] = QuantMode.NONE,
        *,
        data: tuple[Any, Any] | Any = None,
        representative: Any = None,
        path: str | Path | None = None,
        force: bool = False,
        flex: bool = False,
        on_result: Callable[[ExportResult], None] | None = None,
        stop: threading.Event | None = None,
    ) -> tuple[ExportResult, ...]:
        """Export the best model, verify each artefact in its own runtime, record the results.

        Waits for a running study. A target or mode that fails gives a result that says why.

        Args:
            to: One or several of ``keras``, ``json``, ``savedmodel``, ``tflite``, ``onnx``, ``torch``,
                ``openvino``, ``c``, ``caffe``, ``code`` and ``card``, or ``all`` of which the packages are installed.
            modes: How ``tflite`` and ``c`` store numbers, or ``all``; the others have no choice.
            data: Held-out ``(x, y)`` or ``x`` to compare on; default: the study's validation part.
            representative: Inputs that int8 is calibrated on; default: training data.
            path: A folder, or the begin of the artefacts' names; default: the study's folder.
            force: Replace artefacts that are there already.
            flex: Let TF Lite files hold TensorFlow's own operations; such a file can't be verified.
            on_result: Called with each result as soon as it is recorded.
            stop: When set, the export ends with an ExportError; what was finished before is kept.

        Raises:
            ExportError: Nothing can be tried at all, or an artefact is there already; nothing was written then.
            StudyError: The study is paused or has no model.
        """
        jobs = choose(to, modes).jobs
        number, model, own = self._best_afresh()
        x_eval, y_eval = held_out_arrays(own, EVALUATION_SAMPLES) if data is None else _pair(data)
        folder, stem = split_target(self.directory / "exports" / self.name if path is None else path, self.name, jobs)
        if representative is None and own.is_arrays:
            representative = own.x

        def note(result: ExportResult) -> None:
            if self.writable:
                self._ledger.record(result.event())
            if on_result is not None:
                on_result(result)

        return export_artefacts(
            self,
            model,
            jobs,
            directory=folder.absolute(),
            stem=stem,
            force=force,
            flex=flex,
            on_result=note,
            stop=stop,
            trial=number,
            x_eval=x_eval,
            y_eval=y_eval,
            representative=representative,
            score_name=self.view.objective.removeprefix("val_"),
            about=self._about(number, own),
        )

    def export_tflite(
        self,
        modes: Sequence[QuantMode],
        *,
        data: tuple[Any, Any] | Any = None,
        representative: Any = None,
        path: str | Path | None = None,
        force: bool = False,
        flex: bool = False,
        on_result: Callable[[ExportResult], None] | None = None,
        stop: threading.Event | None = None,
    ) -> tuple[ExportResult, ...]:
        """Convert the best model to TF Lite; files that tunemagic wrote there are replaced. See ``export``."""
        return self.export(
            Target.TFLITE,
            modes,
            data=data,
            representative=representative,
            path=path,
            force=force or path is None,
            flex=flex,
            on_result=on_result,
            stop=stop,
        )

    def sensitivity(self) -> Sensitivity:
        """How much each layer of the best model suffers from being stored in 8 and in 4 bits; writes nothing.

        Raises ExportError when the model can't be converted or the extra ``quant`` is missing.
        """
        from tunemagic.export.sensitivity import sensitivity

        _, model, data = self._best_afresh()
        x, y = held_out_arrays(data, EVALUATION_SAMPLES)
        return sensitivity(model, x, y, score_name=self.view.objective.removeprefix("val_"))

    def _about(self, number: int, data: TrainingData) -> dict[str, Any]:
        """Facts to be kept beside the exported model, as JSON has them."""
        view = self.view
        return {**study_facts(view, data), "trial": number, "values": dict(view.trial(number).values)}


def study_facts(view: StudyView, data: TrainingData) -> dict[str, Any]:
    """What exported files say of the study that their model comes from."""
    labels = _labels(data.y if data.is_arrays else None)
    return {"study": view.study, "labels": labels, "versions": dict(view.versions)}


def _pair(data: Any) -> tuple[Any, Any]:
    """x, and y or None. Raises DataError for a tuple of another length."""
    if not isinstance(data, tuple):
        return data, None
    if not 1 <= len(data) <= 2:
        raise DataError(f"data: expected (x, y) or x; received a tuple of {len(data)}.")
    return data[0], data[1] if len(data) == 2 else None


def _labels(y: Any) -> list[str]:
    """The names of the classes in the order of the model's outputs: their numbers; empty for other targets."""
    labels = class_labels(y)
    if labels is None or labels.dtype.kind not in "iub" or labels.min() < 0:
        return []
    return [str(number) for number in range(int(labels.max()) + 1)]
