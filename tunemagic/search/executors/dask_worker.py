"""The worker's side of a Dask cluster: what a study leaves in a worker process and how a trial runs there.

Everything here is called by name from ``executors.dask``, over the cluster's own connections. The
functions for ``client.run`` work on the worker's event loop, so they only move bytes; unpacking,
importing Keras and training happen in the task's thread.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import io
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

import cloudpickle

from tunemagic import events as ev
from tunemagic.search.faults import describe_error
from tunemagic.search.job import Ending, StateTaken, StopFlag, TrialOutcome, Work
from tunemagic.search.packing import pack_report, unpack_job, unpack_work
from tunemagic.search.settings import used_settings
from tunemagic.trial import LOG_LINES

__all__ = [
    "WORK",
    "cancel_trial",
    "forget_study",
    "hold_trial",
    "keep_part",
    "name_of",
    "run_trial",
    "state_packet",
    "take_packet",
]

WORK = "work"  # the packet that every trial of a study needs; jobs have names of their own
_WATCH_SECONDS = 0.5  # how soon a trial notices that nobody waits for it any more


@dataclass(slots=True)
class _Hosted:
    """What one study has in this process. ``arrived`` and ``leaving`` are packets by name."""

    arrived: dict[str, bytearray] = field(default_factory=dict)
    leaving: dict[str, bytes] = field(default_factory=dict)
    stops: dict[str, StopFlag] = field(default_factory=dict)
    work: Work | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keep_state(self, packet: str, state: bytes) -> None:
        """Offer a training state; an earlier one that nobody has fetched is of no use any more."""
        for earlier in [name for name in self.leaving if name.startswith("state-")]:
            self.leaving.pop(earlier, None)
        self.leaving[packet] = state


_hosted: dict[str, _Hosted] = {}  # by the study's topic; a worker process may serve several notebooks


def name_of(trial: int, attempt: int) -> str:
    """How an attempt is called between both sides."""
    return f"{trial}-{attempt}"


def state_packet(name: str, run: int, epoch: int) -> str:
    """How the training state after this epoch is called between both sides."""
    return f"state-{name}-{run}-{epoch}"


def keep_part(topic: str, packet: str, start: int, part: bytes) -> None:
    """Put a part into a packet at byte ``start``: what is too large for one message travels in several.

    One that begins anew replaces what had come of it before.
    """
    study = _hosted.setdefault(topic, _Hosted())
    del study.arrived.setdefault(packet, bytearray())[start:]
    study.arrived[packet].extend(part)
    if packet != WORK:
        study.stops.setdefault(packet, StopFlag())


def take_packet(topic: str, packet: str) -> bytes | None:
    """Hand out a packet once; None when it was replaced by a later one, or taken before."""
    study = _hosted.get(topic)
    return None if study is None else study.leaving.pop(packet, None)


def cancel_trial(topic: str, name: str) -> None:
    """Tell a trial to end; harmless when it is unknown or over."""
    study = _hosted.get(topic)
    stop = None if study is None else study.stops.get(name)
    if stop is not None:
        # Callbacks of the flag reach into the training framework, which may be busy: not on the event loop.
        threading.Thread(target=stop.set, name="tunemagic-cancel", daemon=True).start()


def hold_trial(topic: str, name: str, held: bool) -> None:
    """Tell a trial to wait after its epoch, or to go on; harmless when it is unknown or over."""
    study = _hosted.get(topic)
    stop = None if study is None else study.stops.get(name)
    if stop is not None:
        if held:
            stop.hold()
        else:
            stop.release()


def forget_study(topic: str) -> None:
    """Free what the study has here."""
    _hosted.pop(topic, None)


def run_trial(topic: str, trial: int, attempt: int) -> None:
    """Run one attempt as a Dask task; what happens is told under the topic, results wait to be taken.

    Raises LookupError when this process does not hold the study: it was started anew since the
    job was sent, and only the search itself may run a trial again.
    """
    from distributed import get_worker

    name = name_of(trial, attempt)
    study = _hosted.get(topic)
    packed = None if study is None else study.arrived.pop(name, None)
    if study is None or packed is None:
        raise LookupError(f"this worker process was started after trial {trial} had been sent to it")
    worker = get_worker()

    def tell(kind: str, **more: Any) -> None:
        worker.log_event(topic, {"kind": kind, "trial": trial, "attempt": attempt, **more})

    stop = study.stops[name]
    with _watched(worker, topic, stop), _captured() as lines:
        outcome = _outcome(study, packed, (trial, attempt), stop, tell)
    outcome = dataclasses.replace(outcome, log="\n".join(lines))
    study.leaving[name] = pack_report(outcome)
    study.stops.pop(name, None)
    tell("outcome")


def _outcome(study: _Hosted, packed: bytearray, key: tuple[int, int], stop: StopFlag, tell: Any) -> TrialOutcome:
    """Unpack and train. What can't be unpacked here fails its trial, with a reason."""
    with contextlib.ExitStack() as stack:
        try:
            _prepare_keras()
            # Other studies, and other users of the cluster, have settings of their own; unpacking brings this study's.
            stack.enter_context(used_settings(study.settings))
            work = _unpacked_work(study)
            job = unpack_job(bytes(packed), work)
        # Whatever the user's own objects raise when they are put together again in another process.
        except Exception as error:
            reason = f"the cell could not be rebuilt in the Dask worker: {describe_error(error)}"
            return TrialOutcome(
                trial=key[0],
                attempt=key[1],
                ending=Ending.FAILED,
                seconds=0.0,
                error=type(error).__name__,
                reason=reason,
            )
        tell("started")
        from tunemagic.search.train import run_job

        def emit(report: Any) -> None:
            if isinstance(report, StateTaken):
                study.keep_state(state_packet(name_of(*key), report.run, report.epoch), report.state)
                tell("state", run=report.run, epoch=report.epoch)
            else:
                tell("event", event=ev.event_to_json(report))

        return run_job(job, emit, stop)


