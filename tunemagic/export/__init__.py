"""Models as files: converted in a process of their own, compared with the Keras model before they count as done."""

from __future__ import annotations

from tunemagic.export.modes import MILDEST_FIRST
from tunemagic.export.pipeline import export_model
from tunemagic.export.place import artefact_name, split_target
from tunemagic.export.result import ExportResult
from tunemagic.export.task import EVALUATION_SAMPLES
from tunemagic.export.tflite import convert_tflite

__all__ = [
    "EVALUATION_SAMPLES",
    "MILDEST_FIRST",
    "ExportResult",
    "artefact_name",
    "convert_tflite",
    "export_model",
    "split_target",
]
