"""Training states: all that a later attempt needs to go on where an earlier one was cut off.

A state is an uncompressed NumPy archive in memory: a JSON header with a version, and plain arrays.
Nothing in it is pickled, and nothing is unpickled when it is read.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tunemagic import events as ev
from tunemagic.errors import StorageError

__all__ = [
    "Best",
    "RunResult",
    "Snapshot",
    "TrainingState",
    "callback_states",
    "random_states",
    "restore_callbacks",
    "restore_model",
    "snapshot_of",
    "state_from_bytes",
    "state_to_bytes",
]

STATE_VERSION = 1
# What Keras' own epoch-level callbacks remember between epochs.
_REMEMBERED = ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Best:
    """A training's best epoch: its metrics and its weights in the order of ``model.get_weights()``."""

    score: float
    epoch: int
    metrics: Mapping[str, float | None]
    weights: Sequence[Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Snapshot:
    """Where a training stands after ``epoch`` epochs: arrays in the model's order.

    ``random`` holds the states of the layers' seed generators, ``callbacks`` what the user's
    callbacks remember, one mapping for each.
    """

    epoch: int
    weights: Sequence[Any]
    optimizer: Sequence[Any]
    random: Sequence[Any]
    callbacks: Sequence[Mapping[str, float]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What one finished run of a trial gave."""

    score: float
    best_epoch: int
    metrics: Mapping[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingState:
    """A trial in run ``run``; the runs before it are finished.

    ``now`` is where this run stands and ``best`` its best epoch so far. ``winner`` is the best
    epoch of the best finished run, ``winner_run`` its number. ``ends`` are the finished runs' last
    snapshots, kept when the trial may be trained on later.
    """

    run: int
    now: Snapshot
    best: Best | None
    finished: Sequence[RunResult] = ()
    winner: Best | None = None
    winner_run: int = 0
    ends: Sequence[Snapshot] = ()


# -- models ------------------------------------------------------------------------------------------


def random_states(model: Any) -> list[Any]:
    """The variables that hold the states of the layers' random generators."""
    known = {id(variable) for variable in (*model.weights, *model.metrics_variables)}
    return [variable for variable in model.variables if id(variable) not in known]


def snapshot_of(model: Any, epoch: int, callbacks: Sequence[Mapping[str, float]] = ()) -> Snapshot:
    """Copy the model's weights, optimizer and random states."""
    optimizer = [] if model.optimizer is None else model.optimizer.variables
    return Snapshot(
        epoch=epoch,
        weights=model.get_weights(),
        optimizer=[variable.numpy() for variable in optimizer],
        random=[variable.numpy() for variable in random_states(model)],
        callbacks=callbacks,
    )


def restore_model(model: Any, snapshot: Snapshot) -> None:
    """Give a built model back what a snapshot of it holds.

    Raises StorageError when the snapshot is one of another model; the model is then unchanged.
    """
    if model.optimizer is not None and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    optimizer = [] if model.optimizer is None else model.optimizer.variables
    targets = [*model.weights, *optimizer, *random_states(model)]
    sources = [*snapshot.weights, *snapshot.optimizer, *snapshot.random]
    received, expected = [tuple(array.shape) for array in sources], [tuple(target.shape) for target in targets]
    if received != expected:
        raise StorageError(
            f"the saved training state does not fit the model: it holds {len(received)} arrays of other shapes than "
            f"the model's {len(expected)}. The cell builds another model than when it was saved; run it as a new study."
        )
    for target, array in zip(targets, sources, strict=True):
        # Number types that NumPy does not know, such as bfloat16, come back as plain bytes.
        target.assign(array.view(str(target.dtype)) if array.dtype.kind == "V" else array)


def callback_states(callbacks: Sequence[Any]) -> tuple[Mapping[str, float], ...]:
    """The numbers that each callback remembers between epochs, as far as Keras' own ones do."""
    return tuple(
        {
            name: float(value)
            for name in _REMEMBERED
            if isinstance(value := getattr(callback, name, None), (int, float)) and ev.finite(value) is not None
        }
        for callback in callbacks
    )


def restore_callbacks(callbacks: Sequence[Any], states: Sequence[Mapping[str, float]]) -> None:
    """Let each callback remember again; to be called after ``on_train_begin``, which forgets."""
    for callback, state in zip(callbacks, states, strict=False):
        for name, value in state.items():
            setattr(callback, name, value if name == "best" else int(value))


# -- bytes -------------------------------------------------------------------------------------------


def state_to_bytes(state: TrainingState) -> bytes:
    """The state as a file, in memory."""
    import numpy as np

    arrays: dict[str, Any] = {}

    def keep(name: str, values: Sequence[Any]) -> int:
        arrays.update({f"{name}/{index}": value for index, value in enumerate(values)})
        return len(values)

    def snapshot(name: str, value: Snapshot) -> dict[str, Any]:
        counts = {part: keep(f"{name}/{part}", getattr(value, part)) for part in ("weights", "optimizer", "random")}
        return {"epoch": value.epoch, "callbacks": [dict(item) for item in value.callbacks], **counts}

    def best(name: str, value: Best | None) -> dict[str, Any] | None:
        if value is None:
            return None
        count = keep(f"{name}/weights", value.weights)
        return {"score": value.score, "epoch": value.epoch, "metrics": dict(value.metrics), "weights": count}

    header = {
        "version": STATE_VERSION,
        "run": state.run,
        "now": snapshot("now", state.now),
        "best": best("best", state.best),
        "finished": [
            {"score": run.score, "best_epoch": run.best_epoch, "metrics": dict(run.metrics)} for run in state.finished
        ],
        "winner": best("winner", state.winner),
        "winner_run": state.winner_run,
        "ends": [snapshot(f"ends{index}", end) for index, end in enumerate(state.ends)],
    }
    text = np.frombuffer(json.dumps(header).encode(), dtype="uint8")
    buffer = io.BytesIO()
    np.savez(buffer, header=text, **arrays)
    return buffer.getvalue()


def state_from_bytes(data: bytes) -> TrainingState:
    """Read what state_to_bytes wrote. Raises StorageError for anything else."""
    import numpy as np

    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            header = json.loads(archive["header"].tobytes())
            if header["version"] != STATE_VERSION:
                raise StorageError(
                    f"the saved training state has version {header['version']!r}; expected {STATE_VERSION}. "
                    "It was written by another version of tunemagic: go on with that version, or as a new study."
                )
            return _state(header, archive)
    # NumPy and zipfile raise a dozen sorts of errors for bytes that are no archive; all mean the same here.
    except (OSError, EOFError, LookupError, TypeError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise StorageError(
            f"the saved training state can't be read ({type(error).__name__}); expected one that tunemagic wrote. "
            "Delete it to train the trial from its start."
        ) from error


def _state(header: Mapping[str, Any], archive: Any) -> TrainingState:
    def kept(name: str, count: int) -> list[Any]:
        return [archive[f"{name}/{index}"] for index in range(count)]

    def snapshot(name: str, value: Mapping[str, Any]) -> Snapshot:
        parts = {part: kept(f"{name}/{part}", value[part]) for part in ("weights", "optimizer", "random")}
        return Snapshot(epoch=value["epoch"], callbacks=tuple(value["callbacks"]), **parts)

    def best(name: str) -> Best | None:
        value = header[name]
        return None if value is None else Best(**{**value, "weights": kept(f"{name}/weights", value["weights"])})

    def ends() -> Iterator[Snapshot]:
        for index, end in enumerate(header["ends"]):
            yield snapshot(f"ends{index}", end)

    return TrainingState(
        run=header["run"],
        now=snapshot("now", header["now"]),
        best=best("best"),
        finished=tuple(RunResult(**run) for run in header["finished"]),
        winner=best("winner"),
        winner_run=header["winner_run"],
        ends=tuple(ends()),
    )
