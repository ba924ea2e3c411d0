"""Compress a convolutional network of scikit-learn's digits in every way, and measure what that does to its file.

    .venv/bin/python benchmarks/compress.py [--seeds 5]

A network is trained from each seed on 1,347 digits; every method begins with the same trained network, so what is
compared are pairs. Methods that train do so for 10 epochs. ``trained on`` is the network after as much further
training without any compression. Every result is converted to TF Lite and verified on the other 450 digits, where
all scores come from. Times are of one digit on one thread: files of a seed run in turns, the least of all runs counts.

Passes when every file is verified in LiteRT; the shares of zeros are exact; every pruned file is smaller than that of
the given network after gzip; half of the units taken out makes the file at least 1.5 times smaller and faster and costs
at most one point of accuracy in the mean.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from tunemagic.export import compress, export_model
from tunemagic.export.compress.kernels import kernels_of
from tunemagic.text import aligned

EPOCHS, BATCH = 20, 64
SPARSITIES = (0.5, 0.8, 0.9)
LEAST_GAIN = 1.5
MOST_LOSS = 0.01
ROUNDS, CALLS = 40, 25

DIGITS = load_digits()
X, X_HELD, Y, Y_HELD = train_test_split(
    (DIGITS.images[..., None] / 16).astype(np.float32),
    DIGITS.target,
    test_size=450,
    stratify=DIGITS.target,
    random_state=0,
)
FIT: Mapping[str, Any] = {"x": X, "y": Y, "validation": (X_HELD, Y_HELD), "batch_size": BATCH}


@dataclass(frozen=True, slots=True)
class Method:
    """A way to compress: what it makes of a model, and the mode of its file."""

    name: str
    mode: str
    make: Callable[[Any, int], Any]


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one method and seed."""

    bytes: int
    gzip_bytes: int
    score: float
    microseconds: float
    verified: bool
    is_exact: bool


def methods() -> list[Method]:
    """The given network first."""
    pruning = [Method(f"pruned {share:g}", "none", pruned(share)) for share in SPARSITIES]
    return [
        Method("given", "none", lambda model, seed: model),
        Method("trained on", "none", pruned(0.0)),
        *pruning,
        Method("16 clusters", "none", lambda model, seed: compress.cluster(model, 16, seed=seed, **FIT).model),
        Method("pruned 0.8, 16 clusters", "none", pruned_and_clustered),
        Method("slimmed 0.5", "none", lambda model, seed: compress.slim(model, 0.5, seed=seed, **FIT).model),
        Method("int8 after training", "int8", lambda model, seed: model),
        Method("int8 in training", "int8", lambda model, seed: compress.quantize_aware(model, seed=seed, **FIT).model),
        Method("int4 after training", "int4", lambda model, seed: model),
        Method("slimmed 0.5, int8 in training", "int8", slimmed_and_rounded),
    ]


def pruned(share: float) -> Callable[[Any, int], Any]:
    """What prunes to this share of zeros."""
    return lambda model, seed: compress.prune(model, share, seed=seed, **FIT).model


def pruned_and_clustered(model: Any, seed: int) -> Any:
    """80% zeros, then 16 values in each kernel."""
    return compress.compress(model, compress.Steps(prune=0.8, cluster=16), seed=seed, **FIT).model


def slimmed_and_rounded(model: Any, seed: int) -> Any:
    """Half of the units, then the rounding of int8."""
    return compress.compress(model, compress.Steps(slim=0.5, qat=True), seed=seed, **FIT).model


def trained(seed: int) -> Any:
    """The network, trained from this seed."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(64, "relu"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(10, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, Y, epochs=EPOCHS, batch_size=BATCH, verbose=0)
    return model


def measured(seed: int, chosen: Sequence[Method], folder: Path) -> list[Row]:
    """A row for each method from this seed's network."""
    model = trained(seed)
    results, exact = [], []
    for number, method in enumerate(chosen):
        small = method.make(model, seed)
        exact.append(is_exact(method.name, small))
        [result] = export_model(
            small,
            [("tflite", method.mode)],
            x_eval=X_HELD,
            y_eval=Y_HELD,
            representative=X,
            directory=folder,
            stem=f"{seed}-{number}",
        )
        results.append(result)
    times = least_microseconds([result.path for result in results])
    return [
        Row(result.bytes, result.gzip_bytes, result.score_after, least, result.verified, right)
        for result, least, right in zip(results, times, exact, strict=True)
    ]


def is_exact(name: str, model: Any) -> bool:
    """Whether every kernel has the share of zeros that the method's name tells of, to the weight."""
    if not name.startswith("pruned"):
        return True
    share = float(name.split()[1].rstrip(","))
    kernels = [kernel.values for kernel in kernels_of(model)]
    return all(np.count_nonzero(values == 0) == round(share * values.size) for values in kernels)


