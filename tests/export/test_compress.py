"""Compression of trained models: what is promised of the weights, of the score and of the model that is given."""

import keras
import numpy as np
import pytest

import tunemagic
from tunemagic import models
from tunemagic.errors import ExportError, OptionError
from tunemagic.export import compress
from tunemagic.export.compress.callbacks import Clipping, KeepPattern
from tunemagic.export.compress.kernels import kernels_of, zero_share
from tunemagic.export.compress.kinds import rounds
from tunemagic.export.compress.patterns import cluster_values, keep_largest, sparsity_at
from tunemagic.export.compress.quantizing import plain_model
from tunemagic.export.infer import keras_outputs
from tunemagic.export.pipeline import _in_order, _parts
from tunemagic.export.sensitivity import sensitivity

FIT = {"epochs": 2, "batch_size": 128}


def kernels(model):
    return [kernel.values for kernel in kernels_of(model)]


@pytest.fixture(scope="module")
def chain(digits, images, train):
    """Two convolutions, one followed by batch normalisation that can be folded, one not."""
    layers = [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(16, 3, use_bias=False),
        keras.layers.BatchNormalization(momentum=0.9),
        keras.layers.ReLU(),
        keras.layers.Conv2D(12, 3, activation="relu"),
        keras.layers.BatchNormalization(momentum=0.9),
        keras.layers.MaxPooling2D(),
        keras.layers.Dropout(0.1),
        keras.layers.Flatten(),
        keras.layers.Dense(32, "relu"),
        keras.layers.Dense(10, "softmax"),
    ]
    return train(layers, images[0], digits.y, epochs=12)


@pytest.fixture(scope="module")
def data(digits, images):
    return {"x": images[0], "y": digits.y, "validation": (images[1], digits.y_held), **FIT}


@pytest.fixture(scope="module")
def rounded(chain, data):
    return compress.quantize_aware(chain, **data)


# -- schedules and patterns --------------------------------------------------------------------------


def test_sparsity_rises_fast_at_first_and_slowly_at_last():
    shares = [sparsity_at(progress, final=0.8, begin=0.2, end=0.6) for progress in (0.1, 0.2, 0.4, 0.6, 1.0)]
    assert shares == pytest.approx([0.0, 0.0, 0.7, 0.8, 0.8])


def test_the_number_of_zeros_is_exact_among_equal_magnitudes():
    equal = [np.ones((4, 5), np.float32), np.full((10, 2), -2.0, np.float32)]
    assert [int((~kept).sum()) for kept in keep_largest(equal, 0.5, compress.Scope.LAYER)] == [10, 10]
    assert [int((~kept).sum()) for kept in keep_largest(equal, 0.5, compress.Scope.GLOBAL)] == [20, 0]


def test_clusters_keep_zeros_and_few_values_stay_as_they_are():
    values = np.array([0.0, -1.0, 0.9, 1.0, 1.1, 0.0], np.float32)
    np.testing.assert_allclose(cluster_values(values, 3), [0.0, -1.0, 1.0, 1.0, 1.0, 0.0], rtol=1e-6)
    assert cluster_values(values, 16) is not values
    np.testing.assert_array_equal(cluster_values(values, 16), values)


# -- pruning, clustering, clipping -------------------------------------------------------------------


