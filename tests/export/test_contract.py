"""What holds for every target: made, loaded by its real runtime in a fresh process, compared on real data, judged."""

import re

import numpy as np
import pytest

from tunemagic.card import write_card
from tunemagic.errors import ExportError
from tunemagic.events import Verdict
from tunemagic.export import MILDEST_FIRST, artefact_name, export_model
from tunemagic.export.infer import keras_outputs
from tunemagic.export.place import fingerprint
from tunemagic.export.targets.kinds import KINDS
from tunemagic.i18n import Language, catalogue
from tunemagic.i18n.facts import translate
from tunemagic.request import QuantMode, Target
from tunemagic.script import write_code

RUNTIMES = {
    Target.KERAS: "keras ",
    Target.JSON: "keras ",
    Target.SAVEDMODEL: "tensorflow ",
    Target.TFLITE: "ai-edge-litert ",
    Target.ONNX: "onnxruntime ",
    Target.TORCH: "torch ",
    Target.OPENVINO: "openvino ",
    Target.C: "tflite-micro ",
    Target.CAFFE: "opencv ",
}
SUPPORTED = {target: (QuantMode.NONE,) for target in KINDS} | {
    Target.TFLITE: MILDEST_FIRST,
    Target.C: (QuantMode.NONE, QuantMode.INT16X8, QuantMode.INT8),
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def exported(dense, digits, tmp_path_factory):
    """(folder, results by target and mode, results as they were called back) of every pair."""
    folder, called = tmp_path_factory.mktemp("contract"), []
    results = export_model(
        dense,
        [(target, mode) for target in KINDS for mode in QuantMode],
        x_eval=digits.x_held,
        y_eval=digits.y_held,
        representative=digits.x,
        directory=folder,
        stem="digits",
        trial=3,
        about={"labels": list("0123456789")},
        on_result=called.append,
    )
    return folder, {(result.target, result.mode): result for result in results}, called


@pytest.mark.parametrize("target", KINDS)
def test_every_artefact_is_verified_in_its_runtime_and_described_as_it_lies_there(exported, dense, digits, target):
    folder, results, _ = exported
    keras = keras_outputs(dense, digits.x_held)
    accuracy = float(np.mean(keras.argmax(1) == digits.y_held))
    for mode in SUPPORTED[target]:
        result = results[target, mode]
        assert (result.verdict, result.path) == (Verdict.VERIFIED, folder / artefact_name(target, "digits", mode))
        assert (result.bytes, result.gzip_bytes, result.sha256) == fingerprint(result.path)
        assert result.path.is_dir() is KINDS[target].folder
        assert result.runtime.startswith(RUNTIMES[target])
        assert (result.samples, result.trial, result.threads, result.batch) == (450, 3, 1, 1)
        assert (result.score_name, result.score_before) == ("accuracy", accuracy)
        assert len(result.flips) == round(450 * (1 - result.agreement))
        table = np.array(result.confusion)
        assert (table.sum(), np.trace(table)) == (450, round(450 * result.score_after))
        assert result.max_abs_diff <= result.tolerance
        assert result.tolerance_reason in result.message
        assert 0 < result.microseconds_least <= result.microseconds
        assert 0 < result.seconds < 300


def test_all_that_is_said_of_any_pair_is_told_in_chinese(exported):
    _, results, _ = exported
    said = {text for each in results.values() for text in (each.message, each.tolerance_reason, *each.warnings)}
    told = {text: translate(text, catalogue(Language.CHINESE)) for text in said}
    assert {text: new for text, new in told.items() if re.search(r"[a-z']{2,} [a-z']{2,} [a-z']{2,}", new)} == {}


def test_every_pair_that_is_not_supported_is_refused_with_a_reason_and_leaves_nothing(exported):
    folder, results, called = exported
    assert len(results) == len(KINDS) * len(QuantMode)
    assert {id(result) for result in called} == {id(result) for result in results.values()}
    for (target, mode), result in results.items():
        if mode not in SUPPORTED[target]:
            assert (result.verdict, result.path, result.bytes) == (Verdict.FAILED, None, None)
            assert result.message.startswith(f"{target}: ")
            assert mode in result.message
    made = {artefact_name(target, "digits", mode) for target, modes in SUPPORTED.items() for mode in modes}
    assert {path.name for path in folder.iterdir()} == made


def test_targets_in_float32_compute_the_same_function(exported):
    _, results, _ = exported
    for target in KINDS:
        assert (results[target, "none"].agreement, results[target, "none"].flips) == (1.0, ())
        assert results[target, "none"].max_abs_diff < 1e-5


def test_what_exists_is_replaced_by_force_only_but_for_tf_lite_files_of_ours(exported, dense, digits):
    folder, results, _ = exported
    given = {"x_eval": digits.x_held, "y_eval": digits.y_held, "directory": folder, "stem": "digits"}
    (folder / "foreign.tflite").write_bytes(b"not ours")
    with pytest.raises(ExportError, match=r"foreign\.tflite exists; add --force"):
        export_model(dense, [("tflite", "none")], **given | {"stem": "foreign"})
    (folder / "foreign.tflite").unlink()
    for target in (Target.SAVEDMODEL, Target.ONNX):
        with pytest.raises(ExportError, match=r"digits\S+ exists; add --force \(Python: force=True\) to replace it"):
            export_model(dense, [(target, "none")], **given)
        assert fingerprint(results[target, "none"].path)[2] == results[target, "none"].sha256
    (again,) = export_model(dense, [("tflite", "none")], **given)  # a file of ours
    assert (again.verdict, again.path) == (Verdict.VERIFIED, results[Target.TFLITE, "none"].path)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_the_script_of_a_model_is_run_without_tunemagic_and_a_card_needs_a_study(dense, digits, tmp_path):
    result = write_code(dense, tmp_path / "digits.py", x=digits.x_held)
    assert (result.verdict, result.path) == (Verdict.VERIFIED, tmp_path / "digits.py")
    assert "tunemagic" not in "".join(line for line in result.path.read_text().splitlines() if "import" in line)
    with pytest.raises(ExportError, match="card: a card tells of a study; received a Sequential"):
        write_card(dense, tmp_path / "digits.card.md")


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ("onx", "target: expected one of .*; received 'onx'"),
        (["onnx", "tflit"], "target: expected one of .*; received 'tflit'"),
        ([("tflite", "int9")], "mode: expected one of .*; received 'int9'"),
        (
            [("tflite", "int8", "all")],
            r"received \('tflite', 'int8', 'all'\); expected a target, or a target and its mode",
        ),
        ([], "expected at least one target and mode"),
    ],
)
def test_a_target_stands_alone_or_beside_its_mode(dense, digits, tmp_path, variants, message):
    with pytest.raises(ExportError, match=message):
        export_model(dense, variants, x_eval=digits.x_held, y_eval=digits.y_held, directory=tmp_path, stem="d")
