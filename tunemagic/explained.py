"""The part of a study that explains its best model."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tunemagic.errors import DataError, OptionError
from tunemagic.explainer import explain_model
from tunemagic.i18n import Catalogue, catalogue, language_of
from tunemagic.part import StudyPart
from tunemagic.search.data import TrainingData, held_out_arrays

if TYPE_CHECKING:
    from tunemagic.plots import Picture

__all__ = ["Explained", "texts_in"]

_MOST_ROWS = 100_000  # of a dataset


class Explained(StudyPart):
    """The part of a Study that explains its best model. All of it may be called from any thread."""

    @abstractmethod
    def _best_afresh(self) -> tuple[int, Any, TrainingData]: ...

    def explain(
        self,
        how: str | None = None,
        *,
        data: Any = None,
        samples: int | Sequence[int] | None = None,
        columns: Sequence[str] | None = None,
        baseline: Any = None,
        repeats: int = 10,
        seed: int = 0,
        lang: str = "en",
    ) -> Picture:
        """What the best model's answers rest on, as ``%tune explain`` shows it; ``.info`` has the numbers.

        Waits for a running study. ``data`` is ``(x, y)``; without it the validation part is taken.
        Columns are shuffled to see what that costs of the study's objective. The other arguments
        and the errors are those of ``tunemagic.explain``.
        """
        from tunemagic.plots import explanation_picture

        texts = texts_in(lang, "explain")
        _, model, own = self._best_afresh()
        if data is None:
            x, y = self._validation(own)
        else:
            x, y = data if isinstance(data, tuple) else (data, None)
        info = explain_model(
            model,
            x,
            y,
            how=how,
            samples=samples,
            columns=columns or _same_number(own.columns, x),
            baseline=baseline,
            score=self.view.objective,
            direction=self.view.direction,
            repeats=repeats,
            seed=seed,
            name=self.name,
        )
        return explanation_picture(info, texts)

    def _validation(self, data: TrainingData) -> tuple[Any, Any]:
        if data.val_x is None or self.view.folds:
            raise DataError(
                f"study {self.name} has no validation part of its own (--folds); give data to explain on: "
                "--data x_test,y_test."
            )
        return held_out_arrays(data, _MOST_ROWS)


def texts_in(lang: str, what: str) -> Catalogue:
    """The texts of a language, ``en`` or ``zh``. Raises OptionError for others."""
    language = language_of(lang)
    if language is None:
        raise OptionError(f"{what}: received lang={lang!r}; expected 'en' or 'zh'.")
    return catalogue(language)


def _same_number(names: tuple[str, ...], x: Any) -> tuple[str, ...] | None:
    """The names of the study's own table, where ``x`` has as many columns and no names."""
    shape: tuple[int, ...] = getattr(x, "shape", ())
    return names if len(shape) == 2 and shape[1] == len(names) and not hasattr(x, "columns") else None
