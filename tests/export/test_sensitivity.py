"""What each layer costs in fewer bits, measured on real files."""

import pytest

from tunemagic.errors import ExportError
from tunemagic.export.quantizer import Weights
from tunemagic.export.sensitivity import LayerCost, Sensitivity, _groups, sensitivity


@pytest.fixture(scope="module")
def measured(dense, digits):
    return sensitivity(dense, digits.x_held[:200], digits.y_held[:200])


def test_each_layer_is_measured_alone_in_8_and_4_bits(dense, measured):
    names = [layer.name for layer in dense.layers]
    assert [(row.layer, row.params, row.bits) for row in measured.rows] == [
        (names[0], 64 * 64, 8),
        (names[0], 64 * 64, 4),
        (names[1], 64 * 10, 8),
        (names[1], 64 * 10, 4),
    ]
    assert (measured.samples, measured.score_name) == (200, "accuracy")
    for eight, four in (measured.rows[:2], measured.rows[2:]):
        assert 2 * eight.params < eight.bytes_saved < four.bytes_saved < 4 * four.params
        assert 0 < eight.output_change < four.output_change < 0.5
    for row in measured.rows:
        assert row.score_change == pytest.approx(row.score - measured.score)


def test_the_table_names_what_was_measured_and_escapes_names():
    row = LayerCost(
        layer="<b>", params=4096, bits=4, bytes_saved=14000, score=None, score_change=None, output_change=0.0213
    )
    shown = Sensitivity(model="digits", bytes=20000, samples=9, score_name=None, score=None, rows=(row,))
    assert repr(shown).splitlines() == [
        "digits: each layer alone in fewer bits, all others in float32 (20,000 bytes); 9 samples",
        "layer  weights  bits  bytes saved  score change  output change",
        "<b>      4,096     4       14,000                        2.13%",
    ]
    assert "<td>&lt;b&gt;</td><td>4,096</td>" in shown._repr_html_()


def test_paths_of_a_file_are_told_apart_by_number_and_order():
    paths = ["dense_1/MatMul", "dense_1_2/MatMul", "lstm_1/lstm_cell_1/MatMul", "lstm_1/lstm_cell_1/MatMul_1", "odd/x"]
    weights = [Weights(name=path, count=1, scopes=()) for path in paths]
    assert _groups(weights, ["dense", "dense_1", "lstm"]) == {"dense": [0], "dense_1": [1], "lstm": [2, 3], "odd": [4]}


def test_without_the_package_the_line_to_install_it_is_named(dense, digits, monkeypatch):
    monkeypatch.setattr("tunemagic.export.modes._has_quantizer", lambda: False)
    with pytest.raises(ExportError, match=r'Run: %pip install "tunemagic\[quant\]"'):
        sensitivity(dense, digits.x_held)
