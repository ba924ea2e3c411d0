"""What a literal in model code is for, and which range suits it.

The ranges follow what the Keras and Keras Tuner guides use: sizes over a factor of four to both
sides, rates by logarithm, dropout up to 0.6.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping

from tunemagic.search.ranges import Range, Word
from tunemagic.space import Value

__all__ = ["Role", "call_name", "propose", "role_of_name", "roles_in_call"]

Role = str  # the name that a hyperparameter of this role gets

_ACTIVATIONS = ("relu", "gelu", "elu", "tanh")
_HIDDEN = frozenset({*_ACTIVATIONS, "selu", "silu", "swish", "sigmoid", "leaky_relu", "softplus", "mish"})
_OPTIMIZERS = ("adam", "adamw", "rmsprop", "sgd")
_KNOWN_OPTIMIZERS = frozenset({*_OPTIMIZERS, "nadam", "adamax", "adagrad", "adadelta", "lion", "ftrl"})
_OPTIMIZER_CLASSES = frozenset({
    "Adam", "AdamW", "Nadam", "Adamax", "SGD", "RMSprop", "Adagrad", "Adadelta", "Lion", "Ftrl", "Adafactor",
})  # fmt: skip
_CONVOLUTIONS = frozenset(
    f"{kind}{dimensions}D{transposed}"
    for kind in ("Conv", "SeparableConv", "Convolution")
    for dimensions in (1, 2, 3)
    for transposed in ("", "Transpose")
)
_RECURRENT = frozenset({"LSTM", "GRU", "SimpleRNN"})
_DROPOUTS = frozenset(
    {"Dropout", "AlphaDropout", "GaussianDropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"}
)

# Callable -> parameters by position, "" for one without a role.
_POSITIONS: Mapping[str, tuple[Role, ...]] = {
    "Dense": ("units", "activation"),
    "Embedding": ("", "output_dim"),
    "MultiHeadAttention": ("num_heads", "key_dim"),
    "GaussianNoise": ("stddev",),
    **dict.fromkeys(_CONVOLUTIONS, ("filters", "kernel_size")),
    **dict.fromkeys(_RECURRENT, ("units",)),
    **dict.fromkeys(_DROPOUTS, ("dropout",)),
    **dict.fromkeys(_OPTIMIZER_CLASSES, ("learning_rate",)),
    **dict.fromkeys(("L1", "L2", "l1", "l2"), ("penalty",)),
    "models.optimizer": ("optimizer", "learning_rate"),
    "models.schedule": ("", "learning_rate"),
    "models.compile": ("", "optimizer"),
}
_CONVOLUTION = {"filters": "filters", "kernel_size": "kernel_size", "activation": "activation"}
_OPTIMIZER = {"learning_rate": "learning_rate", "momentum": "momentum", "weight_decay": "weight_decay"}
# Callable -> keyword -> role.
_KEYWORDS: Mapping[str, Mapping[str, Role]] = {
    "Dense": {"units": "units", "activation": "activation"},
    "Embedding": {"output_dim": "output_dim"},
    "MultiHeadAttention": {"num_heads": "num_heads", "key_dim": "key_dim", "dropout": "dropout"},
    "GaussianNoise": {"stddev": "stddev"},
    "compile": {"optimizer": "optimizer"},
    "fit": {"batch_size": "batch_size"},
    **{name: _CONVOLUTION for name in _CONVOLUTIONS},
    **{name: {"units": "units", "dropout": "dropout", "recurrent_dropout": "recurrent_dropout"} for name in _RECURRENT},
    **{name: {"rate": "dropout"} for name in _DROPOUTS},
    **{name: _OPTIMIZER for name in _OPTIMIZER_CLASSES},
    **{name: {"l1": "penalty", "l2": "penalty"} for name in ("L1", "L2", "l1", "l2")},
    "models.optimizer": {"rate": "learning_rate", "momentum": "momentum", "weight_decay": "weight_decay"},
    "models.schedule": {"rate": "learning_rate"},
    "models.compile": {"optimizer": "optimizer", **_OPTIMIZER},
}
_METHODS = {"compile": ("optimizer",), "fit": ("", "", "batch_size")}


def call_name(node: ast.Call) -> str:
    """The last part of what is called: ``Dense`` for ``keras.layers.Dense(...)``."""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def roles_in_call(node: ast.Call) -> Iterator[tuple[Role, ast.expr]]:
    """The arguments of this call that have a role."""
    name = call_name(node)
    if f"{_receiver(node)}.{name}" in _POSITIONS:
        name = f"{_receiver(node)}.{name}"
    if name in _METHODS and isinstance(node.func, ast.Attribute):
        positions: tuple[Role, ...] = _METHODS[name]
    else:
        positions = _POSITIONS.get(name, ())
    for role, argument in zip(positions, node.args, strict=False):
        if isinstance(argument, ast.Starred):
            return
        if role:
            yield role, argument
    keywords = _KEYWORDS.get(name, {})
    for keyword in node.keywords:
        if keyword.arg is not None and keyword.arg in keywords:
            yield keywords[keyword.arg], keyword.value


def _receiver(node: ast.Call) -> str:
    value = node.func.value if isinstance(node.func, ast.Attribute) else None
    return value.id if isinstance(value, ast.Name) else ""


_NAMES: Mapping[str, Role] = {
    "lr": "learning_rate",
    "rate": "",
    "hidden": "units",
    "hidden_units": "units",
    "n_units": "units",
    "num_units": "units",
    "n_filters": "filters",
    "num_filters": "filters",
    "drop": "dropout",
    "drop_rate": "dropout",
    "act": "activation",
    "opt": "optimizer",
    "wd": "weight_decay",
    "latent_dim": "units",
    "embed_dim": "output_dim",
    "embedding_dim": "output_dim",
}
_ROLES: frozenset[Role] = frozenset({
    "units", "filters", "kernel_size", "output_dim", "num_heads", "key_dim", "dropout", "recurrent_dropout",
    "activation", "learning_rate", "momentum", "weight_decay", "penalty", "optimizer", "batch_size", "stddev",
})  # fmt: skip


def role_of_name(name: str) -> Role:
    """The role that a variable's own name tells, "" when it tells none: ``lr``, ``units_1``, ``dropout_rate``."""
    plain = name.lower().rstrip("0123456789").rstrip("_").removesuffix("_rate")
    plain = "learning_rate" if plain == "learning" else plain
    if plain in _NAMES:
        return _NAMES[plain]
    return plain if plain in _ROLES else ""


