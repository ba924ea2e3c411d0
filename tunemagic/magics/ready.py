"""``%tune run --model``: the cell that a ready-made model stands for."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tunemagic.errors import OptionError
from tunemagic.magics.options import LineParser
from tunemagic.models.templates import TemplateName, template
from tunemagic.request import Objective, TuneRequest, ValKind, ValSplit
from tunemagic.search.data import named_data

__all__ = ["cell_text", "ready_cell"]


def ready_cell(
    model: TemplateName, given: Mapping[str, Any], request: TuneRequest, namespace: Mapping[str, Any]
) -> tuple[dict[str, Any], str]:
    """The options and the body of the ``%%tune`` cell that searches this template on the notebook's data.

    The autoencoder's target is its input, so ``--data x_train`` is all that it needs. Without an objective the
    template's metric on the validation part is one. Raises DataError where the data doesn't fit the template, before
    anything is built; OptionError without a target.
    """
    named = named_data(request, namespace)
    options, names = dict(given), tuple(named)
    if model is TemplateName.AUTOENCODER:
        names = names if request.data is not None else names[:1]
        options |= _doubled(names, request.val)
    elif len(names) < 2:
        raise OptionError(
            f"--model {model}: {names[0]} has no target beside it; expected two arrays, as in --data x_train,y_train."
        )
    made = template(model)(*(named[name] for name in names))
    if request.objective is None:
        # The loss holds the penalties that are searched: judged by it, none would ever be the best.
        options["objective"] = Objective(name=f"val_{made.head.metrics[0]}")
    return options, f"from tunemagic import models\n\nbuild = models.{model}({', '.join(names)})\n"


def _doubled(names: tuple[str, ...], val: ValSplit | None) -> dict[str, Any]:
    """The options of a model that is trained on its own inputs."""
    doubled: dict[str, Any] = {"data": (names * 2)[:2]}
    if val is not None and val.kind is ValKind.NAMES:
        doubled["val"] = replace(val, names=(val.names * 2)[:2])
    return doubled


def cell_text(parser: LineParser, given: Mapping[str, Any], body: str) -> str:
    """The cell with these options, as it would be typed."""
    words = ["%%tune"]
    for action in parser.actions():
        strings = action.option_strings[-1:]
        for value in _values(action.dest, given):
            words += [*strings] if value is True else [*strings, shlex.quote(value)]
    return f"{' '.join(words)}\n{body}"


def _values(field: str, given: Mapping[str, Any]) -> list[Any]:
    """What stands behind the option of this field, once for each time that it is given; True for a flag."""
    if field == "objective":
        found = [given["objective"], *given.get("objectives", ())] if "objective" in given else []
        return [_objective(each) for each in found]
    value = given.get(field)
    match value:
        case None | False | True:
            return [True] if value else []
        case ValSplit():
            return [_val(value)]
        case tuple():
            return [",".join(value)]
        case float():
            return [f"{value:g}"]
    return [str(value)]


def _objective(objective: Objective) -> str:
    return objective.name if objective.direction is None else f"{objective.name}:{objective.direction}"


def _val(val: ValSplit) -> str:
    if val.kind is ValKind.NAMES:
        return ",".join(val.names)
    return f"{'last:' if val.kind is ValKind.LAST else ''}{val.fraction:g}"
