"""``%tflite``: a study's best model, or any Keras model, as files that were run and compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand

from tunemagic.export.result import ExportResult
from tunemagic.magics.attend import wait_for_results
from tunemagic.magics.exporting import GrowingTable, held_out, source_of, variable_in
from tunemagic.magics.guard import documented_by, user_errors
from tunemagic.magics.language import spoken
from tunemagic.magics.lines import ExportLine, export_line, export_parser
from tunemagic.request import Lang
from tunemagic.study import Study
from tunemagic.studybook import StudyBook

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
            source = source_of("%tflite", asked.source, self.shell.user_ns, self._book)
            texts = spoken(self._lang())
            if isinstance(source, Study):
                wait_for_results(source, texts)
            shown = GrowingTable(texts, in_kernel=getattr(self.shell, "kernel", None) is not None)
            if isinstance(source, Study) and asked.data is None:
                self._export_study(source, asked, shown)
            else:
                self._export_model(source, asked, shown)
            shown.finish()

    def _export_study(self, study: Study, asked: ExportLine, shown: GrowingTable) -> None:
        representative = self._representative(asked)
        study.export_tflite(asked.modes, representative=representative, path=asked.path, on_result=shown.add)

    def _export_model(self, source: Any, asked: ExportLine, shown: GrowingTable) -> None:
        """Convert a model and compare on the data of the line."""
        from tunemagic.export import convert_tflite, split_target

        x, y = held_out("%tflite", asked.data, asked.representative, self.shell.user_ns)
        study = source if isinstance(source, Study) else None
        name = study.name if study else asked.source or ""
        usual = study.directory / "exports" / name if study else Path(name)
        folder, stem = split_target(asked.path or usual, name)
        convert_tflite(
            source if study is None else study.best_model,
            asked.modes,
            x_eval=x,
            y_eval=y,
            representative=self._representative(asked),
            directory=folder,
            stem=stem,
            trial=None if study is None else study.best_trial.number,
            score_name=None if study is None else study.view.objective.removeprefix("val_"),
            on_result=shown.add if study is None else _recorded(study, shown),
        )

    def _representative(self, asked: ExportLine) -> Any:
        name = asked.representative
        return None if name is None else variable_in("--rep", name, self.shell.user_ns)


def _recorded(study: Study, shown: GrowingTable) -> Any:
    """Show each result after the study has recorded it, so that its panel lists it too."""

    def take(result: ExportResult) -> None:
        if not study.read_only_reason:
            study.record(result.event())
        shown.add(result)

    return take
