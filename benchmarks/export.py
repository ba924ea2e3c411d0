"""Export six models to every target in every mode, and look at each artefact a second time.

    .venv/bin/python benchmarks/export.py [--models dense conv ...] [--rounds 5] [--no-ratio]

Six models trained on 1000 digits (dense, convolution with batch normalisation, LSTM, GRU, autoencoder,
Normalization and augmentation in front of a convolution) are exported and compared on 400 more. The
benchmark then loads every artefact by its runtime itself, without tunemagic, and scores it on 397
digits that neither training nor export has seen. The targets ``code`` and ``card`` hold no weights and
have no place here.

Passes when every supported pair is verified, every other one is refused with the expected reason,
nothing crashed, and nothing that is verified is wrong on unseen data. ``%tflite --quant all`` on the
convolution takes at most 1.5 times the sum of the bare converter calls (in turns, medians); the start
of the conversion process is printed apart.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from export_rows import MODELS, SEEN, TRAINED, Case, trained

from tunemagic.events import Verdict
from tunemagic.export import ExportResult, export_model
from tunemagic.export.process import Worker
from tunemagic.export.targets.kinds import KINDS
from tunemagic.export.warm import CONVERTER
from tunemagic.request import QuantMode

MOST_RATIO = 1.5
FLOAT32_ONLY = "stores numbers in float32 only"
NO_KERNELS = "TensorFlow Lite Micro can't compute with"
RECURRENT = "has no form in Caffe"
# What has to be refused, or found wrong: model (or any), target, mode -> what the reason says.
EXPECTED = {
    **{(None, target, mode): FLOAT32_ONLY for target in KINDS if target not in ("tflite", "c") for mode in QuantMode},
    **{(None, "c", mode): NO_KERNELS for mode in ("float16", "dynamic", "int4", "mixed")},
    **{(None, target, "none"): "" for target in KINDS},
    ("lstm", "caffe", "none"): RECURRENT,
    ("gru", "caffe", "none"): RECURRENT,
    # TensorFlow's converter makes a file that loads, runs and is at chance level.
    ("gru", "tflite", "int16x8"): "accuracy falls",
    # A code of 16 numbers does not bear weights of 4 bits.
    ("auto", "tflite", "int4"): "of the outputs' variance",
}
# Where the verdict depends on how the training went: these lose about 2 points, which is the limit.
UNSURE = {("lstm", "tflite", "int4"): "accuracy falls"}
# How much worse a verified artefact may be on unseen data: share of classes; of the autoencoder's error.
MOST_LOSS = {
    "none": 0.0,
    "float16": 0.01,
    "dynamic": 0.015,
    "int16x8": 0.015,
    "int8": 0.02,
    "mixed": 0.02,
    "int4": 0.04,
}
MOST_ERROR = {"none": 1.0, "float16": 1.01, "dynamic": 1.03, "int16x8": 1.03, "int8": 1.05, "mixed": 1.05, "int4": 1.1}
ROUNDING = 1e-4  # of float32, on outputs between 0 and 1


def expected(name: str, result: ExportResult) -> str:
    """What the reason has to say; empty for a pair that has to be verified."""
    pair = (str(result.target), result.mode)
    if (name, *pair) in UNSURE:
        return "" if result.verified else UNSURE[name, *pair]
    return EXPECTED.get((name, *pair), EXPECTED.get((None, *pair), ""))


def export_all(case: Case, folder: Path) -> tuple[ExportResult, ...]:
    """Every target in every mode, the rows printed as they come."""

    def show(result: ExportResult) -> None:
        reason = expected(case.name, result)
        right = result.verified if not reason else not result.verified and reason in result.message
        if reason and right and result.path is None:
            return  # these are counted below
        note = "" if result.verified else result.message
        print(
            f"{'  ' if right else '! '}{case.name:6}{result.target:11}{result.mode:8}{result.verdict:13}"
            f"{number(result.bytes):>9}{number(result.gzip_bytes):>9}  {number(result.score_before, '.4f'):>6} "
            f"{number(result.score_after, '.4f'):>6}  {number(result.max_abs_diff, '.1e'):>7} "
            f"{number(result.microseconds_least, '.1f'):>8}{number(result.seconds, '.2f'):>7}  {note[:160]}",
            flush=True,
        )

    return export_model(
        case.model,
        [(target, mode) for target in KINDS for mode in QuantMode],
        x_eval=case.x[TRAINED:SEEN],
        y_eval=case.y[TRAINED:SEEN],
        representative=case.x[:TRAINED],
        directory=folder / case.name,
        stem=case.name,
        on_result=show,
    )


def number(value: float | None, form: str = ",") -> str:
    """The value, or a dash."""
    return "-" if value is None else format(value, form)


def read_again(cases: dict[str, Case], results: dict[str, tuple[ExportResult, ...]], folder: Path) -> list[str]:
    """What is wrong with verified artefacts on unseen data, read by runtimes in processes without tunemagic."""
    wrong, count = [], 0
    for target in KINDS:
        rows = [
            (cases[name], result, folder / f"{name}.{target}.{result.mode}.npy")
            for name, made in results.items()
            for result in made
            if result.target is target and result.verified
        ]
        jobs = folder / f"{target}.json"
        for case, _, _ in rows:
            np.save(folder / f"{case.name}.unseen.npy", case.x[SEEN:])
        jobs.write_text(
            json.dumps([[str(row[1].path), str(folder / f"{row[0].name}.unseen.npy"), str(row[2])] for row in rows])
        )
        script = Path(__file__).with_name("export_rows.py")
        done = subprocess.run([sys.executable, script, target, jobs], capture_output=True, text=True, check=False)
        if done.returncode:
            wrong.append(f"{target}: can't be read again: {done.stderr.strip().splitlines()[-1:]}")
            continue
        for case, result, answers in rows:
            count += 1
            problem = judged(case, result.mode, np.load(answers))
            wrong.extend([f"{case.name} {target} {result.mode}: {problem}"] if problem else [])
    print(f"read again by their runtimes and scored on {len(case.x) - SEEN} unseen digits: {count} artefacts")
    return wrong


def judged(case: Case, mode: str, outputs: np.ndarray) -> str:
    """What is wrong with these answers for unseen rows; empty when nothing is."""
    truth = case.y[SEEN:]
    keras = case.model(case.x[SEEN:], training=False).numpy()
    before, after = case.error(keras, truth), case.error(outputs, truth)
    if mode == "none" and float(np.abs(keras - outputs).max()) > ROUNDING:
        return f"outputs differ by {np.abs(keras - outputs).max():.2g}"
    limit = before * MOST_ERROR[mode] if case.name == "auto" else before + MOST_LOSS[mode]
    return f"error {after:.4f} instead of {before:.4f}" if after > limit + 1e-9 else ""


# -- %tflite against the bare converter -----------------------------------------------------------------


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Converters write to the streams of the process."""
    kept = os.dup(1), os.dup(2)
    with open(os.devnull, "w", encoding="utf-8") as nothing:
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
        try:
            yield
        finally:
            for number_, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, number_)
                os.close(copy)


