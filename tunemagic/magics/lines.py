"""The lines that tunemagic understands: one parser for each, and what comes out as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tunemagic.errors import OptionError
from tunemagic.export.modes import every_mode
from tunemagic.export.snippet import Language
from tunemagic.magics.options import (
    AUTO,
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
    workers,
)
from tunemagic.magics.tokens import split_line
from tunemagic.request import (
    DEFAULT_EPOCHS,
    DEFAULT_KEEP,
    DEFAULT_TRIALS,
    Lang,
    Pruner,
    QuantMode,
    Tuner,
    TuneRequest,
    ViewKind,
)

__all__ = [
    "ALL_MODES",
    "BEST_MODE",
    "FLEX_HELP",
    "ExportLine",
    "add_language",
    "add_search_options",
    "add_source",
    "export_line",
    "export_parser",
    "given_options",
    "request_from",
    "tune_parser",
]

ALL_MODES = "all"
BEST_MODE = "best"

_CELL = """Search the best hyperparameters of the Keras model that the cell builds.

The cell names its hyperparameters by hp.Int, hp.Float, hp.Choice, hp.Boolean or by '#@tune'
comments after literals, and assigns a compiled Keras model to `model`."""

_CELL_MORE = """Without a cell, `%tune` lists all studies and `%tune VERB [NAME]` acts on one:
  run      run the study's last cell again      stop     stop it, keep everything
  status   show it here, live while it runs     resume   go on with it
  best     the best values; -o VAR: the model   show     its record; --code: the code that runs
  why      what happened in a trial, its log    skip     end a running trial, go on with others
  pause    wait, to be resumed                  try      NAME=VALUE ...: values to try next
  space    other ranges: --range, --fix         budget   other limits: -n, --minutes, -w
  panel    the live panel here                  form     fields that write a %%tune cell
  report   all about it in one HTML file        plot     a picture, such as its importance
  check    what is wrong with a model           compare  A B: what differs between two trials
  explain  what its answers rest on             lr       a learning rate for a model
  compress the best model made smaller          export   it for other runtimes
  demo     a model and its TF Lite file to try
