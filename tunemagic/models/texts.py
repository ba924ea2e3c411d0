"""The template for texts: characters or words, their embeddings, and a summary of these."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tunemagic.errors import DataError, OptionError
from tunemagic.models.blocks import finished, penalty, penalty_ranges, training_ranges
from tunemagic.models.head import Head, head_of
from tunemagic.models.inputs import text_array
from tunemagic.models.ranges import changed, choice, number
from tunemagic.models.template import Template
from tunemagic.numeric import is_whole
from tunemagic.prep.part import training_rows

__all__ = ["text"]

_LEVELS = {"character": "character", "word": "whitespace"}  # and how TextVectorization calls them
_LONGEST = 200
_ENOUGH = 5_000  # texts that tell how long they are; of more every second, third ... is taken
# Scripts without blanks between words: Thai and Lao, Chinese and Japanese.
_NO_BLANKS = (("\u0e00", "\u0eff"), ("\u2e80", "\u9fff"))
_MANY = 0.3


def text(
    x: Any,
    y: Any,
    *,
    task: str | None = None,
    level: str | None = None,
    vocabulary: int = 5000,
    length: int | None = None,
    **ranges: Any,
) -> Template:
    """Characters or words as embeddings, summed up by their mean, their maximum, a convolution or a GRU.

    Args:
        x: Texts (row,).
        y: Classes or numbers; see ``tunemagic.models``.
        task: ``"binary"``, ``"multiclass"`` or ``"regression"``; default: what the target looks like.
        level: ``"word"`` or ``"character"``; default: characters where no blanks stand between words, as in Chinese.
        vocabulary: So many of the most frequent characters or words of ``x`` are told apart.
        length: So many of them are read of each text; default: 95 % of the texts are read whole, 200 at most.
        ranges: New ranges by name; ``print(models.text(x, y))`` lists them.

    Raises:
        DataError: Inputs or targets that don't fit, or texts without a single word.
        OptionError: An unknown option, or values that can't be searched.
    """
    import numpy as np

    texts, head = text_array("text", x), head_of(y, task, rows=len(x))
    if level not in (None, *_LEVELS):
        raise OptionError(f"level: received {level!r}; expected one of {', '.join(_LEVELS)}.")
    for name, count in (("vocabulary", vocabulary), ("length", 1 if length is None else length)):
        if not is_whole(count) or count < 1:
            raise OptionError(f"{name}: received {count!r}; expected a whole number from 1 on.")
    chosen = level or _level_of(texts)
    rows = training_rows(len(texts))  # in a cell: those that the trial is not judged by
    words, lengths = _learned(texts if rows is None else texts[rows], chosen, vocabulary)
    read = length or min(_LONGEST, max(1, int(np.quantile(lengths, 0.95))))
    own = (
        choice("embedding", (8, 16, 32, 64), 32),
        choice("summary", ("average", "maximum", "conv", "gru"), "average"),
        choice("units", (16, 32, 64), 32),
        choice("activation", ("relu", "gelu", "tanh", "sigmoid"), "relu"),
        number("dropout", 0.0, 0.5, 0.2, step=0.1),
        *penalty_ranges(),
        *training_ranges(head, rate=3e-3),
    )
    return Template(
        name="text",
        shape=(),
        head=head,
        ranges=changed("text", own, ranges),
        network=_Reader(words, chosen, read),
        dtype="string",
        scale=False,
    )


def _level_of(texts: Iterable[str]) -> str:
    letters = [letter for each in texts for letter in each if not letter.isspace()]
    together = sum(any(first <= letter <= last for first, last in _NO_BLANKS) for letter in letters)
    return "character" if together > _MANY * len(letters) else "word"


def _learned(texts: Any, level: str, vocabulary: int) -> tuple[tuple[str, ...], Any]:
    """The most frequent characters or words, and how many of them texts have; DataError for none at all."""
    import keras

    # Ragged, since padding all texts to the longest would take much memory.
    layer = keras.layers.TextVectorization(vocabulary + 2, split=_LEVELS[level], ragged=True)
    layer.adapt(texts.astype(object))
    words = tuple(map(str, layer.get_vocabulary()[2:]))
    if not words:
        raise DataError("models.text: every text of x is empty; expected words.")
    some = texts[:: math.ceil(len(texts) / _ENOUGH)]
    return words, layer(some.astype(object)).row_lengths().numpy()


@dataclass(frozen=True, slots=True)
class _Reader:
    """The network behind a vocabulary; a text is ``length`` characters or words."""

    vocabulary: tuple[str, ...]
    level: str
    length: int

    def __call__(self, inputs: Any, values: Mapping[str, Any], head: Head) -> Any:
        """Texts (row,) to the model's outputs."""
        import keras

        vectorised = keras.layers.TextVectorization(
            split=_LEVELS[self.level], vocabulary=list(self.vocabulary), output_sequence_length=self.length
        )(inputs)
        # Two more: nothing (0) and whatever is not in the vocabulary (1).
        masked = values["summary"] in ("average", "gru")
        embedded = keras.layers.Embedding(len(self.vocabulary) + 2, values["embedding"], mask_zero=masked)(vectorised)
        summary = finished(_summary(embedded, values), values)
        features = keras.layers.Dense(values["units"], values["activation"], kernel_regularizer=penalty(values))
        return head.output(features(summary))


def _summary(embedded: Any, values: Mapping[str, Any]) -> Any:
    import keras

    match values["summary"]:
        case "average":
            return keras.layers.GlobalAveragePooling1D()(embedded)
        case "gru":
            return keras.layers.GRU(values["units"])(embedded)
        case "conv":
            embedded = keras.layers.Conv1D(values["units"], 3, activation=values["activation"], padding="same")(
                embedded
            )
    return keras.layers.GlobalMaxPooling1D()(embedded)
