"""Functions of ``hp`` and HyperModels: find the one that a cell means, and let it build the model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tunemagic.errors import CellError
from tunemagic.models.template import Template

__all__ = ["Built", "build_model", "find_builder", "is_builder"]


@dataclass(frozen=True, slots=True)
class Built:
    """The model for some hyperparameters, and what its builder brings along.

    ``fit_method`` is the HyperModel's own ``fit`` if it has one; a template gives arguments of
    ``fit`` and what its model learns from the training rows before it is trained.
    """

    model: Any
    fit_method: Callable[..., Any] | None = None
    fit: dict[str, Any] = field(default_factory=dict)
    adapt: Callable[..., None] | None = None


def find_builder(bound: Mapping[str, Any]) -> Any:
    """What among a cell's names builds the model; None when nothing does.

    A HyperModel instance, else a HyperModel class, else a function that needs ``hp`` and nothing
    else: the one named ``build``, or the only one. Raises CellError for several of one sort.
    """
    instances = {name: v for name, v in bound.items() if not isinstance(v, type) and _has_build(v)}
    if instances:
        return _only(instances, "HyperModel instances", "Assign one only.")
    classes = {name: v for name, v in bound.items() if isinstance(v, type) and _has_build(v) and not _is_library(v)}
    leaves = {
        name: v
        for name, v in classes.items()
        if not any(issubclass(other, v) for other in classes.values() if other is not v)
    }
    if leaves:
        return _only(leaves, "HyperModel classes", "Assign an instance of the one to tune: hypermodel = ...")
    functions = {name: v for name, v in bound.items() if is_builder(v)}
    if "build" in functions or not functions:
        return functions.get("build")
    return _only(functions, "functions of hp", "Name the one to tune build.")


def _only(found: Mapping[str, Any], sort: str, advice: str) -> Any:
    distinct = {id(value): value for value in found.values()}
    if len(distinct) == 1:
        return next(iter(distinct.values()))
    raise CellError(f"the cell defines several {sort}: {', '.join(found)}. {advice}")


def is_builder(value: Any) -> bool:
    """Whether it is a function that can be called with ``hp`` alone."""
    return callable(value) and not isinstance(value, type) and _takes_hp(value)


def _has_build(value: Any) -> bool:
    build = getattr(value, "build", None)
    return callable(build) and _takes_hp(build, skip=1 if isinstance(value, type) else 0)


def _is_library(value: type) -> bool:
    """Keras Tuner's own classes: a cell that imports HyperModel does not mean to tune it."""
    return value.__module__.partition(".")[0] == "keras_tuner"


def _takes_hp(function: Any, skip: int = 0) -> bool:
    """Whether the first argument behind ``skip`` others is named hp and no later one is required."""
    try:
        parameters = list(inspect.signature(function).parameters.values())[skip:]
    except (TypeError, ValueError):  # built-in functions have no signature
        return False
    if not parameters or parameters[0].name != "hp" or parameters[0].kind is inspect.Parameter.KEYWORD_ONLY:
        return False
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return all(p.default is not inspect.Parameter.empty or p.kind in optional for p in parameters[1:])


def build_model(builder: Any, hp: Any) -> Built:
    """The model for these hyperparameters.

    Raises CellError when the class needs arguments or when no model comes back; what the user's
    code raises comes through unchanged.
    """
    import keras

    instance = _instance(builder)
    build = getattr(instance, "build", None)
    declare = getattr(instance, "declare_hyperparameters", None)
    if build is not None and declare is not None:
        declare(hp)
    name = "build" if build is not None else getattr(builder, "__name__", "build")
    model = instance(hp) if build is None else build(hp)
    if not isinstance(model, keras.Model):
        raise CellError(
            f"{name}(hp) returned {type(model).__name__}; expected a Keras model (is `return model` missing?)."
        )
    if isinstance(instance, Template):
        return Built(model, fit=instance.fit_arguments(hp), adapt=instance.adapt if instance.adapts else None)
    own_fit = None if build is None else getattr(type(instance), "fit", None)
    inherited = own_fit is None or str(getattr(own_fit, "__module__", "")).startswith("keras_tuner")
    return Built(model, None if inherited else instance.fit)


def _instance(builder: Any) -> Any:
    if not isinstance(builder, type):
        return builder
    try:
        inspect.signature(builder).bind()
    except TypeError as error:
        raise CellError(
            f"{builder.__name__}() fails: {error}. Assign an instance: hypermodel = {builder.__name__}(...)."
        ) from error
    return builder()
