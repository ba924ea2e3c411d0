"""``%tflite``: a study's best model, or any Keras model, as files that were run and compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand
from IPython.display import display

from tunemagic.errors import OptionError
from tunemagic.events import ModelExported
from tunemagic.i18n import Catalogue
from tunemagic.magics.attend import wait_for_results
from tunemagic.magics.guard import documented_by, user_errors
from tunemagic.magics.language import spoken
from tunemagic.magics.lines import ExportLine, export_line, export_parser
from tunemagic.magics.objects import is_model
from tunemagic.magics.tables import exports_table
from tunemagic.magics.tokens import did_you_mean, quoted
from tunemagic.request import Lang
from tunemagic.study import Study
from tunemagic.studybook import StudyBook
from tunemagic.text import near_variable

__all__ = ["TFLiteMagics"]

_PARSER = export_parser()


@magics_class
class TFLiteMagics(Magics):  # type: ignore[misc]  # mypy doesn't follow IPython
    """Export of models that were tuned here or come from elsewhere."""

    def __init__(
        self, shell: Any, *, book: StudyBook, lang: Callable[[], str] = lambda: Lang.AUTO, **more: Any
    ) -> None:
        """``lang`` gives the language that is configured for the notebook's searches."""
        super().__init__(shell=shell, **more)
        self._book = book
        self._lang = lang

    @no_var_expand  # type: ignore[untyped-decorator]  # mypy doesn't follow IPython
    @line_magic  # type: ignore[untyped-decorator]
    @documented_by(_PARSER)
    def tflite(self, line: str) -> None:  # noqa: D102 - documented by its parser
        with user_errors():
            asked = export_line(_PARSER, line, self.shell.user_ns)
            source = self._source(asked.source)
            texts = spoken(self._lang())
            if isinstance(source, Study):
                wait_for_results(source, texts)
            shown = _GrowingTable(texts, in_kernel=getattr(self.shell, "kernel", None) is not None)
            if isinstance(source, Study) and asked.data is None:
                self._export_study(source, asked, shown)
            else:
                self._export_model(source, asked, shown)
            shown.finish()

    def _source(self, name: str | None) -> Any:
        """The study or Keras model that the line names; a variable goes before a study's name."""
        if name is None:
            return self._book.get(None)
        value = self.shell.user_ns.get(name)
        if isinstance(value, Study) or is_model(value):
            return value
        if name in self._book.names():
            return self._book.get(name)
        if value is not None:
            raise OptionError(
                f"%tflite: {name} holds a {type(value).__name__}; expected a Keras model, a study, or a study's name."
            )
        known = [key for key, held in self.shell.user_ns.items() if isinstance(held, Study) or is_model(held)]
        hint = did_you_mean(name, [*known, *self._book.names()])
        raise OptionError(f"%tflite: there is no variable and no study named {quoted(name)}.{hint}")

    def _export_study(self, study: Study, asked: ExportLine, shown: _GrowingTable) -> None:
        representative = None if asked.representative is None else self._variable("--rep", asked.representative)
        study.export_tflite(asked.modes, representative=representative, path=asked.path, on_result=shown.add)

    def _export_model(self, source: Any, asked: ExportLine, shown: _GrowingTable) -> None:
        """Convert a model and compare on the data of the line."""
        from tunemagic.export.tflite import convert_tflite, split_target

        x, y = self._held_out(asked)
        study = source if isinstance(source, Study) else None
        name = study.name if study else asked.source or ""
        usual = study.directory / "exports" / name if study else Path(name)
        folder, stem = split_target(asked.path or usual, name)
        convert_tflite(
            source if study is None else study.best_model,
            asked.modes,
            x_eval=x,
            y_eval=y,
            representative=None if asked.representative is None else self._variable("--rep", asked.representative),
            directory=folder,
            stem=stem,
            trial=None if study is None else study.best_trial.number,
            score_name=None if study is None else study.view.objective.removeprefix("val_"),
            on_result=shown.add if study is None else _recorded(study, shown),
        )

    def _held_out(self, asked: ExportLine) -> tuple[Any, Any]:
        if asked.data is not None:
            x, *y = (self._variable("--data", name) for name in asked.data)
            return x, y[0] if y else None
        if asked.representative is not None:
            return self._variable("--rep", asked.representative), None
        raise OptionError(
            "%tflite: a model that was not tuned here needs data to be compared on; add --data x_test,y_test."
        )

    def _variable(self, option: str, name: str) -> Any:
        if name not in self.shell.user_ns:
            hint = near_variable(name, self.shell.user_ns)
            raise OptionError(f"{option}: the notebook has no variable {name}.{hint}")
        return self.shell.user_ns[name]


def _recorded(study: Study, shown: _GrowingTable) -> Any:
    """Show each result after the study has recorded it, so that its panel lists it too."""

    def take(result: ModelExported) -> None:
        shown.add(result if study.read_only_reason else study.record(result))  # type: ignore[arg-type]

    return take


class _GrowingTable:
    """A table in the cell's output that gets a row whenever a conversion has ended.

    A terminal can't take back what it shows, so there the table comes once, at the end.
    """

    def __init__(self, texts: Catalogue, *, in_kernel: bool) -> None:
        self._texts = texts
        self._in_kernel = in_kernel
        self._results: list[ModelExported] = []
        self._handle: Any = None

    def add(self, result: ModelExported) -> None:
        """Take one more result."""
        self._results.append(result)
        bundle = exports_table(self._results, self._texts).bundle()
        if self._handle is not None:
            self._handle.update(bundle, raw=True)
        elif self._in_kernel:
            self._handle = display(bundle, raw=True, display_id=True)

    def finish(self) -> None:
        """Show the whole table where it could not grow."""
        if not self._in_kernel:
            display(exports_table(self._results, self._texts).bundle(), raw=True)
