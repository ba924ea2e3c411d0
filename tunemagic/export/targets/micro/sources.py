"""The text of the sources: an array with the model, an example that runs it, a page that says how.

The array can be read back, so that what is verified is what was written.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from tunemagic.errors import ExportError
from tunemagic.export.targets.micro.arena import End, Needs

__all__ = ["Program", "read_arena", "read_model", "write_sources"]

_TYPES = {"float32": "float", "bool": "bool"}  # others are NumPy's name with _t
_ROW = 12  # bytes of the model in a line
_MOST_ANSWERS = 16
_ARRAY = re.compile(r"g_model\[\] = \{(.*?)\};", re.DOTALL)
_ARENA = re.compile(r"kModelArenaBytes = (\d+);")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What the sources are made of.

    Attributes:
        title: The model in a few words, one line.
        content: The TF Lite file.
        methods: Of MicroMutableOpResolver, one for each operation.
        needs: What it needs, as measured.
        runtime: What it was measured in, with its version.
    """

    title: str
    content: bytes
    methods: list[str]
    needs: Needs
    runtime: str


def write_sources(program: Program, folder: Path) -> None:
    """Write ``model.h``, ``model.cc``, ``main.cc`` and ``README.md`` into ``folder``."""
    texts = {
        "model.h": _header(program),
        "model.cc": _array(program),
        "main.cc": _example(program),
        "README.md": _page(program),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def read_model(folder: Path) -> bytes:
    """The model as the array in ``folder/model.cc`` holds it. Raises ExportError when there is none."""
    found = _ARRAY.search((folder / "model.cc").read_text(encoding="utf-8"))
    try:
        return bytes(int(number, 16) for number in found[1].replace(",", " ").split()) if found else _none(folder)
    except ValueError as error:
        raise ExportError(f"c: {folder.name}/model.cc holds something else than bytes: {error}.") from error


def read_arena(folder: Path) -> int:
    """The bytes of arena that ``folder/model.h`` asks for. Raises ExportError when it does not say."""
    found = _ARENA.search((folder / "model.h").read_text(encoding="utf-8"))
    if found is None:
        raise ExportError(f"c: {folder.name}/model.h does not say kModelArenaBytes.")
    return int(found[1])


def _none(folder: Path) -> bytes:
    raise ExportError(f"c: {folder.name}/model.cc has no array g_model.")


def _header(program: Program) -> str:
    needs = program.needs
    answers = ",\n".join(f"    {_literal(number)}" for number in _answers(needs))
    return f"""// {program.title}.
#ifndef MODEL_H_
#define MODEL_H_

#include <cmath>
#include <cstddef>
#include <cstdint>

// The TF Lite file, aligned as TensorFlow Lite Micro needs it.
extern const unsigned char g_model[];
extern const unsigned int g_model_len;

// Memory for its tensors: the least in which it started and ran on a 64-bit machine.
// Measured in {program.runtime}.
constexpr std::size_t kModelArenaBytes = {needs.arena};

// Kinds of operations, for tflite::MicroMutableOpResolver.
constexpr int kModelOperations = {len(program.methods)};

{_end("Input", needs.source)}

{_end("Output", needs.target)}

// What it answers to an input of zeros, first {len(_answers(needs))} numbers: a device must give the same.
const float kModelAnswersToZeros[] = {{
{answers}}};

#endif  // MODEL_H_
"""


def _end(name: str, end: End) -> str:
    lines = [
        f"// {name}: {_shape(end)}.",
        f"using Model{name} = {_type(end)};",
        f"constexpr int kModel{name}Length = {math.prod(end.shape)};",
    ]
    if end.scale:
        lines.insert(1, "// A real number is (stored - zero) * scale.")
        lines.append(f"constexpr float kModel{name}Scale = {end.scale:.9e}f;")
        lines.append(f"constexpr int kModel{name}Zero = {end.zero};")
    return "\n".join(lines)


def _array(program: Program) -> str:
    content = program.content
    rows = (content[start : start + _ROW] for start in range(0, len(content), _ROW))
    numbers = ",\n".join("    " + ", ".join(f"0x{byte:02x}" for byte in row) for row in rows)
    return f"""// {program.title}.
#include "model.h"

alignas(16) const unsigned char g_model[] = {{
{numbers}}};

const unsigned int g_model_len = {len(content)};
"""


def _example(program: Program) -> str:
    lines = "\n".join(f"  TF_LITE_ENSURE_STATUS(resolver.{method}());" for method in program.methods)
    zero = "static_cast<ModelInput>(0)"
    answer = "output[i]"
    if program.needs.target.scale:
        answer = "(output[i] - kModelOutputZero) * kModelOutputScale"
    note = "a sample's numbers go here"
    if program.needs.source.scale:
        note = "a real number goes here as round(number / kModelInputScale) + kModelInputZero"
    return f"""// Runs the model once in TensorFlow Lite Micro: {program.title}.
#include "model.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_log.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/system_setup.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace {{

alignas(16) uint8_t g_arena[kModelArenaBytes];

TfLiteStatus AddOperations(tflite::MicroMutableOpResolver<kModelOperations>& resolver) {{
{lines}
  return kTfLiteOk;
}}

}}  // namespace

int main() {{
  tflite::InitializeTarget();
  tflite::MicroMutableOpResolver<kModelOperations> resolver;
  if (AddOperations(resolver) != kTfLiteOk) return 1;
  tflite::MicroInterpreter interpreter(tflite::GetModel(g_model), resolver, g_arena, sizeof(g_arena));
  if (interpreter.AllocateTensors() != kTfLiteOk) {{
    MicroPrintf("The arena is too small for this device: raise kModelArenaBytes.");
    return 1;
  }}
  ModelInput* input = interpreter.typed_input_tensor<ModelInput>(0);
  for (int i = 0; i < kModelInputLength; ++i) input[i] = {zero};  // {note}
  if (interpreter.Invoke() != kTfLiteOk) return 1;
  const ModelOutput* output = interpreter.typed_output_tensor<ModelOutput>(0);
  constexpr int expected = sizeof(kModelAnswersToZeros) / sizeof(kModelAnswersToZeros[0]);
  for (int i = 0; i < expected; ++i) {{
    const float number = {answer};
    MicroPrintf("output %d: %f, expected %f", i, static_cast<double>(number),
                static_cast<double>(kModelAnswersToZeros[i]));
  }}
  return 0;
}}
"""


def _page(program: Program) -> str:
    needs = program.needs
    rows = {
        "Model in flash": f"{len(program.content):,} bytes",
        "Arena in RAM": f"{needs.arena:,} bytes",
        "Input": _shape(needs.source),
        "Output": _shape(needs.target),
        "Operations": ", ".join(method.removeprefix("Add") for method in program.methods),
    }
    table = "\n".join(f"| {name} | {text} |" for name, text in rows.items())
    return f"""# {program.title}

For [TensorFlow Lite Micro](https://github.com/tensorflow/tflite-micro), one sample a call.

| | |
|---|---|
{table}

`model.cc` and `model.h` hold the model: add them to your program. `main.cc` runs it once and compares its
answer to an input of zeros with the one that was recorded here; it shows the operations to register.

The arena is the smallest in which the model started and ran in {program.runtime} on a 64-bit
machine, in steps of 16 bytes. Pointers are shorter on a 32-bit chip, and kernels of its maker (CMSIS-NN, ESP-NN)
may need buffers of their own: ask `interpreter.arena_used_bytes()` on the device and leave some room.
"""


def _shape(end: End) -> str:
    sizes = " x ".join(map(str, end.shape[1:])) or "1"
    scaled = f", real = (stored - {end.zero}) * {end.scale:.6g}" if end.scale else ""
    return f"{sizes} numbers of type {_type(end)}{scaled}"


def _type(end: End) -> str:
    return _TYPES.get(end.dtype, f"{end.dtype}_t")


def _literal(number: float) -> str:
    """The number in C++."""
    if not math.isfinite(number):
        return "NAN" if math.isnan(number) else "INFINITY" if number > 0 else "-INFINITY"
    text = f"{number:.9g}"
    return f"{text}f" if set(text) & set(".e") else f"{text}.0f"


def _answers(needs: Needs) -> tuple[float, ...]:
    return needs.zeros[:_MOST_ANSWERS]