`%tune run --model cnn` searches a ready-made model; its help lists them all.
`%tune run --replay TABLE` runs a strategy on stored learning curves instead of training.
Defaults: %config TuneMagics. A {name} in a line stands for the text in that variable."""


def add_search_options(parser: LineParser) -> None:
    """Give the parser everything that a search can be told."""
    _add_study_options(parser)
    _add_strategy_options(parser)
    _add_budget_options(parser)
    _add_device_options(parser)
    _add_data_options(parser)
    _add_resource_options(parser)
    _add_output_options(parser)


def _add_study_options(parser: LineParser) -> None:
    study = "study's name, which is also its folder's; default: study"
    parser.option("name", nargs="?", type=study_name, metavar="NAME", help=study)
    parser.flag("--new", help="start afresh; trials of an earlier study of this name are set aside")
    parser.flag("--resume", help="go on with the study of this name although the cell has changed")
    parser.option("--seed", type=whole_number, metavar="N", help="seed of the search, the split and the weights")
    parser.option("-o", "--out", type=variable, metavar="VAR", help="store the study in this variable")


def _add_strategy_options(parser: LineParser) -> None:
    _add_words(parser, "--tuner", Tuner, f"how values are proposed; default: {Tuner.AUTO}, which says what it chose")
    _add_words(parser, "--pruner", Pruner, f"how hopeless trials are ended early; default: {Pruner.AUTO}")
    parser.options(
        "--objective",
        type=objective,
        metavar="NAME[:min|:max]",
        help="metric to improve; default: val_loss. Say min or max where it is not plain from the name. Further "
        "ones by further --objective: the first one leads, and the best compromises are shown",
    )
    parser.option(
        "--measure",
        type=variable,
        metavar="FUNCTION",
        help="function of the notebook that takes a trained model and returns further values by name",
    )


def _add_budget_options(parser: LineParser) -> None:
    parser.option("-n", "--max-trials", type=whole_number, metavar="N", help=f"trials; default: {DEFAULT_TRIALS}")
    parser.option("--minutes", type=number, metavar="M", help="end within this time; the first limit reached counts")
    parser.option("--epochs", type=whole_number, metavar="N", help=f"epochs of a trial; default: {DEFAULT_EPOCHS}")
    parser.option(
        "--repeats",
        type=whole_number,
        metavar="R",
        help="train each trial this often, from other seeds; its score is the mean; default: 1",
    )
    parser.option(
        "--max-params",
        type=whole_number,
        metavar="N",
        help="skip models with more weights than this before anything is built",
    )


def _add_device_options(parser: LineParser) -> None:
    size = "skip models whose TF Lite file is larger than this many kB (1000 bytes), before they are trained"
    parser.option("--max-kb", type=number, metavar="KB", help=size)
    speed = "skip models whose least time for one sample in LiteRT, on one thread, is more than this many milliseconds"
    parser.option("--max-ms", type=number, metavar="MS", help=speed)
    parser.option(
        "--quant",
        type=choice(QuantMode),
        metavar="MODE",
        choices=list(QuantMode),
        help="how the TF Lite file stores numbers that --max-kb, --max-ms and the objectives size_kb and latency_ms "
        f"are measured on; default: {QuantMode.NONE}",
    )


def _add_data_options(parser: LineParser) -> None:
    parser.option("--data", type=data_names, metavar="X,Y", help="training data; default: x_train,y_train")
    parser.option(
        "--val",
        type=val_split,
        metavar="0.2|last:0.2|XV,YV",
        help="validation data: a shuffled share, the last share, or variables; default: 0.2",
    )
    parser.option(
        "--folds",
        type=whole_number,
        metavar="K",
        help="cross-validation in place of --val: train each trial K times, each part is validated on once",
    )


def _add_resource_options(parser: LineParser) -> None:
    parser.option(
        "-w",
        "--workers",
        type=workers,
        metavar="auto|0|N",
        help="trials at a time, each in a process of its own; 0: in the kernel; "
        "default: auto, one process where all that the cell needs can be sent, else in the kernel",
    )
    parser.option(
        "--cluster",
        type=text,
        metavar="ADDRESS|VARIABLE",
        help="run trials on a Dask cluster: its scheduler's address, or a variable with a client",
    )
    parser.option("--memory-gb", type=number, metavar="G", help="end a trial whose worker needs more memory than this")
    parser.option("--keep", type=whole_number, metavar="K", help=f"best weights kept on disk; default: {DEFAULT_KEEP}")


def _add_output_options(parser: LineParser) -> None:
    parser.flag("--background", help="return at once; the search goes on while other cells run")
    parser.flag("--dry-run", help="show the space and what the search would cost; start nothing")
    _add_words(parser, "--view", ViewKind, f"what the cell shows; default: {ViewKind.FULL}")
    add_language(parser)


def add_source(parser: LineParser) -> None:
    """The argument for what is exported or compressed."""
    what = "variable with a Keras model or a study, or a study's name; default: the latest study"
    parser.option("source", nargs="?", type=text, metavar="MODEL|STUDY", help=what)


def add_language(parser: LineParser) -> None:
    """The option for the language of what is shown."""
    _add_words(parser, "--lang", Lang, "language of what is shown; default: the page's, else the machine's")


def _add_words(parser: LineParser, option: str, words: type[StrEnum], help: str) -> None:
    """An option that takes one word of an enum."""
    parser.option(option, type=choice(words), metavar="|".join(words), choices=list(words), help=help)


def tune_parser() -> LineParser:
    """The parser of ``%%tune``."""
    parser = LineParser("%tune", description=_CELL, epilog=_CELL_MORE)
    add_search_options(parser)
    return parser


def given_options(parser: LineParser, tokens: Sequence[str]) -> dict[str, Any]:
    """What the line says, as fields of a TuneRequest; what it leaves out is not in the result."""
    values = vars(parser.read(tokens))
    given = {key: value for key, value in values.items() if value is not None and value is not False and key != "help"}
    if "objective" in given:
        first, *others = given["objective"]
        given |= {"objective": first, "objectives": tuple(others)}
    return given


def request_from(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> TuneRequest:
    """A request of what the line gave, the rest from the user's defaults. Raises OptionError."""
    fields = {**defaults, **given}
    # A configured default gives way to an option of the line that excludes it.
    if given.get("folds") is not None and "val" not in given:
        fields["val"] = None
    if given.get("workers") == 0 and "cluster" not in given:
        fields["cluster"] = None
    if given.get("cluster") is not None and "workers" not in given and fields.get("workers") == 0:
        fields["workers"] = None
    if fields.get("workers") == AUTO:
        fields["workers"] = None
    return TuneRequest(**fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportLine:
    """What a ``%tflite`` line asks for.

    ``source`` None means the latest study. ``quant`` as typed: a mode, ``all``, ``best`` or None. The limits
    ``max_kb`` (1000 bytes) and ``max_ms`` belong to ``best``. ``snippet`` is the language of code to show.
    ``flex`` allows TensorFlow's own operations.
    """

    source: str | None
    modes: tuple[QuantMode, ...]
    representative: str | None
    data: tuple[str, ...] | None
    path: str | None
    force: bool = False
    flex: bool = False
    quant: str | None = None
    max_kb: float | None = None
    max_ms: float | None = None
    sensitivity: bool = False
    snippet: Language | None = None


FLEX_HELP = "let operations without a TF Lite form stay TensorFlow's own; no runtime here can verify such a file"


def export_parser() -> LineParser:
    """The parser of ``%tflite``."""
    parser = LineParser(
        "tflite",
        description="Convert a Keras model to TF Lite, run the file in its runtime and compare it with the model.",
    )
    add_source(parser)
    parser.option(
        "--quant",
        type=choice(QuantMode, extra=(ALL_MODES, BEST_MODE)),
        metavar="|".join([*QuantMode, ALL_MODES, BEST_MODE]),
        choices=[*QuantMode, ALL_MODES, BEST_MODE],
        help=f"how numbers are stored; {BEST_MODE}: all of them, then the best one within the limits; "
        f"default: {QuantMode.NONE}",
    )
    parser.option("--max-kb", type=number, metavar="KB", help="limit of size for best, in kB (1000 bytes)")
    speed = "limit of the least time for one sample in LiteRT, on one thread, for best, in milliseconds"
    parser.option("--max-ms", type=number, metavar="MS", help=speed)
    parser.option("--rep", type=variable, metavar="VAR", help="representative inputs for int8; default: training data")
    parser.option("--data", type=data_names, metavar="X,Y", help="held-out data for the comparison")
    parser.option("-o", "--out", type=text, metavar="PATH", help="where to write the file; for several modes a folder")
    parser.flag("--force", help="replace files that tunemagic did not write")
    parser.flag("--flex", help=FLEX_HELP)
    parser.flag("--sensitivity", help="show what each layer costs in 8 and 4 bits; write nothing")
    parser.option(
        "--snippet",
        type=choice(Language),
        metavar="|".join(Language),
        choices=list(Language),
        help="show code that runs the file",
    )
    return parser


def export_line(parser: LineParser, line: str, namespace: Mapping[str, Any]) -> ExportLine:
    """Read a ``%tflite`` line. Raises OptionError, or HelpRequested for ``-h``."""
    values = parser.read(split_line(line, namespace))
    several = values.quant in {ALL_MODES, BEST_MODE}
    if values.quant != BEST_MODE and (values.max_kb, values.max_ms) != (None, None):
        raise OptionError("--max-kb and --max-ms are limits for --quant best; add it, or leave them out.")
    if values.sensitivity and values.flex:
        raise OptionError("--sensitivity writes no file that --flex could change; leave one of them out.")
    return ExportLine(
        source=values.source,
        modes=every_mode() if several else (values.quant or QuantMode.NONE,),
        representative=values.rep,
        data=values.data,
        path=values.out,
        force=values.force,
        flex=values.flex,
        quant=values.quant,
        max_kb=values.max_kb,
        max_ms=values.max_ms,
        sensitivity=values.sensitivity,
        snippet=values.snippet,
    )
