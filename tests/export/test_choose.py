"""What is made when targets and modes are asked for."""

import pytest

from tunemagic.errors import ExportError
from tunemagic.export import choose as module
from tunemagic.export.choose import choose
from tunemagic.request import QuantMode, Target


@pytest.fixture
def without_torch(monkeypatch):
    """A machine on which PyTorch and OpenCV are not installed."""
    monkeypatch.setattr(module, "_installed", lambda target: target not in {Target.TORCH, Target.CAFFE})


@pytest.mark.parametrize(
    ("to", "modes", "names"),
    [
        ("onnx", "none", ["onnx"]),
        (["onnx", "tflite", "onnx"], "none", ["tflite", "onnx"]),
        (["c", "onnx", "tflite"], ["int8", "none"], ["tflite", "tflite int8", "onnx", "c", "c int8"]),
        (["c", "tflite"], "dynamic", ["tflite dynamic"]),
        (["card", "code", "keras"], "none", ["keras", "code", "card"]),
    ],
)
def test_artefacts_are_made_in_one_order_with_the_modes_that_they_have(to, modes, names):
    chosen = choose(to, modes)
    assert (list(chosen.names), chosen.left_out) == (names, "")


def test_all_are_those_that_are_installed_and_the_others_are_named(without_torch):
    chosen = choose("all")
    assert set(chosen.names) == set(Target) - {"torch", "caffe"}
    assert chosen.left_out == (
        'left out, since not installed: torch, caffe. Run: %pip install "tunemagic[torch,caffe]"'
    )
    assert "card" not in choose("all", from_study=False).names


def test_all_modes_are_those_of_each_target():
    chosen = choose(["tflite", "c", "onnx"], "all")
    assert [name for name in chosen.names if name.startswith("tflite")] == [
        "tflite" if mode is QuantMode.NONE else f"tflite {mode}" for mode in QuantMode
    ]
    assert [name for name in chosen.names if name.startswith(("c", "onnx"))] == ["onnx", "c", "c int8", "c int16x8"]


@pytest.mark.parametrize(
    ("to", "modes", "message"),
    [
        ("onx", "none", f"target 'onx': expected one of {', '.join(Target)}, all. Did you mean onnx?"),
        (["all", "pt"], "none", "target 'pt': expected one of"),
        (["<b>\n" * 50], "none", "target '<b>\\n"),
        ([], "none", "expected at least one target"),
        ("tflite", "int9", f"mode 'int9': expected one of {', '.join(QuantMode)}, all. Did you mean int8?"),
        ("onnx", "int8", "mode int8: onnx stores numbers as the model does; modes are for tflite and c."),
        ("c", "dynamic", "c: the interpreter for microcontrollers can't run mode dynamic; expected none or int8"),
    ],
)  # fmt: skip
def test_what_cant_be_made_is_told_in_one_line(to, modes, message):
    with pytest.raises(ExportError) as caught:
        choose(to, modes)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_card_needs_a_study():
    with pytest.raises(ExportError, match="card: tells about a study"):
        choose("card", from_study=False)


def test_a_target_whose_package_is_missing_names_the_line_to_install(monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ExportError, match="torch: the package torch is not installed"):
        choose("torch")
