"""The way between a study and the workers of a Dask cluster: packets out, messages and packets back.

Packets (the study's work once per worker process, jobs, results, training states) travel by
``client.run``, which keeps nothing on the scheduler and nothing on a worker's disk. Small messages
come back by ``worker.log_event`` (https://distributed.dask.org/en/stable/logging.html).
"""

from __future__ import annotations

import concurrent.futures
import uuid
from collections.abc import Callable
from typing import Any

import cloudpickle

from tunemagic.search.executors import dask_worker
from tunemagic.search.job import Work
from tunemagic.search.packing import pack_work

__all__ = ["DaskLink"]

_PART_BYTES = 32 * 2**20  # one message of a packet; the scheduler passes it on and holds it meanwhile
_CLOSE_SECONDS = 5.0  # how long workers may take to free what they hold


class DaskLink:
    """Sends to and fetches from worker processes, known by their addresses.

    ``on_message`` gets the dicts that running trials tell; it is called on the client's own
    thread and must be quick. What is not to hold the search up goes through ``aside``: a call to
    a worker that has just died takes 30 s to fail.
    """

    def __init__(self, work: Work, client: Any, on_message: Callable[[dict[str, Any]], None]) -> None:
        self._client = client
        self._packed = cloudpickle.dumps(pack_work(work, with_modules=True))
        self._topic = f"tunemagic-{uuid.uuid4().hex}"
        self._equipped: set[str] = set()
        self._aside = concurrent.futures.ThreadPoolExecutor(8, thread_name_prefix="tunemagic-dask")
        # A pause and its end, sent side by side, could overtake each other.
        self._orders = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="tunemagic-dask-orders")
        client.subscribe_topic(self._topic, lambda event: on_message(event[1]))

    def aside(self, function: Callable[..., Any], *arguments: Any) -> concurrent.futures.Future[Any]:
        """Call the function on a thread of the link's own."""
        return self._aside.submit(function, *arguments)

    def workers(self) -> dict[str, int]:
        """The worker processes that the scheduler knows now, by address, with their threads."""
        found: dict[str, int] = self._client.nthreads()
        return found

    def start(self, name: str, packed_job: bytes, trial: int, attempt: int, address: str) -> Any:
        """Send what the trial needs and start its task on this worker only; the task's Dask future.

        Raises OSError when the worker can't be reached.
        """
        if address not in self._equipped:
            self._send(address, dask_worker.WORK, self._packed)
            self._equipped.add(address)
        self._send(address, name, packed_job)
        return self._client.submit(
            dask_worker.run_trial,
            self._topic,
            trial,
            attempt,
            key=f"tunemagic-trial-{name}-{self._topic[-8:]}",
            workers=[address],
            allow_other_workers=False,
            retries=0,
            pure=False,
        )

    def _send(self, address: str, packet: str, data: bytes) -> None:
        for start in range(0, len(data), _PART_BYTES):
            part = data[start : start + _PART_BYTES]
            self._run_on(address, dask_worker.keep_part, self._topic, packet, start, part)

    def take(self, address: str, packet: str) -> bytes | None:
        """Fetch a packet; None when the worker does not have it any more or is gone."""
        try:
            taken: bytes | None = self._run_on(address, dask_worker.take_packet, self._topic, packet)
        except OSError:
            return None
        return taken

    def cancel(self, address: str, name: str) -> None:
        """Tell a trial to end; returns at once."""
        self.aside(self._run_on, address, dask_worker.cancel_trial, self._topic, name)

    def hold(self, address: str, name: str, held: bool) -> None:
        """Tell a trial to wait after its epoch, or to go on; returns at once, orders keep their order."""
        self._orders.submit(self._run_on, address, dask_worker.hold_trial, self._topic, name, held)

    def forget(self, address: str) -> None:
        """A worker is gone: one that comes back under its address has nothing."""
        self._equipped.discard(address)

    def release(self, future: Any) -> None:
        """Tell Dask that a task's end is of no interest any more."""
        self._client.cancel([future])
        future.release()

    def _run_on(self, address: str, function: Callable[..., Any], *arguments: Any) -> Any:
        return self._client.run(function, *arguments, workers=[address])[address]

    def close(self) -> None:
        """Free what the workers hold for the study."""
        freed = [self.aside(self._run_on, address, dask_worker.forget_study, self._topic) for address in self._equipped]
        concurrent.futures.wait(freed, timeout=_CLOSE_SECONDS)
        self._aside.shutdown(wait=False, cancel_futures=True)
        self._orders.shutdown(wait=False, cancel_futures=True)
        self._client.unsubscribe_topic(self._topic)
