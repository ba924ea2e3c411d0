"""How soon a real search in a real kernel stops, by the panel's Stop message and by Interrupt.

A digits CNN trains under ``%%tune`` while the cell waits. Half of the rounds send what the panel's
Stop button sends (a comm message on a subshell, as JupyterLab does) and measure the time until
training has ended; the other half interrupt the kernel and measure the time until it is idle with
the record shown. Results must be kept in every round. At last a search with ``--minutes 0.5`` has to
end by itself, timed from sending the cell to an idle kernel, with the best model ready. Exits
non-zero when the median of the first is not below 0.3 s, any of the second not below 3 s, the last
not below 32 s, or a result is missing.
"""

from __future__ import annotations

import argparse
import json
import queue
import random
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

from tunemagic import events as ev
from tunemagic.journal import read_journal
from tunemagic.trial import replay

STOP_SECONDS = 0.3
INTERRUPT_SECONDS = 3.0
LIMIT_SECONDS = 32.0

SETUP = """
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
from sklearn.datasets import load_digits
x, y = load_digits(return_X_y=True)
x_train, y_train = (x / 16).astype("float32").reshape(-1, 8, 8, 1), y
%load_ext tunemagic
"""
CELL = """%%tune {name} --objective val_accuracy {budget} --epochs 40 --seed {seed}
filters = hp.Choice("filters", [8, 16, 32])
rate = hp.Float("rate", 1e-4, 1e-2, sampling="log")
model = keras.Sequential([
    keras.layers.Conv2D(filters, 3, activation="relu"),
    keras.layers.MaxPooling2D(),
    keras.layers.Flatten(),
    keras.layers.Dense(10, "softmax"),
])
model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
"""
CHECK = """
import json
before = study.view.best_trial
model = study.best_model
score = model.evaluate(study.data.val_x, study.data.val_y, verbose=0, return_dict=True)["accuracy"]
print("CHECK " + json.dumps({"running": study.running, "score": before.score, "evaluated": score}))
"""


@dataclass
class Messages:
    """What a cell's execution sent until the kernel was idle again."""

    panel: str = ""
    session: str = ""
    display: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    errors: list[str] = field(default_factory=list)


class Notebook:
    """A kernel, one subshell for comm messages as JupyterLab opens it, and what the kernel says."""

    def __init__(self, folder: Path) -> None:
        self.manager: KernelManager
        self.client: BlockingKernelClient
        self.manager, self.client = start_new_kernel(cwd=str(folder), startup_timeout=120)
        message = self.client.session.msg("create_subshell_request", {})
        self.client.control_channel.send(message)
        reply = self.client.control_channel.get_msg(timeout=30)
        self.subshell = reply["content"].get("subshell_id")

    def send_comm(self, comm: str, content: dict[str, Any]) -> None:
        """What a widget's front end sends for ``model.send(content)``."""
        data = {"method": "custom", "content": content}
        message = self.client.session.msg("comm_msg", {"comm_id": comm, "data": data})
        if self.subshell is not None:
            message["header"]["subshell_id"] = self.subshell
        self.client.shell_channel.send(message)

    def listen(self, request: str, seen: Messages, timeout: float) -> bool:
        """Take one message from the kernel; True when the request's cell has become idle."""
        try:
            message = self.client.get_iopub_msg(timeout=timeout)
        except queue.Empty:
            return False
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "comm_open" and content["target_name"] == "jupyter.widget":
            state = content["data"].get("state", {})
            if "_esm" in state or "anywidget" in str(state.get("_view_module", "")):
                seen.panel = content["comm_id"]
        elif kind == "comm_msg" and content["data"].get("method") == "custom":
            view = content["data"]["content"].get("view", {})
            seen.session = view.get("session", seen.session)
        elif kind in ("display_data", "update_display_data"):
            seen.display = content["data"]
        elif kind == "stream":
            seen.text += content["text"]
        elif kind == "error":
            seen.errors.append(f"{content['ename']}: {content['evalue']}")
        same = message["parent_header"].get("msg_id") == request
        return same and kind == "status" and content["execution_state"] == "idle"

    def close(self) -> None:
        """End the kernel."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def run_round(
    notebook: Notebook, folder: Path, name: str, seed: int, *, by_message: bool, rng: random.Random
) -> dict[str, Any]:
    """Start a search, end it at a random moment after its first epoch, and look at what is left."""
    seen = Messages()
    request = notebook.client.execute(CELL.format(name=name, seed=seed, budget="--max-trials 50"))
    directory = folder / ".tunemagic" / name
    greeted = 0.0
    ready_at = None
    sent = 0.0
    deadline = time.monotonic() + 120
    idle = False
    while not idle and time.monotonic() < deadline:
        idle = notebook.listen(request, seen, 0.02)
        if seen.panel and not seen.session and time.monotonic() > greeted + 1.0:  # as the panel itself does
            notebook.send_comm(seen.panel, {"kind": "hello", "have": 0})
            greeted = time.monotonic()
        if sent or not seen.session:
            continue
        done = any(isinstance(event, ev.EpochEnded) for event in read_journal(directory).events)
        if done and ready_at is None:
            ready_at = time.monotonic() + rng.uniform(0.0, 1.0)
        if ready_at is not None and time.monotonic() >= ready_at:
            sent = time.time()
            if by_message:
                command = {
                    "kind": "command",
                    "id": "1",
                    "study": name,
                    "session": seen.session,
                    "verb": "stop",
                    "args": {},
                }
                notebook.send_comm(seen.panel, command)
            else:
                notebook.manager.interrupt_kernel()
    idle_at = time.time()
    events = read_journal(directory).events
    ended = [event for event in events if isinstance(event, ev.StudyEnded)]
    result, faults = check_best_model(notebook)
    view = replay(events)
    kept = (
        idle
        and len(ended) == 1
        and not seen.errors
        and "image/png" in "".join(seen.display.get("text/html", "")) + "".join(seen.display)
        and result.get("running") is False
        and view.best_trial is not None
        and result["score"] == view.best_trial.score
        and abs(result["evaluated"] - result["score"]) < 1e-6
    )
    return {
        "ended": ended[0].at - sent if ended else float("inf"),
        "idle": idle_at - sent,
        "kept": kept,
        "why": f"idle={idle} ended={len(ended)} errors={seen.errors + faults} "
        f"display={list(seen.display)} result={result}",
    }


def check_best_model(notebook: Notebook) -> tuple[dict[str, Any], list[str]]:
    """What the kernel says of the study's best model, and what went wrong meanwhile."""
    check = Messages()
    asked = notebook.client.execute(CHECK)
    while not notebook.listen(asked, check, 60.0):
        pass
    answer = next((line for line in check.text.splitlines() if line.startswith("CHECK ")), "CHECK {}")
    result: dict[str, Any] = json.loads(answer[6:])
    return result, check.errors


