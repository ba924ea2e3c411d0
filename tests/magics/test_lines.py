import shlex

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tunemagic.errors import OptionError
from tunemagic.events import Direction
from tunemagic.export.snippet import Language
from tunemagic.magics.lines import (
    ExportLine,
    export_line,
    export_parser,
    given_options,
    request_from,
    tune_parser,
)
from tunemagic.magics.options import HelpRequested
from tunemagic.magics.tokens import split_line
from tunemagic.magics.verbs import VERBS, read_verb
from tunemagic.request import Objective, Pruner, QuantMode, Tuner, TuneRequest, ValKind, ValSplit, ViewKind

PARSER = tune_parser()


def options_of(line, **namespace):
    return given_options(PARSER, split_line(line, namespace))


def error_of(line, **namespace):
    with pytest.raises(OptionError) as caught:
        request_from(options_of(line, **namespace), {})
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("", {}),
        ("digits", {"name": "digits"}),
        ("'first try'", {"name": "first try"}),
        ("u\u0308ben", {"name": "\u00fcben"}),
        ("--new", {"new": True}),
        ("digits --resume", {"name": "digits", "resume": True}),
        ("--new digits", {"name": "digits", "new": True}),
        ("--seed 0", {"seed": 0}),
        ("-o result", {"out": "result"}),
        ("--out=result", {"out": "result"}),
        *((f"--tuner {tuner}", {"tuner": tuner}) for tuner in Tuner),
        *((f"--pruner {pruner}", {"pruner": pruner}) for pruner in Pruner),
        ("--objective val_accuracy", {"objective": Objective(name="val_accuracy"), "objectives": ()}),
        ("--objective f1:max", {"objective": Objective(name="f1", direction=Direction.MAX), "objectives": ()}),
        ("--objective a:b:min", {"objective": Objective(name="a:b", direction=Direction.MIN), "objectives": ()}),
        (
            "--objective a --objective params:min --objective c",
            {
                "objective": Objective(name="a"),
                "objectives": (Objective(name="params", direction=Direction.MIN), Objective(name="c")),
            },
        ),
        ("--measure latency", {"measure": "latency"}),
        ("--repeats 3", {"repeats": 3}),
        ("--folds 5", {"folds": 5}),
        ("-w 0", {"workers": 0}),
        ("--workers 2", {"workers": 2}),
        ("--cluster tcp://10.0.0.1:8786", {"cluster": "tcp://10.0.0.1:8786"}),
        ("--cluster client -w 4", {"cluster": "client", "workers": 4}),
        ("--memory-gb 1.5", {"memory_gb": 1.5}),
        ("--max-params 1_000_000", {"max_params": 1_000_000}),
        ("--max-kb 30 --max-ms 0.5", {"max_kb": 30.0, "max_ms": 0.5}),
        ("--quant int8", {"quant": QuantMode.INT8}),
        ("-n 5", {"max_trials": 5}),
        ("-n5", {"max_trials": 5}),
        ("--max-trials=5", {"max_trials": 5}),
        ("--minutes 0.5", {"minutes": 0.5}),
        ("--epochs 3", {"epochs": 3}),
        ("--data x,y", {"data": ("x", "y")}),
        ("--data 'x, y'", {"data": ("x", "y")}),
        ("--data train_set", {"data": ("train_set",)}),
        ("--val 0.2", {"val": ValSplit(kind=ValKind.FRACTION, fraction=0.2)}),
        ("--val last:0.25", {"val": ValSplit(kind=ValKind.LAST, fraction=0.25)}),
        ("--val xv,yv", {"val": ValSplit(kind=ValKind.NAMES, names=("xv", "yv"))}),
        ("--val val_set", {"val": ValSplit(kind=ValKind.NAMES, names=("val_set",))}),
        ("--keep 1", {"keep": 1}),
        ("--background", {"background": True}),
        ("--dry-run", {"dry_run": True}),
        ("--view compact", {"view": ViewKind.COMPACT}),
    ],
)
def test_each_option_becomes_a_field_of_the_request(line, options):
    assert options_of(line) == options
    assert request_from(options, {}) == TuneRequest(**options)


