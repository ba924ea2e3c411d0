"""Where trials run: in the kernel, in one isolated worker or in several, and what the user is told."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tunemagic.errors import OptionError, UnsendableError
from tunemagic.search.executors.choose import choose_executor


@pytest.fixture
def choose() -> Iterator[Any]:
    """Kind, number of slots and reason of what is chosen."""
    made = []

    def choose(*arguments: Any, **options: Any) -> tuple[str, int, str]:
        executor, reason = choose_executor(*arguments, **options)
        made.append(executor)
        return executor.kind, executor.slots, reason

    yield choose
    for executor in made:
        executor.close()


def test_one_isolated_worker_unless_told_otherwise(choose: Any, make_job: Any) -> None:
    reason = "a crash of the model does not take the kernel along"
    assert choose(None, make_job().work) == ("process", 1, reason)
    assert choose(1, make_job().work) == ("process", 1, reason)


def test_several_workers_share_the_cores(choose: Any, make_job: Any) -> None:
    assert choose(2, make_job().work, cores=2) == ("process", 2, "they have 1 thread each")
    assert choose(2, make_job().work, cores=5) == ("process", 2, "they have 2 threads each")


def test_no_workers_means_the_kernel(choose: Any, make_job: Any) -> None:
    assert choose(0, make_job().work) == ("inline", 1, "you chose --workers 0")
    assert choose(0, make_job().work, memory_gb=1.0) == (
        "inline",
        1,
        "you chose --workers 0; --memory-gb needs a worker and has no effect",
    )


def test_what_can_not_be_sent_stays_in_the_kernel_unless_workers_were_asked_for(
    choose: Any, make_job: Any, namespace: dict[str, Any]
) -> None:
    namespace["lock"] = threading.Lock()
    work = make_job("with lock: pass").work
    reason = "`lock` (cannot pickle '_thread.lock' object) can't be sent to a worker"
    assert choose(None, work) == ("inline", 1, reason)
    with pytest.raises(UnsendableError, match="`lock`"):
        choose(1, work)


def test_more_workers_than_cores_are_refused(make_job: Any) -> None:
    with pytest.raises(OptionError) as caught:
        choose_executor(99, make_job().work, cores=2)
    assert str(caught.value) == "--workers 99: this machine has 2 cores; expected 0 to 2."
