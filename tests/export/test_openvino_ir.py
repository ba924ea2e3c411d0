"""OpenVINO folders: same answers in float32, nothing is sent over the network."""

import json
import sys

import keras
import numpy as np
import pytest

from tunemagic.errors import ExportError
from tunemagic.export.targets import onnx_file, openvino_ir
from tunemagic.export.targets.openvino_ir import silent_openvino


def same(source, path):
    expected = np.asarray(source.clone(source.x, training=False))
    result = openvino_ir.run(path, source.x)
    np.testing.assert_allclose(result.outputs, expected, atol=1e-5)
    np.testing.assert_allclose(openvino_ir.run(path, source.x[:1]).outputs, expected[:1], atol=1e-5)
    return result


def test_a_folder_answers_as_the_model_does_and_says_what_it_computes_in(source_of, augmented, images, tmp_path):
    source = source_of(augmented, images[1] * 16, about={"study": "digits"})
    (remark,) = openvino_ir.write(source, "none", tmp_path / "m")
    assert 'INFERENCE_PRECISION_HINT="f32"' in remark
    assert sorted(file.name for file in (tmp_path / "m").iterdir()) == ["about.json", "model.bin", "model.xml"]
    assert json.loads((tmp_path / "m" / "about.json").read_text()) == {"study": "digits"}
    assert (tmp_path / "m" / "model.bin").stat().st_size > 4 * (source.params - 20)
    result = same(source, tmp_path / "m")
    assert result.runtime.startswith("openvino 20")
    assert "Convolution" in openvino_ir.operations(tmp_path / "m")


def test_gaps_are_filled_and_an_onnx_file_of_the_same_export_is_used(gaps, tmp_path):
    onnx_file.write(gaps, "none", tmp_path / "m.onnx")
    gaps.made["onnx none"] = tmp_path / "m.onnx"
    openvino_ir.write(gaps, "none", tmp_path / "m")
    assert np.isfinite(same(gaps, tmp_path / "m").outputs).all()


def test_the_package_is_imported_without_what_reports_its_use():
    openvino = silent_openvino()
    assert "openvino_telemetry" not in sys.modules
    assert silent_openvino() is openvino is sys.modules["openvino"]


def test_what_openvino_cant_read_is_refused_in_one_line(source_of, tmp_path):
    import tensorflow as tf

    determinant = keras.layers.Lambda(lambda x: tf.linalg.det(x)[:, None])
    source = source_of(keras.Sequential([keras.Input((2, 2)), determinant]), np.ones((9, 2, 2), "float32"))
    with pytest.raises(ExportError, match=r"^openvino: [^\n]*Det[^\n]*$"):
        openvino_ir.write(source, "none", tmp_path / "m")
    (tmp_path / "n").mkdir()
    (tmp_path / "n" / "model.xml").write_text("<net/>")
    with pytest.raises(ExportError, match=r"^openvino: n does not run in OpenVINO: [^\n]+$"):
        openvino_ir.run(tmp_path / "n", np.ones((2, 1), "float32"))
