"""The part of a study that scores its best model on data kept away from the search."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from tunemagic import events as ev
from tunemagic.analysis.held_out import HeldOutInfo, bootstrap_interval
from tunemagic.analysis.wording import number_text
from tunemagic.errors import DataError, ExportError
from tunemagic.events import Direction
from tunemagic.export.infer import keras_outputs
from tunemagic.export.score import AnswerKind, Answers, Score, answers_of, misfit, score_of
from tunemagic.i18n.facts import fact_of
from tunemagic.part import StudyPart
from tunemagic.prep.samples import read_part, same_kind
from tunemagic.prep.twins import shared_samples
from tunemagic.search.arrays import as_array, check_lengths, check_targets, digest_of
from tunemagic.search.cell import TrialSetup
from tunemagic.search.data import TrainingData, held_out_arrays

__all__ = ["Tested"]

_BATCH = 2048
_NO_TARGETS = "the test part needs targets: test(x_test, y_test), --test x_test,y_test."
_MOST_ROWS = 100_000  # of a dataset, and of parts whose rows are compared


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """The study's own validation targets, None where it has none, and the model's answers to their samples.

    With folds they are training samples.
    """

    y: Any
    outputs: Any


class Tested(StudyPart):
    """The part of a Study that tests its best model. All of it may be called from any thread."""

    @abstractmethod
    def _best_number(self) -> int: ...

    @abstractmethod
    def _rebuild_setup(self, number: int) -> tuple[TrialSetup, TrainingData]: ...

    def test(self, x: Any, y: Any = None, *, seed: int = 0) -> HeldOutInfo:  # noqa: PT028 - it is no pytest function
        """Score the best model on a test part, beside its validation score.

        The score is the study's objective, or accuracy or loss where that can't be computed from
        answers; its interval is a bootstrap over the rows. The look is noted in the study's
        record, once for each model and test part: a test that is looked at again and again becomes
        validation.

        Args:
            x: Inputs as the model takes them, samples along the first axis, or a dataset of batches.
            y: Their targets; None with a dataset.
            seed: Seed of the bootstrap.

        Raises:
            DataError: The test part has no targets or does not fit the model, or a sample has no finite answer or
                target, or a target that is none of the model's classes.
            StudyError: There is no model to test.
        """
        number = self._best_number()
        setup, own = self._rebuild_setup(number)
        x, y = _test_part(own, x, y)
        known = _known(setup.model, own)
        outputs, measured = _answers(setup.model, known, x, y, self.view.objective)
        low, high = None, None
        if len(x) > 1:
            low, high = bootstrap_interval(lambda rows: measured.number(y[rows], outputs[rows]), len(x), seed=seed)
        is_asked = measured.name == self.view.objective.removeprefix("val_")
        better = Direction.MAX if measured.name == "accuracy" else Direction.MIN
        validation, validation_rows = self._validated(own, known, measured, number if is_asked else None)
        info = HeldOutInfo(
            study=self.name,
            trial=number,
            metric=measured.name,
            direction=self.view.direction if is_asked else better,
            test=measured.number(y, outputs),
            low=low,
            high=high,
            rows=len(x),
            validation=validation,
            validation_rows=validation_rows,
            doubles=_doubles(own, x),
            prepared=tuple(setup.data),
        )
        return dataclasses.replace(info, looks=self._noted(info, _short_digest(x, y)))

    def _validated(
        self, own: TrainingData, known: _Known, measured: Score, number: int | None
    ) -> tuple[float | None, int]:
        """The same score on the validation part and its number of samples; with folds the score of the trial."""
        if own.val_x is not None and not self.view.folds:
            return measured.number(known.y, known.outputs), len(known.outputs)
        return None if number is None else self.view.trial(number).score, 0

    def _noted(self, info: HeldOutInfo, part: str) -> int:
        """Note the look in the study's record unless it is there; how many different ones there are by now."""
        scored = f"trial {info.trial} scored {info.metric} {number_text(info.test)}"
        text = f"{scored} on a test part of {info.rows} samples ({part})"
        looks = {note for note in self.view.notes if (fact_of(note) or ("",))[0] == "fact.tested"}
        if text not in looks and self.writable:
            self._ledger.record(ev.StudyNoted(text=text))
        return len(looks | {text})


