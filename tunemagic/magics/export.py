"""``%tune export``: a study's best model, or any Keras model, as files that their own runtimes were given."""

from __future__ import annotations

import argparse
import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tunemagic.export.choose import ALL, Choice, choose
from tunemagic.export.place import split_target
from tunemagic.export.result import ExportResult
from tunemagic.exported import export_artefacts
from tunemagic.i18n import Catalogue
from tunemagic.i18n.facts import translate
from tunemagic.magics.attend import wait_for_results
from tunemagic.magics.defaults import SearchDefaults
from tunemagic.magics.exporting import GrowingTable, export_shown, held_out, source_of, variable_in
from tunemagic.magics.lines import BEST_MODE, FLEX_HELP, add_language, add_source
from tunemagic.magics.options import LineParser, choice, data_names, text, variable, words
from tunemagic.magics.tokens import plain
from tunemagic.request import QuantMode, Target
from tunemagic.study import Study
from tunemagic.studybook import StudyBook

__all__ = ["ExportingVerb", "add_export"]

_TYPED = "%tune export"


def add_export(parser: LineParser) -> None:
    """The arguments of ``%tune export``."""
    add_source(parser)
    targets = f"{', '.join(Target)}, several with commas, or {ALL} of which the packages are installed"
    parser.option("--to", type=words, metavar="TARGET", required=True, help=targets)
    parser.option(
        "--quant",
        type=_quant,
        metavar="|".join([*QuantMode, ALL]),
        choices=[*QuantMode, ALL],
        help=f"how tflite and c store numbers; default: {QuantMode.NONE}",
    )
    held = "held-out data for the comparison; default: the study's validation part"
    parser.option("--data", type=data_names, metavar="X,Y", help=held)
    parser.option("--rep", type=variable, metavar="VAR", help="representative inputs for int8; default: training data")
    where = "a folder, or the begin of the files' names; default: the study's folder"
    parser.option("-o", "--out", type=text, metavar="PATH", help=where)
    parser.flag("--force", help="replace what is there already")
    parser.flag("--flex", help=FLEX_HELP)
    add_language(parser)


def _quant(token: str) -> QuantMode | str:
    if plain(token) == BEST_MODE:
        raise argparse.ArgumentTypeError(
            f"received '{BEST_MODE}'; expected a mode or {ALL}. `%tflite --quant {BEST_MODE}` makes every mode and "
            "says which file is best."
        )
    return choice(QuantMode, extra=(ALL,))(token)


class ExportingVerb(SearchDefaults):
    """The verb ``export``."""

    shell: Any
    book: StudyBook

    @abstractmethod
    def _texts(self, study: Study | None = None, lang: str | None = None) -> Catalogue: ...

    def _export(self, given: Mapping[str, Any]) -> None:
        namespace = self.shell.user_ns
        source = source_of(_TYPED, given.get("source"), namespace, self.book)
        study = source if isinstance(source, Study) else None
        chosen = choose(given["to"], given.get("quant", QuantMode.NONE), from_study=study is not None)
        options: dict[str, Any] = {
            "force": bool(given.get("force")),
            "flex": bool(given.get("flex")),
            "representative": variable_in("--rep", given["rep"], namespace) if "rep" in given else None,
        }
        texts = self._texts(study, given.get("lang"))
        table = GrowingTable(
            texts,
            in_kernel=getattr(self.shell, "kernel", None) is not None,
            jobs=chosen.names,
            notes=[translate(chosen.left_out, texts)] if chosen.left_out else [],
        )
        if study is None:
            self._export_model(source, chosen, given, options, table)
            return
        data = held_out(_TYPED, given["data"], None, namespace) if "data" in given else None
        wait_for_results(study, texts)

        def export(emit: Callable[[ExportResult], None], stop: threading.Event) -> None:
            study.export(
                given["to"],
                given.get("quant", QuantMode.NONE),
                data=data,
                path=given.get("out"),
                on_result=emit,
                stop=stop,
                **options,
            )

        export_shown(table, export)

    def _export_model(
        self, model: Any, chosen: Choice, given: Mapping[str, Any], options: Mapping[str, Any], table: GrowingTable
    ) -> None:
        """Export a model and compare on the data of the line."""
        x, y = held_out(_TYPED, given.get("data"), given.get("rep"), self.shell.user_ns)
        name = given["source"]
        folder, stem = split_target(given["out"], name, chosen.jobs) if "out" in given else (Path(), name)

        def export(emit: Callable[[ExportResult], None], stop: threading.Event) -> None:
            export_artefacts(
                model,
                model,
                chosen.jobs,
                x_eval=x,
                y_eval=y,
                directory=folder.absolute(),
                stem=stem,
                on_result=emit,
                stop=stop,
                **options,
            )

        export_shown(table, export)
