"""The verbs of ``%tune``: the parser of each, and how a line is read."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tunemagic.analysis.explanation import ExplanationKind
from tunemagic.analysis.pictures import PictureKind
from tunemagic.errors import OptionError
from tunemagic.magics.compressing import add_compress
from tunemagic.magics.demo import add_demo
from tunemagic.magics.export import add_export
from tunemagic.magics.lines import add_language, add_search_options, given_options, tune_parser
from tunemagic.magics.options import (
    LineParser,
    choice,
    data_names,
    study_name,
    text,
    trial_number,
    trial_or_study,
    variable,
    whole_number,
)
from tunemagic.magics.rates import add_lr
from tunemagic.magics.report import add_report
from tunemagic.magics.steer_lines import add_budget, add_space, add_try, with_pairs
from tunemagic.magics.tokens import plain, quoted, split_line
from tunemagic.models.templates import TemplateName

__all__ = ["VERBS", "Verb", "read_verb"]

# What a replay can be told: a table's curves are fixed, so nothing about data and training.
_REPLAY_OPTIONS = (
    "name",
    "replay",
    "tuner",
    "pruner",
    "max_trials",
    "minutes",
    "seed",
    "new",
    "resume",
    "out",
    "background",
    "view",
    "lang",
)


@dataclass(frozen=True, slots=True)
class Verb:
    """A word after ``%tune``: its parser and what it does, in a few words."""

    name: str
    parser: LineParser


def _verb(name: str, description: str, add: Callable[[LineParser], None]) -> Verb:
    parser = LineParser(f"tune {name}", description=description)
    add(parser)
    return Verb(name, parser)


def _add_study(parser: LineParser) -> None:
    parser.option("name", nargs="?", type=study_name, metavar="NAME", help="study; default: the latest one")


def _add_running_study(parser: LineParser) -> None:
    which = "study; default: the latest one that runs, else the latest one"
    parser.option("name", nargs="?", type=study_name, metavar="NAME", help=which)


def _add_status(parser: LineParser) -> None:
    _add_running_study(parser)
    add_language(parser)


def _add_best(parser: LineParser) -> None:
    _add_study(parser)
    parser.option("-o", "--out", type=variable, metavar="VAR", help="store the best model in this variable")
    again = "train the best values, the runner-up's and your defaults again from R other seeds: is the gain noise?"
    held = "score the best model on this test part, which the search has never seen"
    parser.option("--test", type=data_names, metavar="X,Y", help=held)
    parser.option("--verify", type=whole_number, metavar="R", help=again)
    add_language(parser)


def _add_check(parser: LineParser) -> None:
    what = "study, or variable with what fit returned; default: the data, where --data names it, else the latest study"
    parser.option("target", nargs="?", type=text, metavar="NAME|VARIABLE", help=what)
    parser.option("--data", type=data_names, metavar="X,Y", help="training data: alone, or of a variable")
    parser.option("--val", type=data_names, metavar="X,Y", help="validation or test data that goes with it")
    add_language(parser)


def _add_compare(parser: LineParser) -> None:
    parser.option("first", type=trial_number, metavar="A", help="number of a trial")
    parser.option("second", type=trial_number, metavar="B", help="number of another trial")
    _add_study(parser)
    add_language(parser)


def _add_explain(parser: LineParser) -> None:
    what = "study, or variable with a Keras model; default: the latest study"
    parser.option("name", nargs="?", type=text, metavar="NAME|VARIABLE", help=what)
    held = "held-out data to explain on; default: the study's validation part"
    parser.option("--data", type=data_names, metavar="X,Y", help=held)
    how = f"{', '.join(ExplanationKind)}; default: permutation for tables, gradients for images, series and samples"
    parser.option("--how", type=choice(ExplanationKind), metavar="HOW", choices=list(ExplanationKind), help=how)
    parser.options("--sample", type=whole_number, metavar="N", help="row to explain, from 0; may be repeated")
    named = "variable with the columns' names, or with a table that has them"
    parser.option("--columns", type=variable, metavar="VAR", help=named)
    parser.option("-o", "--out", type=text, metavar="PATH", help="write the picture to this file too")
    add_language(parser)


def _add_show(parser: LineParser) -> None:
    _add_study(parser)
    parser.flag("--code", help="print the model code that runs in each trial")
    add_language(parser)


def _add_why(parser: LineParser) -> None:
    parser.option("trial", type=trial_number, metavar="N", help="number of the trial")
    _add_study(parser)
    add_language(parser)


def _add_plot(parser: LineParser) -> None:
    kinds = ", ".join(PictureKind)
    parser.option("kind", type=choice(PictureKind), metavar="KIND", help=f"one of {kinds}")
    _add_study(parser)
    across = "what runs across, in contour and pareto; in exports size, gzip or latency"
    parser.option("-x", type=text, metavar="NAME", help=across)
    parser.option("-y", type=text, metavar="NAME", help="what runs up, in contour and pareto")
    which = "file of confusion, such as int8 or onnx; default: the smallest verified one"
    parser.option("--of", type=text, metavar="NAME", help=which)
    parser.option("-o", "--out", type=text, metavar="PATH", help="write it to this file too: .png, .svg or .pdf")
    add_language(parser)


def _add_report(parser: LineParser) -> None:
    _add_study(parser)
    add_report(parser)


def _add_form(parser: LineParser) -> None:
    which = "variable with the text of a cell, or a build function; default: the latest cell with a model"
    parser.option("source", nargs="?", type=variable, metavar="VAR", help=which)
    add_language(parser)


def _add_skip(parser: LineParser) -> None:
    parser.option("trial", nargs="?", type=trial_or_study, metavar="N", help="number of the trial; default: all")
    _add_running_study(parser)


def _add_run(parser: LineParser) -> None:
    parser.option(
        "--model",
        type=choice(TemplateName),
        metavar="|".join(TemplateName),
        choices=list(TemplateName),
        help="search a ready-made model that fits the data, without a cell; the cell that it stands for is printed",
    )
    parser.option(
        "--replay",
        type=text,
        metavar="TABLE",
        help="name or file of a table of learning curves: the strategy runs on these, nothing is trained",
    )
    add_search_options(parser)


VERBS: Mapping[str, Verb] = {
    verb.name: verb
    for verb in (
        _verb(
            "run",
            "Run a study's last cell again; options given here win over the cell's. With --model, search a ready-made "
            "model; with --replay, run a strategy on a table of stored learning curves.",
            _add_run,
        ),
        _verb("status", "Show a study here: live while it runs, else its record.", _add_status),
        _verb("stop", "Stop a running study gracefully. All results are kept.", _add_running_study),
        _verb("pause", "Let a running study wait after the running epoch; `%tune resume` goes on.", _add_running_study),
        _verb("try", "Try these values next, before those of the strategy.", add_try),
        _verb("space", "Show the search space, or narrow and widen it while the study runs.", add_space),
        _verb("budget", "Change the limits or the workers of a running study.", add_budget),
        _verb("panel", "Show a study's live panel here.", _add_running_study),
        _verb("skip", "End running trials with their best epoch so far; the study goes on.", _add_skip),
        _verb("best", "Show the best trial's values; waits for a running study.", _add_best),
        _verb("resume", "Go on with a study that was paused, stopped or cut off.", add_search_options),
        _verb("show", "Show a study's record.", _add_show),
        _verb(
            "report", "Write all about a study into one HTML file, which needs no kernel and no network.", _add_report
        ),
        _verb("check", "Say what is wrong with a model, a search space or data, and what to try.", _add_check),
        _verb(
            "explain",
            "Show what a model's answers rest on: columns of a table, parts of images and series.",
            _add_explain,
        ),
        _verb("compress", "Make a smaller copy of a model: fewer units, zeros, shared values, int8.", add_compress),
        _verb("demo", "Try a model out: pick or draw a sample, Keras and TF Lite answer side by side.", add_demo),
        _verb(
            "export",
            "Export a study's best model, or any Keras model, for other runtimes; run each artefact in its runtime and "
            "compare it with the model.",
            add_export,
        ),
        _verb("compare", "Show what differs between two trials, and whether it is more than noise.", _add_compare),
        _verb("why", "Say what happened in a trial and why, with the end of its log.", _add_why),
        _verb("lr", "Find a learning rate: train for some batches while it grows. The model stays as it is.", add_lr),
        _verb("form", "Open a form that writes a %%tune cell.", _add_form),
        _verb("plot", "Show a picture of a study, such as the importance of its hyperparameters.", _add_plot),
    )
}


_LIST = LineParser("tune", description="List all studies.")
add_language(_LIST)


def read_verb(line: str, namespace: Mapping[str, Any], studies: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The verb of a ``%tune`` line and its options; the verb of a line without one is ``""``.

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
        given = given_options(VERBS[word].parser, tokens[1:])
        return word, _checked_replay(given) if "replay" in given else _with_study(with_pairs(given))
    if word.partition("=")[0] == "--lang":
        return "", given_options(_LIST, tokens)
    if word in ("-h", "--help"):
        tune_parser().read(["-h"])
    raise OptionError(
        f"%tune: received {quoted(word)}; expected a verb: {', '.join(VERBS)}.{_verb_hint(word, studies)}"
    )


def _checked_replay(given: dict[str, Any]) -> dict[str, Any]:
    """The options of a replay. Raises OptionError for one that only training needs."""
    strings = {
        action.dest: action.option_strings[-1] for action in VERBS["run"].parser.actions() if action.option_strings
    }
    strings["objectives"] = strings["objective"]
    for field in given:
        if field not in _REPLAY_OPTIONS:
            raise OptionError(
                f"--replay and {strings[field]} exclude each other: a table's curves are fixed, nothing is trained."
            )
    return given


def _with_study(given: dict[str, Any]) -> dict[str, Any]:
    """``%tune skip digits`` names a study where a trial's number may stand."""
    trial = given.get("trial")
    if not isinstance(trial, str):
        return given
    if "name" in given:
        raise OptionError(f"%tune skip: received {quoted(trial)}; expected the number of a trial before the study.")
    return {"name": trial}


def _verb_hint(word: str, studies: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, list(VERBS), n=1, cutoff=0.6)
    if near:
        return f" Did you mean %tune {near[0]}?"
    if word in studies:
        return f" Did you mean %tune status {word}?"
    if word.startswith("-"):
        return " Options of a search go on the first line of a %%tune cell."
    return ""
