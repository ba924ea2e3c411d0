"""Trials in the kernel's own process: what all executors promise stands in test_contract."""

import contextvars
import threading
from typing import Any

from tunemagic.search.executors.inline import InlineExecutor
from tunemagic.search.job import Ending, TrialJob, TrialOutcome

PATIENCE = 120.0  # seconds until a test gives up; reports are awaited, not slept for


def outcome_of(executor: InlineExecutor) -> TrialOutcome:
    while True:
        report = executor.next_report(PATIENCE)
        assert report is not None, "no report came"
        if isinstance(report, TrialOutcome):
            return report


def test_trials_run_in_a_thread_of_this_process(make_job: Any, namespace: dict[str, Any]) -> None:
    namespace["where"] = where = []
    executor = InlineExecutor()
    executor.submit(make_job("import threading\nwhere.append(threading.current_thread().name)\n1 / 0"))
    outcome_of(executor)
    executor.close()
    assert where == ["tunemagic-trial-1"]


def test_trials_see_the_context_in_which_the_executor_was_made(make_job: Any, namespace: dict[str, Any]) -> None:
    variable = namespace["variable"] = contextvars.ContextVar("variable", default="outside")
    namespace["found"] = found = []
    variable.set("the cell that started the study")
    executor = InlineExecutor()
    variable.set("a later cell")
    executor.submit(make_job("found.append(variable.get())\nvariable.set('a trial')\n1 / 0"))
    outcome_of(executor)
    executor.close()
    assert found == ["the cell that started the study"]
    assert variable.get() == "a later cell"


def test_data_that_can_not_be_sent_anywhere_is_taken(make_job: Any, cell: str, namespace: dict[str, Any]) -> None:
    namespace["lock"] = threading.Lock()
    executor = InlineExecutor()
    job: TrialJob = make_job("with lock: pass\n" + cell, epochs=1)
    executor.submit(job)
    assert outcome_of(executor).ending is Ending.FINISHED
    executor.close()