def test_every_method_keeps_its_promise_and_leaves_the_given_model_alone(dense, digits):
    data = {"x": digits.x, "y": digits.y, "validation": (digits.x_held, digits.y_held), **FIT}
    before, steps = [weight.copy() for weight in dense.get_weights()], dense.optimizer.iterations.numpy()
    pruned = compress.prune(dense, 0.7, **data)
    clustered = compress.cluster(pruned.model, 8, **data)
    clipped = compress.clip(dense, 0.1, **data)
    together = compress.prune(dense, 0.7, scope="global")
    zeros = [round(0.7 * own.size) / own.size for own in kernels(dense)]
    assert [zero_share(own) for own in kernels(pruned.model)] == zeros
    assert [zero_share(own) for own in kernels(clustered.model)] == zeros
    assert max(np.unique(own).size for own in kernels(clustered.model)) == 8
    assert max(np.abs(own).max() for own in kernels(clipped.model)) == np.float32(0.1)
    flat = np.concatenate([own.ravel() for own in kernels(together.model)])
    assert np.count_nonzero(flat == 0) == round(0.7 * flat.size)
    assert [zero_share(own) for own in kernels(together.model)] != zeros
    assert clustered.after.gzip_bytes < pruned.after.gzip_bytes < pruned.before.gzip_bytes / 2
    assert pruned.after.score > compress.prune(dense, 0.7, **{**data, "epochs": 0}).after.score
    assert all(map(np.array_equal, before, dense.get_weights()))
    assert dense.optimizer.iterations.numpy() == steps


def test_what_does_not_shrink_the_file_is_said_in_plain_words(chain):
    result = compress.prune(chain, 0.8)
    assert [said.text() for said in result.remarks] == [
        f"A float .tflite keeps its size and becomes no faster; only gzip shrinks: {result.before.gzip_bytes:,} -> "
        f"{result.after.gzip_bytes:,} bytes. slim makes it smaller and faster.",
        "Not fine-tuned: data to train on wins back what the score has lost.",
    ]
    assert repr(result).splitlines()[0] == f"{chain.name}: pruned to 80% zeros in each layer"
    assert "<td>pruned to 80% zeros in each layer</td>" in result._repr_html_()


def test_recurrent_kernels_and_embeddings_are_pruned_and_biases_are_not():
    layers = [keras.Input((6,)), keras.layers.Embedding(20, 8), keras.layers.LSTM(4), keras.layers.Dense(3)]
    model = keras.Sequential(layers)
    for weight in model.weights:
        weight.assign(np.random.default_rng(0).normal(size=weight.shape))
    small = compress.prune(model, 0.5).model
    assert {variable.path.split("/")[-1]: zero_share(variable.numpy()) for variable in small.weights} == {
        "embeddings": 0.5,
        "kernel": 0.5,
        "recurrent_kernel": 0.5,
        "bias": 0.0,
    }


