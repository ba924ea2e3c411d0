"""Caffe networks, run by OpenCV on real digits."""

import keras
import numpy as np
import pytest

from tunemagic.errors import ExportError
from tunemagic.export import export_model
from tunemagic.export.infer import infer_model, keras_outputs
from tunemagic.export.source import Source
from tunemagic.export.targets import caffe_files
from tunemagic.export.targets.caffe.padding import same_edges, with_even_edges

Layers = keras.layers


def source_of(model, x):
    clone = infer_model(model)
    facts = {"params": model.count_params(), "loops": [], "prepares": False, "graph": None, "calibration": None}
    return Source(model=model, clone=clone, x=x, **facts)


def with_random_weights(model):
    """Weights of zero and one, as of a fresh BatchNormalization, would hide mistakes."""
    random = np.random.default_rng(0)
    for weight in model.weights:
        low = 0.3 if "variance" in weight.path else -0.5
        weight.assign(random.uniform(low, 1.0, weight.shape))
    return model


def images_of(digits, rows, columns, channels):
    """Sixteen digits of that size; the channels are shifted against each other."""
    x = np.pad(digits.x_held[:16].reshape(-1, 8, 8), ((0, 0), (0, 4), (0, 4)))
    return np.stack([x[:, shift : shift + rows, :columns] for shift in range(channels)], axis=-1)


def difference(layers, x, folder):
    """The largest difference between Keras and OpenCV, as a share of the span of the answers."""
    model = with_random_weights(keras.Sequential([keras.Input(x.shape[1:]), *layers]))
    caffe_files.write(source_of(model, x), "none", folder / "x-caffe")
    found, expected = caffe_files.run(folder / "x-caffe", x).outputs, keras_outputs(model, x)
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.ptp(expected))


def test_a_trained_convolution_with_augmentation_is_verified_in_opencv(augmented, digits, images, tmp_path):
    [plain] = export_model(
        augmented,
        [("caffe", "none")],
        x_eval=images[1] * 16,
        y_eval=digits.y_held,
        directory=tmp_path,
        stem="digits",
    )
    assert plain.verdict == "verified", plain.message
    assert plain.path == tmp_path / "digits-caffe"
    assert plain.runtime.startswith("opencv 4.")
    output = f"{augmented.layers[-1].name}_softmax"
    assert plain.warnings == (
        f"legacy format, verified in OpenCV 4, not in Caffe itself; input data, output {output}, images as (sample, "
        "channel, row, column)",
    )
    assert " ".join(plain.operations) == "BatchNorm Convolution Flatten InnerProduct Power ReLU Scale Softmax"


@pytest.mark.parametrize(
    ("sizes", "layers"),
    [
        ((6, 8, 3), [Layers.Conv2D(5, 3, activation="relu"), Layers.Flatten(), Layers.Dense(7, "softmax")]),
        ((8, 7, 2), [Layers.Conv2D(5, 1), Layers.MaxPooling2D(), Layers.Flatten(), Layers.Dense(7)]),
        ((8, 7, 2), [Layers.Conv2D(5, 1), Layers.AveragePooling2D(2), Layers.Flatten(), Layers.Dense(7)]),
        ((8, 9, 2), [Layers.Conv2D(5, 3, strides=2, padding="same"), Layers.LeakyReLU(), Layers.Flatten(),
                     Layers.Dropout(0.5), Layers.BatchNormalization(), Layers.Dense(3, "tanh")]),
        ((8, 9, 2), [Layers.MaxPooling2D(3, strides=2, padding="same"), Layers.Flatten(), Layers.Dense(3)]),
        ((8, 9, 4), [Layers.DepthwiseConv2D(3, depth_multiplier=2), Layers.GlobalAveragePooling2D(), Layers.Dense(3)]),
        ((8, 9, 4), [Layers.SeparableConv2D(6, 2, padding="same"), Layers.Conv2D(6, 3, groups=2), Layers.Softmax()]),
        ((7, 8, 2), [Layers.ZeroPadding2D(((1, 2), (0, 1))), Layers.Conv2D(3, 3, dilation_rate=1), Layers.ELU()]),
        ((7, 8, 2), [Layers.Rescaling([2.0, 0.5], [0.1, 0.2]), Layers.Dense(4, "sigmoid"), Layers.Rescaling(2.0)]),
    ],
)  # fmt: skip
def test_images_are_answered_as_by_keras(sizes, layers, digits, tmp_path):
    assert difference(layers, images_of(digits, *sizes), tmp_path) < 1e-5


