"""Code that runs one TF Lite file, in three languages, with the file's own names, shapes, types, scales and labels.

Python is checked by running it; JavaScript (LiteRT.js, ``@litertjs/core``) and C++ (the TensorFlow Lite C++ API)
by their syntax, because no package of ours ships the C++ headers or a browser.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from string import Template
from typing import Any

from tunemagic.errors import ExportError
from tunemagic.export.contents import contents_of, flex_problem
from tunemagic.export.metadata import read
from tunemagic.export.result import ExportResult
from tunemagic.export.tables import read_tables
from tunemagic.text import one_line

__all__ = ["Language", "snippet"]


class Language(StrEnum):
    """What a snippet is written in."""

    PYTHON = "python"
    CPP = "cpp"
    JS = "js"


# Names of types in the schema, NumPy, C++ and JavaScript.
_TYPES = {
    "FLOAT32": ("float32", "float", "Float32Array"),
    "INT8": ("int8", "int8_t", "Int8Array"),
    "UINT8": ("uint8", "uint8_t", "Uint8Array"),
    "INT16": ("int16", "int16_t", "Int16Array"),
    "INT32": ("int32", "int32_t", "Int32Array"),
    "INT64": ("int64", "int64_t", "BigInt64Array"),
}
_LIMITS = {"INT8": (-128, 127), "UINT8": (0, 255), "INT16": (-32768, 32767)}
_LONGEST = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """The input or the output: ``shape`` without the batch; ``scale`` 0 when its numbers stand for themselves."""

    name: str
    kind: str
    shape: tuple[int, ...]
    scale: float
    zero: int

    @property
    def size(self) -> int:
        size = 1
        for each in self.shape:
            size *= each
        return size

    def __str__(self) -> str:
        stored = f", scale {self.scale!r}, zero point {self.zero}" if self.scale else ""
        return f"{self.name} {_TYPES[self.kind][0]} {[1, *self.shape]}{stored}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """What a snippet needs to know of a file. ``labels`` fit the output's last axis, or there are none."""

    name: str
    path: str
    key: str
    source: _End
    target: _End
    labels: tuple[str, ...]


def snippet(what: ExportResult | str | Path, language: Language | str) -> str:
    """Code in ``language`` that runs a TF Lite file on one sample and prints the answer.

    Args:
        what: an export's result, or the path of a file.
        language: ``python``, ``cpp`` or ``js``.

    Returns:
        A whole file of code. Python and C++ find the model by its path from the current folder, or beside
        themselves where it lies elsewhere; a page has it beside itself.

    Raises:
        ExportError: there is no file, it is no TF Lite file, or has not one signature with one input and one output.
    """
    try:
        chosen = Language(language)
    except ValueError:
        raise ExportError(f"snippet: expected one of {', '.join(Language)}; received {language!r}.") from None
    path = what.path if isinstance(what, ExportResult) else Path(what)
    if path is None:
        raise ExportError("snippet: this export gave no file; see its message.")
    file = _file_of(path)
    match chosen:
        case Language.PYTHON:
            return _python(file)
        case Language.CPP:
            return _cpp(file)
        case Language.JS:
            return _js(file)


def _file_of(path: Path) -> _File:
    labels = read(path).get("labels")
    content = path.read_bytes()
    problem = flex_problem(contents_of(content).operations)
    if problem:
        raise ExportError(f"snippet: {path}: {problem}.")
    model = read_tables(content)
    signatures = model.signatureDefs or []
    if len(signatures) != 1 or len(signatures[0].inputs) != 1 or len(signatures[0].outputs) != 1:
        raise ExportError(
            f"snippet: expected a file with one signature of one input and one output; {path} has others."
        )
    [signature] = signatures
    graph = model.subgraphs[signature.subgraphIndex]
    target = _end(signature.outputs[0], graph)
    fitting = isinstance(labels, list) and target.shape[-1:] == (len(labels),)
    return _File(
        name=one_line(path.name),
        path=one_line(_way(path)),
        key=_text(signature.signatureKey),
        source=_end(signature.inputs[0], graph),
        target=target,
        labels=tuple(one_line(str(label)) for label in labels) if fitting and isinstance(labels, list) else (),
    )


