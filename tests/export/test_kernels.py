"""Who computes a file's operations, and files that XNNPACK refuses."""

import dataclasses

import keras
import numpy as np
import pytest

from tunemagic.durable import sha256_of
from tunemagic.errors import ExportError
from tunemagic.export.handover import _write_graph
from tunemagic.export.kernels import Kernels, kernel_remarks, kernels_of
from tunemagic.export.lite import LiteFile
from tunemagic.export.runtime import OpenFile, outputs_of


def content_of(files, mode):
    return next(result.path for result in files[1] if result.mode == mode).read_bytes()


def test_operations_are_told_apart_by_who_computes_them(dense_files):
    assert kernels_of(content_of(dense_files, "none"), (64,)) == Kernels(
        taken={"FULLY_CONNECTED": 2, "SOFTMAX": 1}, left={}
    )
    slow = kernels_of(content_of(dense_files, "int16x8"), (64,))
    assert (slow.taken, slow.left["FULLY_CONNECTED"]) == ({}, 2)
    assert repr(slow).startswith("XNNPACK takes nothing; leaves 2 FULLY_CONNECTED")


def test_only_what_matters_is_remarked(dense_files, digits):
    remarks = {result.mode: kernel_remarks(result.path.read_bytes(), digits.x_held) for result in dense_files[1]}
    assert remarks.pop("int16x8") == ["XNNPACK leaves 2 FULLY_CONNECTED to the slower built-in kernels"]
    assert set(map(tuple, remarks.values())) == {()}
    assert dense_files[1][3].warnings[-1] == "XNNPACK leaves 2 FULLY_CONNECTED to the slower built-in kernels"


def test_a_file_that_xnnpack_refuses_runs_without_it_and_says_so(dense_files, tmp_path):
    import tensorflow as tf

    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(64, "relu"), keras.layers.Dense(10)])
    keep = np.random.default_rng(0).random((64, 64)) < 0.05
    model.set_weights([model.weights[0].numpy() * keep, *model.get_weights()[1:]])
    x = np.random.default_rng(1).random((20, 64)).astype(np.float32)
    _write_graph(model, tmp_path, x)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "graph"))
    converter.optimizations = [tf.lite.Optimize.DEFAULT, tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    content = bytes(converter.convert())
    with pytest.raises(RuntimeError):
        OpenFile(content, (64,))
    np.testing.assert_allclose(outputs_of(content, x), model.predict(x, verbose=0), atol=0.05)
    export = dataclasses.replace(dense_files[1][0].event(), path=str(tmp_path / "refused.tflite"))
    (tmp_path / "refused.tflite").write_bytes(content)
    opened = LiteFile(dataclasses.replace(export, sha256=sha256_of(content)), (64,))
    np.testing.assert_array_equal(opened.answer(x[0])[0], outputs_of(content, x[:1])[0])
    assert kernel_remarks(content, x) == ["XNNPACK refuses this file, so it runs on the slower built-in kernels"]


def test_a_file_that_does_not_run_at_all_has_no_remarks(dense_files, digits):
    assert kernel_remarks(b"no file at all", digits.x_held) == []
    with pytest.raises(ExportError, match="the file does not run in LiteRT"):
        kernels_of(b"no file at all", (64,))
