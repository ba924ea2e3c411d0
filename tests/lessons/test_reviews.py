"""Lesson of notebook 01: reviews that stand in both parts inflate the validation score."""

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.model_selection import train_test_split

from tunemagic.datasets import load

CHARACTER_PAIRS = HashingVectorizer(analyzer="char", ngram_range=(2, 2), n_features=1024, norm=None, dtype=np.float32)
TEXTS = 2000


@pytest.fixture(scope="module")
def reviews() -> pd.DataFrame:
    data = load("reviews_zh")
    return pd.DataFrame({"text": data.x, "label": data.y})


def validated(rows: pd.DataFrame, seed: int) -> tuple[float, np.ndarray]:
    """Validation accuracy of a linear model, and which validation reviews it has learned from."""
    train, held_out = train_test_split(rows, test_size=0.2, random_state=seed, stratify=rows["label"])
    x_train, x_val = (np.abs(CHARACTER_PAIRS.transform(part["text"]).toarray()) for part in (train, held_out))
    y_train, y_val = (part["label"].to_numpy("float32") for part in (train, held_out))
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", jit_compile=False)
    model.fit(x_train, y_train, epochs=10, batch_size=128, verbose=0)
    right = (model.predict(x_val, verbose=0)[:, 0] > 0.5) == (y_val > 0.5)
    return float(right.mean()), held_out["text"].isin(set(train["text"])).to_numpy()


@pytest.mark.parametrize("seed", [0, 1])
def test_duplicates_inflate_the_score_of_reviews(reviews: pd.DataFrame, seed: int):
    texts = reviews["text"].drop_duplicates().sample(TEXTS, random_state=seed)
    rows = reviews[reviews["text"].isin(set(texts))]
    inflated, learned = validated(rows, seed)
    honest, none = validated(rows.drop_duplicates("text"), seed)
    assert learned.mean() > 0.7
    assert not none.any()
    assert inflated > honest + 0.03
