"""Sentences of journals in the reader's language: all that the code writes are known, all else stays as it is."""

import ast
import time
from pathlib import Path

import pytest

from tunemagic.i18n import ENGLISH, PLACEHOLDER, Catalogue, Language, catalogue
from tunemagic.i18n.facts import fact_of, fact_texts, translate
from tunemagic.request import Pruner, Tuner, TuneRequest
from tunemagic.search.replay import open_replay
from tunemagic.studybook import StudyBook

ROOT = Path(__file__).parents[2]
CHINESE = catalogue(Language.CHINESE)
FACTS = {key: text for key, text in ENGLISH.texts.items() if key.startswith("fact.")}


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("your default values", "你的默认值"),
        ("below the median at epoch 4: 0.81 < 0.88", "在第 4 轮低于中位数：0.81 < 0.88"),
        ("Hyperband bracket 2, rung 1: goes on from trial 4", "Hyperband 第 2 组第 1 级：接着试验 4 训练"),
        ("plain fit: the model has its own train_step", "普通 fit：模型有自己的 train_step"),
        (
            "trial 3: its worker was killed; the memory may have run out (SIGKILL); it is tried once more",
            "试验 3：它的工作进程被终止，可能内存耗尽（SIGKILL）；将再试一次",
        ),
        ("loss became nan in epoch 1; x_train has 3 NaN values", "loss 在第 1 轮变为 nan; x_train 中有 3 个 NaN"),
        ("time is up after 12 trials", "时间已到，完成了12 个试验"),
        (
            "3 trials failed in a row; the last one: loss became inf in epoch 2 (line 4: model.fit())",
            "连续 3 个试验失败；最后一个：loss 在第 2 轮变为 inf（第 4 行：model.fit()）",
        ),
    ],
)
def test_a_sentence_is_said_in_the_readers_language(sentence, said):
    assert translate(sentence, CHINESE) == said
    assert translate(sentence, ENGLISH) == sentence


@pytest.mark.parametrize(
    "sentence",
    [
        "",
        "TPEs",
        "a\nb",
        "ValueError: units must be positive",
        "<b>x</b>; y",
        "{fact}",
        "Hyperband bracket x, rung y: z",
    ],
)
def test_what_is_no_fact_stays_as_it_is(sentence):
    assert translate(sentence, CHINESE) == sentence


@pytest.mark.parametrize(
    "text",
    [
        "; " * 400,
        "; a: " * 120,
        "not verified: " + "outputs differ by up to 1 (limit 1: " * 16,
        "caffe: layer " + ") " * 290,
        "trial 1: " * 80 + "; it is tried once more" * 20,
        "a" * 100_000,
        "(" * 599,
    ],
)
def test_a_hostile_text_is_soon_given_up(text):
    start = time.process_time()
    translate(text, CHINESE)
    assert time.process_time() - start < 5


def test_every_template_is_found_by_its_own_text_and_by_no_other():
    found = {}
    for key, text in FACTS.items():
        sentence = PLACEHOLDER.sub("7", text.replace("{label}", "int8"))
        found[key] = (fact_of(sentence) or ("nothing",))[0]
    assert {key: other for key, other in found.items() if key != other} == {}


def test_a_template_has_at_most_two_placeholders_for_any_text():
    numbers = {name for text in FACTS.values() for name in PLACEHOLDER.findall(text)}
    numbers = {name for name in numbers if fact_of(f"study {name}") is None and _takes_numbers_only(name)}
    free = {key: [name for name in PLACEHOLDER.findall(text) if name not in numbers] for key, text in FACTS.items()}
    assert {key: names for key, names in free.items() if len(names) > 2} == {}


def _takes_numbers_only(name):
    """Whether a sentence with a word where this placeholder stands fits no template."""
    key, text = next((key, text) for key, text in FACTS.items() if name in PLACEHOLDER.findall(text))
    word = PLACEHOLDER.sub(lambda found: "word" if found[1] == name else "7", text)
    return (fact_of(word) or ("nothing",))[0] != key


def test_a_screen_gets_both_forms_of_each_fact_and_nothing_for_english():
    sent = fact_texts(CHINESE)
    assert sent["fact.default_values"] == "你的默认值"
    assert sent["english.fact.default_values"] == "your default values"
    assert len(sent) == 2 * len(FACTS)
    assert fact_texts(ENGLISH) == {}


def test_a_catalogue_without_facts_leaves_them_in_english():
    empty = Catalogue(Language.CHINESE, {})
    assert translate("random start 3 of 10", empty) == "random start 3 of 10"