def test_auto_workers_on_the_line_win_over_a_configured_number():
    assert request_from(options_of("-w auto"), {"workers": 2}) == TuneRequest()
    assert request_from(options_of(""), {"workers": 2}) == TuneRequest(workers=2)
    assert request_from(options_of(""), {"workers": "auto"}) == TuneRequest()


def test_what_the_line_says_takes_away_the_configured_option_that_excludes_it():
    val = ValSplit(kind=ValKind.LAST, fraction=0.2)
    assert request_from(options_of("--folds 3"), {"val": val}) == TuneRequest(folds=3)
    assert request_from(options_of("-w 0"), {"cluster": "tcp://a:1"}) == TuneRequest(workers=0)
    assert request_from(options_of("--cluster tcp://b:1"), {"workers": 0}) == TuneRequest(cluster="tcp://b:1")


def test_every_field_that_the_line_can_set_is_covered_by_an_option():
    fields = {action.dest for action in PARSER._actions} - {"help"}
    assert fields == set(TuneRequest.__dataclass_fields__) - {"max_failures", "objectives"}


def test_what_the_line_gives_wins_over_the_defaults():
    request = request_from({"max_trials": 5}, {"max_trials": 50, "tuner": Tuner.GRID, "max_failures": 7})
    assert request == TuneRequest(max_trials=5, tuner=Tuner.GRID, max_failures=7)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "--max-trial 3",
            "%%tune: received '--max-trial', an unknown option. "
            "Did you mean --max-trials? %%tune -h lists all options.",
        ),
        (
            "--worker 3",
            "%%tune: received '--worker', an unknown option. Did you mean --workers? %%tune -h lists all options.",
        ),
        (
            "--replay mnist1d",
            "%%tune: received '--replay', an unknown option. Did you mean --repeats? %%tune -h lists all options.",
        ),
        ("-new", "%%tune: received '-new', an unknown option. Did you mean --new? %%tune -h lists all options."),
        ("-out x", "%%tune: received '-out', an unknown option. Did you mean --out? %%tune -h lists all options."),
        ("-x", "%%tune: received '-x', an unknown option. %%tune -h lists all options."),
        ("a b", "%%tune: did not expect 'b' here. %%tune -h lists all options."),
        (
            "--tuner rando",
            "--tuner: received 'rando'; expected auto, random, grid, bayesian, hyperband, tpe, gp, qmc, cmaes or bohb. "
            "Did you mean random?",
        ),
        ("--pruner asah", "--pruner: received 'asah'; expected auto, none, median or asha. Did you mean asha?"),
        (
            "--workers aut",
            "-w/--workers: received 'aut'; expected auto, 0 (in the kernel) or a number of workers. Did you mean auto?",
        ),
        ("-w 1.5", "-w/--workers: received '1.5'; expected auto, 0 (in the kernel) or a number of workers."),
        ("--workers -1", "--workers: expected a whole number of at least 0; received -1."),
        ("--repeats 0", "--repeats: expected a whole number of at least 1; received 0."),
        ("--folds 1", "--folds: expected a whole number of at least 2; received 1."),
        (
            "--folds 3 --val 0.2",
            "--folds and --val exclude each other: each fold is the validation data once.",
        ),
        ("--max-params 0", "--max-params: expected a whole number of at least 1; received 0."),
        ("--memory-gb 0", "--memory-gb: expected a number above 0; received 0."),
        ("--cluster ''", "--cluster: received ''; expected some text."),
        (
            "--cluster tcp://a:1 -w 0",
            "--cluster and --workers 0 exclude each other: 0 means in the kernel.",
        ),
        ("--measure f(x)", "--measure: received 'f(x)'; expected a Python variable name."),
        ("--view fulll", "--view: received 'fulll'; expected full, compact, text or none. Did you mean full?"),
        ("--tuner", "--tuner: expected a value after it."),
        ("--tuner grid --tuner random", "--tuner: was given twice; expected it once."),
        ("--objective a --objective a:min", "--objective: received a, a; expected each name once."),
        ("--new=3", "--new: expected no value; received '3'"),
        ("-n x", "-n/--max-trials: received 'x'; expected a whole number."),
        ("-n 1.5", "-n/--max-trials: received '1.5'; expected a whole number."),
        ("-n 0", "--max-trials: expected a whole number of at least 1; received 0."),
        ("--epochs 0", "--epochs: expected a whole number of at least 1; received 0."),
        ("--keep 0", "--keep: expected a whole number of at least 1; received 0."),
        ("--seed -1", "--seed: expected a whole number of at least 0; received -1."),
        ("--minutes 0", "--minutes: expected a number above 0; received 0."),
        ("--minutes nan", "--minutes: received 'nan'; expected a finite number."),
        ("--minutes inf", "--minutes: received 'inf'; expected a finite number."),
        ("--minutes soon", "--minutes: received 'soon'; expected a number."),
        ("--val 1", "--val: expected a fraction between 0 and 1; received 1. Try --val 0.2."),
        ("--val nan", "--val: expected a fraction between 0 and 1; received nan. Try --val 0.2."),
        ("--val last:x", "--val: received 'last:x'; expected a fraction after last:, as in last:0.2."),
        (
            "--val first:0.2",
            "--val: received 'first:0.2'; expected 0.2, last:0.2, or names of variables as in x_val,y_val.",
        ),
        ("--data x,y,z", "--data: received 'x,y,z'; expected one or two names of variables, as in x_train,y_train."),
        ("--data f(x)", "--data: received 'f(x)'; expected one or two names of variables, as in x_train,y_train."),
        ("--data x,", "--data: received 'x,'; expected one or two names of variables, as in x_train,y_train."),
        ("-o a.b", "-o/--out: received 'a.b'; expected a Python variable name."),
        ("-o class", "-o/--out: received 'class'; expected a Python variable name."),
        ("--objective ''", "--objective: received ''; expected a metric's name, as in val_accuracy or my_metric:max."),
        (
            "--objective acc:maxx",
            "--objective: received 'acc:maxx'; expected min or max after the colon. Did you mean max?",
        ),
        ("--new --resume", "--new and --resume exclude each other: --new starts afresh, --resume goes on."),
    ],
)
def test_a_wrong_line_is_told_what_was_received_and_expected(line, message):
    assert error_of(line) == message


