"""A recipe is a value: equal, readable, storable; what is wrong with it is said in one line."""

import inspect
import json
from typing import Any

import numpy as np
import pytest

from tunemagic import prep
from tunemagic.errors import OptionError

RECIPES = [
    prep.recipe(),
    prep.recipe(scaler="minmax", missing="median", outliers="clip_iqr", limit=2.5),
    prep.recipe(scaler="none", missing="constant", fill=-1.0, categories=["sex", 3], duplicates="drop"),
]


@pytest.mark.parametrize("recipe", RECIPES, ids=repr)
def test_a_recipe_comes_back_from_its_json_and_from_its_repr(recipe: prep.Recipe) -> None:
    assert prep.Recipe.from_json(recipe.to_json()) == recipe
    assert eval(repr(recipe), {"prep": prep}) == recipe
    assert hash(prep.Recipe.from_json(recipe.to_json())) == hash(recipe)


def test_the_repr_is_the_call_without_what_goes_without_saying() -> None:
    assert [repr(recipe) for recipe in RECIPES] == [
        "prep.recipe(scaler='zscore')",
        "prep.recipe(scaler='minmax', missing='median', outliers='clip_iqr', limit=2.5)",
        "prep.recipe(scaler='none', missing='constant', fill=-1.0, duplicates='drop', categories=('sex', 3))",
    ]


def test_recipes_differ_where_their_arguments_do() -> None:
    assert prep.recipe(scaler="minmax") != prep.recipe(scaler="zscore")
    assert prep.recipe(categories="sex") == prep.recipe(categories=("sex",))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"scaler": "zscor"},
            "scaler: expected one of none, minmax, zscore, mean, robust; received 'zscor'. Did you mean zscore?",
        ),
        ({"encoding": 3}, "encoding: expected one of onehot, ordinal; received 3."),
        ({"scalar": "minmax"}, "recipe: there is no argument 'scalar'. Did you mean scaler?"),
        ({"categories": None}, "categories: expected names or numbers of columns; received None."),
        ({"categories": 1.5}, "categories: expected names or numbers of columns; received 1.5."),
        ({"fill": float("nan")}, "fill: expected a finite number; received nan."),
        ({"limit": -1}, "limit: expected a number above 0; received -1."),
        ({"categories": [1.5]}, "categories: expected names or numbers of columns; received [1.5]."),
    ],
)
def test_an_unknown_argument_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        prep.recipe(**arguments)
    assert str(caught.value) == message


def test_an_argument_without_its_name_is_refused() -> None:
    with pytest.raises(OptionError) as caught:
        prep.recipe("minmax")
    assert str(caught.value) == "recipe: expected arguments by name, as in scaler='minmax'; received 'minmax'."


def test_the_arguments_are_shown_to_who_writes_a_call() -> None:
    assert inspect.signature(prep.recipe) == inspect.signature(prep.Recipe)
    assert prep.recipe.__doc__ == prep.Recipe.__doc__


def test_numbers_of_numpy_become_pythons_own() -> None:
    given = prep.recipe(fill=np.float32(2), limit=np.int64(2), categories=[np.int64(0), np.str_("sex")])
    assert given == prep.recipe(fill=2.0, limit=2.0, categories=(0, "sex"))
    assert prep.Recipe.from_json(given.to_json()) == given
    assert repr(given) == "prep.recipe(scaler='zscore', fill=2.0, limit=2.0, categories=(0, 'sex'))"


@pytest.mark.parametrize("text", ["", "[]", '{"categories": null}', '{"scalar": "none"}', json.dumps({"scaler": "no"})])
def test_other_json_is_no_recipe(text: str) -> None:
    with pytest.raises(OptionError):
        prep.Recipe.from_json(text)
