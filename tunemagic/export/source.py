"""The model and the data that a target's writer works with, inside of the conversion process."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

__all__ = ["Source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What every writer is given.

    Attributes:
        model: The model as the user built it (with dropout and augmentation), rebuilt from its
            config; None when it could only be handed over as a traced graph.
        clone: Its form for inference (``infer_model``: no augmentation, folded Normalization,
            recurrent layers unrolled); None as above.
        parts: What in the model can't be rebuilt from a config, such as a layer of the notebook's own;
            empty when ``model`` is given.
        graph: A SavedModel of the clone with one signature ``predict`` (x -> y), batch open unless ``loops``.
        x: The evaluation samples (sample, ...).
        calibration: Representative samples, None when not needed.
        loops: Recurrent layers that are not unrolled.
        params: How many weights the model has.
        prepares: Whether the model begins with a preparation.
        rounds: Whether the model rounds as int8 does, so that its graph holds the ranges.
        flex: Whether TF Lite files may hold TensorFlow's own operations.
        about: Facts to be kept beside the model (study, trial, values, labels, versions), JSON-able.
        made: Artefacts that exist already in this job by ``"target mode"``, such as ``"onnx none"``.
    """

    model: Any | None
    clone: Any | None
    graph: Path
    x: NDArray[Any]
    calibration: NDArray[Any] | None
    loops: list[str]
    params: int
    prepares: bool
    rounds: bool = False
    flex: bool = False
    parts: list[str] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    made: dict[str, Path] = field(default_factory=dict)
