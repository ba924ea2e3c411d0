"""All data sets by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tunemagic.datasets.classics import cancer, diabetes, digits, wine
from tunemagic.datasets.dataset import Dataset
from tunemagic.datasets.mnist import fetch_mnist, mnist, mnist300
from tunemagic.datasets.mnist1d import mnist1d
from tunemagic.datasets.reviews import reviews_zh
from tunemagic.datasets.tables import diamonds, flights, penguins
from tunemagic.datasets.weather import weather
from tunemagic.errors import DataError, OptionError
from tunemagic.text import did_you_mean, one_line

__all__ = ["load", "names"]

_LOAD: Mapping[str, Callable[[], Dataset]] = {
    "digits": digits,
    "wine": wine,
    "cancer": cancer,
    "diabetes": diabetes,
    "mnist300": mnist300,
    "mnist": mnist,
    "mnist1d": mnist1d,
    "penguins": penguins,
    "weather": weather,
    "flights": flights,
    "diamonds": diamonds,
    "reviews_zh": reviews_zh,
}
_FETCH: Mapping[str, Callable[[], None]] = {"mnist": fetch_mnist}
_SHOWN = 80  # characters of a name that is wrong


def names() -> tuple[str, ...]:
    """The names that ``load`` knows."""
    return tuple(_LOAD)


def load(name: str, *, download: bool = False) -> Dataset:
    """The data set of this name, in new arrays, with its card.

    All come from installed packages and from files that are here already: the network is used with
    ``download=True`` only, which ``mnist`` takes. Raises DataError for an unknown name, for a package that is
    missing (with the line that installs it) and for a file that is not here (with what to do); OptionError
    for ``download`` where there is nothing to fetch.
    """
    if not isinstance(name, str) or name not in _LOAD:
        shown = one_line(repr(name), _SHOWN)
        raise DataError(f"{shown} is no data set; expected {', '.join(_LOAD)}.{did_you_mean(str(name), _LOAD)}")
    if download:
        if name not in _FETCH:
            raise OptionError(f"download=True: {name} comes from an installed package. Leave `download` out.")
        _FETCH[name]()
    return _LOAD[name]()
