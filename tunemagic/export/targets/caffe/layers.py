"""What each Keras layer becomes in Caffe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.export.targets.caffe.chain import Step
from tunemagic.export.targets.caffe.convolution import convolve
from tunemagic.export.targets.caffe.net import Net
from tunemagic.export.targets.caffe.pooling import pool, pool_all

__all__ = ["add_layer", "check_layer"]


def check_layer(step: Step) -> None:
    """Raise ExportError when Caffe has no layer of this kind."""
    layer = step.layer
    if step.kind not in _LAYERS or not type(layer).__module__.startswith("keras."):
        step.refuse("has no form in Caffe")
    if getattr(layer, "data_format", None) == "channels_first":
        step.refuse("has its channels first; expected channels_last")
    if getattr(layer, "quantization_mode", None) is not None:
        step.refuse(f"is quantised to {layer.quantization_mode}; expected float weights")


def add_layer(net: Net, step: Step) -> None:
    """Put what ``step`` computes at the end of ``net``. Raises ExportError when Caffe can't compute it."""
    add = _LAYERS[step.kind]
    if any(map(any, net.edges)) and add not in _PADDED:
        step.refuse("follows zeros that only a convolution can add in Caffe")
    add(net, step)


def _nothing(net: Net, step: Step) -> None:
    """Dropout and the like, which only training needs."""


def _dense(net: Net, step: Step) -> None:
    kernel, bias = _weights(step)
    if len(step.before) == 3:  # Dense is applied to the last axis, the channels
        convolve(net, step, kernel.T[:, :, None, None], bias)
    elif len(step.before) == 1:
        if net.order is not None:
            kernel, net.order = kernel[net.order], None
        blobs = [kernel.T, *([] if bias is None else [bias])]
        net.add(
            "InnerProduct",
            step.layer.name,
            blobs,
            inner_product_param={"num_output": kernel.shape[1], "bias_term": bias is not None},
        )
    else:
        step.refuse(f"is applied to samples of {len(step.before)} axes; expected vectors or images")
    _activate(net, step)


def _conv(net: Net, step: Step) -> None:
    kernel, bias = _weights(step)
    convolve(net, step, kernel.transpose(3, 2, 0, 1), bias, groups=step.layer.groups)
    _activate(net, step)


def _depthwise(net: Net, step: Step) -> None:
    kernel, bias = _weights(step)
    convolve(net, step, _each_channel(kernel), bias, groups=step.before[-1])
    _activate(net, step)


def _separable(net: Net, step: Step) -> None:
    channels, points, *bias = step.layer.get_weights()
    convolve(net, step, _each_channel(channels), None, groups=step.before[-1])
    net.add(
        "Convolution",
        f"{step.layer.name}_points",
        [points.transpose(3, 2, 0, 1), *bias],
        convolution_param={"num_output": points.shape[3], "bias_term": bool(bias), "kernel_h": 1, "kernel_w": 1},
    )
    _activate(net, step)


def _each_channel(kernel: NDArray[Any]) -> NDArray[Any]:
    """(rows, columns, channels, multiplier) as (channels * multiplier, 1, rows, columns)."""
    rows, columns = kernel.shape[:2]
    return kernel.transpose(2, 3, 0, 1).reshape(-1, 1, rows, columns)


def _batch_norm(net: Net, step: Step) -> None:
    layer = step.layer
    if layer.axis not in (-1, len(step.before)):
        step.refuse(f"normalises axis {layer.axis}; expected the last one")
    weights = layer.get_weights()
    variance, mean = weights.pop(), weights.pop()
    beta = weights.pop() if layer.center else np.zeros_like(mean)
    gamma = weights.pop() if layer.scale else np.ones_like(mean)
    mean, variance, gamma, beta = (_ordered(net, each) for each in (mean, variance, gamma, beta))
    net.add(
        "BatchNorm",
        layer.name,
        [mean, variance, np.ones(1)],
        batch_norm_param={"use_global_stats": True, "eps": layer.epsilon},
    )
    net.add("Scale", f"{layer.name}_scale", [gamma, beta], scale_param={"bias_term": True})


def _rescaling(net: Net, step: Step) -> None:
    """One scale for all is a Power; one for each channel (of a folded Normalization) a Scale."""
    scale, offset = (np.asarray(each, np.float64) for each in (step.layer.scale, step.layer.offset))
    if scale.size == offset.size == 1:
        parameters = {"power": 1.0, "scale": scale.item(), "shift": offset.item()}
        net.add("Power", step.layer.name, power_param=parameters)
        return
    channels = step.before[-1]
    # As many rows as channels make the same size.
    if any(each.size != 1 and (each.size, each.shape[-1]) != (channels, channels) for each in (scale, offset)):
        step.refuse(f"scales by arrays of shape {scale.shape} and {offset.shape}; expected a number for each channel")
    blobs = [_ordered(net, np.broadcast_to(each.ravel(), (channels,))) for each in (scale, offset)]
    net.add("Scale", step.layer.name, blobs, scale_param={"bias_term": True})