@pytest.mark.parametrize(
    "name",
    [
        "../../x",
        "/etc/passwd",
        "x" * 300,
        "<img src=x onerror=alert(1)>",
        "$",
        "a\nb",
        ".hidden",
        "-",
        "a/b",
        "a\\b",
        "CON:",
        " ",
    ],
)
def test_hostile_study_names_are_refused(name):
    assert error_of("{name}", name=name).startswith("study name: received ")


@pytest.mark.parametrize("name", ["a --max-trials 999", "a' --new '", "--max-trials=999", "--new", "-h"])
def test_a_variable_cant_inject_options(name):
    for option in ("{name}", "-o {name}", "--objective {name}", "-n {name}"):
        try:
            options = options_of(option, name=name)
        except OptionError:
            continue
        assert set(options) <= {"name", "objective", "objectives"}
        assert next(iter(options.values())) in (name, Objective(name=name))


@pytest.mark.parametrize("line", ["-h", "--help", "digits -n 5 -h", "-h --nonsense"])
def test_help_is_asked_for(line):
    with pytest.raises(HelpRequested) as caught:
        options_of(line)
    assert "%%tune [-h] [--new]" in str(caught.value)


def test_the_help_names_every_option_and_every_verb():
    text = PARSER.format_help()
    assert [option for option in PARSER.option_strings() if option not in text] == []
    assert [verb for verb in VERBS if f"  {verb} " not in text] == []


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_each_verb_names_its_options(verb):
    parser = VERBS[verb].parser
    text = parser.format_help()
    assert [option for option in parser.option_strings() if option not in text] == []


