"""What Keras 3 refuses of Keras 1 and 2 is told with what replaces it: each line runs on the installed Keras."""

from typing import Any

import pytest

from tunemagic.search.faults import describe_error
from tunemagic.search.old_keras import old_keras_hint


def said_of(source: str) -> str:
    """What is said of the error that this code raises."""
    import keras

    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    names: dict[str, Any] = {"keras": keras, "model": model}
    with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever Keras chose
        exec(source, names)
    return describe_error(raised.value)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            "keras.optimizers.Adam(lr=0.1)",
            "ValueError: Argument(s) not recognized: {'lr': 0.1} (Keras 3: learning_rate= in place of lr=)",
        ),
        (
            "keras.layers.Dense(8, init='uniform', W_regularizer=None)",
            "ValueError: Unrecognized keyword arguments passed to Dense: {'init': 'uniform', 'W_regularizer': None} "
            "(Keras 3: kernel_initializer= in place of init=; kernel_regularizer= in place of W_regularizer=)",
        ),
        (
            "keras.Model(input=1, output=2)",
            "ValueError: Unrecognized keyword arguments passed to Model: {'input': 1, 'output': 2} "
            "(Keras 3: inputs= in place of input=; outputs= in place of output=)",
        ),
        (
            "keras.layers.Dense(output_dim=8)",
            "TypeError: Dense.__init__() missing 1 required positional argument: 'units' "
            "(Keras 3: units= in place of output_dim=)",
        ),
        (
            "model.fit([[0] * 8], [0], nb_epoch=2)",
            "TypeError: TensorFlowTrainer.fit() got an unexpected keyword argument 'nb_epoch' "
            "(Keras 3: epochs= in place of nb_epoch=)",
        ),
        (
            "from keras.layers.core import Dense",
            "ModuleNotFoundError: No module named 'keras.layers.core' "
            "(Keras 3: import layers from keras.layers itself)",
        ),
        (
            "from keras.utils.np_utils import to_categorical",
            "ModuleNotFoundError: No module named 'keras.utils.np_utils' "
            "(Keras 3: from keras.utils import to_categorical)",
        ),
        (
            "model.predict_classes([[0] * 8])",
            "AttributeError: 'Sequential' object has no attribute 'predict_classes' "
            "(Keras 3: model.predict(x).argmax(axis=-1))",
        ),
        (
            "keras.backend.square(2.0)",
            "AttributeError: module 'keras.backend' has no attribute 'square' (Keras 3: try keras.ops.square)",
        ),
        ("model.optimizer.lr", "AttributeError: 'SGD' object has no attribute 'lr' (Keras 3: optimizer.learning_rate)"),
    ],
)
def test_a_line_of_old_keras_is_told_with_its_replacement(source: str, text: str) -> None:
    assert said_of(source) == text


def test_the_hint_stays_whole_behind_a_long_message() -> None:
    text = said_of("model.save('model.json')")
    assert text.startswith("ValueError: Invalid filepath extension for saving. Please add either a `.keras` extension")
    assert text.endswith(
        '… (Keras 3: model.save("model.keras") keeps all; as JSON and weights: model.to_json(), '
        'model.save_weights("model.weights.h5"))'
    )
    assert len(text) == 300
    assert said_of("keras.models.load_model('model.json')").endswith(
        "… (Keras 3: keras.models.model_from_json(text) reads a JSON text, then model.load_weights(path))"
    )


def test_an_old_name_that_is_imported_is_told_with_the_new_one() -> None:
    assert said_of("from keras.optimizers import adam").endswith(" (Keras 3: Adam, with a capital letter)")


@pytest.mark.parametrize(
    "text",
    [
        "Argument(s) not recognized: {'rate': 0.1}",
        "Dense.__init__() missing 1 required positional argument: 'cells'",
        "No module named 'keras.nothing'",
        "'Sequential' object has no attribute 'layer'",
        "bad units",
    ],
)
def test_other_errors_get_no_hint(text: str) -> None:
    assert old_keras_hint(text) == ""


def test_what_the_article_needs_no_hint_for_works() -> None:
    import keras

    with pytest.warns(UserWarning, match="Do not pass an `input_shape`/`input_dim` argument"):
        layer = keras.layers.Dense(10, input_dim=8, activation="relu")
    assert keras.Sequential([layer]).count_params() == 90
