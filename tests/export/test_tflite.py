"""From a real Keras model to files that were run and compared in LiteRT."""

import gzip
import hashlib
import threading

import keras
import numpy as np
import pytest

from tunemagic.errors import ExportError
from tunemagic.events import Verdict, event_from_json, event_to_json
from tunemagic.export import ExportResult, convert_tflite
from tunemagic.export.contents import contents_of
from tunemagic.export.gates import gate_of
from tunemagic.export.infer import keras_outputs
from tunemagic.export.runtime import run_file
from tunemagic.export.score import AnswerKind
from tunemagic.request import QuantMode, Target

layers = keras.layers
BOTH = [QuantMode.NONE, QuantMode.INT8]


def by_mode(results):
    return {QuantMode(result.mode): result for result in results}


def test_every_mode_of_a_dense_model_is_verified_milder_modes_first(dense, dense_files, digits):
    folder, results, called = dense_files
    assert [(result.mode, result.verdict, result.path.name) for result in results] == [
        ("none", Verdict.VERIFIED, "digits.tflite"),
        ("float16", Verdict.VERIFIED, "digits.float16.tflite"),
        ("dynamic", Verdict.VERIFIED, "digits.dynamic.tflite"),
        ("int16x8", Verdict.VERIFIED, "digits.int16x8.tflite"),
        ("int8", Verdict.VERIFIED, "digits.int8.tflite"),
        ("mixed", Verdict.VERIFIED, "digits.mixed.tflite"),
        ("int4", Verdict.VERIFIED, "digits.int4.tflite"),
    ]
    assert called == list(results)
    assert sorted(path.name for path in folder.iterdir()) == sorted(result.path.name for result in results)
    float32, float16, dynamic, int16x8, int8, mixed, int4 = results
    assert float32.bytes > float16.bytes > dynamic.bytes > int4.bytes
    assert int8.bytes < 0.5 * float32.bytes
    assert mixed.bytes <= dynamic.bytes
    assert float32.max_abs_diff < float16.max_abs_diff < min(dynamic.max_abs_diff, int8.max_abs_diff)
    assert "advanced: 16-bit activations are slow" in int16x8.warnings[0]
    assert mixed.warnings[0].startswith("4 bits for ")


def test_results_hold_what_can_be_checked_on_the_files(dense, dense_files, digits):
    accuracy = float(np.mean(keras_outputs(dense, digits.x_held).argmax(1) == digits.y_held))
    for result in dense_files[1]:
        content = result.path.read_bytes()
        outputs = run_file(result.path, digits.x_held).outputs
        given = keras_outputs(dense, digits.x_held).argmax(1)
        confusion = np.zeros((10, 10), int)
        np.add.at(confusion, (digits.y_held, outputs.argmax(1)), 1)
        assert result == ExportResult(
            trial=3,
            target=Target.TFLITE,
            mode=result.mode,
            path=result.path,
            verdict=Verdict.VERIFIED,
            message=result.message,
            bytes=len(content),
            gzip_bytes=len(gzip.compress(content, 9)),
            sha256=hashlib.sha256(content).hexdigest(),
            score_name="accuracy",
            score_before=accuracy,
            score_after=float(np.mean(outputs.argmax(1) == digits.y_held)),
            samples=450,
            agreement=float(np.mean(outputs.argmax(1) == given)),
            flips=tuple(np.flatnonzero(outputs.argmax(1) != given).tolist()),
            confusion=tuple(map(tuple, confusion.tolist())),
            max_abs_diff=float(np.abs(outputs - keras_outputs(dense, digits.x_held)).max()),
            tolerance=result.tolerance,
            tolerance_reason=gate_of(result.target, result.mode, AnswerKind.CLASSES).reason,
            microseconds=result.microseconds,
            microseconds_least=result.microseconds_least,
            threads=1,
            batch=1,
            operations=tuple(sorted(contents_of(content).operations)),
            runtime=result.runtime,
            warnings=result.warnings,
            seconds=result.seconds,
        )
        assert 0 < result.microseconds_least <= result.microseconds < 1e5
        assert 0 < result.seconds < 60
        assert result.runtime.startswith("ai-edge-litert ")
        assert event_from_json(event_to_json(result.event())) == result.event()


