"""Data is found by name, checked, described, split the same way each time, and never written to."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunemagic.errors import DataError
from tunemagic.request import TuneRequest, ValKind, ValSplit
from tunemagic.search.data import TrainingData, data_from_arrays, resolve_data, with_rebound

LAST = ValSplit(kind=ValKind.LAST, fraction=0.25)
NAMED = ValSplit(kind=ValKind.NAMES, names=("xv", "yv"))


def fraction(share: float) -> ValSplit:
    return ValSplit(kind=ValKind.FRACTION, fraction=share)


def rows(count: int, columns: int = 3) -> Any:
    """A table whose first column is the row's number."""
    return np.arange(count * columns, dtype="float32").reshape(count, columns) / columns


def resolve(namespace: dict[str, Any], *, seed: int = 0, **options: Any) -> TrainingData:
    return resolve_data(TuneRequest(**options), namespace, seed=seed)


def fault(namespace: dict[str, Any], **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        resolve(namespace, **options)
    return str(caught.value)


def numbers(part: Any) -> list[int]:
    return [int(value) for value in part[:, 0]]


# -- splits ------------------------------------------------------------------------------------------


def test_a_fifth_is_held_back_with_the_same_share_of_each_class() -> None:
    y = np.repeat([0, 1, 2], [50, 30, 20])
    data = resolve({"x_train": rows(100), "y_train": y})
    assert [list(np.bincount(part)) for part in (data.y, data.val_y)] == [[40, 24, 16], [10, 6, 4]]
    assert sorted(numbers(data.x) + numbers(data.val_x)) == list(range(100))
    assert data.description == (
        "x_train (100, 3) float32, y_train (100,) int64; validation: 20 samples, shuffled and stratified"
    )
    assert data.warnings == ()


def test_targets_stay_with_their_samples() -> None:
    data = resolve({"x_train": rows(60), "y_train": np.arange(60) % 4})
    assert [number % 4 for number in numbers(data.x)] == list(data.y)
    assert [number % 4 for number in numbers(data.val_x)] == list(data.val_y)


@given(st.integers(0, 2**31), st.integers(5, 60), st.floats(0.2, 0.8))
def test_the_same_seed_gives_the_same_split_and_no_row_is_lost(seed: int, count: int, share: float) -> None:
    namespace = {"x_train": rows(count), "y_train": np.linspace(0, 1, count)}
    first, second = (resolve(namespace, seed=seed, val=fraction(share)) for _ in range(2))
    assert numbers(first.val_x) == numbers(second.val_x)
    assert sorted(numbers(first.x) + numbers(first.val_x)) == list(range(count))
    assert len(first.val_x) == round(count * share)


def test_another_seed_gives_another_split() -> None:
    namespace = {"x_train": rows(100), "y_train": np.arange(100) % 2}
    assert numbers(resolve(namespace, seed=1).val_x) != numbers(resolve(namespace, seed=2).val_x)


@pytest.mark.parametrize(
    ("y", "stratified"),
    [
        (np.arange(40) % 4, True),
        (np.arange(40) % 4 == 0, True),
        ((np.arange(40) % 4).astype("float32"), True),
        ((np.arange(40) % 4).reshape(-1, 1), True),
        (np.eye(4)[np.arange(40) % 4], True),
        (np.array(["cat", "dog"] * 20), True),
        (np.arange(40) % 4 - 2, True),
        (np.arange(40), False),
        (np.linspace(0, 1, 40), False),
        (np.random.default_rng(0).normal(size=(40, 4)), False),
        (np.full(40, np.nan), False),
    ],
)
def test_targets_that_are_classes_are_stratified_and_others_are_not(y: Any, stratified: bool) -> None:
    data = resolve({"x_train": rows(40), "y_train": y})
    assert data.description.endswith("shuffled and stratified" if stratified else "shuffled")


@pytest.mark.parametrize("first", [0, 1])
def test_many_classes_that_are_numbered_are_stratified(first: int) -> None:
    y = np.arange(1000) % 100 + first
    y[y == 57] = 3  # a sample of the data may lack some of them
    assert resolve({"x_train": rows(1000), "y_train": y}).description.endswith("shuffled and stratified")


def test_a_class_too_rare_to_be_stratified_is_a_warning() -> None:
    data = resolve({"x_train": rows(20), "y_train": np.array([0] * 19 + [1])})
    assert data.warnings == (
        "the validation part is not stratified: the rarest class has 1 of 20 samples, 2 classes, 4 validation samples",
    )


@pytest.mark.parametrize("make", ["many", "counts", "delays"])
def test_whole_numbers_of_many_values_are_no_classes(make: str) -> None:
    random = np.random.default_rng(0)
    y = {
        "many": random.integers(0, 400, 1000),
        "counts": random.poisson(50, 1000),
        "delays": random.integers(-20, 40, 1000),
    }[make]
    data = resolve({"x_train": rows(1000), "y_train": y})
    assert data.description.endswith("validation: 200 samples, shuffled")
    assert data.warnings == ()


def test_any_seed_that_the_options_allow_can_be_used() -> None:
    namespace = {"x_train": rows(10), "y_train": np.arange(10) % 2}
    assert len(resolve(namespace, seed=2**40 + 1).val_x) == 2


def test_inputs_can_be_their_own_targets() -> None:
    data = resolve({"x": rows(6), "xv": rows(2)}, data=("x", "x"), val=ValSplit(kind=ValKind.NAMES, names=("xv", "xv")))
    assert [numbers(part) for part in (data.x, data.y)] == [[0, 1, 2, 3, 4, 5]] * 2
    assert [numbers(part) for part in (data.val_x, data.val_y)] == [[0, 1]] * 2


def test_the_last_part_of_a_series_is_not_shuffled() -> None:
    data = resolve({"x_train": rows(8), "y_train": np.arange(8)}, val=LAST)
    assert (numbers(data.x), numbers(data.val_x)) == ([0, 1, 2, 3, 4, 5], [6, 7])
    assert (list(data.y), list(data.val_y)) == ([0, 1, 2, 3, 4, 5], [6, 7])
    assert data.description == "x_train (8, 3) float32, y_train (8,) int64; validation: the last 2 samples"


def test_named_validation_data_is_taken_as_it_is() -> None:
    data = resolve({"x": rows(6), "y": np.arange(6), "xv": rows(2), "yv": np.arange(2)}, data=("x", "y"), val=NAMED)
    assert [len(part) for part in (data.x, data.y, data.val_x, data.val_y)] == [6, 6, 2, 2]
    assert (data.names, data.val_names) == (("x", "y"), ("xv", "yv"))
    assert data.description == "x (6, 3) float32, y (6,) int64; validation xv, yv (2 samples)"


def test_inputs_without_targets_are_fine() -> None:
    data = resolve({"x_train": rows(10)})
    assert (data.y, data.val_y, len(data.x), len(data.val_x)) == (None, None, 8, 2)


def test_a_dataset_comes_with_a_dataset_for_validation() -> None:
    import tensorflow as tf

    train = tf.data.Dataset.from_tensor_slices((rows(8), np.arange(8))).batch(4)
    held = train.take(1)
    data = resolve({"train": train, "held": held}, data=("train",), val=ValSplit(kind=ValKind.NAMES, names=("held",)))
    assert (data.x, data.y, data.val_x, data.val_y) == (train, None, held, None)
    assert data.description == "dataset train, validation dataset held"
    namespace = {"train": train, "held": held, "x": rows(3)}
    assert fault(namespace, data=("train",)) == (
        "--val: train is a dataset and can't be split; expected --val with the name of another dataset."
    )
    assert fault(namespace, data=("train",), val=ValSplit(kind=ValKind.NAMES, names=("x",))) == (
        "--val: expected a dataset beside train; received ndarray."
    )
    assert fault(namespace, data=("train", "x")) == (
        "--data: train is a dataset, which holds inputs and targets; expected no second name."
    )


def test_tables_lists_and_tensors_become_arrays() -> None:
    import pandas as pd
    import tensorflow as tf

    table = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [0.0, 0.0, 1.0, 1.0]})
    for x in (table, table.to_numpy().tolist(), tf.constant(table.to_numpy())):
        data = resolve({"x_train": x, "y_train": pd.Series(["no", "no", "yes", "yes"])}, val=fraction(0.5))
        assert sorted(numbers(data.x) + numbers(data.val_x)) == [1, 2, 3, 4]
        assert sorted(data.y) == ["no", "yes"]


