"""PyTorch programs: they load without Keras and TensorFlow, take any batch, can be trained, and are safe to share."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

import tunemagic
from tunemagic.errors import ExportError
from tunemagic.export.targets import torch_file

# What a reader of the file has is torch, and nothing of ours; our own way of running it comes last.
READER = """
import json, sys
for name in ("keras", "tensorflow", "tunemagic"):
    sys.modules[name] = None
import numpy as np, torch
x, expected = (torch.from_numpy(np.load(path)) for path in sys.argv[2:])
about = {"about.json": ""}
module = torch.export.load(sys.argv[1], extra_files=about).module()
with torch.no_grad():
    difference = max(float((module(x[:n]) - expected[:n]).abs().max()) for n in (1, 3, len(x)))
facts = {"about": json.loads(about["about.json"]),
         "parameters": [name for name, _ in module.named_parameters()],
         "buffers": [name for name, _ in module.named_buffers()]}
optimizer, losses = torch.optim.Adam(module.parameters(), 0.01), []
for _ in range(5):
    loss = ((module(x) - expected.flip(0)) ** 2).mean()
    losses.append(loss.item())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

del sys.modules["tunemagic"]
from pathlib import Path
from tunemagic.export.targets import torch_file
result = torch_file.run(Path(sys.argv[1]), x.numpy())
print(json.dumps({**facts, "differences": [difference, float(np.abs(result.outputs - expected.numpy()).max())],
                  "losses": losses, "microseconds": [result.microseconds_least, result.microseconds],
                  "runtime": result.runtime, "threads": torch.get_num_threads()}))
"""


@pytest.fixture(scope="module")
def program(gaps, tmp_path_factory):
    path = tmp_path_factory.mktemp("torch") / "wine.pt2"
    return path, torch_file.write(gaps, "none", path)


def test_torch_alone_loads_runs_and_trains_a_program_whose_weights_are_named_as_layers(program, gaps, tmp_path):
    path, remarks = program
    assert remarks == ["takes (batch, 14) as Keras does"]
    np.save(tmp_path / "x.npy", gaps.x)
    np.save(tmp_path / "y.npy", np.asarray(gaps.clone(gaps.x, training=False)))
    arguments = [path, tmp_path / "x.npy", tmp_path / "y.npy"]
    facts = json.loads(
        subprocess.run([sys.executable, "-c", READER, *arguments], capture_output=True, check=True).stdout
    )
    assert max(facts.pop("differences")) < 1e-5
    least, median = facts.pop("microseconds")
    assert 0 < least <= median
    losses = facts.pop("losses")
    assert losses[-1] < losses[0]
    assert facts.pop("runtime").startswith("torch 2")
    names = [f"{layer.name}.{part}" for layer in gaps.clone.layers if layer.weights for part in ("kernel", "bias")]
    assert facts == {"about": {"study": "wine"}, "parameters": names, "buffers": [], "threads": 1}


def test_a_program_holds_its_operations_and_no_path_of_this_machine(program):
    path, _ = program
    assert {"matmul", "where", "softmax"} <= set(torch_file.operations(path))
    with zipfile.ZipFile(path) as file:
        content = b"".join(file.read(name) for name in file.namelist())
    assert str(Path(tunemagic.__file__).parent).encode() not in content
    assert b"_assert_tensor_metadata" not in content


def test_a_model_of_the_notebooks_own_layers_is_refused(source_of, tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x * 2)])
    source = source_of(model, np.ones((9, 2), "float32"))
    with pytest.raises(ExportError) as caught:
        torch_file.write(source, "none", tmp_path / "m.pt2")
    assert str(caught.value) == (
        "torch: a Lambda layer exists in this notebook only and computes with TensorFlow. Export onnx or savedmodel, "
        "which hold its operations, or use layers of Keras."
    )
