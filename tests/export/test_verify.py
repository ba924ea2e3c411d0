"""A file is verified only when its answers on real data keep to every limit."""

import dataclasses
import re
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from keras import Input, layers

from tunemagic.events import Verdict
from tunemagic.export import convert_tflite
from tunemagic.export.gates import gate_of
from tunemagic.export.infer import keras_outputs
from tunemagic.export.modes import milder
from tunemagic.export.runtime import run_file
from tunemagic.export.score import AnswerKind, Answers, answers_of, score_of
from tunemagic.export.targets.c_array import MODES as MICRO_MODES
from tunemagic.export.task import Task
from tunemagic.export.verify import compare, confusion_of, differs, flips_of, judge
from tunemagic.i18n import Language, catalogue
from tunemagic.magics.tables import exports_table
from tunemagic.request import QuantMode, Target

CLASSES = Answers(kind=AnswerKind.CLASSES)
NUMBERS = Answers(kind=AnswerKind.NUMBERS)


def verdict(keras, lite, y, *, answers=CLASSES, mode=QuantMode.INT8, half=False):
    gate = gate_of(Target.TFLITE, mode, answers.kind, half=half)
    return judge(compare(keras, lite, y, answers=answers, score=None, gate=gate), gate)


@pytest.fixture(scope="module")
def reference(dense, digits):
    return keras_outputs(dense, digits.x_held)


def test_equal_outputs_are_verified_in_every_mode(reference, digits):
    for mode in QuantMode:
        result, message = verdict(reference, reference.copy(), digits.y_held, mode=mode)
        assert result is Verdict.VERIFIED
        assert message.startswith("verified on 450 samples: largest difference 0 (limit ")
        assert gate_of(Target.TFLITE, mode, AnswerKind.CLASSES).reason in message


