"""Reach the user's Dask cluster and see whether trials can run there."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
import queue
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from tunemagic.errors import OptionError

__all__ = ["connect", "own_versions"]

PYTHON = "Python"
_REACH_SECONDS = 5
_SLACK_SECONDS = 3  # until Dask's own timeout is given up
_PACKAGES = ("tunemagic", "keras", "keras-tuner", "tensorflow", "cloudpickle")


def connect(cluster: Any) -> tuple[Any, bool]:
    """A distributed.Client for the cluster, and whether it was made here and is to be closed after use.

    ``cluster`` is a scheduler's address such as ``tls://host:8786`` (certificates as in Dask's own
    configuration), a Client, or a cluster object such as LocalCluster. Takes at most a few seconds.
    Raises OptionError when it can't be reached, has no workers, or workers lack tunemagic or have
    other versions than this kernel.
    """
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise OptionError(
            "--cluster: needs the package distributed, which is not installed; "
            'get it with `%pip install "tunemagic[cluster]"`.'
        ) from error
    client, made = _client(distributed, cluster)
    try:
        with _told_as_unreachable(cluster):
            _check_workers(client)
    except BaseException:
        if made:
            client.close()
        raise
    return client, made


def _client(distributed: Any, cluster: Any) -> tuple[Any, bool]:
    if isinstance(cluster, distributed.Client):
        if cluster.status != "running":
            raise OptionError(f"--cluster: the client is {cluster.status}; expected one that is connected.")
        if cluster.asynchronous:
            raise OptionError("--cluster: the client is asynchronous; expected one made without asynchronous=True.")
        return cluster, False
    if not isinstance(cluster, str) and not hasattr(cluster, "scheduler_address"):
        raise OptionError(
            f"--cluster: received a {type(cluster).__name__}; expected a scheduler's address such as "
            "tcp://host:8786, or a variable that holds a Dask Client or cluster."
        )
    with _told_as_unreachable(cluster):
        return _new_client(distributed, cluster), True


def _new_client(distributed: Any, cluster: Any) -> Any:
    """A client of our own. Raises TimeoutError, and whatever the connection raises.

    Made on a thread, since against a port that accepts and stays silent Dask's own timeout does
    nothing; such a client is closed as soon as it gives up.
    """
    made: queue.SimpleQueue[Any] = queue.SimpleQueue()
    given_up = threading.Event()

    def make() -> None:
        try:
            # Not the notebook's default client: that the user's own dask code would use.
            client = distributed.Client(cluster, timeout=_REACH_SECONDS, set_as_default=False)
        # Raised again on the calling thread.
        except BaseException as error:
            made.put(error)
            return
        made.put(client)
        if given_up.is_set():
            client.close()

    threading.Thread(target=make, name="tunemagic-cluster", daemon=True).start()
    try:
        client = made.get(timeout=_REACH_SECONDS + _SLACK_SECONDS)
    except queue.Empty:
        given_up.set()
        raise TimeoutError(f"no answer within {_REACH_SECONDS + _SLACK_SECONDS} s") from None
    if isinstance(client, BaseException):
        raise client
    return client


@contextlib.contextmanager
def _told_as_unreachable(cluster: Any) -> Iterator[None]:
    """Turn what a connection that fails raises into one line."""
    shown = cluster if isinstance(cluster, str) else getattr(cluster, "scheduler_address", "of the client")
    try:
        yield
    # Bad addresses, missing certificates and refused connections come as ValueError, TypeError, RuntimeError, OSError.
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise OptionError(
            f"--cluster: no Dask scheduler {str(shown)[:80]!r} can be reached ({reason[:160]}); expected an address "
            "such as tcp://host:8786 of one that runs."
        ) from error


def _check_workers(client: Any) -> None:
    """Raise OptionError unless there is a worker and all have what this kernel has."""
    try:
        client.wait_for_workers(1, timeout=_REACH_SECONDS)
    except TimeoutError as error:
        raise OptionError(
            "--cluster: the cluster has no workers; expected at least one. Try cluster.scale(2)."
        ) from error
    for what, here in own_versions().items():
        # Functions of the standard library: they can be sent to a worker that has nothing of ours.
        if what == PYTHON:
            _compare(what, client.run(platform.python_version, on_error="return"), here)
        else:
            _compare(what, client.run(importlib.metadata.version, what, on_error="return"), here)


def own_versions() -> dict[str, str]:
    """What this kernel has of all that trials depend on."""
    return {PYTHON: platform.python_version()} | {name: importlib.metadata.version(name) for name in _PACKAGES}


def _compare(what: str, found: Mapping[str, Any], here: str) -> None:
    for address, version in found.items():
        if isinstance(version, importlib.metadata.PackageNotFoundError):
            raise OptionError(
                f"--cluster: the worker {address} lacks {what}; expected {here} as in this kernel. Install it there."
            )
        if isinstance(version, Exception):
            raise OptionError(f"--cluster: the worker {address} does not answer: {type(version).__name__}: {version}.")
        if version != here:
            raise OptionError(
                f"--cluster: the worker {address} has {what} {version}; expected {here} as in this kernel."
            )
