"""Where an artefact answers otherwise than its model: the samples themselves, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tunemagic.analysis.wording import number_text
from tunemagic.errors import ExportError
from tunemagic.events import ModelExported
from tunemagic.export.infer import keras_outputs
from tunemagic.export.lite import LiteFile
from tunemagic.export.score import AnswerKind, Answers, answers_of
from tunemagic.samples import SampleInfo, look_of, sample_info
from tunemagic.text import counted

__all__ = ["Flip", "FlipsInfo", "answer_text", "flips_info", "same_answer", "truth_text"]

_MOST_SHOWN = 12
_MEANT_BY = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One sample, what it is in truth ("" when unknown), and what model and artefact say."""

    sample: SampleInfo
    truth: str
    keras: str
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipsInfo:
    """The first samples with other answers; ``names`` are those of their columns."""

    flips: tuple[Flip, ...]
    names: tuple[str, ...]


def flips_info(export: ModelExported, model: Any, x: Any, y: Any, names: Sequence[str] = ()) -> FlipsInfo:
    """What ``model`` and the TF Lite file say of the samples in ``export.flips``.

    Args:
        export: What came of the export.
        model: The Keras model that was exported.
        x: The samples that both were compared on (sample, ...).
        y: Their targets, or None.
        names: Of the columns of ``x``.

    Raises:
        ExportError: The file is not there as it was, or answers like the model on these samples: they are others.
    """
    rows = [row for row in export.flips[:_MOST_SHOWN] if row < len(x)]
    if not rows:
        return FlipsInfo(flips=(), names=())
    file = LiteFile(export, x.shape[1:])
    # What outputs mean is not seen from a few samples.
    seen = [*rows, *range(min(len(x), _MEANT_BY))]
    outputs = keras_outputs(model, x[seen])
    answers = answers_of(model, outputs, None if y is None else y[seen])
    look = look_of(x, model, names)
    flips = []
    for row, output in zip(rows, outputs[: len(rows)], strict=True):
        given = file.answer(x[row])[0]
        if not same_answer(answers, output, given):
            keras, lite = answer_text(answers, output), answer_text(answers, given)
            truth = "" if y is None else truth_text(answers, y[row])
            flips.append(Flip(sample=sample_info(x[row], row, look), truth=truth, keras=keras, file=lite))
    if not flips:
        raise ExportError(
            f"{file.name}: {counted(len(rows), 'sample')} differed when it was verified, on other data than the "
            "study's own; they can't be shown."
        )
    return FlipsInfo(flips=tuple(flips), names=look.names)


def same_answer(answers: Answers, one: Any, other: Any) -> bool:
    """Whether two answers to one sample are the same: all classes or labels, or all numbers as they are shown."""
    import numpy as np

    first, second = answers.classes(np.asarray(one)[None]), answers.classes(np.asarray(other)[None])
    if first is None or second is None:
        return answer_text(answers, one) == answer_text(answers, other)
    return bool((first == second).all())


def answer_text(answers: Answers, output: Any) -> str:
    """One sample's answer: the class and how sure it is, or the number."""
    import numpy as np

    flat = np.ravel(output)
    match answers.kind:
        case AnswerKind.CLASSES:
            best = int(np.argmax(flat))
            return f"{best} ({number_text(float(f'{flat[best]:.3g}'))})"
        case AnswerKind.YES_NO:
            return " ".join(f"{int(value > answers.cut)} ({number_text(float(f'{value:.3g}'))})" for value in flat[:8])
        case AnswerKind.NUMBERS:
            return " ".join(number_text(float(f"{value:.4g}")) for value in flat[:8])


def truth_text(answers: Answers, target: Any) -> str:
    """One sample's target: a class by its number, also where it is one-hot."""
    import numpy as np

    flat = np.ravel(target)
    if answers.kind is AnswerKind.CLASSES:
        return str(int(np.argmax(flat)) if len(flat) > 1 else int(flat[0]))
    return " ".join(number_text(float(value)) for value in flat[:8])