def test_vectors_are_answered_as_by_keras(digits, tmp_path):
    layers = [
        Layers.Dense(12, use_bias=False),
        Layers.BatchNormalization(scale=False),
        Layers.ReLU(negative_slope=0.1),
        Layers.Reshape((3, 4, 1)),
        Layers.Conv2D(2, 2),
        Layers.Reshape((-1,)),
        Layers.Dense(5, "elu"),
        Layers.BatchNormalization(center=False),
        Layers.Softmax(),
    ]
    assert difference(layers, digits.x_held[:16], tmp_path) < 1e-5


@pytest.mark.parametrize(
    ("sizes", "layers", "reason"),
    [
        ((8, 8), [Layers.LSTM(4, name="steps"), Layers.Dense(3)], r"layer steps \(LSTM\) has no form in Caffe"),
        ((64,), [Layers.Dense(3, "gelu", name="last")], r"layer last \(Dense\) has the activation gelu"),
        ((64,), [Layers.ReLU(6.0, name="six")], r"layer six \(ReLU\) has max_value=6.0"),
        ((8, 8, 1), [Layers.AveragePooling2D(3, padding="same", name="mean")], r"layer mean .* counts zeros"),
        ((8, 8, 1), [Layers.MaxPooling2D(2, 1, padding="same", name="most")], r"layer most .* pads by 0 and 1 zeros"),
        ((8, 8, 1), [Layers.ZeroPadding2D(name="zeros")], r"layer zeros .* adds zeros that no convolution follows"),
        ((8, 8, 1), [Layers.Conv2D(2, 2, dilation_rate=3, padding="same", name="gaps")], r"layer gaps .* pads by 1"),
        ((8, 8, 1), [Layers.Conv2D(2, 2), Layers.Flatten()], "the answer is a flattened image"),
        ((64,), [Layers.Reshape((4, 8, 2), name="image")], r"layer image .* makes an image of 2 channels"),
        (
            (4, 4, 4),
            [Layers.Rescaling(np.arange(4.0)[:, None, None], name="rows"), Layers.Conv2D(2, 1)],
            r"layer rows .* scales by arrays of shape \(4, 1, 1\)",
        ),
    ],
)
def test_what_caffe_can_not_compute_is_refused_by_the_name_of_its_layer(sizes, layers, reason, digits, tmp_path):
    x = digits.x_held[:4].reshape(-1, *sizes)
    with pytest.raises(ExportError, match=reason):
        caffe_files.write(source_of(keras.Sequential([keras.Input(sizes), *layers]), x), "none", tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_branch_is_refused(digits, tmp_path):
    inputs = keras.Input((64,))
    joined = Layers.Add(name="sum")([inputs, Layers.Dense(64)(inputs)])
    with pytest.raises(ExportError, match=r"layer sum \(Add\) joins 2 branches"):
        caffe_files.write(source_of(keras.Model(inputs, joined), digits.x_held), "none", tmp_path / "x")


def test_a_model_of_the_notebooks_own_layers_is_refused_by_their_names(digits, tmp_path):
    source = source_of(keras.Sequential([keras.Input((64,)), Layers.Dense(2)]), digits.x_held)
    facts = {name: getattr(source, name) for name in ("x", "graph", "calibration", "loops", "params", "prepares")}
    with pytest.raises(ExportError, match="caffe: Mine has no form in Caffe"):
        caffe_files.write(Source(model=None, clone=None, parts=["Mine"], **facts), "none", tmp_path / "x")


def test_opencv_5_is_refused_with_the_line_to_install(monkeypatch, tmp_path, digits):
    import cv2

    monkeypatch.setattr(cv2, "__version__", "5.0.0")
    with pytest.raises(ExportError, match=r'received 5\.0\.0\. Run: %pip install "opencv-python-headless<5"'):
        caffe_files.run(tmp_path, digits.x_held)


def test_damaged_files_are_refused(tmp_path, digits):
    (tmp_path / "deploy.prototxt").write_text("layer { name: 'a' type: 'None' }")
    (tmp_path / "model.caffemodel").write_bytes(b"\xff" * 8)
    with pytest.raises(ExportError, match="the files do not run in OpenCV"):
        caffe_files.run(tmp_path, digits.x_held)


def test_same_padding_is_that_of_tensorflow_and_uneven_zeros_widen_the_kernel():
    assert same_edges(8, 3, 2) == (0, 1)
    assert same_edges(9, 3, 2) == (1, 1)
    assert same_edges(8, 2, 1) == (0, 1)
    assert same_edges(6, 1, 2) == (0, 0)
    kernel, pad = with_even_edges(np.ones((1, 1, 3, 3)), 2, (0, 1))
    assert pad == 1
    np.testing.assert_array_equal(kernel[0, 0], [[0, 0, 0], [1, 1, 1], [1, 1, 1], [1, 1, 1]])
