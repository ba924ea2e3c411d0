"""Quantisation-aware training: a model learns with the rounding that int8 will bring."""

from __future__ import annotations

from typing import Any, Unpack

from tunemagic.errors import ExportError
from tunemagic.export.clone import is_graph_model, only_for_training, seeded_config
from tunemagic.export.compress.copying import compile_like, copy_layer, rebuilt_graph, settle
from tunemagic.export.compress.figures import Compressed
from tunemagic.export.compress.fine_tuning import FitOptions, compared, fine_tuning
from tunemagic.export.compress.folding import fold_norms
from tunemagic.export.compress.kinds import ROUNDING, rounds
from tunemagic.export.compress.said import Said
from tunemagic.export.infer import is_half

__all__ = ["plain_model", "quantize_aware", "with_rounding"]

# What gives values on the steps that they came in on: it moves them about, or int8 has one scale for both ends.
_SAME_STEPS = (
    "AveragePooling2D",
    "Cropping2D",
    "Flatten",
    "GlobalMaxPooling2D",
    "Identity",
    "MaxPooling2D",
    "Permute",
    "Reshape",
    "ZeroPadding2D",
)
_NEW_STEPS = (
    "Activation",
    "Add",
    "Concatenate",
    "GlobalAveragePooling2D",
    "LeakyReLU",
    "Multiply",
    "ReLU",
    "Softmax",
    "Subtract",
)
_IN_FRONT = ("Normalization", "Rescaling")  # in float, as long as nothing was computed before
_FUSED = ("linear", "relu", "relu6")  # int8 operations have these built in; others are operations of their own
# The ranges that these functions have in int8, whatever is asked for (TF Lite 8-bit quantization specification).
_RANGES = {"sigmoid": (0.0, 255 / 256), "softmax": (0.0, 255 / 256), "tanh": (-1.0, 127 / 128)}
_RANGE_SAMPLES = 512
_RANGE_BATCH = 64


def quantize_aware(model: Any, x: Any, y: Any, **fit: Unpack[FitOptions]) -> Compressed:
    """A copy of the model that was trained on with weights and activations rounded to 8 bits.

    Kernels of Dense get one scale, those of Conv2D one for each filter; activations get ranges that are
    learned (Jacob et al. 2018, arXiv 1712.05877). BatchNormalization directly behind a linear Dense or Conv
    layer becomes part of it, with its statistics as they are. Exported in int8, the copy needs no
    representative data and keeps its score. In other modes and targets it is exported as ``plain_model`` gives it:
    in Keras' own layers, without rounding of activations. A ``.keras`` file that the copy itself saves is read
    where ``tunemagic.export.compress.layers`` was imported.

    Args:
        model: Built and compiled Sequential or Functional model of Dense, Conv2D, DepthwiseConv2D, BatchNormalization,
            pooling, activations, Add, Concatenate and what only moves values or trains.
        x: Inputs (sample, ...) to train on and to learn ranges from.
        y: Their targets, as in training.
        fit: Options of the fine-tuning, see ``FitOptions``.

    Raises:
        OptionError: An option is out of its range.
        ExportError: A layer can't be rounded (it is named), the data can't be used, the training fails, or
            Keras does not run on TensorFlow.
    """
    from tunemagic.export.compress.callbacks import KeepPattern

    if x is None:
        raise ExportError("quantize_aware: expected x and y to train on; received none.")
    tuning = fine_tuning(model, x, y, fit)
    plain, folded = fold_norms(model)
    copy = with_rounding(plain)
    assert tuning.x is not None
    _learn_ranges(copy, tuning.x)
    tuning.run(copy, model, [KeepPattern()])
    remarks = [Said("compress.eight_bits")]
    if folded:
        remarks.append(Said("compress.folded", {"names": ", ".join(folded)}))
    return compared(model, copy, Said("compress.rounded"), tuning, remarks=remarks, counted=plain_model(copy))


