"""An invented search with believable curves, as real events: what the panel tests show."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Iterable, Iterator

from tunemagic import events as ev
from tunemagic.space import Kind, Parameter, Sampling, SearchSpace

SESSION = "aaaa00000001"
REASON = "weights and activations keep 8 bits, and samples between two classes move most"
SPACE = SearchSpace(
    (
        Parameter(name="units", kind=Kind.INT, default=64, low=32, high=256, step=32),
        Parameter(name="lr", kind=Kind.FLOAT, default=0.01, low=1e-4, high=0.1, sampling=Sampling.LOG),
        Parameter(name="activation", kind=Kind.CHOICE, default="relu", choices=("relu", "tanh")),
    )
)


def stamped(events: Iterable[ev.Event], *, seconds: float = 0.8) -> list[ev.Event]:
    """The events with seq, time and elapsed seconds filled in."""
    return [
        dataclasses.replace(event, seq=seq, at=1_760_000_000.0 + seq * seconds, elapsed=round(seq * seconds, 3))
        for seq, event in enumerate(events, start=1)
    ]


def study_started(*, study: str = "digits", max_trials: int | None = 30, epochs: int = 15) -> ev.StudyStarted:
    return ev.StudyStarted(
        study=study,
        session=SESSION,
        space=SPACE.to_json(),
        objective="val_accuracy",
        direction=ev.Direction.MAX,
        strategy="random",
        seed=7,
        max_trials=max_trials,
        minutes=None,
        epochs=epochs,
        keep=3,
        max_failures=3,
        code="",
        data="1437 rows, 64 columns",
        fingerprint={},
        versions={},
    )


def search(*, trials: int, epochs: int = 15, unfinished: int = 0, seed: int = 7) -> Iterator[ev.Event]:
    """``trials`` whole trials, one of them failed, then ``unfinished`` epochs of one more."""
    rng = random.Random(seed)
    yield study_started(epochs=epochs)
    yield ev.StudyNoted(text="x_train holds 3 NaN, the first in row 17, column 4.")
    for number in range(1, trials + 1):
        yield from trial(number, epochs, rng, failed=number == 4)
    if unfinished:
        yield from epochs_of(trials + 1, epochs, unfinished, rng)


def epochs_of(number: int, epochs: int, done: int, rng: random.Random) -> Iterator[ev.Event]:
    rate = 10 ** rng.uniform(-4, -1)
    values = {"units": rng.choice(range(32, 257, 32)), "lr": rate, "activation": rng.choice(["relu", "tanh"])}
    yield ev.TrialStarted(trial=number, attempt=1, values=values, epochs=epochs, why=f"random {number} of 30")
    top, speed = rng.uniform(0.72, 0.985), rng.uniform(0.15, 0.8)
    for epoch in range(1, done + 1):
        reached = top * (1 - math.exp(-speed * epoch)) + rng.gauss(0, 0.006)
        trained = min(1.0, reached + 0.02 * epoch / epochs)
        logs = {
            "accuracy": trained,
            "loss": -math.log(max(trained, 1e-3)) + 0.02,
            "val_accuracy": reached,
            "val_loss": -math.log(max(reached, 1e-3)) + 0.03,
        }
        yield ev.EpochEnded(trial=number, attempt=1, epoch=epoch, logs=logs)


def trial(number: int, epochs: int, rng: random.Random, *, failed: bool) -> Iterator[ev.Event]:
    told = list(epochs_of(number, epochs, 2 if failed else epochs, rng))
    yield from told
    if failed:
        yield ev.TrialFailed(
            trial=number,
            attempt=1,
            error="ValueError",
            reason="Negative dimension size caused by subtracting 9 from 8",
            seconds=0.6,
            line=6,
            source="model = keras.Sequential(layers)",
        )
        return
    scores = [event.logs["val_accuracy"] or 0.0 for event in told if isinstance(event, ev.EpochEnded)]
    best = max(range(len(scores)), key=scores.__getitem__)
    yield ev.TrialFinished(
        trial=number,
        attempt=1,
        score=scores[best],
        best_epoch=best + 1,
        metrics={"val_accuracy": scores[best]},
        seconds=11.4,
        weights=ev.WeightsFile(file=f"trial-{number}.weights.h5", sha256="ab" * 32, bytes=61_440),
    )


def exports() -> Iterator[ev.ModelExported]:
    """Four modes: two verified, one that misses the tolerance, one that failed."""
    rows = [
        ("none", ev.Verdict.VERIFIED, "", 53_240, 48_112, 0.9722, 1.0, 4.2e-7, 3.1),
        ("float16", ev.Verdict.VERIFIED, "", 27_904, 24_301, 0.9722, 0.9986, 8.1e-4, 3.4),
        ("int8", ev.Verdict.NOT_VERIFIED, "agreement 71.4 % is below 95 %", 15_360, 11_702, 0.7139, 0.714, 0.52, 1.9),
    ]
    for mode, verdict, message, size, zipped, after, agreement, difference, speed in rows:
        yield ev.ModelExported(
            trial=1,
            target="tflite",
            mode=mode,
            path=f"exports/digits.{mode}.tflite",
            verdict=verdict,
            message=message,
            bytes=size,
            gzip_bytes=zipped,
            sha256="cd" * 32,
            score_name="accuracy",
            score_before=0.9722,
            score_after=after,
            agreement=agreement,
            max_abs_diff=difference,
            tolerance=1e-3,
            microseconds=speed,
            runtime="ai_edge_litert",
        )
    yield ev.ModelExported(
        trial=1,
        target="tflite",
        mode="dynamic",
        path="",
        verdict=ev.Verdict.FAILED,
        message="the converter refused the model: <b>unknown op</b>",
    )


def shipped() -> Iterator[ev.ModelExported]:
    """Artefacts of several targets with all that is known of each: six verified, one not, one failed."""
    rows = [
        ("tflite", "none", 176_264, 160_425, 0.9778, 4.2e-7, 16.2),
        ("tflite", "float16", 91_456, 84_301, 0.9778, 3.1e-4, 16.2),
        ("tflite", "dynamic", 51_552, 47_280, 0.9778, 0.006, 6.4),
        ("tflite", "int8", 51_296, 46_702, 0.9689, 0.021, 6.5),
        ("onnx", "none", 176_020, 160_912, 0.9778, 6.6e-7, 23.4),
        ("openvino", "none", 181_400, 161_500, 0.9778, 5.0e-7, 31.0),
    ]
    for target, mode, size, zipped, after, difference, speed in rows:
        yield _artefact(target, mode, size, zipped, after, difference, speed, flips=[17, 203, 318] * (mode == "int8"))
    yield dataclasses.replace(
        _artefact("c", "int8", 53_900, 47_100, 0.8911, 0.41, 610.0, flips=[3, 17, 44]),
        verdict=ev.Verdict.NOT_VERIFIED,
        message="not verified: same answer on only 90.22% (at least 95.0% expected)",
    )
    yield ev.ModelExported(
        trial=1,
        target="caffe",
        mode="none",
        path="",
        verdict=ev.Verdict.FAILED,
        message="caffe: layer <b>gru</b> (GRU) has no form in Caffe. Caffe takes chains of Dense, Conv2D, pooling, "
        "BatchNormalization and activations; use onnx or tflite for others.",
    )


def _artefact(
    target: str, mode: str, size: int, zipped: int, after: float, difference: float, speed: float, *, flips: list[int]
) -> ev.ModelExported:
    wrong = round(45 * 10 * (1 - after))
    return ev.ModelExported(
        trial=1,
        target=target,
        mode=mode,
        path=f"/home/somebody/exports/digits.{mode}.{target}",
        verdict=ev.Verdict.VERIFIED,
        message=f"verified on 450 samples: largest difference {difference:.2g} (limit 0.5: {REASON}), "
        "same answer on 99.33%",
        bytes=size,
        gzip_bytes=zipped,
        sha256="cd" * 32,
        score_name="accuracy",
        score_before=0.9778,
        score_after=after,
        agreement=1 - len(flips) / 450,
        max_abs_diff=difference,
        tolerance=0.5,
        tolerance_reason=REASON,
        samples=450,
        flips=flips,
        confusion=[
            [
                45 - wrong // 10 if truth == answer else wrong // 10 * (answer == (truth + 1) % 10)
                for answer in range(10)
            ]
            for truth in range(10)
        ],
        microseconds=speed,
        microseconds_least=speed * 0.96,
        threads=1,
        batch=1,
        runtime="ai-edge-litert 2.3.0",
        operations=["CONV_2D", "FULLY_CONNECTED", "MAX_POOL_2D", "RESHAPE", "SOFTMAX"],
        warnings=["calibrated on 200 samples of the evaluation data, which were left out of the comparison"],
        seconds=1.4,
    )
