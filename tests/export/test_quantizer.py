"""Weights in 8 and 4 bits: which ones, how many bytes that saves, and what is left alone."""

import numpy as np
import pytest

from tunemagic.errors import ExportError
from tunemagic.export.contents import contents_of
from tunemagic.export.modes import check_quantizer, every_mode, left_out
from tunemagic.export.quantizer import _measured_samples, four_bits, mixed_bits, noise_of, store_weights, weights_of
from tunemagic.export.runtime import outputs_of
from tunemagic.request import QuantMode


@pytest.fixture(scope="module")
def plain(dense_files):
    return (dense_files[0] / "digits.tflite").read_bytes()


def test_weights_are_named_by_layer_and_counted(plain):
    assert [(weights.name.rpartition("/")[2], weights.count) for weights in weights_of(plain)] == [
        ("MatMul", 64 * 64),
        ("MatMul", 64 * 10),
    ]


def test_4_bits_take_half_of_8(plain):
    eight, four = contents_of(store_weights(plain, 8)), contents_of(four_bits(plain))
    assert eight.constants["int8"] == 64 * 64 + 64 * 10
    assert four.constants["int4"] == (64 * 64 + 64 * 10) // 2
    assert "int8" not in four.constants


def test_one_constant_can_be_stored_apart_from_all_others(plain):
    _, last = weights_of(plain)
    contents = contents_of(store_weights(plain, 8, {last: 4}))
    assert (contents.constants["int8"], contents.constants["int4"]) == (64 * 64, 64 * 10 // 2)
    only = contents_of(store_weights(plain, None, {last: 4}))
    assert (only.constants.get("int8"), only.constants["int4"]) == (None, 64 * 10 // 2)


def test_a_mixture_stays_close_to_the_float_file_and_says_what_has_4_bits(plain, digits):
    mixture = mixed_bits(plain, digits.x)
    expected, received = outputs_of(plain, digits.x_held), outputs_of(mixture.content, digits.x_held)
    assert noise_of(expected, received) < 0.01
    assert len(mixture.content) < len(store_weights(plain, 8))
    assert mixture.remark().startswith(f"4 bits for {mixture.four[0].name}")


def test_a_mixture_for_which_4_bits_are_too_few_keeps_8(plain, digits):
    random = np.random.default_rng(0).normal(0, 50, digits.x[:40].shape).astype(np.float32)
    mixture = mixed_bits(plain, random)
    assert set(mixture.four) <= set(weights_of(plain))
    assert len(mixture.four) + len(mixture.eight) == 2


@pytest.mark.parametrize(("most", "samples"), [(1e9, 100), (20 * (64 * 64 + 64 * 10), 20), (0, 16)])
def test_how_many_samples_are_measured_follows_from_the_products_in_the_file(plain, monkeypatch, most, samples):
    monkeypatch.setattr("tunemagic.export.quantizer._MOST_PRODUCTS", most)
    assert _measured_samples(plain, (200, 64)) == samples


def test_without_the_package_two_modes_are_left_out_and_the_line_to_install_it_is_named(monkeypatch):
    assert (every_mode(), left_out()) == (tuple(QuantMode), "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert every_mode() == (QuantMode.NONE, QuantMode.DYNAMIC, QuantMode.FLOAT16, QuantMode.INT8, QuantMode.INT16X8)
    assert left_out().startswith("int4 and mixed are left out: ")
    with pytest.raises(ExportError, match=r'^int4: .* Run: %pip install "tunemagic\[quant\]"$'):
        check_quantizer([QuantMode.NONE, QuantMode.INT4])
    check_quantizer([QuantMode.NONE, QuantMode.INT8])


def test_what_is_no_file_is_refused():
    with pytest.raises(ExportError, match="expected a TF Lite file; received 14 bytes"):
        weights_of(b"no file at all")