def with_rounding(model: Any) -> Any:
    """A copy of the model that rounds weights and activations as int8 does, not compiled and not trained.

    For models that are trained with rounding from the start, as in a ``%%tune`` cell: the ranges of activations are
    learned while it trains. Raises ExportError for a layer that can't be rounded.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        raise ExportError(
            f"quantize_aware needs the TensorFlow backend of Keras; this kernel runs {keras.backend.backend()}."
        )
    if is_half(model):
        raise ExportError(
            f"{model.name}: quantize_aware rounds float32; received half precision. Build it with the policy float32."
        )
    rounding = _Rounding()
    whole = rebuilt_graph(model, rounding.copy_of, rounding.call)
    output = keras.tree.map_structure(rounding.rounded, whole.output)
    whole = keras.Model(whole.input, output, name=model.name)
    rounding.move_weights()
    settle(whole)
    return whole


def plain_model(model: Any) -> Any:
    """The model in Keras' own layers, without rounding of activations; its weights stay on their steps.

    For targets other than int8 TF Lite, and for files that are to be read without tunemagic. The model itself
    when nothing in it rounds. Raises ExportError when a layer can't be copied.
    """
    import keras

    if not rounds(model):
        return model
    made: list[tuple[Any, Any]] = []

    def copy_of(layer: Any) -> Any:
        kind = type(layer).__name__
        plain = {ours: own for own, ours in ROUNDING.items()}.get(kind)
        if kind == "FakeQuantize":
            return keras.layers.Identity(name=layer.name)
        if plain is None:
            copy = copy_layer(layer)
        else:
            copy = getattr(keras.layers, plain).from_config(seeded_config(layer.get_config(), layer.name))
        copy.trainable = layer.trainable
        made.append((layer, copy))
        return copy

    def call(copy: Any, *arguments: Any, **more: Any) -> Any:
        return arguments[0] if type(copy) is keras.layers.Identity else copy(*arguments, **more)

    whole = rebuilt_graph(model, copy_of, call)
    for layer, copy in made:
        weights = layer.get_weights()[: len(copy.weights)]
        if type(layer).__name__ in ROUNDING.values() and hasattr(layer, "kernel"):
            weights[0] = keras.ops.convert_to_numpy(layer.kernel)
        copy.set_weights(weights)
    settle(whole)
    return compile_like(whole, model)


class _Rounding:
    """Builds a model again with rounding: of kernels where they are used, of activations where a layer reads them.

    Rounding where a value is read lets a ReLU that follows read the exact one, as the converter joins it
    with the layer in front.
    """

    def __init__(self) -> None:
        self._origin: dict[int, tuple[Any, Any]] = {}  # by the id of a copy: it, and the layer it is of
        self._on_steps: dict[int, Any] = {}  # by the id of a tensor: the rounded one
        self._ranges: dict[int, tuple[float, float]] = {}  # by the id of a tensor: what int8 will give it
        self._linear: set[int] = set()  # ids of what an operation gives that has a ReLU built in
        self._computed: list[Any] = []  # what is not in front any more; kept, so that no id is used twice

    def copy_of(self, layer: Any) -> Any:
        """The layer that takes this one's place."""
        from tunemagic.export.compress import layers

        _check_roundable(layer)
        kind = ROUNDING.get(type(layer).__name__)
        if kind is None:
            copy = copy_layer(layer)
        else:
            config = seeded_config(layer.get_config(), layer.name)
            if _function_of(layer) not in _FUSED:
                config["activation"] = "linear"
            copy = getattr(layers, kind).from_config(config)
        copy.trainable = layer.trainable
        self._origin[id(copy)] = (copy, layer)
        return copy

    def move_weights(self) -> None:
        """Give the copies the weights of their layers."""
        for copy, layer in self._origin.values():
            # Behind a layer's own weights are the ranges, which it has none of.
            copy.set_weights([*layer.get_weights(), *copy.get_weights()[len(layer.weights) :]])

    def call(self, copy: Any, *arguments: Any, **more: Any) -> Any:
        """Call a copy on rounded values, and remember what its own are like."""
        import keras

        _, layer = self._origin[id(copy)]
        kind, function = type(layer).__name__, _function_of(layer)
        sources = keras.tree.flatten(arguments)
        if not any(self._is_computed(source) for source in sources) and _may_be_in_front(layer):
            return copy(*arguments, **more)
        joins = kind in {"ReLU", "Activation"} and function in _FUSED and id(sources[0]) in self._linear
        if not joins:
            arguments = keras.tree.map_structure(self.rounded, arguments)
        out = copy(*arguments, **more)
        self._computed.append(out)
        if kind in _SAME_STEPS or only_for_training(layer):
            self._on_steps[id(out)] = out
            return out
        if kind in ROUNDING and function not in _FUSED:
            out = keras.layers.Activation(layer.activation)(self.rounded(out))
            self._computed.append(out)
        elif function == "linear":
            self._linear.add(id(out))
        if function in _RANGES:
            self._ranges[id(out)] = _RANGES[function]
        return out

    def rounded(self, tensor: Any) -> Any:
        """The tensor on int8 steps: rounded once, however many layers read it."""
        from tunemagic.export.compress import layers

        if id(tensor) not in self._on_steps:
            low, high = self._ranges.get(id(tensor), (None, None))
            out = layers.FakeQuantize(low, high)(tensor)
            self._computed += [tensor, out]
            self._on_steps[id(tensor)] = self._on_steps[id(out)] = out
        return self._on_steps[id(tensor)]

    def _is_computed(self, tensor: Any) -> bool:
        return any(tensor is known for known in self._computed)


def _function_of(layer: Any) -> str:
    """The name of the function that a layer ends in: ``linear`` for a layer without one."""
    kind = type(layer).__name__
    if kind in {"ReLU", "Softmax"}:
        return kind.lower()
    return str(getattr(getattr(layer, "activation", None), "__name__", "linear"))


def _may_be_in_front(layer: Any) -> bool:
    """Whether it may stay in float as long as no layer has computed anything."""
    name = type(layer).__name__
    return only_for_training(layer) or name in _IN_FRONT or name in _SAME_STEPS or is_graph_model(layer)


def _check_roundable(layer: Any) -> None:
    """Raise ExportError for a layer that is not known to be one in int8."""
    name = type(layer).__name__
    ours = type(layer).__module__.startswith(("keras.", "tunemagic."))
    without_weights = is_graph_model(layer) and not layer.weights  # a preparation
    if name == "BatchNormalization" and layer.axis not in {-1, len(layer.input.shape) - 1}:
        raise ExportError(f"{layer.name}: quantize_aware needs axis=-1; received axis={layer.axis}.")
    known = name in {*ROUNDING, *_SAME_STEPS, *_NEW_STEPS, *_IN_FRONT} or only_for_training(layer)
    if (ours and known) or without_weights:
        return
    raise ExportError(
        f"{layer.name}: quantize_aware doesn't know how {name} computes in 8 bits; expected Dense, Conv2D, "
        "DepthwiseConv2D, BatchNormalization, pooling, activations, Add and Concatenate. Convert the model with int8 "
        "instead, which needs no training."
    )


def _learn_ranges(model: Any, x: Any) -> None:
    """Let the ranges of activations begin with those of the first samples."""
    watching = [layer for layer in model.layers if hasattr(layer, "watches")]
    for layer in watching:
        layer.watches = True
    for start in range(0, min(len(x), _RANGE_SAMPLES), _RANGE_BATCH):
        model(x[start : start + _RANGE_BATCH], training=False)
    for layer in watching:
        layer.watches = False
