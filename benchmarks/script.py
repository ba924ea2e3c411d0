"""Does the script of ``--to code`` reach what the study says? On digits, judged by the noise of both.

    python benchmarks/script.py                 the script runs where tunemagic and keras_tuner can't be imported
    python benchmarks/script.py --venv FOLDER   in a virtual environment of tensorflow, numpy and scikit-learn only,
                                                made when it is missing

A study is searched, its best values are trained again from ``--repeats`` seeds (``study.verify``), its script is
written and run from as many others. Both means and their standard errors are printed; 1 is the exit status when the
means differ by more than 2 standard errors of their difference, or the script can't be run.
"""

from __future__ import annotations

import argparse
import math
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_BLOCKED = """
import importlib.abc, runpy, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tunemagic", "keras_tuner", "IPython"):
            raise ImportError(name)
sys.meta_path.insert(0, Absent())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
_PACKAGES = ("tensorflow>=2.21,<2.22", "numpy", "scikit-learn")
_SCORE = re.compile(r"^best epoch \d+ of \d+: val_accuracy ([\d.]+)$", re.MULTILINE)


def build(hp: Any) -> Any:
    """A small network for digits."""
    import keras

    layers = [
        keras.Input((64,)),
        keras.layers.Dense(hp.Int("units", 8, 64, step=8), hp.Choice("act", ["relu", "tanh"])),
    ]
    if hp.Boolean("dropout"):
        layers.append(keras.layers.Dropout(hp.Float("rate", 0.1, 0.5)))
    model = keras.Sequential([*layers, keras.layers.Dense(10, "softmax")])
    rate = hp.Float("lr", 1e-3, 1e-1, sampling="log")
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def searched(repeats: int, folder: Path) -> tuple[Path, Sequence[float]]:
    """The script, and the scores of its values from other seeds."""
    from sklearn.datasets import load_digits

    from tunemagic import tune
    from tunemagic.script import write_code

    digits = load_digits()
    data = ((digits.data / 16).astype("float32"), digits.target)
    study = tune(build, data=data, objective="val_accuracy", max_trials=6, epochs=12, seed=1, directory=folder)
    study.verify(repeats)
    result = write_code(study, folder / "digits.py")
    print(f"{study}\nscript: {result.message}; {result.runtime}")
    if result.path is None or not result.verified:
        raise SystemExit(1)
    best = study.view.best_trial
    return result.path, () if best is None else best.verified


def environment(folder: Path) -> Path:
    """The Python of a virtual environment that has what the script needs and no more."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *_PACKAGES], check=True)
    missing = subprocess.run([str(python), "-I", "-c", "import tunemagic"], capture_output=True, check=False)
    if missing.returncode == 0:
        raise SystemExit(f"{folder}: tunemagic is installed there; expected an environment without it.")
    return python


def run(script: Path, python: Path | None, seed: int) -> float:
    """The score that the script prints."""
    begin = [str(python), "-I"] if python is not None else [sys.executable, "-I", "-c", _BLOCKED]
    command = [*begin, str(script), "--seed", str(seed), "--output", str(script.with_suffix(".keras"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=script.parent)
    found = _SCORE.search(done.stdout)
    if done.returncode or found is None:
        raise SystemExit(f"the script failed: {done.stderr[-2000:]}")
    return float(found[1])


def main() -> int:
    """Compare both; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--venv", type=Path)
    asked = parser.parse_args()
    python = None if asked.venv is None else environment(asked.venv)
    with tempfile.TemporaryDirectory() as folder:
        script, verified = searched(asked.repeats, Path(folder))
        scores = [run(script, python, seed) for seed in range(1001, 1001 + asked.repeats)]
    errors = []
    for name, values in (("study.verify", verified), ("script", scores)):
        error = statistics.stdev(values) / math.sqrt(len(values))
        errors.append(error)
        print(f"{name:13} mean {statistics.fmean(values):.4f}  standard error {error:.4f}  of {list(values)}")
    difference = statistics.fmean(scores) - statistics.fmean(verified)
    limit = 2 * math.hypot(*errors)
    within = abs(difference) <= limit
    print(f"difference {difference:+.4f}, 2 standard errors {limit:.4f}: {'within' if within else 'OUTSIDE'}")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
