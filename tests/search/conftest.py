"""Jobs made from the text of a cell, for every test that runs trials."""

import dataclasses
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tunemagic.events import Direction
from tunemagic.request import TuneRequest
from tunemagic.search.cell import read_cell
from tunemagic.search.data import resolve_data
from tunemagic.search.hyperparameters import new_hyperparameters
from tunemagic.search.job import TrialJob, Work

JobMaker = Callable[..., TrialJob]


@pytest.fixture
def make_job(namespace: dict[str, Any], cell: str) -> JobMaker:
    """Make a job from a cell's text: ``make_job(source, values, **fields of TrialJob or Work)``."""

    def make(source: str = cell, values: Mapping[str, Any] | None = None, **changes: Any) -> TrialJob:
        data = changes.pop("data", None) or resolve_data(changes.pop("request", TuneRequest()), namespace, seed=0)
        hp = new_hyperparameters()
        hp.values = dict(values or {})
        names = (*data.names, *data.val_names)
        shared: dict[str, Any] = {
            "program": read_cell(textwrap.dedent(source), namespace, first_line=2, data_names=names),
            "data": data,
            "objective": "val_loss",
            "direction": Direction.MIN,
        }
        names_of_work = {field.name for field in dataclasses.fields(Work)} - {"seed"}  # a job has a seed of its own
        shared |= {name: changes.pop(name) for name in names_of_work & changes.keys()}
        own: dict[str, Any] = {"trial": 1, "attempt": 1, "hp": hp, "epochs": 3, "seed": 7}
        return TrialJob(work=Work(**shared), **{**own, **changes})

    return make
