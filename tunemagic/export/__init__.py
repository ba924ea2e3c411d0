"""Models as files: converted in a process of their own, compared with the Keras model before they count as done."""

from __future__ import annotations

from tunemagic.export.tflite import convert_tflite

__all__ = ["convert_tflite"]
