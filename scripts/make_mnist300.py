"""Make the slice of MNIST that comes with tunemagic.

    python scripts/make_mnist300.py mnist.npz

``mnist.npz`` is the full set as ``keras.datasets.mnist`` stores it. Of each digit 30 images are drawn from
its training part and 100 from its test part, with seed 0, then shuffled.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

TARGET = Path(__file__).parent.parent / "tunemagic" / "datasets" / "mnist300" / "mnist300.npz"
SEED = 0
PER_DIGIT = {"train": 30, "test": 100}


def drawn(labels: Any, count: int, generator: np.random.Generator) -> Any:
    """Indices of ``count`` rows of each class, shuffled."""
    rows = [generator.choice(np.flatnonzero(labels == digit), count, replace=False) for digit in range(10)]
    return generator.permutation(np.concatenate(rows))


def main() -> None:
    """Write the slice into the package."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mnist", type=Path, help="the full set, an npz file")
    generator = np.random.default_rng(SEED)
    parts = {}
    with np.load(parser.parse_args().mnist) as full:
        for part, count in PER_DIGIT.items():
            rows = drawn(full[f"y_{part}"], count, generator)
            parts |= {f"{name}_{part}": full[f"{name}_{part}"][rows] for name in "xy"}
    TARGET.parent.mkdir(exist_ok=True)
    np.savez_compressed(TARGET, **parts)
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