@pytest.mark.parametrize("kind", ["pruning", "clustering"])
def test_callbacks_show_the_final_form_in_every_epoch(kind, digits):
    """Whichever epoch is kept as the best one, its weights have the form that was asked for."""
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(10)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    ours = compress.Pruning(0.75, begin=0.2, end=0.6) if kind == "pruning" else compress.Clustering(4, begin=0.5)
    seen, training = [], []

    class Looking(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(form(self.model))

        def on_train_batch_end(self, batch, logs=None):
            training.append(form(self.model))

    def form(model):
        return [zero_share(own) if kind == "pruning" else int(np.unique(own).size) for own in kernels(model)]

    held = (digits.x_held, digits.y_held)
    callbacks = [ours, Looking()]
    model.fit(digits.x, digits.y, epochs=4, batch_size=256, validation_data=held, callbacks=callbacks, verbose=0)
    wanted = [0.75, 0.75] if kind == "pruning" else [4, 4]
    assert seen == [wanted] * 4
    assert training[0] != wanted
    assert training[-1] == form(model) == wanted


# -- structured pruning ------------------------------------------------------------------------------


@pytest.mark.parametrize("by", list(compress.UnitImportance))
def test_slimming_takes_units_out_of_every_layer_but_the_last(chain, by):
    small = compress.slim(chain, 0.5, by=by).model
    assert [tuple(own.shape) for own in kernels(small)] == [(3, 3, 1, 8), (3, 3, 8, 6), (24, 16), (16, 10)]
    assert [type(layer) for layer in small.layers] == [type(layer) for layer in chain.layers]


def test_units_without_weights_can_be_taken_out_without_any_change(digits, images, chain):
    """What is left of a model computes the same when the missing units gave nothing."""
    dead = compress.prune(chain, 0.0).model
    for layer in dead.layers:
        if layer.name in {dead.layers[0].name, dead.layers[3].name, dead.layers[8].name}:
            weights = layer.get_weights()
            for weight in weights:
                weight[..., ::2] = 0
            layer.set_weights(weights)
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, *statistics = layer.get_weights()
            beta[::2] = gamma[::2] = 0
            layer.set_weights([gamma, beta, *statistics])
    small = compress.slim(dead, 0.5).model
    assert small.count_params() < dead.count_params() / 3
    np.testing.assert_allclose(small(images[1]), dead(images[1]), atol=1e-5)


def test_a_functional_chain_behind_augmentation_is_slimmed_and_trained_on(augmented, digits, images):
    start = keras.Input((8, 8, 1))
    rows = start
    for layer in augmented.layers[:-1]:
        rows = layer(rows)
    model = keras.Model(start, keras.layers.Dense(10, "softmax")(keras.layers.Dense(8, "relu")(rows)))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    result = compress.slim(model, 0.25, images[0] * 16, digits.y, epochs=1, batch_size=256)
    assert [tuple(own.shape)[-1] for own in kernels(result.model)] == [12, 6, 10]
    assert result.stages[1][0].text() == "slimmed by 25% of the units"
    assert "Scores are on the training data; validation data gives honest ones." in repr(result)
    assert result.before.params > result.after.params


def residual():
    start = keras.Input((8,))
    wide = keras.layers.Dense(8)(start)
    both = keras.layers.Add(name="join")([wide, keras.layers.Dense(8)(wide)])
    return keras.Model(start, keras.layers.Dense(2)(both))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (residual, "join: Add joins 2 branches"),
        (
            lambda: keras.Sequential(
                [keras.Input((4, 4)), keras.layers.LSTM(4, name="memory"), keras.layers.Dense(4), keras.layers.Dense(2)]
            ),
            "memory: slim doesn't know how LSTM uses the units before it",
        ),
        (
            lambda: keras.Sequential(
                [
                    keras.Input((4,)),
                    keras.layers.Dense(4),
                    keras.layers.Reshape((2, 2), name="fold"),
                    keras.layers.Dense(2),
                ]
            ),
            "fold: slim doesn't know how Reshape",
        ),
        (lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]), "expected at least two Dense or Conv"),
    ],
)
def test_what_is_no_chain_is_refused_by_the_layers_name(model, message):
    with pytest.raises(ExportError, match=message):
        compress.slim(model(), 0.5)


# -- training with rounding --------------------------------------------------------------------------


def test_folding_does_not_change_the_answers(chain, images):
    from tunemagic.export.compress.folding import fold_norms

    folded, names = fold_norms(chain)
    assert names == [chain.layers[1].name]
    assert folded.count_params() < chain.count_params()
    np.testing.assert_allclose(folded(images[1]), chain(images[1]), atol=1e-5)


def test_training_with_rounding_keeps_the_score_and_rounds_everything(rounded, images, digits):
    assert rounded.after.score > rounded.before.score - 0.02
    model = rounded.model
    kinds = [type(layer).__name__ for layer in model.layers if type(layer).__name__ not in {"Dropout", "Flatten"}]
    assert kinds == [
        *("InputLayer", "FakeQuantize", "QuantizedConv2D", "ReLU", "FakeQuantize", "QuantizedConv2D", "FakeQuantize"),
        *("QuantizedBatchNormalization", "FakeQuantize", "MaxPooling2D", "QuantizedDense", "FakeQuantize"),
        *("QuantizedDense", "FakeQuantize", "Activation", "FakeQuantize"),
    ]
    plain = compress.plain_model(model)
    assert {type(layer).__module__.split(".")[0] for layer in plain.layers} == {"keras"}
    assert all(np.unique(own[..., 0]).size <= 255 for own in kernels(plain))
    np.testing.assert_allclose(plain(images[1]), model(images[1]), atol=0.1)
    assert compress.plain_model(plain) is plain