# -- safety ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("val", [None, LAST, NAMED])
def test_trials_can_not_write_to_the_data_and_the_notebook_can(val: ValSplit | None) -> None:
    namespace = {"x_train": rows(8), "y_train": np.arange(8), "xv": rows(2), "yv": np.arange(2)}
    data = resolve(namespace, val=val)
    for part in (data.x, data.y, data.val_x, data.val_y):
        with pytest.raises(ValueError, match="read-only"):
            part[0] = 1
    assert all(array.flags.writeable for array in namespace.values())


# -- rebinding ---------------------------------------------------------------------------------------


def test_data_of_another_sort_assigned_anew_is_refused() -> None:
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices((rows(8), np.arange(8))).batch(4)
    arrays = resolve({"x_train": rows(8), "y_train": np.arange(8), "xv": rows(2), "yv": np.arange(2)}, val=NAMED)
    for name in ("x_train", "xv"):
        with pytest.raises(DataError) as caught:
            with_rebound(arrays, {name: dataset})
        assert str(caught.value) == (f"the cell assigns {name} as a dataset; expected an array as in --data and --val.")
    held = ValSplit(kind=ValKind.NAMES, names=("held",))
    datasets = resolve({"train": dataset, "held": dataset}, data=("train",), val=held)
    assert with_rebound(datasets, {"train": dataset.take(1)}).x is not dataset
    for name in ("train", "held"):
        with pytest.raises(DataError) as caught:
            with_rebound(datasets, {name: rows(8)})
        assert str(caught.value) == (f"the cell assigns {name} as an array; expected a dataset as in --data and --val.")