def with_shifted_weights(content, steps):
    """The same file with the values of its largest buffer moved on by ``steps`` times four bytes."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    largest = max((buffer for buffer in model.buffers if buffer.data is not None), key=lambda buffer: len(buffer.data))
    largest.data = np.roll(largest.data, 4 * steps)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize("steps", [1, 37, 500])
def test_a_file_with_altered_weights_is_never_verified(dense_files, digits, reference, tmp_path, steps):
    for result in dense_files[1]:
        altered = tmp_path / "altered.tflite"
        altered.write_bytes(with_shifted_weights(Path(result.path).read_bytes(), steps))
        outputs = run_file(altered, digits.x_held).outputs
        assert verdict(reference, outputs, digits.y_held, mode=QuantMode(result.mode))[0] is Verdict.NOT_VERIFIED


def test_a_file_of_another_model_is_not_verified(dense_files, digits, reference):
    folder, *_ = dense_files
    outputs = run_file(folder / "digits.int8.tflite", digits.x_held[::-1]).outputs
    result, message = verdict(reference, outputs, digits.y_held)
    assert result is Verdict.NOT_VERIFIED
    assert "outputs differ by up to " in message
    assert "accuracy falls from" in message


def test_outputs_at_chance_level_are_not_verified(reference, digits):
    constant = np.repeat(reference.mean(axis=0)[None], len(reference), axis=0)
    result, message = verdict(reference, constant, digits.y_held)
    assert result is Verdict.NOT_VERIFIED
    assert "is no better than always giving the commonest answer" in message


@pytest.mark.parametrize("mode", QuantMode)
def test_constant_answers_are_never_verified_even_where_almost_all_answers_are_the_same(mode):
    random = np.random.default_rng(0)
    rare = random.random(1000) < 0.02
    keras = np.where(rare, 0.7, 0.3)[:, None] + random.normal(size=(1000, 1)) / 100
    yes_no, constant = Answers(kind=AnswerKind.YES_NO), np.full_like(keras, 0.499)
    for answers in (yes_no, NUMBERS):
        for y in (None, rare.astype(int)):
            result, message = verdict(keras, constant, y, answers=answers, mode=mode)
            assert result is Verdict.NOT_VERIFIED
            assert "of the outputs' variance (limit " in message


def test_a_file_that_converts_loads_and_runs_at_chance_level_is_not_verified(train, digits, tmp_path):
    rows = [Input((4, 16)), layers.GRU(24), layers.Dense(10, "softmax")]
    model = train(rows, digits.x.reshape(-1, 4, 16), digits.y, epochs=8)
    fine, wrong = convert_tflite(
        model,
        ["dynamic", "int16x8"],
        x_eval=digits.x_held.reshape(-1, 4, 16),
        y_eval=digits.y_held,
        representative=digits.x.reshape(-1, 4, 16),
        directory=tmp_path,
        stem="rows",
    )
    assert (fine.verdict, wrong.verdict) == (Verdict.VERIFIED, Verdict.NOT_VERIFIED)
    assert wrong.score_after < 0.5 * wrong.score_before
    assert wrong.path.name == "rows.int16x8.not-verified.tflite"
    assert "accuracy falls from" in wrong.message


def test_flips_are_numbered_as_the_given_samples_and_confusion_counts_the_file_s_answers(reference, digits):
    lite = reference.copy()
    lite[[3, 200]] = lite[[3, 200], ::-1]
    rows = np.arange(450) * 2
    answers = reference.argmax(1)
    assert flips_of(CLASSES, reference, lite, rows) == (6, 400)
    assert flips_of(NUMBERS, reference, lite, rows) == ()
    table = np.array(confusion_of(CLASSES, lite, answers))
    assert (table.sum(), np.trace(table)) == (450, 448)
    yes_no = Answers(kind=AnswerKind.YES_NO)
    assert confusion_of(yes_no, np.array([[0.2], [0.7], [0.9]]), np.array([0, 0, 1])) == ((1, 1), (0, 1))
    assert confusion_of(CLASSES, np.zeros((4, 21)), np.zeros(4)) is None
    assert confusion_of(CLASSES, lite, None) is None


def test_outputs_that_are_not_finite_are_not_verified(reference, digits):
    broken = reference.copy()
    broken[3, 2] = np.nan
    assert verdict(reference, broken, digits.y_held) == (
        Verdict.NOT_VERIFIED,
        "not verified: the file answers with NaN or infinite numbers",
    )


def test_a_comparison_that_could_not_notice_a_broken_file_is_not_called_verified(reference, digits):
    same = np.repeat(reference[:1], 450, axis=0)
    for keras, y, text in [
        (reference[:7], digits.y_held[:7], "only 7 samples to compare on (at least 8 expected)"),
        (same, digits.y_held, "the Keras model gives the same answer for every sample, so comparing shows nothing"),
        (reference[::-1], digits.y_held, "the Keras model itself is at chance level"),
    ]:
        truth = y if text.startswith(("only", "the Keras model gives")) else (np.argmax(keras, axis=-1) + 1) % 10
        result, message = verdict(keras, keras.copy(), truth)
        assert result is Verdict.NOT_VERIFIED
        assert text in message


def test_a_float_file_that_follows_an_untrained_model_closely_is_the_same_function(reference):
    wrong_truth = (np.argmax(reference, axis=-1) + 1) % 10
    assert verdict(reference, reference + 1e-7, wrong_truth, mode=QuantMode.NONE)[0] is Verdict.VERIFIED


def test_float_files_must_be_closer_than_quantised_ones_and_half_precision_models_get_more_room(reference, digits):
    moved = reference + 0.01 * np.sin(np.arange(reference.size)).reshape(reference.shape)
    verdicts = {mode: verdict(reference, moved, digits.y_held, mode=mode)[0] for mode in QuantMode}
    assert verdicts == {**dict.fromkeys(QuantMode, Verdict.VERIFIED), QuantMode.NONE: Verdict.NOT_VERIFIED}
    assert verdict(reference, moved, digits.y_held, mode=QuantMode.NONE, half=True)[0] is Verdict.VERIFIED


def test_regression_is_judged_by_the_error_s_share_of_the_outputs_variance():
    rng = np.random.default_rng(0)
    keras = rng.normal(size=(500, 1)) * 30 + 7
    for noise, wanted in [(0.05, Verdict.VERIFIED), (0.2, Verdict.NOT_VERIFIED)]:
        lite = keras + rng.normal(size=keras.shape) * 30 * noise
        result, message = verdict(keras, lite, keras[:, 0], answers=NUMBERS)
        assert result is wanted
        assert ("of the outputs' variance" in message) is (wanted is Verdict.NOT_VERIFIED)


def two_quantities(spread=20000.0):
    random = np.random.default_rng(0)
    return np.stack([random.normal(5000, spread, 500), 1 / (1 + np.exp(-random.normal(0, 2, 500)))], axis=1)


@pytest.mark.parametrize("mode", QuantMode)
def test_an_output_that_is_lost_beside_a_larger_one_is_never_verified(mode):
    keras = two_quantities()
    dead, far = keras.copy(), keras.copy()
    dead[:, 1] = 0
    far[:, 1] = far[::-1, 1]
    assert verdict(keras, dead, None, answers=NUMBERS, mode=mode) == (
        Verdict.NOT_VERIFIED,
        "not verified: output 2 of 2 is the same number for every sample, the Keras model's is not",
    )
    result, message = verdict(keras, far, None, answers=NUMBERS, mode=mode)
    assert result is Verdict.NOT_VERIFIED
    assert message.startswith("not verified: output 2 of 2 differs by up to 0.97 (limit ")
    rounded = keras.astype("float32").astype("float64")
    assert verdict(keras, rounded, None, answers=NUMBERS, mode=mode)[0] is Verdict.VERIFIED


def test_a_number_s_error_is_judged_by_its_own_variance_and_a_constant_one_by_the_others_span():
    keras = np.concatenate([two_quantities(), np.full((500, 1), 3.0)], axis=1)
    lite = keras + [0, 0.07, 0.1] * np.sign(np.random.default_rng(1).normal(size=keras.shape))
    message = "not verified: the error of output 2 of 3 is 0.054 of its variance (limit 0.02)"
    assert verdict(keras, lite, None, answers=NUMBERS) == (Verdict.NOT_VERIFIED, message)
    lite[:, 1] = keras[:, 1]
    assert verdict(keras, lite, None, answers=NUMBERS)[0] is Verdict.VERIFIED


def test_outputs_of_a_picture_must_be_followed_except_where_they_hardly_move():
    keras = np.random.default_rng(0).random((300, 64)) * np.repeat([1.0, 0.2, 1e-3, 0.0], 16)
    lite = keras.copy()
    lite[:, 32:48] = 0.0005
    for mode in QuantMode:
        wanted = Verdict.NOT_VERIFIED if mode is QuantMode.NONE else Verdict.VERIFIED
        assert verdict(keras, lite, None, answers=NUMBERS, mode=mode)[0] is wanted
    lite[:, 20] = 0.1
    assert verdict(keras, lite, None, answers=NUMBERS) == (
        Verdict.NOT_VERIFIED,
        "not verified: the error of output 21 of 64 is 1 of its variance (limit 0.25)",
    )


def test_one_of_ten_labels_that_never_says_yes_or_often_another_answer_is_not_verified():
    random = np.random.default_rng(0)
    keras = 1 / (1 + np.exp(-random.normal(-3, 2, (500, 10))))
    yes = keras[:, 3] > 0.5
    keras[yes, 3] = 0.6
    yes_no = Answers(kind=AnswerKind.YES_NO)
    for column, what in [
        (np.minimum(keras[:, 3], 0.45), f"never says yes, the Keras model does on {yes.sum()} samples"),
        (np.where(np.arange(500) < 450, np.minimum(keras[:, 3], 0.45), keras[:, 3]), "gives the same answer on only "),
    ]:
        lite = keras.copy()
        lite[:, 3] = column
        result, message = verdict(keras, lite, None, answers=yes_no)
        assert result is Verdict.NOT_VERIFIED
        assert what in message
        assert "output 4 of 10" in message
    assert verdict(keras, keras + 1e-6, None, answers=yes_no)[0] is Verdict.VERIFIED


@pytest.mark.parametrize(
    ("mode", "possible", "wanted"),
    [
        ("int8", tuple(QuantMode), "dynamic"),
        ("int8", MICRO_MODES, "none"),
        ("int16x8", MICRO_MODES, "none"),
        ("int4", tuple(QuantMode), "mixed"),
        ("none", MICRO_MODES, "none"),
    ],
)
def test_a_milder_mode_is_one_that_the_target_has(mode, possible, wanted):
    assert milder(QuantMode(mode), possible) == wanted


def test_another_mode_is_no_help_where_the_comparison_itself_shows_nothing(reference, digits):
    gate = gate_of(Target.TFLITE, QuantMode.INT8, AnswerKind.CLASSES)
    few = compare(reference[:7], reference[:7], None, answers=CLASSES, score=None, gate=gate)
    moved = compare(reference, reference[::-1], None, answers=CLASSES, score=None, gate=gate)
    assert (differs(few, gate), differs(moved, gate)) == (False, True)


def test_only_a_file_that_is_calibrated_is_said_to_be(reference):
    rows = np.arange(450)
    task = Task(x=rows, y=None, rows=rows, keras=reference, calibration=None, answers=CLASSES, score=None, half=False)
    aside = dataclasses.replace(task, aside=75)
    assert (task.said_of("int8"), aside.said_of("int8"), aside.said_of("dynamic")) == (
        [],
        ["calibrated on 75 samples of the evaluation data, which were left out of the comparison"],
        ["75 samples of the evaluation data, which other files are calibrated on, were left out of the comparison"],
    )


def test_scores_and_agreement_are_those_of_both_models(dense, dense_files, digits, reference):
    _, results, _ = dense_files
    answers = answers_of(dense, reference, digits.y_held)
    score = score_of(dense, answers, None, digits.y_held, reference)
    accuracy = float(np.mean(reference.argmax(1) == digits.y_held))
    for result in results:
        outputs = run_file(result.path, digits.x_held).outputs
        gate = gate_of(result.target, result.mode, answers.kind)
        found = compare(reference, outputs, digits.y_held, answers=answers, score=score, gate=gate)
        assert dataclasses.replace(found, noise=0.0) == dataclasses.replace(
            found,
            noise=0.0,
            samples=450,
            agreement=float(np.mean(outputs.argmax(1) == reference.argmax(1))),
            score_before=accuracy,
            score_after=float(np.mean(outputs.argmax(1) == digits.y_held)),
            accuracy_before=accuracy,
            max_abs_diff=float(np.abs(outputs - reference).max()),
        )


def test_outputs_of_another_shape_are_an_error(reference):
    with pytest.raises(ValueError, match=r"the file answers with shape \(450, 9\), the Keras model with \(450, 10\)"):
        verdict(reference, reference[:, :9], None)


def test_all_that_is_said_of_a_model_s_files_is_told_in_chinese(dense_files):
    table = exports_table([result.event() for result in dense_files[1]], catalogue(Language.CHINESE))
    assert [note.partition("：")[0] for note in table.notes] == [result.mode for result in dense_files[1]]
    assert [note for note in table.notes if re.search(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}", note)] == []
    numbers = re.sub(r"(最大差|限值) [\d.e-]+", r"\1 D", table.notes[0])
    assert (
        numbers
        == "none：已在 450 个样本上验证：最大差 D（限值 D：同样的 float32 求和，只是次序不同），100.00% 的回答相同"
    )