def test_a_model_that_rounds_becomes_int8_without_representative_data_and_float_without_rounding(
    rounded, images, digits, tmp_path
):
    from tunemagic.export import export_model

    results = export_model(
        rounded.model,
        [("tflite", "none"), ("tflite", "int8")],
        x_eval=images[1],
        y_eval=digits.y_held,
        directory=tmp_path,
        stem="small",
    )
    assert [(str(result.target), result.mode, result.verified) for result in results] == [
        ("tflite", "none", True),
        ("tflite", "int8", True),
    ]
    plain, whole = results
    assert whole.samples == len(images[1])  # nothing was set aside to calibrate on
    assert whole.score_after == pytest.approx(rounded.after.score, abs=0.01)
    assert {"CONV_2D", "FULLY_CONNECTED", "MUL", "ADD"} <= set(whole.operations)
    assert whole.operations.count("DEQUANTIZE") == 1
    assert "DEQUANTIZE" not in plain.operations
    assert whole.bytes < plain.bytes / 1.5
    variants = _in_order([("tflite", "int8"), ("tflite", "dynamic"), ("c", "int8"), ("c", "none")])
    parts = [(rounds(part), [str(one) for one in own]) for part, own in _parts(rounded.model, variants)]
    assert parts == [(True, ["tflite int8", "c int8"]), (False, ["tflite dynamic", "c none"])]


def test_layers_of_a_model_that_rounds_are_weighed_against_what_the_float_file_is_made_of(rounded, monkeypatch):
    def seen(model, *_):
        raise ExportError(f"rounds: {rounds(model)}")

    monkeypatch.setattr("tunemagic.export.sensitivity.prepare", seen)
    with pytest.raises(ExportError, match=r"^rounds: False$"):
        sensitivity(rounded.model, None)


def test_a_model_that_rounds_comes_back_from_its_file_as_it_was(rounded, images, tmp_path):
    rounded.model.save(tmp_path / "small.keras")
    again = tunemagic.load(tmp_path / "small.keras")
    np.testing.assert_array_equal(keras_outputs(again, images[1]), keras_outputs(rounded.model, images[1]))


def test_zeros_and_clusters_of_a_compressed_model_outlive_training_with_rounding(dense, digits):
    steps = compress.Steps(prune=0.5, cluster=8, qat=True)
    result = compress.compress(dense, steps, digits.x, digits.y, **FIT)
    assert [said.text() for said, _ in result.stages] == [
        "before",
        "pruned to 50% zeros in each layer",
        "clustered to 8 values in each kernel",
        "trained with the rounding of int8",
    ]
    assert [zero_share(own) for own in kernels(result.model)] == [0.5, 0.5]
    assert max(np.unique(own).size for own in kernels(result.model)) <= 8


def test_clusters_outlive_folding_and_training_with_rounding(images, digits):
    norm = keras.layers.BatchNormalization(gamma_initializer=keras.initializers.RandomUniform(0.5, 2.0, seed=1))
    layers = [keras.layers.Conv2D(8, 3), norm, keras.layers.ReLU(), keras.layers.Flatten(), keras.layers.Dense(10)]
    model = keras.Sequential([keras.Input((8, 8, 1)), *layers])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    steps = compress.Steps(cluster=4, qat=True)
    result = compress.compress(model, steps, images[0][:64], digits.y[:64], epochs=1)
    assert [np.unique(own).size for own in kernels(result.model)] == [4, 4]
    filters = kernels(plain_model(result.model))[0].reshape(-1, 8).T  # int8 has a scale for each
    assert max(np.unique(own).size for own in filters) <= 4
    assert [said.values["names"] for said in result.remarks if said.key == "compress.folded"] == [norm.name]


