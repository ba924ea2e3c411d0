"""``%tflite``: a study's best model, or any Keras model, as files that were run and compared."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand
from IPython.display import display

from tunemagic.events import Direction
from tunemagic.export.best import choose
from tunemagic.export.choose import choose as choose_jobs
from tunemagic.export.modes import left_out
from tunemagic.export.result import ExportResult
from tunemagic.export.snippet import snippet
from tunemagic.i18n import Catalogue
from tunemagic.i18n.facts import translate
from tunemagic.magics.attend import wait_for_results
from tunemagic.magics.exporting import GrowingTable, export_shown, held_out, source_of, variable_in
from tunemagic.magics.guard import documented_by, user_errors
from tunemagic.magics.language import spoken
from tunemagic.magics.lines import ALL_MODES, BEST_MODE, ExportLine, export_line, export_parser
from tunemagic.request import Lang, Target
from tunemagic.study import Study
from tunemagic.studybook import StudyBook

if TYPE_CHECKING:
    from tunemagic.export.sensitivity import Sensitivity

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
            if asked.sensitivity:
                measured = self._sensitivity(source, asked)
                display({"text/plain": repr(measured), "text/html": measured.to_html(texts)}, raw=True)
                return
            table = GrowingTable(
                texts,
                in_kernel=getattr(self.shell, "kernel", None) is not None,
                jobs=choose_jobs(Target.TFLITE, asked.modes).names,
                notes=[translate(left_out(), texts)] if asked.quant in {ALL_MODES, BEST_MODE} and left_out() else [],
            )
            results = self._export(source, asked, table)
            _tell_choice(results, asked, source, texts)

    def _sensitivity(self, source: Any, asked: ExportLine) -> Sensitivity:
        from tunemagic.export.sensitivity import sensitivity

        if isinstance(source, Study) and asked.data is None:
            return source.sensitivity()
        x, y = held_out("%tflite", asked.data, asked.representative, self.shell.user_ns)
        return sensitivity(source.best_model if isinstance(source, Study) else source, x, y)

    def _export(self, source: Any, asked: ExportLine, table: GrowingTable) -> tuple[ExportResult, ...]:
        """Convert, show each result when it is there, and give all of them; Interrupt stops it."""
        convert = self._converting(source, asked)
        results: list[ExportResult] = []

        def export(emit: Callable[[ExportResult], None], stop: threading.Event) -> None:
            results.extend(convert(on_result=emit, stop=stop))

        export_shown(table, export)
        return tuple(results)

    def _converting(self, source: Any, asked: ExportLine) -> Callable[..., tuple[ExportResult, ...]]:
        """What converts, once told ``on_result`` and ``stop``. Raises OptionError for names that are not there."""
        from tunemagic.export import convert_tflite, split_target

        representative = self._representative(asked)
        if isinstance(source, Study):
            return partial(
                source.export_tflite,
                asked.modes,
                data=None if asked.data is None else held_out("%tflite", asked.data, None, self.shell.user_ns),
                representative=representative,
                path=asked.path,
                force=asked.force,
                flex=asked.flex,
            )
        x, y = held_out("%tflite", asked.data, asked.representative, self.shell.user_ns)
        name = asked.source or ""
        jobs = [(Target.TFLITE, mode) for mode in asked.modes]
        folder, stem = split_target(asked.path or name, name, jobs)
        return partial(
            convert_tflite,
            source,
            asked.modes,
            x_eval=x,
            y_eval=y,
            representative=representative,
            directory=folder,
            stem=stem,
            force=asked.force,
            flex=asked.flex,
        )

    def _representative(self, asked: ExportLine) -> Any:
        name = asked.representative
        return None if name is None else variable_in("--rep", name, self.shell.user_ns)


def _tell_choice(results: Sequence[ExportResult], asked: ExportLine, source: Any, texts: Catalogue) -> None:
    """Say which file is the best one within the limits, and show the code that runs it, where asked for."""
    if asked.quant != BEST_MODE and asked.snippet is None:
        return
    higher = source.view.direction is Direction.MAX if isinstance(source, Study) else None
    choice = choose(results, max_kb=asked.max_kb, max_ms=asked.max_ms, higher_is_better=higher)
    if asked.quant == BEST_MODE or choice.result is None:
        display({"text/plain": choice.sentence(texts)}, raw=True)
    if asked.snippet is not None and choice.result is not None:
        display({"text/plain": snippet(choice.result, asked.snippet)}, raw=True)
