"""Which layers bear fewer bits: how score and answers change when one layer alone is stored smaller.

Measured, not estimated: each layer's weights are stored in 8 and in 4 bits in the real file, all else stays in
float, and the file answers the same samples in LiteRT.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.compress.kinds import rounds
from tunemagic.export.compress.quantizing import plain_model
from tunemagic.export.infer import walk_layers
from tunemagic.export.modes import check_quantizer
from tunemagic.export.process import START_SECONDS, Worker, WorkerDied, WorkerSilent
from tunemagic.export.quantizer import Weights, noise_of, weights_of
from tunemagic.export.scratch import job_folder
from tunemagic.export.task import Task, prepare
from tunemagic.export.tflite import convert_tflite
from tunemagic.export.weighing import GROUPS, MODEL, SAMPLES, answers_name
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.request import QuantMode
from tunemagic.text import aligned

__all__ = ["LayerCost", "Sensitivity", "sensitivity"]

_MOST_SAMPLES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerCost:
    """What it costs to store one layer in ``bits`` bits, all others in float.

    Attributes:
        layer: Its name in the Keras model.
        params: How many of its weights are stored smaller (its large constants).
        bits: 8 or 4.
        bytes_saved: By how much the file is smaller.
        score: Of the file; None without targets.
        score_change: ``score`` minus that of the float file.
        output_change: Root mean square difference of the outputs, as a share of their standard deviation.
    """

    layer: str
    params: int
    bits: int
    bytes_saved: int
    score: float | None
    score_change: float | None
    output_change: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """What each layer costs in 8 and in 4 bits, in the order of the model.

    Attributes:
        model: The model's name.
        bytes: Of the float file.
        samples: How many samples answered.
        score_name: The metric; None without targets.
        score: Of the float file.
        rows: Two for each layer that has a constant of at least 512 numbers. A layer that the converter
            merged into a preparation stays in float.
    """

    model: str
    bytes: int
    samples: int
    score_name: str | None
    score: float | None
    rows: tuple[LayerCost, ...]

    def cells(self, texts: Catalogue = ENGLISH) -> list[tuple[str, ...]]:
        """A header and the rows as texts."""
        names = ("layer", "params", "bits", "saved", "score_change", "output_change")
        head = tuple(texts(f"sensitivity.{name}") for name in names)
        return [head, *map(_cells, self.rows)]

    def caption(self, texts: Catalogue = ENGLISH) -> str:
        """What was measured, in one sentence."""
        score = "" if self.score is None else f", {self.score_name} {self.score:.4f}"
        return texts(
            "sensitivity.caption", model=self.model, bytes=f"{self.bytes:,}", score=score, samples=self.samples
        )

    def __repr__(self) -> str:
        """A caption and a table."""
        return "\n".join([self.caption(), *aligned(self.cells(), right=(1, 2, 3, 4, 5))])

    def _repr_html_(self) -> str:
        return self.to_html()

    def to_html(self, texts: Catalogue = ENGLISH) -> str:
        """The same as an HTML table."""
        head, *rows = self.cells(texts)
        cells = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in head)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        caption = html.escape(self.caption(texts))
        return f"<table><caption>{caption}</caption><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"


def sensitivity(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    score_name: str | None = None,
    timeout_seconds: float = 300,
    stop: threading.Event | None = None,
) -> Sensitivity:
    """How much each layer of a Keras model suffers from being stored in 8 and in 4 bits.

    Args:
        model: a built Keras model with one input and one output.
        x: held-out inputs (sample, ...); at most 500 of them are used.
        y: their targets; None to look at outputs only.
        score_name: the metric; None = accuracy for classes, else the loss.
        timeout_seconds: for each layer.
        stop: when set, it ends with an ExportError.

    Raises:
        ExportError: model or data can't be used, the model can't be converted, or the extra ``quant`` is missing.
    """
    check_quantizer([QuantMode.INT4])
    if rounds(model):
        model = plain_model(model)  # what the float file is made of
    task = prepare(model, x, y, None, [], score_name)
    some = slice(_MOST_SAMPLES)
    with job_folder("weigh") as folder:
        [plain] = convert_tflite(
            model,
            [QuantMode.NONE],
            x_eval=x,
            y_eval=y,
            directory=folder / "plain",
            stem="model",
            score_name=score_name,
            timeout_seconds=timeout_seconds,
            stop=stop,
        )
        if plain.path is None or not plain.verified:
            raise ExportError(f"sensitivity: the float file can't be used: {plain.message}")
        shutil.copyfile(plain.path, folder / MODEL)
        np.save(folder / SAMPLES, task.x[some], allow_pickle=False)
        content = (folder / MODEL).read_bytes()
        weights = weights_of(content)
        groups = _groups(weights, _names(model))
        (folder / GROUPS).write_text(json.dumps(list(groups.values())), encoding="utf-8")
        rows = tuple(
            _cost(layer, sum(weights[place].count for place in groups[layer]), bits, len(content) - size, task, answers)
            for layer, bits, size, answers in _stored(folder, list(groups), timeout_seconds, stop)
        )
    return Sensitivity(
        model=str(model.name),
        bytes=len(content),
        samples=len(task.x[some]),
        score_name=None if task.score is None else task.score.name,
        score=_score(task, task.keras[some]),
        rows=rows,
    )


def _stored(
    folder: Path, layers: Sequence[str], timeout_seconds: float, stop: threading.Event | None
) -> Iterator[tuple[str, int, int, NDArray[Any]]]:
    """Layer, bits, bytes and answers of each file that the process makes. Raises ExportError when it fails."""
    with Worker("tunemagic.export.weighing") as worker:
        try:
            worker.wait_until_up(stop=stop)
            worker.send(folder)
            limit = START_SECONDS + timeout_seconds
            while (fact := worker.next_fact(timeout_seconds=limit, stop=stop))["kind"] == "stored":
                answers = np.load(folder / answers_name(fact["group"], fact["bits"]), allow_pickle=False)
                yield layers[fact["group"]], fact["bits"], fact["bytes"], answers
        except (WorkerDied, WorkerSilent) as error:
            raise ExportError(f"sensitivity: the process that stores layers smaller {error}.") from error
    if fact["kind"] == "failed":
        raise ExportError(f"sensitivity: {fact['message']}")


def _cost(layer: str, params: int, bits: int, saved: int, task: Task, answers: NDArray[Any]) -> LayerCost:
    before, after = _score(task, task.keras[: len(answers)]), _score(task, answers)
    return LayerCost(
        layer=layer,
        params=params,
        bits=bits,
        bytes_saved=saved,
        score=after,
        score_change=None if before is None or after is None else after - before,
        output_change=float(np.sqrt(noise_of(task.keras[: len(answers)], answers))),
    )


def _score(task: Task, outputs: NDArray[Any]) -> float | None:
    return None if task.score is None or task.y is None else task.score.compute(task.y[: len(outputs)], outputs)


def _names(model: Any) -> list[str]:
    """The names of layers that have weights of their own, in the order of the model."""
    return [layer.name for layer in walk_layers(model) if layer.weights and not getattr(layer, "layers", None)]


def _groups(weights: Sequence[Weights], names: Sequence[str]) -> dict[str, list[int]]:
    """The places of each layer's weights.

    A path's parts are names of layers, to which TensorFlow adds a number when it meets them again (Keras
    opens each scope twice): ``dense_1`` is the layer ``dense``, or the one of that name. Paths come in
    the order of the model, so the first layer that is not taken yet is meant.
    """
    meant: dict[str, str] = {}
    groups: dict[str, list[int]] = {}
    for place, each in enumerate(weights):
        part, fitting = _fitting(each.name, names)
        if part not in meant:
            free = [name for name in fitting if name not in meant.values()]
            meant[part] = next(iter(free or fitting), part)
        groups.setdefault(meant[part], []).append(place)
    return groups


def _fitting(path: str, names: Sequence[str]) -> tuple[str, list[str]]:
    """The innermost part of the path that some layers fit, and these; its first part when none do."""
    parts = path.split("/")
    for part in reversed(parts[:-1]):
        fitting = [name for name in names if re.fullmatch(rf"{re.escape(name)}_\d+", part)]
        fitting += [name for name in names if name == part]
        if fitting:
            return part, fitting
    return parts[0], []


def _cells(row: LayerCost) -> tuple[str, ...]:
    change = "" if row.score_change is None else f"{row.score_change:+.4f}"
    return (row.layer, f"{row.params:,}", str(row.bits), f"{row.bytes_saved:,}", change, f"{row.output_change:.2%}")