WORDS = st.sampled_from(
    [*PARSER.option_strings(), "digits", "{v}", "grid", "0.2", "last:0.2", "x,y", "=", "--", "-", "'", "{"]
)


@given(line=st.lists(WORDS | st.text(max_size=12), max_size=8).map(" ".join), value=st.text(max_size=30))
@example(line="-hx", value="")
@example(line="--tuner=", value="")
@example(line="-n" + "9" * 5000, value="")
def test_any_line_gives_a_request_help_or_an_option_error(line, value):
    try:
        request = request_from(options_of(line, v=value), {})
    except (OptionError, HelpRequested):
        return
    assert isinstance(request, TuneRequest)


@given(value=st.text(min_size=1, max_size=40).filter(lambda text: "\0" not in text))
@example(value="a --max-trials 999")
@example(value="--max-trials=999")
def test_whatever_a_variable_holds_only_its_own_option_is_set(value):
    try:
        options = options_of("--objective {v} -n 3", v=value)
    except OptionError:
        return
    assert set(options) == {"objective", "objectives", "max_trials"}
    assert options["objectives"] == ()
    assert options["max_trials"] == 3


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("", ("", {})),
        ("status", ("status", {})),
        ("status digits", ("status", {"name": "digits"})),
        ("stop {n}", ("stop", {"name": "digits"})),
        ("best -o model digits", ("best", {"name": "digits", "out": "model"})),
        ("show --code", ("show", {"code": True})),
        ("run digits -n 9", ("run", {"name": "digits", "max_trials": 9})),
        ("resume --minutes 2", ("resume", {"minutes": 2.0})),
        ("why 3", ("why", {"trial": 3})),
        (
            "export digits --to onnx,c --quant int8 -o out/ --force --flex",
            (
                "export",
                {
                    "source": "digits",
                    "to": ("onnx", "c"),
                    "quant": QuantMode.INT8,
                    "out": "out/",
                    "force": True,
                    "flex": True,
                },
            ),
        ),
        ("why 3 digits", ("why", {"trial": 3, "name": "digits"})),
        ("skip", ("skip", {})),
        ("skip 3", ("skip", {"trial": 3})),
        ("skip 3 digits", ("skip", {"trial": 3, "name": "digits"})),
        ("skip digits", ("skip", {"name": "digits"})),
        (
            "run --replay mnist1d --tuner bohb --pruner none -n 9 --seed 1 played",
            (
                "run",
                {
                    "replay": "mnist1d",
                    "tuner": Tuner.BOHB,
                    "pruner": Pruner.NONE,
                    "max_trials": 9,
                    "seed": 1,
                    "name": "played",
                },
            ),
        ),
    ],
)
def test_a_line_without_a_cell_is_a_verb_and_its_options(line, result):
    assert read_verb(line, {"n": "digits"}, []) == result


