"""Real data for lessons and tests, each with a card that says what it is and where it is from."""

from __future__ import annotations

from tunemagic.datasets.card import Card, Task
from tunemagic.datasets.dataset import Dataset
from tunemagic.datasets.shelf import load, names

__all__ = ["Card", "Dataset", "Task", "load", "names"]
