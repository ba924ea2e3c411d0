"""Bad data is refused in one line before anything is started."""

import numpy as np
import pytest

from tunemagic.errors import ExportError
from tunemagic.export.representative import check_inputs, check_targets, draw_samples

FINITE = "rep: expected finite numbers; received 1 {}, first in sample 2. Drop these samples or fill the gaps."
ROWS = np.arange(12, dtype="float64").reshape(4, 3)


def spoiled(value):
    rows = ROWS.copy()
    rows[2, 1] = value
    return rows


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.empty((0, 3)), "rep: expected at least one sample; received an empty array of shape (0, 3)."),
        (ROWS[:, :2], "rep: expected shape (samples, 3); received (4, 2)."),
        (ROWS[0], "rep: expected shape (samples, 3); received (3,). Add the sample axis: x[None]."),
        (spoiled(np.nan), FINITE.format("NaN")),
        (spoiled(-np.inf), FINITE.format("infinite values")),
        (spoiled(1e300), "rep: values up to 1e+300 don't fit into float32. Scale the data."),
        (np.array([["a", "b", "c"]]), "rep: expected numbers; received <U1. Encode text and objects as numbers first."),
        ([[1, 2, 3], [4]], "rep: expected an array of numbers; samples have different shapes."),
        ({"x": ROWS}, "rep: expected an array of numbers; received dict. Pass numpy arrays."),
        ((row for row in ROWS), "rep: expected an array of numbers; received generator. Pass numpy arrays."),
    ],
)  # fmt: skip
def test_unusable_data_is_named(x, message):
    with pytest.raises(ExportError) as caught:
        check_inputs("rep", x, (3,), "float32")
    assert str(caught.value) == message


def test_usable_data_comes_back_in_the_model_s_dtype():
    for given in (ROWS, ROWS.astype("int64"), ROWS.tolist()):
        checked = check_inputs("rep", given, (3,), "float32")
        assert checked.dtype == np.float32
        np.testing.assert_array_equal(checked, ROWS)
    assert check_inputs("rep", ROWS, (None,), "uint8").dtype == np.uint8


def test_numbers_that_an_integer_input_can_not_hold_are_refused():
    with pytest.raises(ExportError, match="the model reads uint8; received float64 with fractions"):
        check_inputs("rep", ROWS / 2, (3,), "uint8")
    with pytest.raises(ExportError, match=r"the model reads uint8; received values from 0.0 to 2200.0"):
        check_inputs("rep", ROWS * 200, (3,), "uint8")


def test_at_most_200_samples_are_drawn_the_same_for_the_same_seed():
    x = np.arange(1000)[:, None]
    drawn = draw_samples(x)
    assert drawn.shape == (200, 1)
    assert len(np.unique(drawn)) == 200
    np.testing.assert_array_equal(drawn, draw_samples(x))
    assert not np.array_equal(drawn, draw_samples(x, seed=1))
    np.testing.assert_array_equal(draw_samples(x[:20]), x[:20])


def test_targets_must_be_finite_and_one_for_each_sample():
    assert check_targets(None, 3) is None
    with pytest.raises(ExportError, match="expected 3 values, one for each sample of x_eval; received 2 values"):
        check_targets([1, 2], 3)
    with pytest.raises(ExportError, match="received 1 NaN or infinite ones"):
        check_targets([1.0, np.nan, 2.0], 3)
