"""Compile a model so that Keras' own ``fit`` trains it by Hessian-free optimisation or K-FAC."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from numbers import Real
from typing import Any

from tunemagic.errors import ModelError, OptionError
from tunemagic.models.second_order.carrier import is_carrier
from tunemagic.models.second_order.hessian_free import HessianFree, HessianFreeOptions
from tunemagic.models.second_order.kfac import Kfac, KfacOptions
from tunemagic.models.second_order.options import check_above_zero
from tunemagic.text import did_you_mean

__all__ = ["KFAC_RATE", "NAMES", "compile_second_order"]

NAMES = ("hessian_free", "kfac")
KFAC_RATE = 0.03  # K-FAC's steps are in units of the curvature, so it hardly depends on the model


def compile_second_order(
    model: Any,
    optimizer: str,
    *,
    learning_rate: Any = None,
    loss: Any = None,
    metrics: Any = None,
    seed: int | None = None,
    **options: Any,
) -> Any:
    """Compile a Keras model to be trained by curvature, and give it back.

    The model stays of its class, with a ``train_step`` of its own: ``fit``, callbacks and history
    work, and it is saved and exported as any other. A saved model loads without being compiled.

    ``hessian_free`` makes one update for each batch, which should be all data: ``fit`` on arrays
    takes them whole whatever ``batch_size`` says, so that an epoch is an update. A dataset is
    taken batch by batch. The loss of an epoch is that after its update.

    Args:
        model: Sequential or Functional. ``hessian_free`` trains what is not random in training;
            ``kfac`` trains chains of Dense and Conv2D layers.
        optimizer: ``"hessian_free"`` or ``"kfac"``.
        learning_rate: Of ``kfac``, a number or a schedule; ``hessian_free`` finds its own step lengths.
        loss: A mean cross-entropy or mean squared error of Keras.
        metrics: As for ``model.compile``.
        seed: Decides what is drawn for the curvature; by default from Python's generator, as Keras'
            layers do, so that ``keras.utils.set_random_seed`` decides.
        options: Those of ``HessianFreeOptions`` or ``KfacOptions``.

    Raises:
        OptionError: An unknown option, or a value out of its range.
        ModelError: The model can't be trained so. Told here when the model has weights, else before
            the first step.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        raise ModelError(f"{optimizer} needs the tensorflow backend of Keras; this is {keras.backend.backend()}.")
    drawn = random.randint(1, 10**9) if seed is None else seed
    method: HessianFree | Kfac
    if optimizer == "hessian_free":
        method = HessianFree(model, _options(HessianFreeOptions, optimizer, options), drawn)
    else:
        method = Kfac(model, _options(KfacOptions, optimizer, options), drawn, _rate(learning_rate))
    model.compile(optimizer=method.optimizer, loss=loss, metrics=metrics, jit_compile=False)
    if model.built:
        method.check()
    _give_step(model, method)
    return model


def _rate(given: Any) -> Any:
    """K-FAC's learning rate as Keras' optimizers take it: a float or a schedule."""
    if given is None:
        return KFAC_RATE
    if isinstance(given, Real | str):
        check_above_zero("learning_rate", given)
        return float(given)
    return given


def _options(kind: Any, optimizer: str, given: Mapping[str, Any]) -> Any:
    known = [field.name for field in dataclasses.fields(kind)]
    for name in given:
        if name not in known:
            why = "; gradients are not clipped in second-order training" if "clip" in name else ""
            hint = did_you_mean(name, [*known, "learning_rate", "loss", "metrics", "schedule", "seed", "steps"])
            raise OptionError(f"{optimizer}: unknown option {name}; expected some of {', '.join(known)}{why}.{hint}")
    return kind(**given)


def _give_step(model: Any, method: HessianFree | Kfac) -> None:
    """Let the model train by this method as long as it is compiled with the method's optimizer.

    The step is put on the model itself: of a subclass, what is saved could be loaded only where
    tunemagic is.
    """
    own_class = type(model)

    def train_step(data: Any) -> Any:
        return method.step(data) if model.optimizer is method.optimizer else own_class.train_step(model, data)

    def get_compile_config() -> Any:
        # Empty: what is loaded is not compiled, and a clone has no loss until it is compiled anew.
        return {} if is_carrier(model.optimizer) else own_class.get_compile_config(model)

    model.train_step, model.get_compile_config = train_step, get_compile_config
    if isinstance(method, HessianFree):
        _give_whole_batches(model, method)


def _give_whole_batches(model: Any, method: HessianFree) -> None:
    """Hand all samples to one step, which chooses for itself what is computed as a graph."""
    import keras
    import tensorflow as tf

    own_class = type(model)

    def fit(x: Any = None, y: Any = None, batch_size: int | None = None, *arguments: Any, **options: Any) -> Any:
        if model.optimizer is method.optimizer and hasattr(parts := keras.tree.flatten(x)[0], "shape"):
            options = {"validation_batch_size": batch_size, **options, "shuffle": False}
            batch_size = int(parts.shape[0])
        return own_class.fit(model, x, y, batch_size, *arguments, **options)

    def make_train_function(force: bool = False) -> Any:
        if model.optimizer is not method.optimizer:
            return own_class.make_train_function(model, force)
        if model.train_function is None or force:
            model.train_function = one_batch
        return model.train_function

    def one_batch(iterator: Any) -> Any:
        data = next(iter(iterator))
        return method.step(
            keras.tree.map_structure(lambda part: None if isinstance(part, tf.experimental.Optional) else part, data)
        )

    model.fit, model.make_train_function = fit, make_train_function
