"""What outputs mean, and scores from raw outputs as Keras computes them."""

import keras
import numpy as np
import pytest

from tunemagic.errors import ExportError
from tunemagic.export.infer import keras_outputs
from tunemagic.export.score import AnswerKind, Answers, answers_of, score_of

layers = keras.layers


def compiled(loss):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(2)])
    model.compile("sgd", loss=loss)
    return model


SOFT = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
ONE = np.array([[0.9], [0.2], [0.6]])


@pytest.mark.parametrize(
    ("loss", "outputs", "y", "answers"),
    [
        ("sparse_categorical_crossentropy", SOFT, [0, 1, 1], Answers(kind=AnswerKind.CLASSES)),
        ("sparse_categorical_crossentropy", SOFT, [[0], [1], [1]], Answers(kind=AnswerKind.CLASSES)),
        ("categorical_crossentropy", SOFT, [[1, 0], [0, 1], [0, 1]], Answers(kind=AnswerKind.CLASSES)),
        ("mse", SOFT, None, Answers(kind=AnswerKind.CLASSES)),
        ("binary_crossentropy", SOFT, [[1, 1], [0, 1], [0, 0]], Answers(kind=AnswerKind.YES_NO)),
        ("binary_crossentropy", ONE, [1, 0, 1], Answers(kind=AnswerKind.YES_NO)),
        ("binary_crossentropy", ONE * 9 - 4, [1, 0, 1], Answers(kind=AnswerKind.YES_NO, cut=0.0)),
        (keras.losses.BinaryCrossentropy(from_logits=True), ONE, [1, 1, 1], Answers(kind=AnswerKind.YES_NO, cut=0.0)),
        ("mse", ONE, [1, 0, 1], Answers(kind=AnswerKind.YES_NO)),
        ("mse", ONE * 9, [1, 0, 1], Answers(kind=AnswerKind.NUMBERS)),
        ("mse", ONE, [1.5, 0.2, 0.3], Answers(kind=AnswerKind.NUMBERS)),
        ("mse", SOFT * 2, [[1.5, 0.2], [1, 0], [0, 1]], Answers(kind=AnswerKind.NUMBERS)),
        ("mse", ONE, None, Answers(kind=AnswerKind.NUMBERS)),
    ],
)
def test_the_meaning_of_outputs_is_seen_from_targets_and_loss(loss, outputs, y, answers):
    assert answers_of(compiled(loss), outputs, None if y is None else np.array(y)) == answers


def test_targets_that_do_not_fit_are_refused():
    with pytest.raises(ExportError, match="has 2 classes, so labels 0 to 1 were expected; received labels from 0 to 5"):
        answers_of(compiled("mse"), SOFT, np.array([0, 5, 1]))
    with pytest.raises(ExportError, match=r"expected targets for outputs of shape \(3, 2\); received shape \(3, 7\)"):
        answers_of(compiled("mse"), SOFT, np.zeros((3, 7)))


def score(model, name, x, y):
    outputs = keras_outputs(model, x)
    found = score_of(model, answers_of(model, outputs, y), name, y, outputs)
    return found.name, pytest.approx(found.compute(y, outputs), rel=1e-5)


def test_scores_are_those_that_keras_evaluates(dense, digits):
    x, y = digits.x_held, digits.y_held
    loss, accuracy = dense.evaluate(x, y, verbose=0)
    assert score(dense, None, x, y) == ("accuracy", accuracy)
    assert score(dense, "val_accuracy", x, y) == ("accuracy", accuracy)
    assert score(dense, "val_loss", x, y) == ("loss", loss)
    assert score(dense, "val_no_such_metric", x, y) == ("accuracy", accuracy)


def test_binary_and_regression_scores_are_those_that_keras_evaluates(digits, train):
    x, y = digits.x_held, digits.y_held
    auc = keras.metrics.AUC(name="area")
    model = train(
        [keras.Input((64,)), layers.Dense(1, "sigmoid")],
        digits.x,
        digits.y % 2,
        loss="binary_crossentropy",
        metrics=["accuracy", auc],
        epochs=2,
    )
    values = model.evaluate(x, y % 2, verbose=0, return_dict=True)
    assert score(model, None, x, y % 2) == ("accuracy", values["accuracy"])
    assert score(model, "val_area", x, y % 2) == ("area", values["area"])
    model = train([keras.Input((64,)), layers.Dense(1)], digits.x, digits.y, loss="huber", metrics=["mae"], epochs=2)
    values = model.evaluate(x, y, verbose=0, return_dict=True)
    assert score(model, None, x, y) == ("loss", values["loss"])
    assert score(model, "mae", x, y) == ("mae", values["mae"])


def test_a_model_that_was_never_compiled_is_scored_too():
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    x, y = np.ones((3, 2), "float32"), np.array([1.0, 2.0, 4.0])
    name, value = score(model, None, x, y)
    assert name == "mean_squared_error"
    assert value == np.mean((y[:, None] - keras_outputs(model, x)) ** 2)


def test_a_metric_that_no_graph_can_compute_is_computed_all_the_same():
    class Share(keras.metrics.Metric):
        """The share of answers above a half, by NumPy."""

        def __init__(self, name="share"):
            super().__init__(name=name)
            self.value = 0.0

        def update_state(self, y, outputs, sample_weight=None):
            self.value = float(np.mean(np.asarray(outputs) > 0.5))

        def result(self):
            return self.value

        def reset_state(self):
            self.value = 0.0

        def get_config(self):
            return {"name": self.name}

    model = keras.Sequential([keras.Input((2,)), layers.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=[Share()], run_eagerly=True)
    y = np.array([1, 0, 1])
    found = score_of(model, answers_of(model, ONE, y), "share", y, ONE)
    assert (found.name, found.compute(y, ONE), found.number(y[:1], ONE[:1])) == ("share", pytest.approx(2 / 3), 1.0)


def test_a_metric_is_found_by_its_name_before_the_model_is_ever_evaluated():
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy", keras.metrics.Recall(name="caught")])
    y = np.array([1, 0, 1])
    found = score_of(model, answers_of(model, ONE, y), "val_caught", y, np.array([[0.9], [0.8], [0.2]]))
    assert (found.name, found.compute(y, np.array([[0.9], [0.8], [0.2]]))) == ("caught", 0.5)


def test_a_function_of_the_notebook_s_own_is_computed_and_a_class_without_config_is_no_reason_to_refuse():
    def half(y, outputs):
        return keras.ops.mean(keras.ops.abs(y - outputs)) / 2

    class Above(keras.metrics.Mean):
        """The share of answers above a limit that its config does not hold."""

        def __init__(self, limit, **more):
            super().__init__(**more)
            self.limit = limit

        def update_state(self, y, outputs, sample_weight=None):
            super().update_state(outputs > self.limit)

    model = keras.Sequential([keras.Input((2,)), layers.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=[half, Above(0.1, name="above")])
    y = np.array([1, 0, 1])
    found = [score_of(model, answers_of(model, ONE, y), name, y, ONE) for name in ("val_half", "val_above")]
    values = [(each.name, each.compute(y, ONE)) for each in found]
    assert values == [("half", pytest.approx(0.7 / 6)), ("accuracy", 1.0)]
    assert [float(metric.result()) for metric in model.metrics[-1].metrics] == [0.0, 0.0]