def _way(path: Path) -> str:
    whole, here = path.absolute(), Path.cwd()
    return whole.relative_to(here).as_posix() if whole.is_relative_to(here) else path.name


def _end(end: Any, graph: Any) -> _End:
    from ai_edge_litert import schema_py_generated as schema

    tensor = graph.tensors[end.tensorIndex]
    kind = next((name for name, number in vars(schema.TensorType).items() if number == tensor.type), "")
    if kind not in _TYPES:
        raise ExportError(f"snippet: numbers of type {kind.lower()} are not supported; {', '.join(_TYPES)} are.")
    quantization = tensor.quantization
    scaled = quantization is not None and quantization.scale is not None and kind in _LIMITS
    return _End(
        name=_text(end.name),
        kind=kind,
        shape=tuple(int(size) for size in (tensor.shape if tensor.shape is not None else [])[1:]),
        scale=float(quantization.scale[0]) if scaled else 0.0,
        zero=int(quantization.zeroPoint[0]) if scaled else 0,
    )


def _text(name: bytes | None) -> str:
    return one_line((name or b"").decode(errors="replace"))[:_LONGEST]


def _quote(text: str) -> str:
    """A literal that Python, C++ and JavaScript read alike."""
    printable = "".join(each if each.isprintable() else "?" for each in text)
    return json.dumps(printable, ensure_ascii=False)


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(map(_quote, labels))


_PYTHON = Template('''\
# $about
# pip install ai-edge-litert numpy
import numpy as np
from ai_edge_litert.interpreter import Interpreter

LABELS = [$labels]

interpreter = Interpreter(model_path=$name, num_threads=1)
run = interpreter.get_signature_runner($key)


def predict(sample):
    """The answer for one sample of shape $shape, as an array of shape $out_shape."""
    batch = np.asarray(sample, np.float64).reshape($in_batch)
    $encode
    answer = run(**{$source: batch})[$target][0]
    return $decode


if __name__ == "__main__":
    answer = predict(np.zeros($shape))
    print($shown)
''')


def _python(file: _File) -> str:
    source, target = file.source, file.target
    kind = f"np.{_TYPES[source.kind][0]}"
    encode = f"batch = batch.astype({kind})"
    if source.scale:
        low, high = _LIMITS[source.kind]
        encode = f"batch = np.clip(np.round(batch / {source.scale!r} + {source.zero}), {low}, {high}).astype({kind})"
    return _PYTHON.substitute(
        about=_about(file),
        labels=_listed(file.labels),
        name=_quote(file.path),
        key=_quote(file.key),
        shape=_tuple(source.shape),
        out_shape=_tuple(target.shape),
        in_batch=_tuple((1, *source.shape)),
        encode=encode,
        source=_quote(source.name),
        target=_quote(target.name),
        decode=f"(answer.astype(np.float64) - {target.zero}) * {target.scale!r}" if target.scale else "answer",
        shown="LABELS[int(np.argmax(answer))], answer" if file.labels else "answer",
    )


def _tuple(shape: Sequence[int]) -> str:
    return repr(tuple(shape))


_CPP = Template("""\
// $about
// Link with TensorFlow Lite (CMake target tensorflow-lite); C++17. Written for its C++ API, not compiled by tunemagic.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <stdexcept>

#include "tensorflow/lite/interpreter.h"
#include "tensorflow/lite/kernels/register.h"
#include "tensorflow/lite/model.h"

constexpr std::array<const char*, $label_count> kLabels = {$labels};

class Model {
 public:
  explicit Model(const char* path) : file_(tflite::FlatBufferModel::BuildFromFile(path)) {
    if (!file_) throw std::runtime_error("can't read the model file");
    tflite::ops::builtin::BuiltinOpResolver resolver;
    if (tflite::InterpreterBuilder(*file_, resolver)(&interpreter_) != kTfLiteOk || !interpreter_ ||
        interpreter_->SetNumThreads(1) != kTfLiteOk || interpreter_->AllocateTensors() != kTfLiteOk) {
      throw std::runtime_error("the runtime refuses the model");
    }
  }

  // Input $source: one sample of shape $shape, row by row. Output $target: shape $out_shape.
  std::array<float, $out_size> Predict(const std::array<float, $size>& sample) {
    $source_type* input = interpreter_->typed_input_tensor<$source_type>(0);
    for (std::size_t i = 0; i < sample.size(); ++i) input[i] = $encode;
    if (interpreter_->Invoke() != kTfLiteOk) throw std::runtime_error("the model can't be run");
    const $target_type* output = interpreter_->typed_output_tensor<$target_type>(0);
    std::array<float, $out_size> answer{};
    for (std::size_t i = 0; i < answer.size(); ++i) answer[i] = $decode;
    return answer;
  }

 private:
  std::unique_ptr<tflite::FlatBufferModel> file_;
  std::unique_ptr<tflite::Interpreter> interpreter_;
};

int main() {
  Model model($name);
  const auto answer = model.Predict({});
  const auto best = std::max_element(answer.begin(), answer.end()) - answer.begin();
  std::printf("%s %g\\n", $shown, static_cast<double>(answer[best]));
  return 0;
}
""")


