"""Explain a Keras model on held-out data: which columns it needs, or what in single samples speaks for its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tunemagic.analysis.attribution import integrated_gradients, saliency, unreached
from tunemagic.analysis.columns import columns_info
from tunemagic.analysis.explanation import AttributedSample, AttributionInfo, ColumnsInfo, ExplanationKind, Layout
from tunemagic.analysis.wording import number_text
from tunemagic.errors import DataError, ExportError, OptionError
from tunemagic.events import Direction
from tunemagic.export.infer import keras_outputs
from tunemagic.export.score import AnswerKind, Answers, answers_of, misfit, score_of
from tunemagic.numeric import is_whole
from tunemagic.prep.graph import raw_columns
from tunemagic.samples import layout_of, takes_series
from tunemagic.search.arrays import as_array, check_lengths, check_targets
from tunemagic.search.gaps import spoilt_weights
from tunemagic.text import counted

__all__ = ["explain_model"]

_BATCH = 2048
_SHOWN = 4  # samples where none is chosen
_LOOKED_AT = 200  # among them they are looked for
_MOST_SHOWN = 8


@dataclass(frozen=True, slots=True)
class _Held:
    """A model and the held-out samples that it answers to."""

    model: Any
    x: Any
    y: Any
    names: tuple[str, ...]
    title: str

    def outputs(self, rows: Any = slice(None)) -> Any:
        import numpy as np

        outputs = keras_outputs(self.model, self.x[rows], batch=_BATCH)
        if not np.isfinite(outputs).all():
            raise DataError(
                f"explain: {self.title} answers with NaN or infinite numbers; expected finite ones. Fill gaps in the "
                'data as for the training: prep.recipe(missing="mean").'
            )
        return outputs

    def answers(self, outputs: Any, rows: Any = slice(None)) -> Answers:
        try:
            return answers_of(self.model, outputs, None if self.y is None else self.y[rows])
        except ExportError as error:
            raise DataError(f"explain: the targets don't fit the model: {misfit(error)}") from error


def explain_model(
    model: Any,
    x: Any,
    y: Any,
    *,
    how: str | None = None,
    samples: int | Sequence[int] | None = None,
    columns: Sequence[str] | None = None,
    baseline: Any = None,
    score: str | None = None,
    direction: Direction | None = None,
    repeats: int = 10,
    seed: int = 0,
    name: str = "",
) -> ColumnsInfo | AttributionInfo:
    """Permutation importance of a table's columns, or the parts of single samples.

    Args:
        model: A built Keras model with one input and one output.
        x: Held-out samples along the first axis; a table's own column names are used.
        y: Their targets; gradients do without.
        how: ``permutation``, ``gradients`` (integrated) or ``saliency`` (in tables of a change by the column's
            standard deviation, since units differ). Default: ``permutation`` for tables, unless ``samples`` are
            chosen, and ``gradients`` for everything else. Rows that the model convolves, or goes through step by
            step, are series.
        samples: Rows to explain, at most 8. Default: the first ones of up to four different answers.
        columns: Names of the columns; default: the table's own, or those that the model was prepared for.
        baseline: The sample that stands for "nothing". Default: zeros for images, else the mean of ``x``.
        score: Name of the metric that shuffling a column should spoil; default: accuracy or loss.
        direction: Whether a larger one is better; needed for a metric of your own.
        repeats: How often each column is shuffled; less often where there are hundreds of columns.
        seed: Seed of the shuffles.
        name: What to call the model.

    Raises:
        DataError: The data does not fit, or the answers are neither classes nor one number.
        OptionError: ``how`` is unknown, a sample is out of range, or gradients can't be taken.
        ExportError: The model can't be called on ``x``.
    """
    names = _known_names(model, x) if columns is None else _names(columns)
    held = _Held(
        model, as_array("x", x), None if y is None else as_array("y", y), names, name or getattr(model, "name", "")
    )
    _check(held)
    kind = _kind(how, held, samples)
    if kind is ExplanationKind.PERMUTATION:
        if not is_whole(repeats) or repeats < 1:
            raise OptionError(f"repeats: expected a whole number, 1 or more; received {repeats!r}.")
        return _columns(held, score, direction, int(repeats), seed)
    return _attribution(held, kind, _rows(samples, len(held.x)), baseline)


def _known_names(model: Any, x: Any) -> tuple[str, ...]:
    """The table's own names, else those of the raw columns that a preparation in front of the model takes."""
    own = tuple(map(str, getattr(x, "columns", ())))
    if own or getattr(x, "ndim", 0) != 2:
        return own
    raw = raw_columns(model)
    return raw if len(raw) == x.shape[1] else ()


