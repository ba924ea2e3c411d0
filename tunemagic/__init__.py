"""Keras hyperparameter search driven from notebook cells."""

from __future__ import annotations

__version__ = "0.1.0"