@pytest.mark.parametrize("rate", [None, 1e-3])
def test_a_schedule_over_the_whole_training_is_fine_tuned_with_and_without_a_rate(digits, rate):
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax")])
    model.compile(keras.optimizers.Adam(models.schedule("cosine", 1e-2)), "sparse_categorical_crossentropy")
    result = compress.prune(model, 0.5, digits.x, digits.y, learning_rate=rate, **FIT)
    assert zero_share(kernels(result.model)[0]) == 0.5
    assert isinstance(result.model.optimizer._learning_rate, keras.optimizers.schedules.LearningRateSchedule) == (
        rate is None
    )


def test_classes_and_samples_count_in_fine_tuning_as_they_are_told_to(dense, digits):
    for weights in ({"class_weight": dict.fromkeys(range(10), 0.0)}, {"sample_weight": np.zeros(len(digits.x))}):
        result = compress.clip(dense, 100.0, x=digits.x, y=digits.y, **weights, **FIT)
        assert all(map(np.array_equal, result.model.get_weights(), dense.get_weights()))


def test_a_kernel_that_its_initializer_filled_with_zeros_learns_while_others_keep_theirs(digits):
    layers = [keras.layers.Dense(16, "relu"), keras.layers.Dense(10, "softmax", kernel_initializer="zeros")]
    model = keras.Sequential([keras.Input((64,)), *layers])
    model.compile("adam", "sparse_categorical_crossentropy")
    masked = model.layers[0].get_weights()[0] * (np.arange(16) % 2)
    for callback in (KeepPattern(), Clipping(1.0)):
        model.set_weights([masked, np.zeros(16), np.zeros((16, 10)), np.zeros(10)])
        model.fit(digits.x, digits.y, epochs=1, verbose=0, callbacks=[callback])
        first, last = kernels(model)
        assert (first[:, ::2] == 0).all()
        assert last.any()


