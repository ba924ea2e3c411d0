"""A Keras model and TF Lite files made of it, asked the same samples: what each answers, and how fast."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tunemagic.errors import DataError, OptionError
from tunemagic.export.infer import keras_outputs
from tunemagic.export.lite import LiteFile
from tunemagic.export.score import AnswerKind, Answers, answers_of
from tunemagic.flips import answer_text, same_answer, truth_text
from tunemagic.samples import Look, SampleInfo, look_of, sample_info

__all__ = ["Answered", "Paired", "Reply"]

_MOST_SAMPLES = 2000  # as many as an export is verified on
_CALLS = 5  # the least of so many is told
_MOST_OUTPUTS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What one of the two said: its outputs, in words, and the least time of some warm calls in microseconds."""

    outputs: tuple[float, ...]
    text: str
    microseconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Both answers to one sample. ``sample`` is None for one that was drawn or typed, ``truth`` "" where unknown."""

    sample: SampleInfo | None
    truth: str
    keras: Answered
    file: Answered
    same: bool


class Paired:
    """Asks both. Not for several threads at once.

    Args:
        model: A Keras model with one input and one output.
        files: At least one file that was made of it.
        x: Samples to pick from (sample, ...); the first 2000 are used.
        y: Their targets, or None.
        columns: Names of the columns of a table.

    Raises:
        DataError: There are no samples, or they can't be shown.
        ExportError: The model can't be called on them.
    """

    def __init__(
        self, model: Any, files: Sequence[LiteFile], x: Any, y: Any = None, *, columns: Sequence[str] = ()
    ) -> None:
        self.files = {file.export.mode: file for file in files}
        self.x, self.y = x[:_MOST_SAMPLES], None if y is None else y[:_MOST_SAMPLES]
        if not len(self.x):
            raise DataError("demo: expected samples to pick from; received none.")
        self.look: Look = look_of(self.x, model, columns)
        self._keras = keras_outputs(model, self.x)
        self.answers: Answers = answers_of(model, self._keras, self.y)
        self._call = _traced(model)
        self._said: dict[str, Any] = {}

    @property
    def outputs(self) -> int:
        """How many numbers an answer has, at most 60 of them."""
        return min(_MOST_OUTPUTS, int(self._keras[0].size))

    def row(self, mode: str, row: int) -> Reply:
        """Both answers to sample ``row``. Raises OptionError when there is none."""
        if not 0 <= row < len(self.x):
            raise OptionError(f"demo: expected a sample from 0 to {len(self.x) - 1}; received {row}.")
        truth = "" if self.y is None else truth_text(self.answers, self.y[row])
        return self._reply(mode, self.x[row], truth, sample_info(self.x[row], row, self.look))

    def values(self, mode: str, values: Sequence[float]) -> Reply:
        """Both answers to a sample of these numbers. Raises OptionError when they are not as many as a sample has."""
        import numpy as np

        shape = self.x.shape[1:]
        numbers = np.asarray(values, np.float64)
        if numbers.size != np.prod(shape) or not np.isfinite(numbers).all():
            raise OptionError(f"demo: expected {int(np.prod(shape))} finite numbers; received {numbers.size}.")
        if self.x.dtype.kind in "iub":
            numbers = np.round(numbers)
        return self._reply(mode, numbers.reshape(shape).astype(self.x.dtype), "", None)

    def next_wrong(self, row: int) -> int | None:
        """The next sample, round and round, that the Keras model answers wrong; None when there is none."""
        truth = None if self.y is None else self.answers.true_classes(self.y, self._keras)
        return None if truth is None else self._next(row, self.answers.classes(self._keras) != truth)

    def next_flip(self, mode: str, row: int) -> int | None:
        """The next sample, round and round, on which file and model disagree; None when there is none."""
        import numpy as np

        if self.answers.kind is AnswerKind.NUMBERS:
            return None
        if mode not in self._said:
            self._said[mode] = np.stack([self._file(mode).answer(sample)[0] for sample in self.x])
        return self._next(row, self.answers.classes(self._said[mode]) != self.answers.classes(self._keras))

    def _next(self, row: int, marked: Any) -> int | None:
        import numpy as np

        found = np.flatnonzero(marked.reshape(len(marked), -1).any(axis=1))
        if not len(found):
            return None
        return int(next((one for one in found if one > row), found[0]))

    def _file(self, mode: str) -> LiteFile:
        if mode not in self.files:
            raise OptionError(f"demo: expected one of {', '.join(self.files)}; received {mode!r}.")
        return self.files[mode]

    def _reply(self, mode: str, sample: Any, truth: str, shown: SampleInfo | None) -> Reply:
        file = self._file(mode)
        said, keras = self._timed(lambda: self._call(sample))
        given, lite = self._timed(lambda: file.answer(sample)[0])
        same = same_answer(self.answers, said, given)
        return Reply(sample=shown, truth=truth, keras=keras, file=lite, same=same)

    def _timed(self, call: Callable[[], Any]) -> tuple[Any, Answered]:
        """What it gives, and the same in words with the least time of some calls."""
        import numpy as np

        outputs, times = call(), []
        for _ in range(_CALLS):
            begun = time.perf_counter()
            outputs = call()
            times.append(time.perf_counter() - begun)
        flat = np.ravel(outputs)[:_MOST_OUTPUTS]
        return outputs, Answered(
            outputs=tuple(float(f"{value:.5g}") for value in flat),
            text=answer_text(self.answers, outputs),
            microseconds=float(f"{min(times) * 1e6:.4g}"),
        )


def _traced(model: Any) -> Callable[[Any], Any]:
    """The model as a graph where TensorFlow runs it: called plainly it spends most of its time in Python."""
    import keras
    from keras import ops

    def plain(sample: Any) -> Any:
        return ops.convert_to_numpy(model(sample[None], training=False))[0]

    if keras.backend.backend() != "tensorflow":
        return plain
    import tensorflow as tf

    graph = tf.function(lambda batch: model(batch, training=False))
    return lambda sample: graph(tf.constant(sample[None])).numpy()[0]