@pytest.mark.parametrize(
    ("line", "end"),
    [
        ("stat", " Did you mean %tune status?"),
        ("digits", " Did you mean %tune status digits?"),
        ("--max-trials 3", " Options of a search go on the first line of a %%tune cell."),
        ("fly", ""),
        ("{n}", " Did you mean %tune status digits?"),
    ],
)
def test_an_unknown_verb_is_told_which_verbs_there_are(line, end):
    with pytest.raises(OptionError) as caught:
        read_verb(line, {"n": "digits"}, ["digits"])
    word = "digits" if line == "{n}" else shlex.split(line)[0]
    assert str(caught.value) == (f"%tune: received {word!r}; expected a verb: {', '.join(VERBS)}.{end}")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("stop --new", "%tune stop: received '--new', an unknown option. %tune stop -h lists all options."),
        (
            "best --tset x,y",
            "%tune best: received '--tset', an unknown option. Did you mean --test? %tune best -h lists all options.",
        ),
        ("best -q x,y", "%tune best: received '-q', an unknown option. %tune best -h lists all options."),
        ("why", "%tune why: expected N after it. %tune why -h lists all options."),
        ("why digits", "N: received 'digits'; expected the number of a trial, as in 3."),
        ("why 0", "N: received '0'; expected the number of a trial, as in 3."),
        ("why " + "9" * 5000, "N: received '" + "9" * 60 + "...'; expected the number of a trial, as in 3."),
        ("skip 0", "N: received '0'; expected the number of a trial, as in 3."),
        (
            "skip digits other",
            "%tune skip: received 'digits'; expected the number of a trial before the study.",
        ),
        (
            "run --replay mnist1d --data x,y",
            "--replay and --data exclude each other: a table's curves are fixed, nothing is trained.",
        ),
        (
            "run --replay mnist1d --objective loss",
            "--replay and --objective exclude each other: a table's curves are fixed, nothing is trained.",
        ),
        ("run --replay", "--replay: expected a value after it."),
        (
            "resume --replay mnist1d",
            "%tune resume: received '--replay', an unknown option. Did you mean --repeats? "
            "%tune resume -h lists all options.",
        ),
    ],
)
def test_a_wrong_line_of_a_verb_is_told_what_was_expected(line, message):
    with pytest.raises(OptionError) as caught:
        read_verb(line, {}, [])
    assert str(caught.value) == message


@pytest.mark.parametrize("line", ["-h", "--help", "best -h"])
def test_help_works_without_a_cell_too(line):
    with pytest.raises(HelpRequested):
        read_verb(line, {}, [])


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("", {}),
        (
            "model --quant int8 --rep x",
            {"source": "model", "quant": "int8", "modes": (QuantMode.INT8,), "representative": "x"},
        ),
        (
            "study --quant all --data x,y -o out/a.tflite",
            {
                "source": "study",
                "quant": "all",
                "modes": tuple(QuantMode),
                "data": ("x", "y"),
                "path": "out/a.tflite",
            },
        ),
        (
            "--quant best --max-kb 30 --max-ms 0.5 --snippet js",
            {
                "quant": "best",
                "modes": tuple(QuantMode),
                "max_kb": 30.0,
                "max_ms": 0.5,
                "snippet": Language.JS,
            },
        ),
        ("m --sensitivity", {"source": "m", "sensitivity": True}),
        ("m --flex --force", {"source": "m", "flex": True, "force": True}),
    ],
)
def test_a_tflite_line_becomes_values(line, values):
    nothing = {"source": None, "modes": (QuantMode.NONE,), "representative": None, "data": None, "path": None}
    assert export_line(export_parser(), line, {}) == ExportLine(**nothing | values)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "--quant int9",
            "--quant: received 'int9'; expected none, dynamic, float16, int8, int16x8, int4, mixed, all or best. "
            "Did you mean int8?",
        ),
        ("m --sensitivity --flex", "--sensitivity writes no file that --flex could change; leave one of them out."),
        ("m --quant all --max-kb 9", "--max-kb and --max-ms are limits for --quant best; add it, or leave them out."),
        (
            "m --snippet rust",
            "--snippet: received 'rust'; expected python, cpp or js.",
        ),
        (
            "m --quantt all",
            "%tflite: received '--quantt', an unknown option. Did you mean --quant? %tflite -h lists all options.",
        ),
        ("m --rep x[0]", "--rep: received 'x[0]'; expected a Python variable name."),
    ],
)
def test_a_wrong_tflite_line_is_told_what_was_expected(line, message):
    with pytest.raises(OptionError) as caught:
        export_line(export_parser(), line, {})
    assert str(caught.value) == message