def _unpacked_work(study: _Hosted) -> Work:
    """The study's work, put together once in this process."""
    with study.lock:
        if study.work is None:
            packed = cloudpickle.loads(study.arrived.pop(WORK))
            study.work, study.settings = unpack_work(packed), packed.settings
        return study.work


def _prepare_keras() -> None:
    """Import Keras; TensorFlow takes as many threads as the user gave the Dask worker."""
    from distributed import get_worker

    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(get_worker().state.nthreads))
    import keras  # noqa: F401


@contextlib.contextmanager
def _watched(worker: Any, topic: str, stop: StopFlag) -> Iterator[None]:
    """End the trial when its task was given up: the kernel has died, and a thread can't be killed."""
    task, over = worker.get_current_task(), threading.Event()

    def watch() -> None:
        while not over.wait(_WATCH_SECONDS):
            state = worker.state.tasks.get(task)
            if state is None or state.state == "cancelled":
                _hosted.pop(topic, None)
                stop.set()
                return

    thread = threading.Thread(target=watch, name="tunemagic-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class _Tee(io.TextIOBase):
    """Keeps the last lines of what is printed and passes it on to the worker's own log."""

    def __init__(self, behind: TextIO, lines: collections.deque[str]) -> None:
        self._behind = behind
        self._lines = lines
        self._unfinished = ""

    def write(self, text: str) -> int:
        *whole, self._unfinished = (self._unfinished + text).split("\n")
        self._lines.extend(whole)
        return self._behind.write(text)

    def flush(self) -> None:
        self._behind.flush()

    def finish(self) -> None:
        """Count what has no line end yet as a line."""
        if self._unfinished:
            self._lines.append(self._unfinished)


@contextlib.contextmanager
def _captured() -> Iterator[collections.deque[str]]:
    """The last lines printed meanwhile by this process; a worker trains one trial at a time."""
    lines: collections.deque[str] = collections.deque(maxlen=LOG_LINES)
    out, err = _Tee(sys.stdout, lines), _Tee(sys.stderr, lines)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield lines
    out.finish()
    err.finish()