# -- what the code says ------------------------------------------------------------------------------


def unknown(sentences):
    """Those that are no facts, or whose parts are none."""

    def known(sentence):
        found = fact_of(sentence)
        return found is not None and all(known(part) for name, part in found[1].items() if name == "fact")

    return sorted({sentence for sentence in sentences if sentence and not known(sentence)})


@pytest.mark.parametrize("tuner", [tuner for tuner in Tuner if tuner is not Tuner.GP])
def test_all_that_a_study_says_is_known(tuner, tmp_path):
    pruner = {Tuner.RANDOM: Pruner.MEDIAN, Tuner.TPE: Pruner.ASHA}.get(tuner, Pruner.AUTO)
    request = TuneRequest(name="s", tuner=tuner, pruner=pruner, max_trials=25, seed=3)
    study = StudyBook(tmp_path).open_replay(request, open_replay("mnist1d"))
    study.start()
    study.wait()
    view = study.view
    study.close()
    said = [view.strategy_reason, view.pruner_reason, view.executor_reason, view.end_message, *view.notes]
    said += [text for trial in view.trials for text in (trial.why, trial.reason, trial.trainer)]
    assert len(view.trials) >= 25
    assert unknown(said) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "you asked for it",
        "`base` (a Keras model) can't be sent to a worker; --memory-gb needs a worker and has no effect",
        "they have 2 threads each",
        "trial 2 starts afresh, since the saved state can't be used: it was not kept",
        "the follower of trial 2 starts afresh, since the saved state can't be used: it was not kept",
        "not among the best half of 8 trials at epoch 3: 0.5 > 0.25",
        "its worker was aborted by compiled code (SIGABRT)",
        "random start 3 of 10",
        "4 proposals in a row break a limit; the last one: 2,410 weights, above --max-params 1,000",
        "x (8, 2) float32, y (8,) int64; validation: the last 2 samples",
        "x has 3 NaN or infinite values in 2 of 9 rows, the first at row 4, column 1 (columns a, b)",
        "line 3: layer.adapt sees all of x, also the samples that trials are judged by. Give --val data of its own.",
        "line 2: recipe.fit takes the codes of categories for numbers. Give it like=prepared.",
        "grid: lr (0.1 … 1) has no step, so the grid takes 10 of its values; give it a step to choose them.",
    ],
)
def test_what_is_put_together_is_known(sentence):
    assert unknown([sentence.replace("x (8, 2) float32, y (8,) int64; ", "")]) == []
    assert translate(sentence, CHINESE) != sentence


# Functions of tunemagic.search that return a reason, and exceptions whose text becomes one.
RETURNS = {
    "choice": ("why_plain", "_model_reason", "_callback_reason", "_argument_reason", "why_alone"),
    "auto": ("choose_tuner",),
    "pruning": ("choose_pruner",),
    "device": ("above_limit",),
    "estimate": ("too_large",),
    "endings": ("end_message",),
    "bayesian": ("_narrowed",),
    "hyperband": ("_narrowed",),
    "optuna_samplers": ("_narrowed", "_why"),
    "strategy": ("_narrowed",),
}
CALLS = {
    "structure": ("OneOfAKind",),
    "twins": ("OneOfAKind",),
    "training": ("_NoGraph", "OneOfAKind"),
    "executors/slot": ("failed",),
}


def filled(node):
    """The sentences that this expression gives, with a 7 for whatever is put in."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr():
            return ["".join(part.value if isinstance(part, ast.Constant) else "7" for part in node.values)]
        case ast.IfExp():
            return [*filled(node.body), *filled(node.orelse)]
        case ast.Tuple(elts=[_, reason]):
            return filled(reason)
        case ast.Subscript(value=ast.Dict() as node):
            return [text for value in node.values for text in filled(value)]
    return []


def sentences(module, functions, calls):
    tree = ast.parse((ROOT / f"tunemagic/search/{module}.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in functions:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    yield from filled(inner.value)
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in calls:
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                yield from filled(argument)


@pytest.mark.parametrize("module", sorted({*RETURNS, *CALLS}))
def test_every_reason_in_the_source_is_known(module):
    said = list(sentences(module, RETURNS.get(module, ()), CALLS.get(module, ())))
    assert said
    vague = {"nothing", "fact.labelled"}
    assert [text for text in said if text and (fact_of(text) or ("nothing",))[0] in vague] == []
