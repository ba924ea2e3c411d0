"""``%tune demo``: pick or draw a sample, and see what a model and its TF Lite files say of it."""

from __future__ import annotations

import tempfile
import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from IPython.display import display

from tunemagic.errors import ExportError, OptionError
from tunemagic.events import ModelExported, Verdict
from tunemagic.export.result import ExportResult
from tunemagic.i18n import Catalogue
from tunemagic.magics.attend import wait_for_results
from tunemagic.magics.defaults import SearchDefaults
from tunemagic.magics.exporting import GrowingTable, export_shown, held_out, source_of
from tunemagic.magics.lines import add_language, add_source
from tunemagic.magics.options import LineParser, data_names, text
from tunemagic.magics.tokens import quoted
from tunemagic.request import QuantMode, Target
from tunemagic.search.arrays import as_array, column_names
from tunemagic.study import Study
from tunemagic.studybook import StudyBook
from tunemagic.text import did_you_mean

__all__ = ["DemoVerb", "add_demo"]

_TYPED = "%tune demo"
# Made where there is no verified file yet.
_MODES = (QuantMode.NONE, QuantMode.DYNAMIC, QuantMode.INT8)


def add_demo(parser: LineParser) -> None:
    """The arguments of ``%tune demo``."""
    add_source(parser)
    held = "samples to pick from, and their targets; default: the study's validation part"
    parser.option("--data", type=data_names, metavar="X,Y", help=held)
    which = "a verified TF Lite file of the study; default: all of them, and where there is none they are made"
    parser.option("--file", type=text, metavar="PATH", help=which)
    add_language(parser)


class DemoVerb(SearchDefaults):
    """The verb ``demo``."""

    shell: Any
    book: StudyBook

    @abstractmethod
    def _texts(self, study: Study | None = None, lang: str | None = None) -> Catalogue: ...

    def _demo(self, given: Mapping[str, Any]) -> None:
        from tunemagic.widgets.demo import demo

        source = source_of(_TYPED, given.get("source"), self.shell.user_ns, self.book)
        study = source if isinstance(source, Study) else None
        texts = self._texts(study, given.get("lang"))
        if study is None:
            x, y, columns = self._samples(given)
            # The files are read when they are opened, and kept in memory.
            with tempfile.TemporaryDirectory(prefix="tunemagic-demo-") as folder:
                exports = self._made(source, x, y, Path(folder), given, texts)
                widget = demo(source, exports, x, y, columns=columns, texts=texts)
        else:
            wait_for_results(study, texts)
            exports = _files(study, given.get("file")) or self._exported(study, texts)
            model, x, y, columns = study.pair(exports[-1])
            if "data" in given:
                x, y, columns = self._samples(given)
            widget = demo(model, exports, x, y, columns=columns, texts=texts)
        display(widget)

    def _samples(self, given: Mapping[str, Any]) -> tuple[Any, Any, Sequence[str]]:
        x, y = held_out(_TYPED, given.get("data"), None, self.shell.user_ns)
        names = column_names(x)
        return as_array(given["data"][0], x), None if y is None else as_array(given["data"][1], y), names

    def _table(self, texts: Catalogue) -> GrowingTable:
        jobs = [f"{Target.TFLITE} {mode}" for mode in _MODES]
        return GrowingTable(texts, in_kernel=getattr(self.shell, "kernel", None) is not None, jobs=jobs)

    def _exported(self, study: Study, texts: Catalogue) -> list[ModelExported]:
        """Files that the study makes now. Raises ExportError when none of them is verified."""

        def export(emit: Callable[[ExportResult], None], stop: threading.Event) -> None:
            study.export(Target.TFLITE, _MODES, force=True, on_result=emit, stop=stop)

        export_shown(self._table(texts), export)
        return _files(study, None) or _none_verified()

    def _made(
        self, model: Any, x: Any, y: Any, folder: Path, given: Mapping[str, Any], texts: Catalogue
    ) -> list[ModelExported]:
        """Files made of a model now. Raises ExportError when none of them is verified."""
        if "file" in given:
            raise OptionError(
                "--file: names a file that a study has verified; of a model in a variable the files are made anew: "
                "leave --file out."
            )
        results: list[ExportResult] = []

        def export(emit: Callable[[ExportResult], None], stop: threading.Event) -> None:
            from tunemagic.export import convert_tflite

            results.extend(
                convert_tflite(
                    model,
                    _MODES,
                    x_eval=x,
                    y_eval=y,
                    directory=folder,
                    stem="demo",
                    on_result=emit,
                    stop=stop,
                )
            )

        export_shown(self._table(texts), export)
        return [result.event() for result in results if result.verified] or _none_verified()


def _files(study: Study, wanted: str | None) -> list[ModelExported]:
    """The verified TF Lite files of the trial that was exported last. Raises OptionError for one that is not there."""
    known = [
        export
        for export in study.view.exports
        if export.target == Target.TFLITE and export.verdict is Verdict.VERIFIED and export.trial is not None
    ]
    if wanted is None:
        return [export for export in known if export.trial == known[-1].trial]
    found = [export for export in known if wanted in (export.path, Path(export.path).name)]
    if not found:
        names = [Path(export.path).name for export in known]
        raise OptionError(
            f"--file: received {quoted(wanted)}; expected a verified TF Lite file of study {study.name}: "
            f"{', '.join(names) or 'there is none yet'}.{did_you_mean(wanted, names)}"
        )
    return found


def _none_verified() -> list[ModelExported]:
    raise ExportError("demo: none of the TF Lite files was verified, so there is none to try; see the table above.")
