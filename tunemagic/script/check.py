"""Run a script where tunemagic is not to be had, and compare what it builds with the study's model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tunemagic.errors import ExportError
from tunemagic.export.infer import keras_outputs
from tunemagic.script.gather import OWN_PACKAGES
from tunemagic.script.same_data import PARTS, what_differs
from tunemagic.text import one_line

__all__ = ["Checked", "check_script"]

TOLERANCE = 1e-5  # of the largest output: the same float32 sums, perhaps in another order
_MOST_SAMPLES = 200
_SECONDS = 600

# What runs in the other process: the script's build, the study's weights, and one epoch of the script's training.
# What the build left of the data is kept too.
_CHECK = """
import importlib.abc, json, runpy, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ImportError(f"{{name}} is not installed (on purpose)")

sys.meta_path.insert(0, Absent())
import numpy as np
script, weights, answers, left, train = sys.argv[1:]
names = runpy.run_path(script, run_name="checked")
def own(name):
    return names.get(name + "_", names.get(name))

data = own("load")(own("DATA")) if own("DATA") else {{}}
given = dict(data)
model, fit = own("make")(given)
given = {{name: given[name] for name in {parts!r} if name in given and name != "sample_weight"}}
if fit.get("sample_weight") is not None:
    given["sample_weight"] = fit["sample_weight"]
given = {{name: np.asarray(value) for name, value in given.items()}}
np.savez(left, **{{name: each.astype(str) if each.dtype.kind == "O" else each for name, each in given.items()}})
with np.load(weights) as arrays:
    x = arrays["x"]
    kept = [arrays[f"w{{i}}"] for i in range(len(arrays.files) - 1)]
if not model.built:
    model(x[:1])
model.set_weights(kept)
for layer in model.layers:
    if hasattr(layer, "finalize_state"):
        layer.finalize_state()
answer = model(x, training=False)
np.save(answers, np.asarray(answer, "float64"))
if train == "yes":
    _, best = own("train")(data, epochs=1, verbose=0)
    print(json.dumps({{"score": best.score}}))
import keras
print(json.dumps({{"python": sys.version.split()[0], "keras": keras.__version__}}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of it. ``problem`` is "" when the script builds the same model and trains it."""

    problem: str
    samples: int
    max_abs_diff: float | None
    tolerance: float | None
    runtime: str


def check_script(script: Path, model: Any, x: Any, *, trained_on: Mapping[str, Any] | None) -> Checked:
    """Run ``script`` and compare what it builds with ``model`` on some of ``x`` (sample, ...).

    ``trained_on`` are the study's arrays as its cell left them, by the names that the script has for them: the script
    must train on the same. None for a model without a study, whose script is not trained.

    Raises ExportError when the model itself can't be called.
    """
    some = x[:_MOST_SAMPLES]
    expected = keras_outputs(model, some)
    with tempfile.TemporaryDirectory(prefix="tunemagic-script-") as folder:
        weights, answers, left = (Path(folder, name) for name in ("weights.npz", "answers.npy", "left.npz"))
        kept = {f"w{place}": weight for place, weight in enumerate(model.get_weights())}
        np.savez(weights, x=np.asarray(some), **kept)
        trains = "no" if trained_on is None else "yes"
        printed = _run([*map(str, (script, weights, answers, left)), trains], folder)
        if isinstance(printed, str):
            return Checked(problem=printed, samples=len(some), max_abs_diff=None, tolerance=None, runtime="")
        received = np.load(answers, allow_pickle=False)
        other = "" if trained_on is None else _other_data(trained_on, left)
    facts = json.loads(printed[-1])
    runtime = f"python {facts['python']}, keras {facts['keras']}"
    limit = TOLERANCE * max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    if received.shape != expected.shape:
        problem = f"its model answers with shape {received.shape}, the study's with {expected.shape}"
        return Checked(problem=problem, samples=len(some), max_abs_diff=None, tolerance=limit, runtime=runtime)
    difference = float(np.max(np.abs(received - expected), initial=0.0))
    problem = other if difference <= limit else f"with the study's weights its model differs by {difference:.2g}"
    return Checked(problem=problem, samples=len(some), max_abs_diff=difference, tolerance=limit, runtime=runtime)


def _other_data(trained_on: Mapping[str, Any], left: Path) -> str:
    with np.load(left, allow_pickle=False) as arrays:
        return what_differs(trained_on, dict(arrays))


def _run(arguments: Sequence[str], folder: str) -> list[str] | str:
    """The lines that it printed, or in words what went wrong."""
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("PYTHONPATH", None)
    try:
        ended = subprocess.run(
            [sys.executable, "-P", "-c", _CHECK.format(absent=OWN_PACKAGES, parts=PARTS), *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return f"it did not finish one epoch within {_SECONDS} s"
    except OSError as error:
        raise ExportError(f"code: can't start Python to check the script: {error.strerror or error}.") from error
    if ended.returncode:
        lines = [line for line in ended.stderr.splitlines() if line.strip()]
        return one_line(lines[-1] if lines else f"it ended with status {ended.returncode}", 200)
    return ended.stdout.strip().splitlines()
