"""The lines that tunemagic understands: one parser for each, and what comes out as values."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tunemagic.errors import OptionError
from tunemagic.magics.options import (
    LineParser,
    choice,
    data_names,
    number,
    objective,
    study_name,
    text,
    val_split,
    variable,
    whole_number,
)
from tunemagic.magics.tokens import plain, quoted, split_line
from tunemagic.request import (
    DEFAULT_EPOCHS,
    DEFAULT_KEEP,
    DEFAULT_TRIALS,
    QuantMode,
    Tuner,
    TuneRequest,
    ViewKind,
)

__all__ = [
    "ALL_MODES",
    "VERBS",
    "ExportLine",
    "export_line",
    "export_parser",
    "given_options",
    "read_verb",
    "request_from",
    "tune_parser",
]

ALL_MODES = "all"

_CELL = """Search the best hyperparameters of the Keras model that the cell builds.

The cell names its hyperparameters by hp.Int, hp.Float, hp.Choice, hp.Boolean or by '#@tune'
comments after literals, and assigns a compiled Keras model to `model`."""

_CELL_MORE = """Without a cell, `%tune` lists all studies and `%tune VERB [NAME]` acts on one:
  run      run the study's last cell again      stop     stop it, keep everything
  status   show it here, live while it runs     resume   go on with it
  best     the best values; -o VAR: the model   show     its record; --code: the code that runs
Defaults: %config TuneMagics. A {name} in a line stands for the text in that variable."""


def _add_search_options(parser: LineParser) -> None:
    study = "study's name, which is also its folder's; default: study"
    parser.option("name", nargs="?", type=study_name, metavar="NAME", help=study)
    parser.flag("--new", help="start afresh; trials of an earlier study of this name are set aside")
    parser.flag("--resume", help="go on with the study of this name although the cell has changed")
    parser.option("--seed", type=whole_number, metavar="N", help="seed of the search, the split and the weights")
    parser.option("-o", "--out", type=variable, metavar="VAR", help="store the study in this variable")
    parser.option(
        "--tuner",
        type=choice(Tuner),
        metavar="|".join(Tuner),
        choices=list(Tuner),
        help=f"how values are proposed; default: {Tuner.RANDOM}",
    )
    parser.option(
        "--objective",
        type=objective,
        metavar="NAME[:min|:max]",
        help="metric to improve; default: val_loss. Say min or max where it is not plain from the name",
    )
    parser.option("-n", "--max-trials", type=whole_number, metavar="N", help=f"trials; default: {DEFAULT_TRIALS}")
    parser.option("--minutes", type=number, metavar="M", help="end after this time; the first limit reached counts")
    parser.option("--epochs", type=whole_number, metavar="N", help=f"epochs of a trial; default: {DEFAULT_EPOCHS}")
    parser.option("--data", type=data_names, metavar="X,Y", help="training data; default: x_train,y_train")
    parser.option(
        "--val",
        type=val_split,
        metavar="0.2|last:0.2|XV,YV",
        help="validation data: a shuffled share, the last share, or variables; default: 0.2",
    )
    parser.option("--keep", type=whole_number, metavar="K", help=f"best weights kept on disk; default: {DEFAULT_KEEP}")
    parser.flag("--background", help="return at once; the search goes on while other cells run")
    parser.flag("--dry-run", help="show the space and what the search would cost; start nothing")
    parser.option(
        "--view",
        type=choice(ViewKind),
        metavar="|".join(ViewKind),
        choices=list(ViewKind),
        help=f"what the cell shows; default: {ViewKind.FULL}",
    )


def tune_parser() -> LineParser:
    """The parser of ``%%tune``."""
    parser = LineParser("%tune", description=_CELL, epilog=_CELL_MORE)
    _add_search_options(parser)
    return parser


def given_options(parser: LineParser, tokens: Sequence[str]) -> dict[str, Any]:
    """What the line says, as fields of a TuneRequest; what it leaves out is not in the result."""
    values = vars(parser.read(tokens))
    return {key: value for key, value in values.items() if value is not None and value is not False and key != "help"}


def request_from(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> TuneRequest:
    """A request of what the line gave, the rest from the user's defaults. Raises OptionError."""
    return TuneRequest(**{**defaults, **given})


