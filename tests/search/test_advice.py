"""What a cell does that its author hardly means is said in one line each."""

from typing import Any

import pandas as pd
import pytest

from tunemagic import prep
from tunemagic.request import TuneRequest, ValKind, ValSplit
from tunemagic.search.advice import cell_notes
from tunemagic.search.cell import read_cell
from tunemagic.search.data import resolve_data

SEES_ALL = "sees all of x_train, also the samples that trials are judged by."
NAMED = ValSplit(kind=ValKind.NAMES, names=("x_val", "y_val"))


def notes_of(source: str, namespace: dict[str, Any], val: ValSplit | None = None) -> tuple[str, ...]:
    data = resolve_data(TuneRequest(val=val), namespace, seed=0)
    return cell_notes(read_cell(source, namespace, first_line=2, data_names=data.names), data)


@pytest.mark.parametrize(
    ("line", "note"),
    [
        (
            "model.fit(x_train, y_train, epochs=2)",
            f"line 2: model.fit {SEES_ALL} Leave it out: the search trains the model.",
        ),
        ("normalize.adapt(data=x_train)", f"line 2: normalize.adapt {SEES_ALL} Give --val data of its own."),
        (
            "validation_split = 0.3",
            "line 2: validation_split is not handed to fit; what is: batch_size, epochs, callbacks, class_weight, "
            "sample_weight.",
        ),
        (
            "old = keras.optimizers.Adam(0.1, decay=1e-4)",
            "line 2: keras.optimizers.Adam ignores decay= since Keras 3. Give it a schedule as learning_rate, such as "
            "keras.optimizers.schedules.InverseTimeDecay.",
        ),
    ],
)
def test_what_learns_from_held_out_samples_or_is_ignored_is_noted(
    line: str, note: str, cell: str, namespace: dict[str, Any]
) -> None:
    assert notes_of(line + cell, namespace) == (note,)


def test_a_cell_as_it_should_be_gets_no_note(cell: str, quick_cell: str, namespace: dict[str, Any]) -> None:
    build = "def build(hp, x_train=None):\n    hp.adapt(x_train)\n"
    assert notes_of(cell, namespace) == notes_of(quick_cell, namespace) == notes_of(build + cell, namespace) == ()


@pytest.mark.parametrize(
    "lines",
    [
        "prepared = theirs.fit(x_train, y_train)",
        "own = prep.recipe(scaler='minmax')\nprepared = own.fit(x_train, y_train)",
        "prepared = prep.recipe().fit(x_train, y_train)",
    ],
)
def test_a_recipe_learns_from_the_trials_own_part_and_gets_no_note(
    lines: str, cell: str, namespace: dict[str, Any]
) -> None:
    assert notes_of(f"{lines}\n{cell}", {**namespace, "prep": prep, "theirs": prep.recipe()}) == ()


@pytest.mark.parametrize(
    ("call", "notes"),
    [
        (
            "own.fit(x_train, y_train)",
            ("line 2: own.fit takes the codes of categories for numbers. Give it like=prepared.",),
        ),
        ("own.fit(x_train, y_train, like=prepared)", ()),
    ],
)
def test_a_recipe_that_takes_codes_for_numbers_is_told_of(
    call: str, notes: tuple[str, ...], cell: str, namespace: dict[str, Any]
) -> None:
    table = pd.DataFrame(namespace["x_train"]).assign(kind=["a", "b"] * (len(namespace["x_train"]) // 2))
    prepared = prep.recipe().fit(table)
    namespace |= {"own": prep.recipe(), "prepared": prepared, "x_train": prepared.encode(table)}
    assert notes_of(f"again = {call}\n{cell}", namespace) == notes
    plain = prep.recipe().fit(namespace["x_train"])  # knows of no categories
    assert notes_of(f"again = own.fit(x_train)\n{cell}", {**namespace, "prepared": plain}) == ()


def test_validation_data_of_its_own_is_not_seen(cell: str, namespace: dict[str, Any]) -> None:
    namespace |= {"x_val": namespace["x_train"], "y_val": namespace["y_train"]}
    assert notes_of("normalize.adapt(x_train)" + cell, namespace, NAMED) == ()


def test_a_study_says_it_from_its_start(cell: str, open_cell: Any) -> None:
    study = open_cell("shuffle = False\n" + cell)
    assert [note for note in study.view.notes if "shuffle" in note] == [
        "line 2: shuffle is not handed to fit; what is: batch_size, epochs, callbacks, class_weight, sample_weight."
    ]