def _test_part(own: TrainingData, x: Any, y: Any) -> tuple[Any, Any]:
    if hasattr(x, "element_spec"):
        x, y = held_out_arrays(dataclasses.replace(own, val_x=x, val_y=None, val_names=("the test part",)), _MOST_ROWS)
    x, y = as_array("the test part", x), None if y is None else as_array("its targets", y)
    if y is None:
        raise DataError(_NO_TARGETS)
    check_lengths({"the test part": x, "its targets": y})
    check_targets("y of the test part", y)
    return x, y


def _short_digest(x: Any, y: Any) -> str:
    """What tells one test part from another, whatever kind of numbers it comes in."""
    parts = {"x": x, "y": y}
    alike = {name: part if part.dtype.kind == "U" else part.astype("float32") for name, part in parts.items()}
    return digest_of(alike)[:8]


def _known(model: Any, own: TrainingData) -> _Known:
    x, y = (own.x[:_BATCH], own.y) if own.val_x is None else held_out_arrays(own, _MOST_ROWS)
    return _Known(None if y is None else y[: len(x)], keras_outputs(model, x, batch=_BATCH))


def _answers(model: Any, known: _Known, x: Any, y: Any, objective: str) -> tuple[Any, Score]:
    """What the model answers, and the score to judge that by: read as on the study's own samples."""
    try:
        outputs = keras_outputs(model, x, batch=_BATCH)
        _check_answered(outputs)
        answers = answers_of(model, outputs, y)
        if known.y is not None:
            answers = answers_of(model, known.outputs, known.y)
            _check_classes(answers, y, outputs)
        measured = score_of(model, answers, objective, y, outputs)
    except ExportError as error:
        raise DataError(f"the test part does not fit the model: {misfit(error)}") from error
    if measured is None:  # not reached: there are targets
        raise DataError(_NO_TARGETS)
    if measured.compute(y, outputs) is None:
        raise DataError(f"the test part: its {measured.name} is not finite; look for extreme values in it.")
    return outputs, measured


def _check_answered(outputs: Any) -> None:
    """Raises DataError when a sample has no finite answer."""
    import numpy as np

    unanswered = ~np.isfinite(outputs.reshape(len(outputs), -1)).all(axis=1)
    if unanswered.any():
        raise DataError(
            f"the test part: the model has no finite answer for {unanswered.sum()} of {len(outputs)} samples, the "
            f"first in row {unanswered.argmax()}; look for missing values there."
        )


def _check_classes(answers: Answers, y: Any, outputs: Any) -> None:
    """Raises DataError when answers mean classes and a target means none of them."""
    import numpy as np

    one_hot = answers.kind is AnswerKind.CLASSES and y.shape == outputs.shape
    if answers.kind is AnswerKind.YES_NO or one_hot:
        strange = ~np.isin(y, (0, 1))
        if strange.any():
            raise DataError(
                f"y of the test part: received {y[strange][0]:g}; expected 0 or 1, as in the study's own targets."
            )
    if one_hot and (y.sum(axis=-1) != 1).any():
        raise DataError("y of the test part: received rows with no or several classes; expected one in each row.")


def _doubles(own: TrainingData, x: Any) -> int:
    """How many test rows stand among those that were trained or chosen on, beyond what chance makes."""
    import numpy as np

    if not own.is_arrays:
        return 0
    known = own.x if own.val_x is None else np.concatenate([own.x, own.val_x])
    if len(known) > _MOST_ROWS:
        return 0
    trained, tested = (read_part(part, None, (name, "")) for part, name in ((known, "training"), (x, "test")))
    found = shared_samples(*same_kind(trained, tested))
    return 0 if found is None else int(found.numbers["duplicates"])
