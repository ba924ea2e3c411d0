import os

import pytest
from IPython.core.completer import provisionalcompleter

from tunemagic.magics.completion import LineCompleter
from tunemagic.magics.lines import tune_parser
from tunemagic.magics.verbs import VERBS
from tunemagic.request import QuantMode, Tuner


@pytest.fixture
def completer(shell):
    completer = LineCompleter(shell, lambda: ["digits", "first try"])
    completer.attach()
    yield completer
    completer.detach()


@pytest.fixture
def complete(shell, completer):
    """Completions at the end of the text, as a front end gets them."""
    shell.user_ns.update(x_train=[1], y_train=[2], helper=len, _hidden=3)

    def complete(text):
        with provisionalcompleter():
            found = list(shell.Completer.completions(text, len(text)))
        return [each.text for each in found]

    return complete


LR_OPTIONS = ["--help", "--data", "--val", "--batch-size", "--steps", "--low", "--high", "--lang", "-h"]


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        ("%%tune --tu", ["--tuner"]),
        (
            "%%tune --m",
            ["--measure", "--max-trials", "--minutes", "--max-params", "--max-kb", "--max-ms", "--memory-gb"],
        ),
        ("%%tune --tuner ", list(Tuner)),
        ("%%tune --pruner ", ["auto", "none", "median", "asha"]),
        ("%%tune -w ", ["auto", *map(str, range((os.cpu_count() or 1) + 1))]),
        ("%%tune --workers a", ["auto"]),
        ("%%tune --cluster x", ["x_train"]),
        ("%%tune --measure h", ["helper"]),
        ("%%tune --objective a --obj", ["--objective"]),
        ("%%tune --tuner gr", ["grid"]),
        ("%%tune --tuner=gr", ["grid"]),
        ("%%tune digits --view ", ["full", "compact", "text", "none"]),
        ("%%tune --data x_t", ["x_train"]),
        ("%%tune --data x_train,y", ["y_train"]),
        ("%%tune --val x_t", ["x_train"]),
        ("%%tune -o x", ["x_train"]),
        ("%%tune --objective val_", ["val_loss", "val_accuracy"]),
        ("%%tune dig", ["digits"]),
        ("%tune ", list(VERBS)),
        ("%tune s", ["status", "stop", "space", "skip", "show"]),
        ("x = 1\n%tune st", ["status", "stop"]),
        ("%tune status ", ["digits", "'first try'", "--help", "--lang", "-h"]),
        ("%tune show --c", ["--code"]),
        ("%tune lr ", ["digits", "'first try'", "helper", *LR_OPTIONS]),
        ("%tune why ", ["--help", "--lang", "-h"]),
        ("%tune why 3 d", ["digits"]),
        ("%tune form h", ["helper"]),
        ("%tune explain d", ["digits"]),
        ("%tune explain --sample 1 --how sal", ["saliency"]),
        ("%tune best --test x_t", ["x_train"]),
        ("%tune skip d", ["digits"]),
        ("%tune skip 3 d", ["digits"]),
        ("%tune run --ep", ["--epochs"]),
        ("%tune export d", ["digits"]),
        ("%tune export digits --to on", ["onnx"]),
        ("%tune export digits --to onnx,tf", ["tflite"]),
        ("%tune export --to onnx --quant int8 --data x_t", ["x_train"]),
        ("%tune export --to onnx --fo", ["--force"]),
        ("%tune run --repl", ["--replay"]),
        ("%tune run --replay m", ["mnist1d"]),
        ("%tune run --model c", ["cnn", "conv1d"]),
        ("%tflite --quant ", [*QuantMode, "all", "best"]),
        ("%tflite x_t", ["x_train"]),
        ("%tflite model --rep y", ["y_train"]),
    ],
)
def test_our_lines_are_completed(complete, text, texts):
    assert complete(text) == texts


@pytest.mark.parametrize("verb", ["explain", "export"])
def test_models_are_offered_beside_studies(complete, shell, verb):
    import keras

    shell.user_ns.update(network=keras.Sequential([keras.Input((2,))]))
    assert complete(f"%tune {verb} n") == ["network"]
    assert complete(f"%tune {verb} ")[:3] == ["digits", "'first try'", "network"]


def test_an_empty_word_offers_studies_then_every_option(complete):
    long = [option for option in tune_parser().option_strings() if option.startswith("--")]
    short = [option for option in tune_parser().option_strings() if not option.startswith("--")]
    assert complete("%%tune ") == ["digits", "'first try'", *long, *short]


def test_an_option_is_offered_once(complete):
    assert "--new" not in complete("%%tune --new --")
    assert "--out" not in complete("%%tune -o x --")


@pytest.mark.parametrize(
    "text", ["--tu", "%%tune\n--tu", "x = 1\n%%tune --tu", "%%tuned --tu", "print('%%tune --tu", "!ls --tu"]
)
def test_other_lines_are_left_alone(complete, text):
    assert "--tuner" not in complete(text)


def test_variables_in_the_cells_body_are_still_completed_by_ipython(complete):
    assert "x_train" in complete("%%tune --new\nmodel = x_tr")


def test_detaching_leaves_no_matcher_behind(shell):
    before = list(shell.Completer.custom_matchers)
    completer = LineCompleter(shell, list)
    completer.attach()
    assert shell.Completer.custom_matchers == [*before, completer.matches]
    completer.detach()
    completer.detach()
    assert shell.Completer.custom_matchers == before
