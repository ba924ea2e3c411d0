"""Preparation of data: cleaning, scaling, encoding, augmentation, carried inside the model.

``recipe(...)`` says what is wanted, ``Recipe.fit`` learns from the training part, and the
``Preparation`` that comes of it drops rows, encodes tables, and puts the rest in front of a model.
``augment`` changes images and series at random while a model trains. ``check`` looks for leaks and
faults before training.
"""

from tunemagic.prep import augment
from tunemagic.prep.checking import check
from tunemagic.prep.findings import DataFinding, DataReport, DataVerdict
from tunemagic.prep.preparation import Preparation
from tunemagic.prep.recipe import Recipe, recipe

__all__ = ["DataFinding", "DataReport", "DataVerdict", "Preparation", "Recipe", "augment", "check", "recipe"]
