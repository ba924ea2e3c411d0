"""The small sets that come with scikit-learn, with the values as they were measured."""

from __future__ import annotations

from typing import Any

from tunemagic.datasets.card import Task
from tunemagic.datasets.dataset import Dataset, class_names, with_card

__all__ = ["cancer", "diabetes", "digits", "wine"]

_LICENCE = "BSD-3-Clause (scikit-learn, which brings it)"


def digits() -> Dataset:
    """1797 handwritten digits, (row, 8, 8, 1)."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return with_card(
        "digits",
        _numbers(found.images[..., None]),
        found.target.astype("int64"),
        task=Task.MULTICLASS,
        classes=class_names(10),
        licence=_LICENCE,
        source="sklearn.datasets.load_digits: test part of UCI Optical Recognition of Handwritten Digits (1998)",
        note="images of 8x8 pixels, each from 0 (empty) to 16; x is (row, 8, 8, 1)",
    )


def wine() -> Dataset:
    """178 wines from three growers by 13 chemical measures."""
    from sklearn.datasets import load_wine

    return _table(
        "wine",
        load_wine(),
        task=Task.MULTICLASS,
        source="sklearn.datasets.load_wine: UCI Wine (1991)",
        note="columns differ in scale by more than 1000: proline reaches 1680, hue 1.71",
    )


def cancer() -> Dataset:
    """569 tumours by 30 measures of their cells."""
    from sklearn.datasets import load_breast_cancer

    return _table(
        "cancer",
        load_breast_cancer(),
        task=Task.BINARY,
        source="sklearn.datasets.load_breast_cancer: UCI Breast Cancer Wisconsin, Diagnostic (1995)",
        note="212 malignant (class 0) and 357 benign",
    )


def diabetes() -> Dataset:
    """442 patients by 10 measures; the target is how far the disease has come a year later."""
    from sklearn.datasets import load_diabetes

    return _table(
        "diabetes",
        load_diabetes(scaled=False),
        task=Task.REGRESSION,
        source="sklearn.datasets.load_diabetes: Efron, Hastie, Johnstone, Tibshirani, Least Angle Regression (2004)",
        note="as measured, not scaled; the target is the progress of the disease after a year, from 25 to 346",
    )


def _table(name: str, found: Any, *, task: Task, source: str, note: str) -> Dataset:
    numeric = task is Task.REGRESSION
    return with_card(
        name,
        _numbers(found.data),
        _numbers(found.target) if numeric else found.target.astype("int64"),
        task=task,
        classes=() if numeric else [str(each) for each in found.target_names],
        features=[str(each) for each in found.feature_names],
        licence=_LICENCE,
        source=source,
        note=note,
    )


def _numbers(values: Any) -> Any:
    return values.astype("float32")