def time_limit(notebook: Notebook, folder: Path) -> tuple[float, bool, str]:
    """Seconds that a cell with ``--minutes 0.5`` takes, whether the best model is ready, and how it ended."""
    seen = Messages()
    sent = time.monotonic()
    request = notebook.client.execute(CELL.format(name="limit", seed=1, budget="--minutes 0.5"))
    while not notebook.listen(request, seen, 60.0):
        pass
    seconds = time.monotonic() - sent
    result, faults = check_best_model(notebook)
    view = replay(read_journal(folder / ".tunemagic" / "limit").events)
    right = (
        view.best_trial is not None
        and not seen.errors + faults
        and result.get("score") == view.best_trial.score
        and abs(result["evaluated"] - result["score"]) < 1e-6
    )
    return seconds, right, view.end_message


def main() -> int:
    """Run the rounds and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    stops: list[float] = []
    interrupts: list[float] = []
    kept = 0
    with tempfile.TemporaryDirectory() as folder:
        notebook = Notebook(Path(folder))
        try:
            asked = notebook.client.execute(SETUP)
            while not notebook.listen(asked, Messages(), 60.0):
                pass
            for number in range(options.rounds):
                by_message = number % 2 == 0
                result = run_round(notebook, Path(folder), f"stop-{number}", number, by_message=by_message, rng=rng)
                (stops if by_message else interrupts).append(result["ended"] if by_message else result["idle"])
                kept += result["kept"]
                print(f"round {number}: ended {result['ended']:.3f} s, idle {result['idle']:.3f} s", flush=True)
                if not result["kept"]:
                    print(f"round {number}: not kept: {result['why']}")
            limit, ready, message = time_limit(notebook, Path(folder))
        finally:
            notebook.close()
    print(
        f"Stop message to training ended: median {statistics.median(stops):.3f} s, worst {max(stops):.3f} s "
        f"({len(stops)} rounds)"
    )
    print(
        f"Interrupt to idle with the record: median {statistics.median(interrupts):.3f} s, "
        f"worst {max(interrupts):.3f} s ({len(interrupts)} rounds)"
    )
    print(f"results kept: {kept} of {options.rounds}")
    print(f"--minutes 0.5: idle after {limit:.1f} s ({message}), best model ready: {'yes' if ready else 'NO'}")
    passed = statistics.median(stops) < STOP_SECONDS and max(interrupts) < INTERRUPT_SECONDS and kept == options.rounds
    passed = passed and limit < LIMIT_SECONDS and ready
    print("PASS" if passed else "FAIL")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