def propose(role: Role, value: Value) -> Range | None:
    """A range round this value for this role; None where the value does not fit the role."""
    if isinstance(value, bool):
        return Range(word=Word.BOOL, default=value) if role == "switch" else None
    maker = _PROPOSALS.get(role)
    return None if maker is None else maker(value)


def _size(value: Value) -> Range | None:
    if not isinstance(value, int) or not 2 <= value <= 1 << 20:
        return None
    if value >= 8 and value % 4 == 0:
        return Range(word=Word.INT, default=value, low=value // 4, high=value * 4, step=value // 4)
    return Range(word=Word.INT, default=value, low=max(1, value // 4), high=value * 4)


def _few(value: Value) -> Range | None:
    if not isinstance(value, int) or not 1 <= value <= 64:
        return None
    return Range(word=Word.INT, default=value, low=max(1, value // 2), high=value * 2)


def _kernel(value: Value) -> Range | None:
    if not isinstance(value, int) or not 1 <= value <= 31:
        return None
    return Range(word=Word.CHOICE, default=value, choices=tuple(sorted({3, 5, value})))


def _batch(value: Value) -> Range | None:
    if not isinstance(value, int) or not 1 <= value <= 1 << 16:
        return None
    choices = sorted({max(1, value // 2), value, value * 2, value * 4})
    return Range(word=Word.CHOICE, default=value, choices=tuple(choices))


def _share(top: float, limit: float) -> Callable[[Value], Range | None]:
    def make(value: Value) -> Range | None:
        if isinstance(value, str) or not 0 <= value < limit:
            return None
        return Range(word=Word.FLOAT, default=value, low=0.0, high=max(top, _rounded(min(limit, value * 1.2))))

    return make


def _logarithmic(down: float, up: float) -> Callable[[Value], Range | None]:
    def make(value: Value) -> Range | None:
        if not isinstance(value, float) or not 1e-12 < value < 1e3:
            return None
        low, high = _rounded(value / down), _rounded(value * up)
        return Range(word=Word.LOG, default=value, low=min(low, value), high=max(high, value))

    return make


def _rounded(number: float) -> float:
    return float(f"{number:.3g}")


def _momentum(value: Value) -> Range | None:
    if not isinstance(value, float) or not 0 <= value < 1:
        return None
    return Range(word=Word.FLOAT, default=value, low=min(0.5, value), high=max(0.99, value))


def _words(offered: tuple[str, ...], known: frozenset[str]) -> Callable[[Value], Range | None]:
    def make(value: Value) -> Range | None:
        if not isinstance(value, str) or value.lower() not in known:
            return None
        others = tuple(word for word in offered if word != value.lower())
        return Range(word=Word.CHOICE, default=value, choices=(value, *others))

    return make


_PROPOSALS: Mapping[Role, Callable[[Value], Range | None]] = {
    "units": _size,
    "filters": _size,
    "output_dim": _size,
    "key_dim": _size,
    "num_heads": _few,
    "layers": _few,
    "kernel_size": _kernel,
    "batch_size": _batch,
    "dropout": _share(0.6, 1.0),
    "recurrent_dropout": _share(0.6, 1.0),
    "stddev": _share(0.5, 10.0),
    "learning_rate": _logarithmic(10, 10),
    "weight_decay": _logarithmic(100, 10),
    "penalty": _logarithmic(100, 10),
    "momentum": _momentum,
    "activation": _words(_ACTIVATIONS, _HIDDEN),
    "optimizer": _words(_OPTIMIZERS, _KNOWN_OPTIMIZERS),
}
