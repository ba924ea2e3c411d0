"""Objects of the notebook that a line names: a Dask client, a function that measures models, arrays, models."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from tunemagic.errors import OptionError
from tunemagic.magics.tokens import quoted
from tunemagic.request import TuneRequest
from tunemagic.search.job import Measure
from tunemagic.text import near_variable

__all__ = ["arrays_in", "cluster_of", "is_model", "measure_of"]


def arrays_in(verb: str, names: tuple[str, ...], namespace: Mapping[str, Any]) -> Any:
    """The variables of these names: one as it is, several as a tuple. Raises OptionError for one that is missing."""
    for name in names:
        if name not in namespace:
            raise OptionError(
                f"%tune {verb}: there is no variable {quoted(name)} in the notebook.{near_variable(name, namespace)}"
            )
    values = tuple(namespace[name] for name in names)
    return values[0] if len(values) == 1 else values


def is_model(value: Any) -> bool:
    """Whether the value is a Keras model; keras is not imported to find out."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(value, keras.Model)


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
