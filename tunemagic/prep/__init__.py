"""Preparation of data: cleaning, scaling, encoding, augmentation, carried inside the model."""

from tunemagic.prep.checking import check
from tunemagic.prep.findings import DataFinding, DataReport, DataVerdict

__all__ = ["DataFinding", "DataReport", "DataVerdict", "check"]