def _names(columns: Any) -> tuple[str, ...]:
    if isinstance(columns, str):
        raise OptionError(f"columns: expected a list of names; received the text {columns!r}.")
    return tuple(map(str, columns))


def _check(held: _Held) -> None:
    """Raises DataError unless these are rows of numbers for a model with one input."""
    import keras

    x, model = held.x, held.model
    if not isinstance(model, keras.Model):
        raise DataError(f"explain: expected a Keras model; received {type(model).__name__}.")
    if not model.built:
        raise DataError(f"explain: {held.title} has no weights yet; train it first.")
    spoilt = spoilt_weights(model)
    if spoilt:
        raise DataError(
            f"explain: {held.title} has {counted(spoilt, 'NaN or infinite weight')}, so its answers say nothing. "
            'Train it again, with gaps in the data filled: prep.recipe(missing="mean").'
        )
    if held.y is not None:
        check_lengths({"x": x, "y": held.y})
        check_targets("y", held.y)
    if x.dtype.kind in "USO" and x.ndim == 1:
        raise DataError(
            "explain: received texts; expected columns, series or images of numbers: words have no gradient, and no "
            "columns to shuffle."
        )
    if x.ndim < 2 or x.dtype.kind not in "fiub":
        raise DataError(f"explain: expected rows of numbers; received {x.dtype} of shape {x.shape}.")
    if held.names and x.ndim == 2 and len(held.names) != x.shape[1]:
        raise DataError(f"explain: received {len(held.names)} names for {x.shape[1]} columns.")
    if len(getattr(model, "inputs", None) or [0]) > 1:
        raise DataError(f"explain: {held.title} has {len(model.inputs)} inputs; expected a model with one.")


def _kind(how: str | None, held: _Held, samples: int | Sequence[int] | None) -> ExplanationKind:
    if how is None:
        table = held.x.ndim == 2 and samples is None and not takes_series(held.model)
        return ExplanationKind.PERMUTATION if table else ExplanationKind.GRADIENTS
    try:
        return ExplanationKind(how)
    except ValueError:
        raise OptionError(f"how: expected one of {', '.join(ExplanationKind)}; received {how!r}.") from None


# -- columns -------------------------------------------------------------------------------------


def _columns(held: _Held, score: str | None, direction: Direction | None, repeats: int, seed: int) -> ColumnsInfo:
    outputs = held.outputs()
    measured = score_of(held.model, held.answers(outputs), score, held.y, outputs)
    if measured is None:
        raise DataError("explain: permutation compares scores, so it needs targets: data=(x, y), --data x,y.")
    is_asked = (score or "").removeprefix("val_") == measured.name
    larger = direction is Direction.MAX if is_asked and direction is not None else measured.name == "accuracy"
    return columns_info(
        lambda rows: keras_outputs(held.model, rows, batch=_BATCH),
        held.x,
        held.y,
        measured.number,
        names=held.names or tuple(map(str, range(held.x.shape[-1]))),
        model=held.title,
        score_name=measured.name,
        larger_is_better=larger,
        repeats=repeats,
        seed=seed,
    )


# -- single samples ------------------------------------------------------------------------------


def _attribution(held: _Held, kind: ExplanationKind, rows: list[int] | None, baseline: Any) -> AttributionInfo:
    import numpy as np

    layout = _layout(held)
    looked_at = list(range(min(len(held.x), _LOOKED_AT))) if rows is None else rows
    outputs = held.outputs(looked_at)
    answers = held.answers(outputs, looked_at)
    flat = outputs.reshape(len(outputs), -1)
    classes = answers.kind is AnswerKind.CLASSES
    if outputs.ndim > 2 or (flat.shape[1] > 1 and not classes):
        raise DataError(
            f"explain: {held.title} answers with numbers of shape {outputs.shape[1:]}; expected classes or one number."
        )
    if rows is None:
        different = answers.classes(flat)
        first = np.unique(np.arange(len(flat)) if different is None else different, return_index=True)[1]
        chosen = sorted(map(int, first))[:_SHOWN]
    else:
        chosen = list(range(len(rows)))
    start = _baseline(baseline, held.x, layout)
    is_table = layout is Layout.COLUMNS
    scale = np.nanstd(held.x.astype("float64"), axis=0) if is_table and kind is ExplanationKind.SALIENCY else 1.0
    samples = [
        _sample(held, looked_at[place], kind, layout, start, scale, flat[place], is_class=classes) for place in chosen
    ]
    return AttributionInfo(
        model=held.title,
        kind=kind,
        layout=layout,
        samples=tuple(samples),
        names=held.names,
        unreached=_unreached(held) if is_table else (),
    )


