"""Section 6: the tools that the article names."""

from __future__ import annotations

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression

from article_lines.common import digits, exported, small_network, wine
from article_lines.line import Section
from tunemagic import prep

__all__ = ["TOOLS"]

TOOLS = Section("6")


@TOOLS.line("TensorFlow", "TensorFlow")
def _tensorflow() -> str:
    import tensorflow as tf

    model = small_network()
    model.fit(digits()[0], digits()[2], epochs=1, verbose=0)
    x = digits()[1][:100]
    graph = tf.function(lambda batch: model(batch, training=False))
    off = float(np.abs(graph(x).numpy() - model.predict(x, verbose=0)).max())
    assert off < 1e-5, f"{off:.1e} off"
    return f"TensorFlow {tf.__version__}: the wrapped model as a graph is {off:.1e} off its predict"


@TOOLS.line("Keras", "Keras")
def _keras() -> str:
    model = small_network()
    model.save("article.keras")
    loaded = keras.models.load_model("article.keras", safe_mode=True)
    x = digits()[1][:100]
    off = float(np.abs(loaded.predict(x, verbose=0) - model.predict(x, verbose=0)).max())
    assert off < 1e-6, f"{off:.1e} off"
    return f"Keras {keras.__version__}: a model with its preparation is loaded in safe mode, {off:.1e} off"


@TOOLS.line("PyTorch", "PyTorch")
def _pytorch() -> str:
    import torch

    x, y = digits()[0], digits()[2]
    model = small_network()
    model.fit(x, y, epochs=2, verbose=0)
    program = torch.export.load(exported(model, "torch").path)
    module = program.module()
    named = {name: weight.detach().numpy() for name, weight in module.named_parameters()}
    kept = [weight for weight in model.get_weights() if any(np.array_equal(weight, each) for each in named.values())]
    assert len(kept) == len(model.trainable_weights), f"{len(kept)} of {len(model.trainable_weights)} under a name"
    optimizer = torch.optim.Adam(module.parameters(), 3e-3)
    rows, classes = torch.from_numpy(x), torch.from_numpy(y.astype("int64"))
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = torch.nn.functional.nll_loss(torch.log(module(rows) + 1e-7), classes)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0], str(losses)
    return f"torch trains it on: loss {losses[0]:.3f} -> {losses[-1]:.3f}; its weights are {', '.join(sorted(named))}"


@TOOLS.line("Scikit-learn", "scikit-learn")
def _sklearn() -> str:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import RobustScaler

    x_train, x_test, y_train, y_test = wine()
    ours = prep.recipe(scaler="robust").fit(x_train)
    found = LogisticRegression(max_iter=1000).fit(ours.transform(x_train), y_train)
    pipeline = make_pipeline(RobustScaler(), LogisticRegression(max_iter=1000)).fit(x_train, y_train)
    scores = found.score(ours.transform(x_test), y_test), pipeline.score(x_test, y_test)
    assert scores[0] == scores[1], str(scores)
    return f"prepared rows serve scikit-learn's models too: {scores[0]:.3f}, its own pipeline {scores[1]:.3f}"
