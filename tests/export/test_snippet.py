"""Code that is given with a file runs it: Python really, C++ and JavaScript by their syntax."""

import subprocess
import sys

import numpy as np
import pytest

from tunemagic.errors import ExportError
from tunemagic.export.metadata import describe, facts
from tunemagic.export.runtime import outputs_of
from tunemagic.export.snippet import Language, snippet
from tunemagic.export.tables import read_tables, write_tables

LABELS = ["nought", 'o"ne', "två", "3\n", "4", "5", "6", "7", "8", "9\\"]
HEADERS = {
    "interpreter.h": """
#include <memory>
#include <cstddef>
enum TfLiteStatus { kTfLiteOk };
namespace tflite { struct Interpreter {
  TfLiteStatus SetNumThreads(int); TfLiteStatus AllocateTensors(); TfLiteStatus Invoke();
  template <class T> T* typed_input_tensor(int); template <class T> T* typed_output_tensor(int); }; }
""",
    "kernels/register.h": "namespace tflite::ops::builtin { struct BuiltinOpResolver {}; }",
    "model.h": """
namespace tflite {
struct FlatBufferModel { static std::unique_ptr<FlatBufferModel> BuildFromFile(const char*); };
struct InterpreterBuilder {
  InterpreterBuilder(const FlatBufferModel&, const ops::builtin::BuiltinOpResolver&);
  TfLiteStatus operator()(std::unique_ptr<Interpreter>*); }; }
""",
}
DRIVER = """
import sys, numpy as np
sys.argv = ["snippet"]
space = {"__name__": "snippet"}
exec(open("snippet.py", encoding="utf-8").read(), space)
np.save("answers.npy", [space["predict"](sample) for sample in np.load("x.npy")])
assert not {"tensorflow", "keras", "tunemagic"} & set(sys.modules)
"""


@pytest.fixture(scope="module")
def labelled(dense_files):
    """An int8 file with labels and names that need care."""
    content = (dense_files[0] / "digits.int8.tflite").read_bytes()
    return describe(content, facts("int8", {"labels": LABELS}, prepares=False), ("grey", "digit"))


def with_integer_ends(content):
    """The file without the operations at its ends that quantise and dequantise."""
    model = read_tables(content)
    [graph], [signature] = model.subgraphs, model.signatureDefs
    first, last = graph.operators[0], graph.operators[-1]
    graph.operators = graph.operators[1:-1]
    graph.inputs, graph.outputs = [first.outputs[0]], [last.inputs[0]]
    signature.inputs[0].tensorIndex, signature.outputs[0].tensorIndex = first.outputs[0], last.inputs[0]
    return write_tables(model, len(content))


@pytest.mark.parametrize("ends", ["float", "integer"])
def test_the_python_code_gives_the_file_s_answers_in_a_process_with_nothing_of_ours(labelled, digits, tmp_path, ends):
    content = labelled if ends == "float" else with_integer_ends(labelled)
    (tmp_path / "di gits.tflite").write_bytes(content)
    code = snippet(tmp_path / "di gits.tflite", "python")
    (tmp_path / "snippet.py").write_text(code, encoding="utf-8")
    np.save(tmp_path / "x.npy", digits.x_held[:30])
    subprocess.run([sys.executable, "-I", "-c", DRIVER], cwd=tmp_path, check=True, timeout=100)
    np.testing.assert_allclose(
        np.load(tmp_path / "answers.npy"), outputs_of(content, digits.x_held[:30]), rtol=0, atol=1e-9
    )
    assert str(tmp_path) not in code
    said = subprocess.run(
        [sys.executable, "-I", "snippet.py"], cwd=tmp_path, check=True, capture_output=True, timeout=100
    )
    assert any(label.strip() in said.stdout.decode() for label in LABELS)


@pytest.mark.parametrize("ends", ["float", "integer"])
def test_the_c_and_javascript_code_is_well_formed(labelled, tmp_path, ends):
    for name, text in HEADERS.items():
        header = tmp_path / "include" / "tensorflow" / "lite" / name
        header.parent.mkdir(parents=True, exist_ok=True)
        header.write_text(text, encoding="utf-8")
    file = tmp_path / "digits.tflite"
    file.write_bytes(labelled if ends == "float" else with_integer_ends(labelled))
    (tmp_path / "run.cc").write_text(snippet(file, Language.CPP), encoding="utf-8")
    (tmp_path / "run.mjs").write_text(snippet(file, Language.JS), encoding="utf-8")
    compiler = ["g++", "-std=c++17", "-fsyntax-only", "-Wall", "-Werror", "-I", "include", "run.cc"]
    subprocess.run(compiler, cwd=tmp_path, check=True)
    subprocess.run(["node", "--check", "run.mjs"], cwd=tmp_path, check=True)


def test_names_shapes_scales_and_labels_are_the_file_s_own(labelled, tmp_path, monkeypatch):
    file = tmp_path / "digits.tflite"
    file.write_bytes(with_integer_ends(labelled))
    for language in Language:
        code = snippet(file, language)
        for part in ("digits.tflite", "grey int8 [1, 64]", "digit int8 [1, 10]", "zero point", '"två"', '"o\\"ne"'):
            assert part in code
    monkeypatch.chdir(tmp_path.parent)
    file.write_bytes(labelled)
    assert f'model_path="{tmp_path.name}/digits.tflite"' in snippet(file, "python")
    assert f'Model model("{tmp_path.name}/digits.tflite")' in snippet(file, "cpp")
    assert "grey float32 [1, 64] -> digit float32 [1, 10]" in snippet(file, "js")


def test_what_gives_no_code_is_refused(dense_files, tmp_path):
    with pytest.raises(ExportError, match="snippet: expected one of python, cpp, js; received 'java'"):
        snippet(dense_files[0] / "digits.tflite", "java")
    with pytest.raises(ExportError, match="can't read"):
        snippet(tmp_path / "none.tflite", "python")
    model = read_tables((dense_files[0] / "digits.tflite").read_bytes())
    model.signatureDefs = None
    (tmp_path / "bare.tflite").write_bytes(write_tables(model, 1000))
    with pytest.raises(ExportError, match="expected a file with one signature of one input and one output"):
        snippet(tmp_path / "bare.tflite", "python")
