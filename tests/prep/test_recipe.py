"""A recipe is a value: equal, readable, storable; what is wrong with it is said in one line."""

import json
from typing import Any

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
        ({"fill": float("nan")}, "fill: expected a finite number; received nan."),
        ({"limit": -1}, "limit: expected a number above 0; received -1."),
        ({"categories": [1.5]}, "categories: expected names or numbers of columns; received [1.5]."),
    ],
)
def test_an_unknown_argument_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        prep.recipe(**arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["", "[]", '{"scalar": "none"}', json.dumps({"scaler": "no"})])
def test_other_json_is_no_recipe(text: str) -> None:
    with pytest.raises(OptionError):
        prep.Recipe.from_json(text)