@pytest.mark.parametrize("val", [fraction(0.25), LAST])
def test_data_assigned_anew_is_split_as_before(val: ValSplit) -> None:
    namespace = {"x_train": rows(40), "y_train": np.arange(40) % 2}
    data = resolve(namespace, val=val)
    changed = with_rebound(data, {"x_train": namespace["x_train"] + 100})
    assert numbers(changed.x) == [number + 100 for number in numbers(data.x)]
    assert numbers(changed.val_x) == [number + 100 for number in numbers(data.val_x)]
    assert changed.y is data.y
    assert not changed.x.flags.writeable


def test_named_validation_data_assigned_anew_is_taken_as_it_is() -> None:
    namespace = {"x_train": rows(6), "y_train": np.arange(6), "xv": rows(2), "yv": np.arange(2)}
    data = resolve(namespace, val=NAMED)
    changed = with_rebound(data, {"x_train": rows(6) * 2, "xv": rows(2) * 2})
    assert numbers(changed.x) == [0, 2, 4, 6, 8, 10]
    assert numbers(changed.val_x) == [0, 2]
    assert (changed.y is data.y, changed.val_y is data.val_y) == (True, True)


def test_nothing_assigned_anew_changes_nothing() -> None:
    data = resolve({"x_train": rows(6), "y_train": np.arange(6)})
    assert with_rebound(data, {}) is data


def test_data_assigned_anew_with_another_length_cannot_be_split_as_before() -> None:
    namespace = {"x_train": rows(8), "y_train": np.arange(8)}
    with pytest.raises(DataError) as caught:
        with_rebound(resolve(namespace, val=LAST), {"x_train": rows(5)})
    assert str(caught.value) == "the cell assigns x_train with 5 samples; expected 8 as before."


def test_a_cell_may_add_samples_when_the_validation_data_is_apart() -> None:
    namespace = {"x_train": rows(8), "y_train": np.arange(8), "xv": rows(2), "yv": np.arange(2)}
    data = resolve(namespace, val=NAMED)
    changed = with_rebound(data, {"x_train": rows(10), "y_train": np.arange(10)})
    assert (len(changed.x), len(changed.y), len(changed.val_x)) == (10, 10, 2)
    with pytest.raises(DataError) as caught:
        with_rebound(data, {"x_train": rows(10)})
    assert str(caught.value) == (
        "numbers of samples differ: x_train has 10, y_train has 8; expected one target for each sample."
    )


def test_one_value_per_sample_follows_the_split() -> None:
    data = resolve({"x_train": rows(20), "y_train": np.arange(20) % 2})
    assert list(data.training_rows(np.arange(20), "sample_weight")) == numbers(data.x)
    assert list(data.training_rows(list(range(16)), "sample_weight")) == list(range(16))
    with pytest.raises(DataError) as caught:
        data.training_rows([1.0] * 7, "sample_weight")
    assert str(caught.value) == "sample_weight has 7 values; expected 20, one for each sample of x_train."


def test_without_a_split_there_is_one_value_for_each_training_sample() -> None:
    data = resolve({"x_train": rows(4), "y_train": np.arange(4), "xv": rows(2), "yv": np.arange(2)}, val=NAMED)
    assert list(data.training_rows([1, 2, 3, 4], "sample_weight")) == [1, 2, 3, 4]
    with pytest.raises(DataError, match="sample_weight has 3 values; expected 4, one for each sample of x_train"):
        data.training_rows([1, 2, 3], "sample_weight")


# -- faults ------------------------------------------------------------------------------------------