def _unreached(held: _Held) -> tuple[str, ...]:
    """Names of the columns that no gradient reaches, among rows enough to tell that from a chance."""
    found = unreached(held.model, held.x[:_LOOKED_AT], 0)
    return tuple(held.names[column] if held.names else str(column) for column in found.nonzero()[0])


def _sample(
    held: _Held,
    row: int,
    kind: ExplanationKind,
    layout: Layout,
    baseline: Any,
    scale: Any,
    output: Any,
    *,
    is_class: bool,
) -> AttributedSample:
    """One row's parts, of the output that answers: the largest one of classes."""
    import numpy as np

    sample, change, error = held.x[row], None, None
    index = int(np.argmax(output)) if is_class else 0
    if kind is ExplanationKind.GRADIENTS:
        parts, change, error = integrated_gradients(held.model, sample, baseline, index)
    else:
        parts = saliency(held.model, sample, index) * scale
    if layout is Layout.IMAGE and parts.ndim == 3:
        parts = parts.max(axis=-1) if change is None else parts.sum(axis=-1)
    value = number_text(float(f"{output[index]:.3g}"))
    return AttributedSample(
        row=row,
        answer=f"{index} ({value})" if is_class else value,
        truth=_truth(held.y, row),
        shape=tuple(map(int, sample.shape)),
        values=tuple(map(float, np.ravel(sample))),
        parts=tuple(map(float, np.ravel(parts))),
        change=change,
        error=error,
    )


def _truth(y: Any, row: int) -> str:
    """The target in words: a class by its number, also where it is one-hot; empty without targets."""
    import numpy as np

    if y is None:
        return ""
    target = np.ravel(y[row])
    return str(int(np.argmax(target))) if len(target) > 1 else number_text(float(target[0]))


def _layout(held: _Held) -> Layout:
    try:
        return layout_of(held.x.shape[1:], held.names, held.model)
    except DataError as error:
        raise DataError(f"explain: {error}") from error


def _rows(samples: Any, total: int) -> list[int] | None:
    if samples is None:
        return None
    rows = list(samples) if hasattr(samples, "__iter__") and not isinstance(samples, str) else [samples]
    odd = next((row for row in rows if not is_whole(row)), None)
    if odd is not None:
        raise OptionError(f"samples: received {odd!r}; expected row numbers, such as 3 or [0, 3].")
    rows = list(map(int, rows))
    if not 0 < len(rows) <= _MOST_SHOWN:
        raise OptionError(f"explain: received {counted(len(rows), 'sample')}; expected 1 to {_MOST_SHOWN}.")
    wrong = next((row for row in rows if not 0 <= row < total), None)
    if wrong is not None:
        raise OptionError(f"explain: there is no sample {wrong}; expected a row from 0 to {total - 1}.")
    return rows


def _baseline(given: Any, x: Any, layout: Layout) -> Any:
    import numpy as np

    if given is None:
        return np.zeros(x.shape[1:]) if layout is Layout.IMAGE else np.nanmean(x.astype("float64"), axis=0)
    try:
        start = np.asarray(given, dtype="float64")
    except (TypeError, ValueError) as error:
        raise DataError(f"baseline: expected one number or a sample of numbers; received {given!r}.") from error
    if not np.isfinite(start).all():
        raise DataError("baseline: expected finite numbers; received NaN or infinity.")
    if start.shape not in ((), x.shape[1:]):
        raise DataError(f"baseline: expected one number or a sample's shape, {x.shape[1:]}; received {start.shape}.")
    return np.broadcast_to(start, x.shape[1:])