def _cpp(file: _File) -> str:
    source, target = file.source, file.target
    source_type, target_type = _TYPES[source.kind][1], _TYPES[target.kind][1]
    encode = f"static_cast<{source_type}>(sample[i])"
    if source.scale:
        low, high = _LIMITS[source.kind]
        rounded = f"std::round(sample[i] / {source.scale!r}f + {source.zero})"
        encode = f"static_cast<{source_type}>(std::clamp({rounded}, {low}.0f, {high}.0f))"
    decode = "static_cast<float>(output[i])"
    if target.scale:
        decode = f"(output[i] - {target.zero}) * {target.scale!r}f"
    return _CPP.substitute(
        about=_about(file),
        labels=_listed(file.labels) or '"class"',
        label_count=len(file.labels) or 1,
        source=_comment(source.name),
        target=_comment(target.name),
        shape=list(source.shape),
        out_shape=list(target.shape),
        size=source.size,
        out_size=target.size,
        source_type=source_type,
        target_type=target_type,
        encode=encode,
        decode=decode,
        name=_quote(file.path),
        shown="kLabels[best]" if file.labels else "kLabels[0]",
    )


_JS = Template("""\
// $about
// npm install @litertjs/core; serve node_modules/@litertjs/core/wasm/ and the model file beside the page.
import {loadAndCompile, loadLiteRt, Tensor} from '@litertjs/core';

const LABELS = [$labels];

await loadLiteRt('/wasm/');
const model = await loadAndCompile('/' + encodeURIComponent($name), {accelerator: 'wasm'});

/** The answer for one sample: $size numbers, row by row (shape $shape). */
export async function predict(sample) {
  const batch = $kind.from(sample, value => $encode);
  const input = new Tensor(batch, $in_batch);
  const {[$target]: output} = await model.run({[$source]: input});
  const answer = Array.from(await output.data(), value => $decode);
  input.delete();
  output.delete();
  return answer;
}

const answer = await predict(new Array($size).fill(0));
console.log($shown);
""")


def _js(file: _File) -> str:
    source, target = file.source, file.target
    encode = "BigInt(value)" if source.kind == "INT64" else "value"
    if source.scale:
        low, high = _LIMITS[source.kind]
        encode = f"Math.min({high}, Math.max({low}, Math.round(value / {source.scale!r} + {source.zero})))"
    return _JS.substitute(
        about=_about(file),
        labels=_listed(file.labels),
        name=_quote(file.name),
        size=source.size,
        shape=list(source.shape),
        in_batch=[1, *source.shape],
        kind=_TYPES[source.kind][2],
        encode=encode,
        decode=f"(value - {target.zero}) * {target.scale!r}" if target.scale else "Number(value)",
        source=_quote(source.name),
        target=_quote(target.name),
        shown="LABELS[answer.indexOf(Math.max(...answer))], answer" if file.labels else "answer",
    )


def _about(file: _File) -> str:
    return _comment(f"{file.name}: {file.source} -> {file.target}")


def _comment(text: str) -> str:
    """Text that ends no comment: no line breaks, and no backslash, which would join the next line to it in C++."""
    return "".join(each if each.isprintable() else "?" for each in one_line(text)).replace("\\", "/")