def least_microseconds(paths: Sequence[Path]) -> list[float]:
    """The least time of one call of each file, all of them running in turns."""
    calls = [loaded(path) for path in paths]
    least = [float("inf")] * len(calls)
    for _ in range(ROUNDS):
        for index, call in enumerate(calls):
            for _ in range(CALLS):
                begun = time.perf_counter()
                call()
                least[index] = min(least[index], time.perf_counter() - begun)
    return [seconds * 1e6 for seconds in least]


def loaded(path: Path) -> Callable[[], None]:
    """What runs the file once on one digit."""
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    source = interpreter.get_input_details()[0]
    interpreter.resize_tensor_input(source["index"], [1, 8, 8, 1])
    interpreter.allocate_tensors()
    interpreter.set_tensor(source["index"], X_HELD[:1])
    return interpreter.invoke


def table(chosen: Sequence[Method], rows: Mapping[str, list[Row]]) -> list[str]:
    """Means over seeds, and differences to the given network of the same seed."""
    heads = ("method", "file", "bytes", "gzip", "accuracy", "points", "", "us", "smaller", "faster", "verified")
    given = rows[chosen[0].name]
    lines = []
    for method in chosen:
        own = rows[method.name]
        gain = 100 * (np.array([row.score for row in own]) - np.array([row.score for row in given]))
        error = gain.std(ddof=1) / len(gain) ** 0.5 if len(gain) > 1 else float("nan")
        lines.append(
            (
                method.name,
                method.mode,
                f"{mean(own, 'bytes'):,.0f}",
                f"{mean(own, 'gzip_bytes'):,.0f}",
                f"{mean(own, 'score'):.4f}",
                f"{gain.mean():+.2f}",
                f"± {error:.2f}",
                f"{mean(own, 'microseconds'):.1f}",
                f"{mean(given, 'bytes') / mean(own, 'bytes'):.2f}",
                f"{mean(given, 'microseconds') / mean(own, 'microseconds'):.2f}",
                f"{sum(row.verified for row in own)}/{len(own)}",
            )
        )
    return aligned([heads, *lines], right=range(2, len(heads)))


def mean(rows: Sequence[Row], name: str) -> float:
    """The mean of one figure."""
    return float(np.mean([getattr(row, name) for row in rows]))


def verdicts(chosen: Sequence[Method], rows: Mapping[str, list[Row]]) -> list[tuple[bool, str]]:
    """What must be so, and whether it is."""
    given, slim = rows["given"], rows["slimmed 0.5"]
    every = [row for own in rows.values() for row in own]
    smaller = mean(given, "bytes") / mean(slim, "bytes")
    faster = mean(given, "microseconds") / mean(slim, "microseconds")
    loss = mean(given, "score") - mean(slim, "score")
    packed = all(
        row.gzip_bytes < dense.gzip_bytes
        for share in SPARSITIES
        for row, dense in zip(rows[f"pruned {share:g}"], given, strict=True)
    )
    return [
        (all(row.verified for row in every), f"{sum(row.verified for row in every)} of {len(every)} files verified"),
        (all(row.is_exact for row in every), "the shares of zeros are exact in every kernel"),
        (packed, "every pruned file is smaller than the given one after gzip"),
        (smaller >= LEAST_GAIN, f"half of the units out: {smaller:.2f} times smaller (at least {LEAST_GAIN:g})"),
        (faster >= LEAST_GAIN, f"half of the units out: {faster:.2f} times faster (at least {LEAST_GAIN:g})"),
        (loss <= MOST_LOSS, f"half of the units out: {100 * loss:+.2f} points lost (at most {100 * MOST_LOSS:g})"),
    ]


def main() -> int:
    """Run the benchmark. Returns 0 when all of it passes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    chosen = methods()
    rows: dict[str, list[Row]] = {method.name: [] for method in chosen}
    with tempfile.TemporaryDirectory(prefix="tunemagic-compress-") as name:
        for seed in range(1, seeds + 1):
            begun = time.perf_counter()
            for method, row in zip(chosen, measured(seed, chosen, Path(name)), strict=True):
                rows[method.name].append(row)
            print(f"seed {seed}: {time.perf_counter() - begun:.0f} s", flush=True)
    print("\n".join(["", *table(chosen, rows), ""]))
    said = verdicts(chosen, rows)
    print("\n".join(f"{'PASS' if passed else 'FAIL'}  {text}" for passed, text in said))
    return 0 if all(passed for passed, _ in said) else 1


if __name__ == "__main__":
    sys.exit(main())