def test_files_keep_float_inputs_a_named_signature_and_an_open_batch(dense_files):
    from ai_edge_litert.interpreter import Interpreter

    for result in dense_files[1]:
        interpreter = Interpreter(model_path=str(result.path))
        assert interpreter.get_signature_list() == {"serving_default": {"inputs": ["x"], "outputs": ["y"]}}
        (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
        assert (source["dtype"], target["dtype"]) == (np.float32, np.float32)
        assert list(source["shape_signature"]) == [-1, 64]


def test_augmentation_and_normalization_are_exported_as_the_model_answers_outside_training(
    augmented, digits, images, tmp_path
):
    results = by_mode(
        convert_tflite(
            augmented,
            BOTH,
            x_eval=images[1] * 16,
            y_eval=keras.utils.to_categorical(digits.y_held),
            representative=images[0] * 16,
            directory=tmp_path,
            stem="augmented",
        )
    )
    assert [result.verdict for result in results.values()] == [Verdict.VERIFIED] * 2
    assert results[QuantMode.NONE].max_abs_diff < 1e-5
    assert results[QuantMode.NONE].agreement == 1.0
    assert results[QuantMode.INT8].agreement > 0.97


def test_a_recurrent_model_is_unrolled_and_converts_in_integers_and_in_a_mixture(recurrent, digits, tmp_path):
    results = by_mode(
        convert_tflite(
            recurrent,
            [*BOTH, QuantMode.INT16X8, QuantMode.MIXED],
            x_eval=digits.x_held.reshape(-1, 4, 16),
            y_eval=digits.y_held,
            representative=None,
            directory=tmp_path,
            stem="recurrent",
        )
    )
    assert [result.verdict for result in results.values()] == [Verdict.VERIFIED] * 4
    assert results[QuantMode.INT8].warnings[-1].startswith("calibrated on 112 samples of the evaluation data")
    assert results[QuantMode.NONE].message.startswith("verified on 338 samples: ")


def test_a_long_recurrent_model_runs_as_a_loop_and_int8_is_refused_instead_of_crashing(digits, tmp_path):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((70, 4)), layers.LSTM(6, name="slow"), layers.Dense(1)])
    x = np.random.default_rng(0).normal(size=(40, 70, 4)).astype("float32")
    modes = [*BOTH, QuantMode.INT16X8, QuantMode.MIXED]
    plain, finer, integer, mixed = convert_tflite(
        model, modes, x_eval=x, y_eval=None, representative=x, directory=tmp_path, stem="long"
    )
    assert mixed.verdict is Verdict.VERIFIED
    assert (plain.verdict, plain.agreement, plain.score_name) == (Verdict.VERIFIED, None, None)
    for refused in (finer, integer):
        assert (refused.verdict, refused.path) == (Verdict.FAILED, None)
        assert "recurrent layer slow reads more than 64 steps" in refused.message


def test_an_autoencoder_is_judged_as_regression_with_the_study_s_metric(train, digits, tmp_path):
    code = [keras.Input((64,)), layers.Dense(32, "relu"), layers.Dense(64, "sigmoid")]
    model = train(code, digits.x, digits.x, loss="mse", metrics=["mae"], epochs=10)
    results = convert_tflite(
        model,
        BOTH,
        x_eval=digits.x_held,
        y_eval=digits.x_held,
        representative=digits.x,
        directory=tmp_path,
        stem="code",
        score_name="val_mae",
    )
    expected = float(np.mean(np.abs(keras_outputs(model, digits.x_held) - digits.x_held)))
    for result in results:
        assert (result.verdict, result.agreement, result.score_name) == (Verdict.VERIFIED, None, "mae")
        assert result.score_before == pytest.approx(expected, rel=1e-5)
        assert result.score_after == pytest.approx(expected, rel=0.05)


def test_a_sigmoid_head_and_layers_of_the_notebook_s_own_work_from_any_thread(train, digits, tmp_path):
    twice = layers.Lambda(lambda z: 2 * z)
    model = train(
        [keras.Input((64,)), twice, layers.Dense(16, "relu"), layers.Dense(1, "sigmoid")],
        digits.x,
        digits.y % 2,
        loss="binary_crossentropy",
    )
    weights = model.get_weights()
    done: list = []
    thread = threading.Thread(
        target=lambda: convert_tflite(
            model,
            BOTH,
            x_eval=digits.x_held,
            y_eval=digits.y_held % 2,
            representative=digits.x,
            directory=tmp_path / "made" / "for this",
            stem="odd or even",
            on_result=done.append,
        )
    )
    thread.start()
    thread.join()
    assert [(result.verdict, result.score_name) for result in done] == [(Verdict.VERIFIED, "accuracy")] * 2
    assert all("traced in this kernel, because a Lambda layer can't be rebuilt outside it" in r.warnings for r in done)
    assert done[0].agreement == 1.0
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    model.fit(digits.x, digits.y % 2, verbose=0)


