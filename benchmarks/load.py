"""What ``%load_ext tunemagic`` costs: time and imports, each in fresh processes.

The yardstick is what any widget needs, ``import ipywidgets, anywidget``, measured in the same run
by turns, so that a busy machine slows both alike. Exits with 1 when loading is too slow or imports
one of the heavy packages.

Usage: python benchmarks/load.py [--rounds 10]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

ALLOWANCE_S = 0.15
HEAVY = (
    "distributed",
    "keras",
    "keras_tuner",
    "matplotlib.pyplot",
    "optuna",
    "pebble",
    "tensorflow",
)
# The clock starts when the shell is there: a notebook has loaded IPython before anybody types.
PROGRAM = """
import json, sys, time
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell.instance(config=config)
start = time.perf_counter()
{statement}
seconds = time.perf_counter() - start
print(json.dumps([seconds, [name for name in {heavy!r} if name in sys.modules]]))
"""
STATEMENTS = {
    "import ipywidgets, anywidget": "import ipywidgets, anywidget",
    "%load_ext tunemagic": 'shell.run_line_magic("load_ext", "tunemagic")\n'
    'assert "tune" in shell.magics_manager.magics["cell"]',
}


def measure(statement: str, folder: str) -> tuple[float, list[str]]:
    """Seconds that a statement takes in a fresh IPython, and the heavy packages that it imported."""
    environment = {**os.environ, "IPYTHONDIR": folder, "PYTHONPYCACHEPREFIX": f"{folder}/bytecode"}
    # An installed package has bytecode; without it every process would compile all sources anew.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(statement=statement, heavy=HEAVY)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=True,
    )
    seconds, heavy = json.loads(done.stdout.splitlines()[-1])
    return seconds, heavy


def main() -> int:
    """Measure, print, and say by the exit code whether loading is cheap enough."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=10, help="fresh processes for each of the two (default: 10)")
    rounds = parser.parse_args().rounds
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    imported: dict[str, set[str]] = {name: set() for name in STATEMENTS}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds + 1):
            for name, statement in STATEMENTS.items():
                seconds, heavy = measure(statement, folder)
                times[name].append(seconds)
                imported[name].update(heavy)
    # The first round reads the files from disk and writes bytecode; it measures the disk.
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    for name, values in times.items():
        print(f"{name:30} {medians[name]:.3f} s  ({min(values[1:]):.3f} to {max(values[1:]):.3f}, {rounds} processes)")
    base, load = medians.values()
    heavy_names = sorted(imported["%load_ext tunemagic"])
    print(f"difference {load - base:+.3f} s (at most +{ALLOWANCE_S} s)")
    print(f"heavy packages imported: {', '.join(heavy_names) or 'none'}")
    return int(load - base > ALLOWANCE_S or bool(heavy_names))


if __name__ == "__main__":
    raise SystemExit(main())