def bare_calls(case: Case) -> None:
    """One file of each mode by the converter and the quantizer alone: nothing compared, run or written."""
    import tensorflow as tf
    from ai_edge_quantizer.qtyping import TFLOperationName
    from ai_edge_quantizer.quantizer import Quantizer

    plain = b""
    for mode in ("none", "float16", "dynamic", "int16x8", "int8"):
        converter = tf.lite.TFLiteConverter.from_keras_model(case.model)
        if mode != "none":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if mode == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if mode in ("int8", "int16x8"):
            converter.representative_dataset = lambda: ([row[None]] for row in case.x[:200])
            wanted = "TFLITE_BUILTINS_INT8"
            if mode == "int16x8":
                wanted = "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8"
            converter.target_spec.supported_ops = [tf.lite.OpsSet[wanted]]
        content = converter.convert()
        plain = plain or bytes(content)
    for layers in ("^", ".*dense.*"):  # int4 and mixed
        quantizer = Quantizer(plain)
        quantizer.add_dynamic_config(".*", TFLOperationName.ALL_SUPPORTED, 8)
        quantizer.add_dynamic_config(layers, TFLOperationName.ALL_SUPPORTED, 4)
        quantizer.quantize(enable_progress_bar=False, enable_progress_report=False)


def magic_line(case: Case, folder: Path) -> Callable[[int], None]:
    """What runs ``%tflite --quant all`` in a shell with the extension."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "tunemagic")
    shell.user_ns |= {"cnn": case.model, "x": case.x[TRAINED:SEEN], "y": case.y[TRAINED:SEEN], "rep": case.x[:TRAINED]}

    def run(number_: int) -> None:
        place = folder / f"round{number_}"
        shell.run_line_magic("tflite", f"cnn --quant all --data x,y --rep rep -o {place}/")
        made = len(list(place.glob("*.tflite")))
        if made != len(QuantMode):
            raise SystemExit(f"%tflite made {made} of {len(QuantMode)} files")

    return run


def ratio(case: Case, folder: Path, rounds: int) -> float:
    """Seconds of the line as a share of those of the bare calls; prints both."""
    ours, bare = [], []
    run = magic_line(case, folder)
    for number_ in range(rounds + 1):
        for seconds, call in ((bare, lambda: bare_calls(case)), (ours, lambda at=number_: run(at))):
            begun = time.perf_counter()
            with silence():
                call()
            seconds.append(time.perf_counter() - begun)
    # The first round imports and traces what the others find ready.
    line, calls = statistics.median(ours[1:]), statistics.median(bare[1:])
    print(f"%tflite --quant all: {line:.2f} s, the bare converter calls: {calls:.2f} s (medians of {rounds} in turns)")
    print(f"ratio {line / calls:.2f} (at most {MOST_RATIO:g})")
    return line / calls


def start_seconds() -> float:
    """How long a conversion process takes until it can convert; it is kept for what follows."""
    worker: Worker = CONVERTER.take()
    seconds = worker.wait_until_up()
    CONVERTER.give_back(worker)
    return seconds


def main() -> int:
    """Print the tables and the verdicts; 1 when one of them fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-ratio", action="store_true", help="only the table")
    options = parser.parse_args()
    cases = {name: trained(name) for name in options.models}
    print(f"start of the conversion process: {start_seconds():.1f} s, in none of the figures below")
    print("  model target     mode    verdict          bytes   gzip -9  score  after     diff       us      s")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results = {name: export_all(case, folder) for name, case in cases.items()}
        wrong = read_again(cases, results, folder)
        share = 0.0 if options.no_ratio else ratio(trained("conv"), folder, options.rounds)
    rows = [(name, result) for name, made in results.items() for result in made]
    supported = [row for row in rows if not expected(*row)]
    refused = [row for row in rows if expected(*row)]
    verified = sum(result.verified for _, result in supported)
    told = sum(not result.verified and expected(name, result) in result.message for name, result in refused)
    crashed = [f"{name} {result.target} {result.mode}" for name, result in rows if "crashed" in result.message]
    unproved = sum(result.verdict is Verdict.NOT_VERIFIED for _, result in refused)
    claims = [
        (verified == len(supported), f"{verified} of {len(supported)} supported pairs are verified"),
        (
            told == len(refused),
            f"{told} of {len(refused)} others are refused as expected ({unproved} of them made and found wrong)",
        ),
        (not crashed, f"crashed: {', '.join(crashed) or 'none'}"),
        (not wrong, f"verified but wrong on unseen data: {'; '.join(wrong) or 'none'}"),
    ]
    if not options.no_ratio:
        claims.append((share <= MOST_RATIO, f"%tflite --quant all: {share:.2f} of the bare calls (<= {MOST_RATIO:g})"))
    print("\n".join(f"{'PASS' if holds else 'FAIL'}  {text}" for holds, text in claims))
    return int(not all(holds for holds, _ in claims))


if __name__ == "__main__":
    raise SystemExit(main())
