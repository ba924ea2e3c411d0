"""Copies of a model that can be trained: same layers, same weights, compiled as the model was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tunemagic.errors import ExportError
from tunemagic.export.clone import is_graph_model, kept_draws, plain_view, rebuilt_layer
from tunemagic.export.infer import check_built, quiet_about_lambdas, walk_layers
from tunemagic.export.text import error_text
from tunemagic.models.second_order.carrier import is_carrier

__all__ = ["check_compressible", "check_trainable", "compile_like", "copy_model", "rebuilt_graph"]

_NOT_COMPILED = "compile it, model.compile(optimizer, loss), or leave the data out to compress without fine-tuning."


def check_compressible(model: Any) -> None:
    """Raise ExportError unless the model is built, and Sequential or Functional."""
    check_built(model)
    if not is_graph_model(model):
        raise ExportError(
            f"{model.name}: {type(model).__name__} is a subclassed model, which can't be copied layer by layer. Use "
            "the callbacks Pruning, Clustering or Clipping in its own fit, or build it as Sequential or Functional."
        )


def copy_model(model: Any) -> Any:
    """A copy with the same weights, compiled as the model is. Raises ExportError when a layer can't be copied."""
    copy = rebuilt_graph(model, copy_layer)
    copy.set_weights(model.get_weights())
    settle(copy)
    for layer, given in zip(walk_layers(copy), walk_layers(model), strict=True):
        layer.trainable = given.trainable
    return compile_like(copy, model)


def rebuilt_graph(model: Any, copy_of: Callable[[Any], Any], call: Callable[..., Any] | None = None) -> Any:
    """The model's graph built again of what ``copy_of`` makes of each layer, with fresh weights, not compiled.

    ``call(copy, *arguments, **more)`` calls a copy where it is used, None calls it as it is. Raises
    ExportError when a layer can't be copied.
    """
    import keras

    check_compressible(model)
    try:
        with quiet_about_lambdas(), kept_draws(model):
            if isinstance(model, keras.Sequential) and call is None:
                start = keras.Input(batch_shape=model.inputs[0].shape, dtype=model.inputs[0].dtype)
                return keras.Sequential([start, *map(copy_of, model.layers)], name=model.name)
            # The view is a Functional model that was never compiled: what is compiled may be the notebook's own,
            # and Keras would write and read it.
            return keras.models.clone_model(plain_view(model), clone_function=copy_of, call_function=call)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ExportError(f"{model.name}: its layers can't be copied: {error_text(error)}") from error


def compile_like(copy: Any, model: Any, *, learning_rate: float | None = None) -> Any:
    """Compile ``copy`` with the loss and metrics of ``model`` and a fresh optimizer of its settings; gives it back.

    A second-order method becomes Adam: it belongs to the one model that it was made for.
    """
    import keras

    if not model.compiled:
        return copy
    given = dict(model._compile_config.config)
    optimizer = model.optimizer
    kind = keras.optimizers.Adam if is_carrier(optimizer) else type(optimizer)
    config = {} if is_carrier(optimizer) else optimizer.get_config()
    fresh = kind.from_config(config if learning_rate is None else _at_rate(config, learning_rate))
    given["optimizer"] = fresh
    for part in ("metrics", "weighted_metrics"):
        given[part] = keras.tree.map_structure(_fresh_metric, given.get(part))
    copy.compile(**given)
    return copy


def _at_rate(config: dict[str, Any], rate: float) -> dict[str, Any]:
    """An optimizer's config with this learning rate, also where it had a schedule, and inside of a loss scaling."""
    inner = config.get("inner_optimizer")
    if inner is not None:
        return {**config, "inner_optimizer": {**inner, "config": _at_rate(inner["config"], rate)}}
    return {**config, "learning_rate": rate}


def check_trainable(model: Any) -> None:
    """Raise ExportError unless the model is compiled."""
    if not model.compiled:
        raise ExportError(f"{model.name}: the model is not compiled, so it can't be fine-tuned; {_NOT_COMPILED}")


def copy_layer(layer: Any) -> Any:
    """A layer made from the config of ``layer``, or a nested model of such layers; their weights are fresh."""
    if is_graph_model(layer):
        return rebuilt_graph(layer, copy_layer)
    return rebuilt_layer(layer, layer.get_config())


def settle(copy: Any) -> None:
    """Let Normalization layers use the statistics that were set as their weights."""
    import keras

    for layer in walk_layers(copy):
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def _fresh_metric(metric: Any) -> Any:
    """A metric object holds counts, so the copy gets one of its own."""
    import keras

    is_object = isinstance(metric, keras.metrics.Metric)
    return type(metric).from_config(metric.get_config()) if is_object else metric