HERE = "Arrays here: x_train (8, 3), labels (8,)."
ONE = (
    "expected one array or table. Several inputs, and data that is read piece by piece, come as a tf.data.Dataset "
    "(tf.data.Dataset.from_tensor_slices, from_generator)."
)
KIND = "expected an array, a table or a dataset with samples along the first axis."
OBJECTS = "expected numbers or texts. Encode text columns and missing values as numbers first."
SHORT = "numbers of samples differ: x_train has 8, short has 3; expected one target for each sample."
LEAVES = "expected at least one of each."
PAIR = ("x_train", "labels")


@pytest.mark.parametrize(
    ("names", "val", "message"),
    [
        (
            ("x_trian", "labels"),
            None,
            f"--data: there is no variable 'x_trian' in the notebook. Did you mean x_train? {HERE}",
        ),
        (("x_train", "qqq"), None, f"--data: there is no variable 'qqq' in the notebook. {HERE}"),
        (("x_train", "labels", "n"), None, "--data: expected one or two names; received 3: x_train, labels, n."),
        (("n", "labels"), None, f"n is a int; {KIND}"),
        (("table", "labels"), None, f"table is a dict; {ONE}"),
        (("ragged", "labels"), None, "ragged: its rows differ in length; expected an array of one shape."),
        (("empty", "labels"), None, "empty is empty (shape (0, 3)); expected at least one sample."),
        (("mixed", "labels"), None, f"mixed holds Python objects (dtype object); {OBJECTS}"),
        (("x_train", "short"), None, SHORT),
        (PAIR, NAMED, f"--val: there is no variable 'xv' in the notebook. {HERE}"),
        (("x_train",), NAMED, "--val: expected 1 name(s) as in --data; received xv, yv."),
        (PAIR, ValSplit(kind=ValKind.NAMES, names=("x_train", "short")), SHORT),
        (PAIR, fraction(0.01), f"--val 0.01: leaves 8 training and 0 validation samples of 8; {LEAVES}"),
        (PAIR, fraction(0.99), f"--val 0.99: leaves 0 training and 8 validation samples of 8; {LEAVES}"),
    ],
)
def test_each_fault_of_the_data_is_said_in_one_line(names: tuple[str, ...], val: ValSplit | None, message: str) -> None:
    namespace: dict[str, Any] = {"x_train": rows(8), "labels": np.arange(8), "n": 3, "_hidden": rows(2)}
    others: dict[str, Any] = {
        "table": {"a": [1]},
        "ragged": [[1, 2], [3]],
        "empty": rows(0),
        "mixed": [[1, None]] * 8,
        "short": [1, 2, 3],
    }
    used = (*names, *(() if val is None else val.names))
    namespace |= {name: value for name, value in others.items() if name in used}
    assert fault(namespace, data=names, val=val) == message


def table(**columns: Any) -> Any:
    import pandas as pd

    return pd.DataFrame(columns)


def test_numbers_and_truth_values_in_one_table_become_floats() -> None:
    import pandas as pd

    x = table(age=[1, 2, 3, 4], smokes=[True, False] * 2, size=pd.array([5, None, 7, 8], dtype="Int64"))
    data = resolve({"x_train": x, "y_train": [0, 1, 0, 1]}, val=LAST)
    np.testing.assert_array_equal(data.x, [[1.0, 1.0, 5.0], [2.0, 0.0, np.nan], [3.0, 1.0, 7.0]])
    assert data.x.dtype == "float64"
    assert data.warnings == ("x_train has 1 NaN values in 1 of 4 rows, the first at row 1, column 2 (columns size)",)


def test_columns_with_values_that_are_not_finite_are_named() -> None:
    x = table(a=[1.0, np.nan], b=[1.0, 2.0], c=[np.nan, 1.0], d=[np.inf, 1.0], e=[1.0, np.nan])
    (warning,) = resolve({"x_train": x}, val=fraction(0.5)).warnings
    assert warning == (
        "x_train has 4 NaN or infinite values in 2 of 2 rows, the first at row 0, column 2 (columns a, c, d and 1 more)"
    )


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            lambda: table(age=[1.0] * 8, city=["a"] * 8, born=np.array(["2020-01-01"] * 8, "datetime64[s]")),
            "x_train has columns that are not numbers: city, born. Leave them out, or encode all parts by what the "
            "training table holds: from tunemagic import prep; prepared = prep.recipe().fit(x_train); "
            "x_train = prepared.encode(x_train).",
        ),
        (
            lambda: np.array(["2020-01-01"] * 8, "datetime64[D]"),
            "x_train holds values of type datetime64[D]; expected numbers or texts. Encode them as numbers.",
        ),
        (
            lambda: np.zeros(8, [("a", "<i8")]),
            "x_train holds values of type [('a', '<i8')]; expected numbers or texts. Encode them as numbers.",
        ),
        (
            lambda: np.ma.masked_array(rows(8), rows(8) > 5),
            "x_train is a masked array; expected a plain one. Fill the gaps: x_train = x_train.filled(0).",
        ),
        (
            lambda: __import__("scipy.sparse").sparse.csr_matrix(rows(8)),
            "x_train is a csr_matrix; expected an array, a table or a dataset with samples along the first axis. "
            "Use x_train.toarray().",
        ),
    ],
)
def test_inputs_that_fit_can_not_take_are_refused(x: Callable[[], Any], message: str) -> None:
    assert fault({"x_train": x(), "y_train": np.arange(8)}) == message


