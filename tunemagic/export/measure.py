"""How large and how fast a model is as a TF Lite file: for searches, before the model is trained.

Both follow from the model's structure alone, so models of equal structure are converted once. The weights of a
model that was never trained hold much that is equal (biases of zeros), which the converter would
write once or leave out: what is converted has every weight moved a little.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.front import front_of
from tunemagic.export.handover import hand_over
from tunemagic.export.infer import check_built, infer_model, is_half, keras_outputs, walk_layers
from tunemagic.export.job import Job, Variant
from tunemagic.export.making import make_all
from tunemagic.export.metadata import entry_text, facts
from tunemagic.export.modes import CALIBRATED, check_quantizer
from tunemagic.export.process import Limits
from tunemagic.export.representative import check_inputs, draw_samples, input_of, without_gaps
from tunemagic.export.scratch import job_folder
from tunemagic.export.task import check_backend
from tunemagic.request import DEVICE_VALUES, QuantMode, Target

__all__ = ["DeviceGauge", "gauge_for"]

_ALIGNED = 16  # bytes: buffers in a TF Lite file begin at a multiple of it
_RUN_SAMPLES = 4  # answered by the file; its speed is measured on the first one
_TIMEOUT_SECONDS = 300.0
_MOVE = 1e-2  # how much is added to each weight
_OWN_MODULES = ("keras.", "tunemagic.models.", "tunemagic.prep.")
# Parts of a layer's config that change nothing of what it computes.
_ONLY_TRAINING = ("initializer", "regularizer", "constraint", "seed")


@dataclass(frozen=True, slots=True)
class _Measured:
    """Bytes of a file, how many of them are facts about a trial, and the least time of one sample."""

    bytes: int
    facts_bytes: int
    microseconds: float


class DeviceGauge:
    """Measures models as TF Lite files of one mode; may be sent to another process.

    Converted and run by the warm conversion process of the process it is called in, so a converter
    that crashes takes nothing along. Of models of equal structure one is
    converted; the sizes of the others are told to 8 bytes, by the facts that are kept in their files.
    """

    def __init__(self, mode: QuantMode, about: Mapping[str, Any] | None = None) -> None:
        """``about``: facts about the study that are kept in the file, as JSON."""
        self.mode = mode
        self.about = dict(about or {})
        self._known: dict[str, _Measured] = {}

    def __call__(
        self, model: Any, inputs: Any, about: Mapping[str, Any], stop: threading.Event | None = None
    ) -> Mapping[str, float]:
        """``size_kb`` (of 1000 bytes) and ``latency_ms`` of the model, trained or not.

        The latency is the least time of one sample in LiteRT on one thread, warm.

        Args:
            model: A built Keras model with one input and one output. It stays as it is.
            inputs: Its training inputs (sample, ...); int8 is calibrated on 200 of them.
            about: Further facts that are kept in the file, as JSON: the trial and its values.
            stop: When set, the measurement ends with an ExportError.

        Raises:
            ExportError: It can't be converted, the file does not run, or the converter crashed.
        """
        check_built(model)
        shape, dtype = input_of(model)
        samples = check_inputs("the data", draw_samples(inputs), shape, dtype, gaps=True)
        clone = infer_model(model)
        key = _key(clone, samples)
        known, said = None if key is None else self._known.get(key), {**self.about, **about}
        if known is None:
            known = self._measure(model, clone, samples, said, stop)
            if key is not None:
                self._known[key] = known
        size = known.bytes + self._facts_bytes(said, clone) - known.facts_bytes
        return dict(zip(DEVICE_VALUES, (size / 1e3, known.microseconds / 1e3), strict=True))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DeviceGauge) and (other.mode, other.about) == (self.mode, self.about)

    def __hash__(self) -> int:
        return hash(self.mode)

    def __repr__(self) -> str:
        return f"DeviceGauge({self.mode})"

    def __reduce__(self) -> tuple[type[DeviceGauge], tuple[QuantMode, dict[str, Any]]]:
        """What was measured stays here: another machine may be slower."""
        return DeviceGauge, (self.mode, self.about)

    def _facts_bytes(self, about: Mapping[str, Any], clone: Any) -> int:
        """What a file needs to keep these facts, filled up as its tables are."""
        length = len(entry_text(facts(self.mode, about, prepares=front_of(clone))))
        return -(-length // _ALIGNED) * _ALIGNED

    def _measure(
        self, model: Any, clone: Any, samples: NDArray[Any], about: Mapping[str, Any], stop: threading.Event | None
    ) -> _Measured:
        if clone is not model:  # else it is the user's own, whose weights are not ours to change
            _move_weights(clone)
        variant = Variant(target=Target.TFLITE, mode=str(self.mode))
        calibrated = self.mode in CALIBRATED
        with job_folder("measure") as folder:
            some = samples[:_RUN_SAMPLES]
            arrays = {"x": some, "expected": keras_outputs(clone, some)}
            if calibrated:
                arrays["calibration"] = without_gaps(str(self.mode), samples)
            hand_over(clone, folder, some)
            for part, array in arrays.items():
                np.save(folder / f"{part}.npy", array, allow_pickle=False)
            job = Job(half=is_half(model), calibrated=calibrated, about=dict(about))
            (attempt,) = make_all([variant], job, folder, Limits(timeout_seconds=_TIMEOUT_SECONDS, stop=stop))
            if attempt.problem:
                raise ExportError(attempt.problem)
            size = variant.path_in(folder).stat().st_size
        return _Measured(size, self._facts_bytes(about, clone), attempt.facts["microseconds_least"])


def gauge_for(mode: QuantMode | None, about: Mapping[str, Any]) -> DeviceGauge | None:
    """What measures a search's models in this mode; None for none. Raises ExportError where it can't be made here."""
    if mode is None:
        return None
    check_quantizer([mode])
    check_backend()
    return DeviceGauge(mode, about)


def _move_weights(model: Any) -> None:
    """Add a little to every weight that training would change; what is a variance stays above 0."""
    import keras

    random = np.random.default_rng(0)
    for layer in walk_layers(model):
        if isinstance(layer, keras.layers.Normalization):
            continue  # what it has learned of the data is not trained
        for weight in layer.weights:
            if keras.backend.is_float_dtype(weight.dtype):
                noise = np.abs(random.normal(0.0, _MOVE, weight.shape))
                weight.assign(keras.ops.convert_to_numpy(weight) + noise)


def _key(clone: Any, samples: NDArray[Any]) -> str | None:
    """Equal for models that give files of the same size and speed; None where a config does not tell all."""
    # Of layers inside of others, cells and own classes of models too.
    if any(not _is_told(layer) for layer in clone._flatten_layers()):
        return None
    config = json.dumps(_without_training(clone.get_config()), sort_keys=True, default=repr)
    weights = [(list(weight.shape), str(weight.dtype)) for weight in clone.weights]
    return hashlib.sha256(repr((config, weights, samples.shape[1:], samples.dtype.str)).encode()).hexdigest()


def _is_told(layer: Any) -> bool:
    """Whether the layer, or model, is one of Keras' or ours, with no function of the user's in it."""
    if not type(layer).__module__.startswith(_OWN_MODULES) or type(layer).__name__ == "Lambda":
        return False
    functions = [value for value in vars(layer).values() if inspect.isfunction(value)]
    return all((function.__module__ or "").startswith(_OWN_MODULES) for function in functions)


def _without_training(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_training(item) for name, item in value.items() if not name.endswith(_ONLY_TRAINING)}
    return [_without_training(item) for item in value] if isinstance(value, (list, tuple)) else value