def _flatten(net: Net, step: Step) -> None:
    if len(step.before) == 1:
        return
    if len(step.before) != 3:
        step.refuse(f"flattens samples of {len(step.before)} axes; expected images")
    rows, columns, channels = step.before
    if rows * columns > 1 and channels > 1:
        net.order = np.arange(rows * columns * channels).reshape(step.before).transpose(2, 0, 1).ravel()
    net.add("Flatten", step.layer.name)


def _reshape(net: Net, step: Step) -> None:
    if len(step.before) == 3 and len(step.after) == 1:
        _flatten(net, step)
        return
    if step.before == step.after:
        return
    if len(step.after) != 3 or len(step.before) != 1 or net.order is not None:
        step.refuse(f"makes {step.after} of {step.before}; expected a vector that becomes an image, or back")
    rows, columns, channels = step.after
    if rows * columns > 1 and channels > 1:
        step.refuse(f"makes an image of {channels} channels, which Caffe would fill in another order")
    net.add("Reshape", step.layer.name, reshape_param={"shape": {"dim": [0, channels, rows, columns]}})


def _zero_padding(net: Net, step: Step) -> None:
    above, beside = step.layer.padding
    (top, bottom), (left, right) = net.edges
    net.edges = ((top + above[0], bottom + above[1]), (left + beside[0], right + beside[1]))


def _relu(net: Net, step: Step) -> None:
    layer = step.layer
    if layer.max_value is not None or layer.threshold:
        step.refuse(f"has max_value={layer.max_value} and threshold={layer.threshold}; expected None and 0")
    net.add("ReLU", layer.name, relu_param={"negative_slope": float(layer.negative_slope)})


def _leaky_relu(net: Net, step: Step) -> None:
    net.add("ReLU", step.layer.name, relu_param={"negative_slope": float(step.layer.negative_slope)})


def _elu(net: Net, step: Step) -> None:
    net.add("ELU", step.layer.name, elu_param={"alpha": float(step.layer.alpha)})


def _softmax(net: Net, step: Step) -> None:
    if step.layer.axis not in (-1, len(step.before)):
        step.refuse(f"sums over axis {step.layer.axis}; expected the last one")
    net.add("Softmax", step.layer.name)


def _activation(net: Net, step: Step) -> None:
    _activate(net, step)


def _activate(net: Net, step: Step) -> None:
    """The activation that many layers bring along."""
    import keras

    function = step.layer.activation
    name = getattr(function, "__name__", type(function).__name__)
    if name == "linear":
        return
    if name not in _ACTIVATIONS or getattr(keras.activations, name, None) is not function:
        step.refuse(f"has the activation {name}, which Caffe does not know")
    kind, parameters = _ACTIVATIONS[name]
    own = isinstance(step.layer, keras.layers.Activation)
    net.add(kind, step.layer.name if own else f"{step.layer.name}_{name}", **parameters)


def _weights(step: Step) -> tuple[NDArray[Any], NDArray[Any] | None]:
    kernel, *bias = step.layer.get_weights()
    return kernel, bias[0] if bias else None


def _ordered(net: Net, values: NDArray[Any]) -> NDArray[Any]:
    """One value for each channel, in Caffe's order when the channels are a flattened image."""
    return values if net.order is None else values[net.order]


_Add = Callable[[Net, Step], None]
_LAYERS: Mapping[str, _Add] = {
    "Activation": _activation,
    "ActivityRegularization": _nothing,
    "AveragePooling2D": pool,
    "BatchNormalization": _batch_norm,
    "Conv2D": _conv,
    "Dense": _dense,
    "DepthwiseConv2D": _depthwise,
    "Dropout": _nothing,
    "ELU": _elu,
    "Flatten": _flatten,
    "GlobalAveragePooling2D": pool_all,
    "GlobalMaxPooling2D": pool_all,
    "Identity": _nothing,
    "LeakyReLU": _leaky_relu,
    "MaxPooling2D": pool,
    "ReLU": _relu,
    "Rescaling": _rescaling,
    "Reshape": _reshape,
    "SeparableConv2D": _separable,
    "Softmax": _softmax,
    "ZeroPadding2D": _zero_padding,
}
_PADDED = (_conv, _depthwise, _separable, _zero_padding, _nothing)
_ACTIVATIONS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "elu": ("ELU", {"elu_param": {"alpha": 1.0}}),
    "leaky_relu": ("ReLU", {"relu_param": {"negative_slope": 0.2}}),
    "relu": ("ReLU", {}),
    "sigmoid": ("Sigmoid", {}),
    "softmax": ("Softmax", {}),
    "tanh": ("TanH", {}),
}
