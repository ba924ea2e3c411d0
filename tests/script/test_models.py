"""A model as lines of Python: the same layers, wired the same way, trained from the same settings."""

import re

import keras
import numpy as np
import pytest

from tunemagic.errors import ExportError
from tunemagic.export.infer import keras_outputs
from tunemagic.script.draft import draft_of_model

layers = keras.layers


def remade(model, tmp_path, x=None):
    """The model that the script of this one builds, with this one's weights."""
    draft = draft_of_model(model, "m", x)
    if draft.data is not None:
        (tmp_path / "m.npz").write_bytes(draft.data)
    names = {"__name__": "m", "__file__": str(tmp_path / "m.py"), "__doc__": ""}
    exec(compile(draft.text, "m.py", "exec", dont_inherit=True), names)
    again, _ = names["make"]({})
    again.set_weights(model.get_weights())
    inputs = draft.x if x is None else x
    np.testing.assert_allclose(keras_outputs(again, inputs), keras_outputs(model, inputs), atol=1e-6)
    return draft.text, again


def compiled(model, **settings):
    model.compile(**{"optimizer": "adam", "loss": "mse", **settings})
    return model


def lines_of(text):
    return [line.strip() for line in text[text.index("def make") : text.index("class BestEpoch")].split("\n")]


def test_layers_are_written_with_what_differs_from_their_defaults(tmp_path):
    model = compiled(
        keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                layers.Conv2D(4, 3, padding="same", use_bias=False, name="first"),
                layers.BatchNormalization(momentum=0.9, gamma_regularizer=keras.regularizers.L2(0.05)),
                layers.LeakyReLU(0.2),
                layers.MaxPooling2D((2, 2)),
                layers.TimeDistributed(layers.Dense(3, kernel_initializer="he_normal")),
                layers.Reshape((16, 3)),
                layers.Bidirectional(layers.GRU(5, recurrent_dropout=0.1)),
                layers.Dense(1, activation="sigmoid", dtype="float32"),
            ]
        ),
        optimizer=keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 50), momentum=0.9),
        loss=keras.losses.BinaryCrossentropy(label_smoothing=0.1),
        metrics=["accuracy", keras.metrics.AUC(name="area")],
    )
    text, again = remade(model, tmp_path)
    found = lines_of(text)
    assert found[found.index("model = keras.Sequential([") :] == [
        "model = keras.Sequential([",
        "keras.Input((8, 8, 1)),",
        'keras.layers.Conv2D(4, (3, 3), padding="same", use_bias=False, name="first"),',
        "keras.layers.BatchNormalization(momentum=0.9, gamma_regularizer=keras.regularizers.L2(l2=0.05)),",
        "keras.layers.LeakyReLU(negative_slope=0.2),",
        "keras.layers.MaxPooling2D(),",
        "keras.layers.TimeDistributed(keras.layers.Dense(3, kernel_initializer=keras.initializers.HeNormal())),",
        "keras.layers.Reshape((16, 3)),",
        "keras.layers.Bidirectional(keras.layers.GRU(5, recurrent_dropout=0.1)),",
        'keras.layers.Dense(1, activation="sigmoid"),',
        "])",
        "model.compile(",
        "keras.optimizers.SGD(learning_rate=keras.optimizers.schedules.CosineDecay(0.1, 50), momentum=0.9),",
        "loss=keras.losses.BinaryCrossentropy(label_smoothing=0.1),",
        'metrics=["accuracy", keras.metrics.AUC(name="area")],',
        ")",
        "return model, {}",
        "",
        "",
        "",
    ]
    made_up = {"name": ""}  # with a number that counts on in this process
    assert {**again.optimizer.get_config(), **made_up} == {**model.optimizer.get_config(), **made_up}


def test_branches_shared_layers_nested_models_and_operations_keep_their_wiring(tmp_path):
    inputs = keras.Input((6,))
    shared = layers.Dense(4, activation="relu", name="shared")
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.ReLU()], name="inner")
    left, right = shared(inputs), shared(inputs * 2.0)
    both = layers.Concatenate()([left, inner(right)])
    attended = layers.Dropout(0.5)(layers.Add()([both, keras.ops.relu(both)]))
    text, _ = remade(compiled(keras.Model(inputs, layers.Dense(2)(attended))), tmp_path)
    # Keras numbers its names by what was made before in this process.
    found = [re.sub(r"\b(add|concatenate|dropout)_\d+\b", r"\1", line) for line in lines_of(text)]
    assert 'shared_layer = keras.layers.Dense(4, activation="relu", name="shared")' in found
    assert "inner_layer = keras.Sequential([" in found
    assert "dropout = keras.layers.Dropout(0.5)(add)" in found
    assert any(line.startswith("concatenate = keras.layers.Concatenate()([shared, ") for line in found)


