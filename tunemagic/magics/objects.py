"""Objects of the notebook that a line names: a Dask client, a function that measures models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunemagic.errors import OptionError
from tunemagic.magics.tokens import quoted
from tunemagic.request import TuneRequest
from tunemagic.search.job import Measure
from tunemagic.text import near_variable

__all__ = ["cluster_of", "measure_of"]


def cluster_of(request: TuneRequest, namespace: Mapping[str, Any]) -> Any:
    """What ``--cluster`` means: the variable's value, or the text itself when it is an address.

    Raises OptionError for a name that is no variable.
    """
    text = request.cluster
    if text is None or not text.isidentifier():
        return text
    if text not in namespace:
        raise OptionError(
            f"--cluster: received {quoted(text)}; expected a scheduler's address such as tcp://10.0.0.1:8786, or a "
            f"variable that holds a Dask client.{near_variable(text, namespace)}"
        )
    return namespace[text]


def measure_of(request: TuneRequest, namespace: Mapping[str, Any]) -> Measure | None:
    """The function that ``--measure`` names. Raises OptionError when it is none."""
    name = request.measure
    if name is None:
        return None
    if name not in namespace:
        raise OptionError(f"--measure: the notebook has no function {quoted(name)}.{near_variable(name, namespace)}")
    value = namespace[name]
    if not callable(value):
        raise OptionError(
            f"--measure: {name} is a {type(value).__name__}; expected a function that takes the trained model and "
            'returns values by name, such as {"size_kb": 12.5}.'
        )
    measure: Measure = value
    return measure
