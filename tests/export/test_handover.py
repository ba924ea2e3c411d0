"""Only what ships with Keras is rebuilt elsewhere, and nothing handed over is executed as Python."""

import json

import keras
import numpy as np
import pytest

from tunemagic.errors import ExportError
from tunemagic.export.handover import _read_config, hand_over, notebook_parts, receive
from tunemagic.export.infer import keras_outputs

layers = keras.layers


class Doubling(layers.Layer):
    def call(self, x):
        return 2 * x


# Classes and functions defined in a notebook's cell live here.
Tripling = type("Tripling", (Doubling,), {"__module__": "__main__"})


@keras.saving.register_keras_serializable(package="mine")
class Registered(Doubling):
    pass


def shifted(z):
    return z + 1


def lambda_model():
    return keras.Sequential([keras.Input((3,)), layers.Lambda(lambda z: 2 * z), layers.Dense(2)])


def test_parts_of_the_notebook_s_own_are_named():
    class Own(keras.Model):
        pass

    for model, parts in [
        (keras.Sequential([keras.Input((3,)), layers.Dense(2, "relu"), layers.LeakyReLU()]), []),
        (
            keras.Sequential([keras.Input((3,)), Doubling(), layers.Dense(2, activation=shifted)]),
            ["Doubling", "shifted"],
        ),
        (keras.Sequential([keras.Input((3,)), Tripling(), Registered()]), ["Tripling", "Registered"]),
        (lambda_model(), ["a Lambda layer"]),
        (Own(), ["Own"]),
    ]:
        assert notebook_parts(model) == parts


def test_a_loss_or_metric_of_the_notebook_s_own_does_not_matter():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    model.compile("adam", loss=lambda y, p: (y - p) ** 2, metrics=[shifted])
    assert notebook_parts(model) == []


@pytest.mark.parametrize("traced", [False, True])
def test_what_is_received_answers_as_the_model(augmented, images, tmp_path, traced):
    import tensorflow as tf

    x = images[1][:40] * 16
    model = keras.Sequential([augmented, Doubling()]) if traced else augmented
    model(x[:1])
    expected = keras_outputs(model, x)
    remark = hand_over(model, tmp_path, x)
    assert remark == ("traced in this kernel, because Doubling can't be rebuilt outside it" if traced else "")
    assert (tmp_path / "model.json").exists() is not traced
    source = receive(tmp_path, expected, x, half=False)
    assert source.loops == []
    assert (source.model is None, source.clone is None) == (traced, traced)
    answers = tf.saved_model.load(str(source.graph)).signatures["predict"](x=tf.constant(x))["y"]
    np.testing.assert_allclose(answers, expected, atol=1e-5)


def test_half_precision_arrives_as_it_was(tmp_path):
    layers = [keras.layers.Dense(3, dtype=kind) for kind in ("bfloat16", "float16", "mixed_bfloat16")]
    model = keras.Sequential([keras.Input((4,)), *layers])
    hand_over(model, tmp_path, np.ones((2, 4), "float32"))
    kept, received = (each.get_weights() for each in (model, _read_config(tmp_path)))
    assert [weight.dtype for weight in received] == [weight.dtype for weight in kept]
    assert [weight.tolist() for weight in received] == [weight.tolist() for weight in kept]


def test_a_model_that_answers_otherwise_than_in_the_kernel_is_refused(dense, digits, tmp_path):
    x = digits.x_held[:20]
    hand_over(dense, tmp_path, x)
    with pytest.raises(ExportError, match="differs from the model by"):
        receive(tmp_path, keras_outputs(dense, x) + 0.01, x, half=False)


def test_python_code_in_a_config_is_refused_and_not_run(tmp_path):
    ran = tmp_path / "ran"
    name = str(ran)
    model = keras.Sequential([keras.Input((3,)), layers.Lambda(lambda z: (open(name, "w").close(), z)[1])])  # noqa: PLW1514
    config = keras.saving.serialize_keras_object(model)
    ran.unlink()
    (tmp_path / "model.json").write_text(json.dumps(config), encoding="utf-8")
    np.savez(tmp_path / "weights.npz")
    with pytest.raises(ExportError, match="the model can't be rebuilt from its config"):
        receive(tmp_path, np.zeros((1, 3)), np.zeros((1, 3), "float32"), half=False)
    assert not ran.exists()