def test_weights_that_training_does_not_make_come_along(digits_rows, tmp_path):
    scaling = layers.Normalization()
    scaling.adapt(digits_rows)
    frozen = layers.Dense(5, trainable=False, name="frozen")
    model = compiled(keras.Sequential([keras.Input((64,)), scaling, frozen, layers.Dense(1)]))
    draft = draft_of_model(model, "m", digits_rows[:20])
    (tmp_path / "m.npz").write_bytes(draft.data)
    names = {"__name__": "m", "__file__": str(tmp_path / "m.py"), "__doc__": ""}
    exec(compile(draft.text, "m.py", "exec", dont_inherit=True), names)
    again, _ = names["make"]({})
    again.layers[-1].set_weights(model.layers[-1].get_weights())
    np.testing.assert_allclose(
        keras_outputs(again, digits_rows[:20]), keras_outputs(model, digits_rows[:20]), atol=1e-6
    )


@pytest.fixture
def digits_rows(some_digits):
    return some_digits[0] * 16


def test_templates_and_augmentation_of_tunemagic_are_written_out(winner, scripted, notebook):
    augmented = """
model = keras.Sequential([keras.Input((64,)), layers.Reshape((8, 8, 1)), prep.augment.images(shift=0.1, zoom=0.1),
                          layers.Flatten(), layers.Dense(hp.Int("units", 4, 8)), layers.Dense(10, "softmax")])
models.compile(model, "adam", learning_rate=0.01, loss="sparse_categorical_crossentropy", metrics=["accuracy"],
               schedule="1cycle")
"""
    for cell, values, expected in [
        (augmented, {"units": 5}, "class RandomImages(_InTraining):"),
        ("build = models.dense(x_train, y_train)", {}, "def learn("),
    ]:
        names, text, draft = scripted(winner(cell, **values))
        data = names["load"](names["DATA"])
        model, fit = names["make"](data)
        if cell is augmented:
            assert "keras.optimizers.Adam(learning_rate=OneCycle(0.01, 8))" in text
        else:
            assert fit == {"batch_size": 32}
            before = model.get_layer("scale_input").get_weights()
            np.testing.assert_allclose(before[2], data["x_train"].mean(axis=0), atol=1e-4)
        assert expected in text
        model.set_weights(draft.model.get_weights())
        np.testing.assert_allclose(keras_outputs(model, draft.x), keras_outputs(draft.model, draft.x), atol=1e-6)
        names["train"](data, epochs=1, verbose=0)


def test_models_that_are_no_lines_are_refused_by_reason(tmp_path):
    class Own(keras.Model):
        def call(self, x):
            return x

    own = Own(name="own")
    own.build((None, 3))
    with pytest.raises(ExportError, match=r"^code: own can't be written as a script, since Own is a subclassed model"):
        draft_of_model(compiled(own), "m", None)
    bare = keras.Sequential([keras.Input((3,)), layers.Dense(2)], name="bare")
    with pytest.raises(ExportError, match="since the model is not compiled, so a script can't train it; compile it"):
        draft_of_model(bare, "m", None)
    texts = layers.TextVectorization(output_sequence_length=4, name="words")
    texts.adapt(["a b", "b c"])
    told = keras.Sequential([keras.Input((1,), dtype="string"), texts, layers.Embedding(9, 2), layers.Flatten()])
    with pytest.raises(
        ExportError, match=r"layer words \(TextVectorization\) holds a vocabulary that it has adapted to"
    ):
        draft_of_model(compiled(told), "m", None)
    shown = keras.Sequential(
        [keras.Input((3,)), layers.Lambda(lambda z: z, name="mine"), layers.Dense(2)], name="shown"
    )
    with pytest.raises(ExportError, match="since it holds a lambda"):
        draft_of_model(compiled(shown), "m", None)