def test_what_can_not_be_rounded_is_refused_by_the_layers_name(digits):
    model = keras.Sequential([keras.Input((8, 8)), keras.layers.GRU(4, name="memory"), keras.layers.Dense(10)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(ExportError, match="memory: quantize_aware doesn't know how GRU computes in 8 bits"):
        compress.quantize_aware(model, digits.x.reshape(-1, 8, 8), digits.y)


def test_half_precision_is_not_rounded_and_pruned_as_any(digits):
    layers = [keras.Input((64,)), keras.layers.Dense(8, dtype="mixed_float16"), keras.layers.Dense(10)]
    model = keras.Sequential(layers)
    with pytest.raises(ExportError, match="quantize_aware rounds float32; received half precision"):
        compress.with_rounding(model)
    assert [zero_share(own) for own in kernels(compress.prune(model, 0.5).model)] == [0.5, 0.5]


# -- bad input ---------------------------------------------------------------------------------------


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.only = keras.layers.Dense(2)

    def call(self, x):
        return self.only(x)


def called():
    model = Own()
    model(np.zeros((1, 4)))
    return model


def test_a_share_of_less_than_a_unit_and_a_collapse_of_the_score_are_told(dense, digits):
    none = compress.compress(dense, compress.Steps(slim=0.001))
    assert none.told[0].key == "compress.no_units"
    assert none.after.params == none.before.params
    fallen = compress.clip(dense, 1e-6, digits.x, digits.y, epochs=0)
    points = 100 * (fallen.before.score - fallen.after.score)
    assert points > 5
    assert fallen.told[0].text() == (
        f"accuracy has fallen by {points:.3g} points. Train on for longer (more epochs), or compress less."
    )
    assert fallen.told[0].text() in repr(fallen)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda model, x, y: compress.prune(3), ExportError, "expected a Keras model; received int"),
        (lambda model, x, y: compress.prune(keras.Sequential([keras.layers.Dense(2)])), ExportError, "no weights yet"),
        (lambda model, x, y: compress.prune(called()), ExportError, "Own is a subclassed model"),
        (lambda model, x, y: compress.prune(residual(), 0.5, x[:, :8], y), ExportError, "is not compiled"),
        (
            lambda model, x, y: compress.prune(keras.Sequential([keras.Input((4,)), keras.layers.ReLU()])),
            ExportError,
            "there are no kernels to compress",
        ),
        (lambda model, x, y: compress.prune(model, 80), OptionError, "received 80. Did you mean 0.8?"),
        (lambda model, x, y: compress.slim(model, 2), OptionError, r"share from 0 to below 1; received 2\.$"),
        (lambda model, x, y: compress.prune(model, 0.5, scope="all"), OptionError, "scope: expected layer or global"),
        (lambda model, x, y: compress.prune(model, 0.5, x, y, epoch=3), OptionError, "Did you mean epochs?"),
        (lambda model, x, y: compress.prune(model, 0.5, x, y, epochs=-1), OptionError, "epochs: expected"),
        (lambda model, x, y: compress.prune(model, 0.5, x, y, learning_rate=0), OptionError, "learning_rate"),
        (lambda model, x, y: compress.cluster(model, 1), OptionError, "clusters: expected a whole number from 2"),
        (
            lambda model, x, y: compress.cluster(model, 4, x, y, sample_weight=[1.0, 2.0]),
            ExportError,
            r"sample_weight: expected \d+ finite numbers, one for each sample of x; received float64 of shape \(2,\)",
        ),
        (lambda model, x, y: compress.clip(model), OptionError, "expected one of limit .* and percentile"),
        (lambda model, x, y: compress.clip(model, percentile=0), OptionError, "percentile: expected"),
        (lambda model, x, y: compress.slim(model, 1.0), OptionError, "share: expected a share from 0 to below 1"),
        (lambda model, x, y: compress.slim(model, 0.5, by="size"), OptionError, "by: expected l1, l2, gamma"),
        (lambda model, x, y: compress.Pruning(0.5, begin=0.5, end=0.5), OptionError, "expected begin below end"),
        (lambda model, x, y: compress.prune(model, 0.5, x[:9], y[:8]), ExportError, "y: expected 9 targets"),
        (lambda model, x, y: compress.prune(model, 0.5, x[:, :9], y), ExportError, "x: expected shape"),
        (lambda model, x, y: compress.prune(model, 0.5, x * np.nan, y), ExportError, "x: expected finite numbers"),
        (
            lambda model, x, y: compress.prune(model, 0.5, x, np.where(y < 1, np.inf, y)),
            ExportError,
            "y: expected finite numbers",
        ),
        (lambda model, x, y: compress.prune(model, 0.5, x, y + 5), ExportError, "y: the model has 10 classes"),
        (lambda model, x, y: compress.prune(model, 0.5, x), ExportError, "y: expected targets of x; received none"),
        (lambda model, x, y: compress.prune(model, 0.5, validation=(x, y)), ExportError, "without x"),
        (lambda model, x, y: compress.quantize_aware(model, None, None), ExportError, "expected x and y to train on"),
        (lambda model, x, y: compress.compress(model, compress.Steps()), OptionError, "expected at least one of slim"),
    ],
)
def test_faults_are_told_in_one_line(dense, digits, call, error, message):
    with pytest.raises(error, match=message) as caught:
        call(dense, digits.x, digits.y.astype(float))
    assert "\n" not in str(caught.value)


def test_a_layer_of_the_notebooks_own_constraint_is_saved_and_loaded(tmp_path):
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(2, kernel_constraint=compress.ClipWeights(0.01), name="narrow")]
    )
    model.compile("sgd", "mse")
    model.fit(np.ones((8, 4)), np.ones((8, 2)), verbose=0)
    assert np.abs(model.layers[0].get_weights()[0]).max() <= np.float32(0.01)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.layers[0].kernel_constraint.limit == 0.01