@dataclass(frozen=True, slots=True)
class Verb:
    """A word after ``%tune``: its parser and what it does, in a few words."""

    name: str
    parser: LineParser


def _verb(name: str, description: str, add: Callable[[LineParser], None] | None = None) -> Verb:
    parser = LineParser(f"tune {name}", description=description)
    if add is None:
        parser.option("name", nargs="?", type=study_name, metavar="NAME", help="study; default: the latest one")
    else:
        add(parser)
    return Verb(name, parser)


def _add_best(parser: LineParser) -> None:
    parser.option("name", nargs="?", type=study_name, metavar="NAME", help="study; default: the latest one")
    parser.option("-o", "--out", type=variable, metavar="VAR", help="store the best model in this variable")


def _add_show(parser: LineParser) -> None:
    parser.option("name", nargs="?", type=study_name, metavar="NAME", help="study; default: the latest one")
    parser.flag("--code", help="print the model code that runs in each trial")


VERBS: Mapping[str, Verb] = {
    verb.name: verb
    for verb in (
        _verb("run", "Run a study's last cell again; options given here win over the cell's.", _add_search_options),
        _verb("status", "Show a study here: live while it runs, else its record."),
        _verb("stop", "Stop a running study gracefully. All results are kept."),
        _verb("best", "Show the best trial's values; waits for a running study.", _add_best),
        _verb("resume", "Go on with a study that was stopped or cut off.", _add_search_options),
        _verb("show", "Show a study's record.", _add_show),
    )
}


def read_verb(line: str, namespace: Mapping[str, Any], studies: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The verb of a ``%tune`` line and its options; the verb of an empty line is ``""``.

    Args:
        line: What stands after ``%tune``.
        namespace: The notebook's variables.
        studies: Names of known studies, for the hint when one stands where a verb should.

    Raises:
        OptionError: An unknown verb or option. HelpRequested for ``-h``.
    """
    tokens = split_line(line, namespace)
    if not tokens:
        return "", {}
    word = plain(tokens[0])
    if word in VERBS:
        return word, given_options(VERBS[word].parser, tokens[1:])
    if word in ("-h", "--help"):
        tune_parser().read(["-h"])
    raise OptionError(
        f"%tune: received {quoted(word)}; expected a verb: {', '.join(VERBS)}.{_verb_hint(word, studies)}"
    )


def _verb_hint(word: str, studies: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, list(VERBS), n=1, cutoff=0.6)
    if near:
        return f" Did you mean %tune {near[0]}?"
    if word in studies:
        return f" Did you mean %tune status {word}?"
    if word.startswith("-"):
        return " Options of a search go on the first line of a %%tune cell."
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportLine:
    """What a ``%tflite`` line asks for. ``source`` None means the latest study."""

    source: str | None
    modes: tuple[QuantMode, ...]
    representative: str | None
    data: tuple[str, ...] | None
    path: str | None


def export_parser() -> LineParser:
    """The parser of ``%tflite``."""
    parser = LineParser(
        "tflite",
        description="Convert a Keras model to TF Lite, run the file in its runtime and compare it with the model.",
    )
    what = "variable with a Keras model or a study, or a study's name; default: the latest study"
    parser.option("source", nargs="?", type=text, metavar="MODEL|STUDY", help=what)
    parser.option(
        "--quant",
        type=choice(QuantMode, extra=(ALL_MODES,)),
        metavar="|".join([*QuantMode, ALL_MODES]),
        choices=[*QuantMode, ALL_MODES],
        help=f"how numbers are stored; default: {QuantMode.NONE}",
    )
    parser.option("--rep", type=variable, metavar="VAR", help="representative inputs for int8; default: training data")
    parser.option("--data", type=data_names, metavar="X,Y", help="held-out data for the comparison")
    parser.option("-o", "--out", type=text, metavar="PATH", help="where to write the file; for several modes a folder")
    return parser


def export_line(parser: LineParser, line: str, namespace: Mapping[str, Any]) -> ExportLine:
    """Read a ``%tflite`` line. Raises OptionError, or HelpRequested for ``-h``."""
    values = parser.read(split_line(line, namespace))
    modes = tuple(QuantMode) if values.quant == ALL_MODES else (values.quant or QuantMode.NONE,)
    return ExportLine(source=values.source, modes=modes, representative=values.rep, data=values.data, path=values.out)