def test_a_file_that_misses_its_gate_is_named_so_and_an_older_verified_file_stays(digits, tmp_path):
    keras.utils.set_random_seed(3)
    untrained = keras.Sequential([keras.Input((64,)), layers.Dense(10, "softmax")])
    (tmp_path / "digits.int8.tflite").write_bytes(b"an older file")
    (tmp_path / "digits.tflite").write_bytes(b"replaced")
    truth = (keras_outputs(untrained, digits.x_held).argmax(1) + 1) % 10
    plain, integer = convert_tflite(
        untrained,
        BOTH,
        x_eval=digits.x_held,
        y_eval=truth,
        representative=digits.x,
        directory=tmp_path,
        stem="digits",
        force=True,
    )
    assert plain.verdict is Verdict.VERIFIED
    assert integer.verdict is Verdict.NOT_VERIFIED
    assert "the Keras model itself is at chance level" in integer.message
    assert "try --quant" not in integer.message
    assert (tmp_path / "digits.int8.tflite").read_bytes() == b"an older file"
    assert hashlib.sha256((tmp_path / "digits.tflite").read_bytes()).hexdigest() == plain.sha256
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "digits.int8.not-verified.tflite",
        "digits.int8.tflite",
        "digits.tflite",
    ]


def test_a_file_that_can_not_be_put_in_its_place_fails_and_leaves_nothing(dense, digits, tmp_path):
    (tmp_path / "digits.tflite" / "in the way").mkdir(parents=True)
    (result,) = convert_tflite(
        dense, ["none"], x_eval=digits.x_held, y_eval=digits.y_held, directory=tmp_path, stem="digits", force=True
    )
    assert (result.verdict, result.path, result.bytes) == (Verdict.FAILED, None, None)
    assert f"can't write {tmp_path / 'digits.tflite'}: Is a directory." in result.message
    assert [path.name for path in tmp_path.iterdir()] == ["digits.tflite"]


def two_outputs():
    start = keras.Input((64,))
    return keras.Model(start, [layers.Dense(2)(start), layers.Dense(1)(start)])


def two_inputs():
    left, right = keras.Input((64,), name="left"), keras.Input((64,), name="right")
    return keras.Model([left, right], layers.Dense(2)(left + right))


def poisoned():
    model = keras.Sequential([keras.Input((64,)), layers.Dense(10)])
    model.layers[0].bias.assign(np.full(10, np.nan))
    return model


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"modes": []},
            "expected at least one mode of none, float16, dynamic, int16x8, int8, mixed, int4; received none.",
        ),
        (
            {"modes": "bogus"},
            "mode: expected one of none, float16, dynamic, int16x8, int8, mixed, int4; received 'bogus'.",
        ),
        ({"model": "model"}, "expected a Keras model; received str."),
        ({"model": two_outputs}, "expected a model with one output; received 2. Export one part"),
        ({"model": two_inputs}, "expected a model with one input; received 2 (left, right)."),
        ({"model": poisoned}, "the Keras model itself answers with NaN or infinity"),
        ({"x_eval": np.zeros((0, 64))}, "x_eval: expected at least one sample; received an empty array"),
        ({"x_eval": np.zeros((9, 63))}, "x_eval: expected shape (samples, 64); received (9, 63)."),
        (
            {"representative": np.zeros((0, 64))},
            "representative data: expected at least one sample; received an empty array",
        ),
        (
            {"representative": np.zeros((9, 8, 8))},
            "representative data: expected shape (samples, 64); received (9, 8, 8).",
        ),
        (
            {"representative": np.full((9, 64), np.nan)},
            "representative data: expected samples without missing values; received NaN in all 9",
        ),
        ({"representative": np.full((9, 64), -np.inf)}, "expected finite numbers; received 576 infinite values"),
        ({"y_eval": np.zeros(3)}, "y_eval: expected 450 values, one for each sample of x_eval; received 3 values."),
        ({"stem": "../x"}, "file name: expected 1 to 150 printable characters without slashes"),
        ({"stem": "a\x00b"}, "file name: expected 1 to 150 printable characters without slashes"),
        ({"directory": "/dev/null/models"}, "can't write into /dev/null/models: Not a directory. Name another folder"),
    ],
)
def test_what_can_not_be_used_is_said_in_one_line_before_anything_is_started(
    dense, digits, tmp_path, monkeypatch, changes, message
):
    monkeypatch.setattr("tunemagic.export.making.CONVERTER", None)
    given = {
        "model": dense,
        "modes": ["int8"],
        "x_eval": digits.x_held,
        "y_eval": digits.y_held,
        "representative": digits.x,
        "directory": tmp_path / "new",
        "stem": "digits",
        **changes,
    }
    if callable(changes.get("model")):
        given["model"] = changes["model"]()
    with pytest.raises(ExportError) as caught:
        convert_tflite(given.pop("model"), given.pop("modes"), **given)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("*.tflite"))