def test_no_data_at_all_says_what_is_expected_and_what_there_is() -> None:
    expected = "no data named: expected variables x_train and y_train, or --data x,y."
    assert fault({}) == f"{expected} There are no arrays in the notebook yet."
    assert fault({"features": rows(4), "np": np}) == f"{expected} Arrays here: features (4, 3)."


def spoil(array: Any, *places: tuple[int, ...], value: float = np.nan) -> Any:
    for place in places:
        array[place] = value
    return array


@pytest.mark.parametrize(
    ("x", "y", "warning"),
    [
        (
            spoil(rows(8), (2, 1), (2, 2), (5, 0)),
            np.zeros(8),
            "x_train has 3 NaN values in 2 of 8 rows, the first at row 2, column 1",
        ),
        (
            spoil(rows(8), (2, 1), value=np.inf),
            np.zeros(8),
            "x_train has 1 NaN or infinite values in 1 of 8 rows, the first at row 2, column 1",
        ),
        (
            spoil(np.ones((8, 2, 2)), (3, 1, 0)),
            np.zeros(8),
            "x_train has 1 NaN values in 1 of 8 rows, the first at row 3, column 1, 0",
        ),
        (rows(8), spoil(np.zeros(8), (7,)), "y_train has 1 NaN values in 1 of 8 rows, the first at row 7"),
    ],
)
def test_values_that_are_not_finite_are_counted_and_located_as_a_warning(x: Any, y: Any, warning: str) -> None:
    assert resolve({"x_train": x, "y_train": y}).warnings == (warning,)


# -- telling two data sets apart ---------------------------------------------------------------------

CHANGES: list[Callable[[dict[str, Any]], Any]] = [
    lambda data: data["x_train"].__setitem__((3, 1), 99),
    lambda data: data["y_train"].__setitem__(3, 99),
    lambda data: data["xv"].__setitem__((1, 1), 99),
    lambda data: data.update(x_train=data["x_train"].astype("float64")),
    lambda data: data.update(x_train=data["x_train"].reshape(8, 3, 1)),
    lambda data: data.update(x_train=data["x_train"][::-1]),
]


@pytest.mark.parametrize("change", CHANGES)
def test_the_digest_changes_with_a_single_value_dtype_shape_or_order(change: Callable[[dict[str, Any]], Any]) -> None:
    namespace = {"x_train": rows(8), "y_train": np.arange(8), "xv": rows(2), "yv": np.arange(2)}
    before = resolve(namespace, val=NAMED).digest
    change(namespace)
    assert resolve(namespace, val=NAMED).digest != before


def test_the_digest_of_equal_data_is_equal_however_it_lies_in_memory() -> None:
    namespace = {"x_train": rows(8), "y_train": np.arange(8)}
    same = {"x_train": np.asfortranarray(rows(8)), "y_train": list(range(8))}
    assert resolve(namespace, seed=1).digest == resolve(same, seed=2).digest


def test_the_ends_of_a_very_large_array_count_too() -> None:
    digests = set()
    for place in (None, 0, -1):
        x = np.zeros((65 * 2**20, 1), dtype="uint8")
        if place is not None:
            x[place] = 1
        digests.add(resolve({"x_train": x}, val=LAST).digest)
    assert len(digests) == 3


# -- the Python API ----------------------------------------------------------------------------------


def test_arrays_can_be_given_without_names() -> None:
    x, y = rows(10), np.arange(10) % 2
    split = data_from_arrays(x, y, None, seed=0)
    assert (len(split.x), len(split.val_x), split.names) == (8, 2, ("x", "y"))
    given_parts = data_from_arrays(x, y, (x[:2], y[:2]), seed=0)
    assert (len(given_parts.x), len(given_parts.val_x), given_parts.val_names) == (10, 2, ("val_x", "val_y"))
    assert data_from_arrays(x, None, LAST, seed=0).y is None
