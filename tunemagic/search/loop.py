"""The search itself: ask the strategy, submit the job, record what happens, tell the strategy.

No I/O of its own: events go through the ledger, weights through the weights folder, training
through an executor. One thread runs the loop and nobody else touches the strategy.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tunemagic import events as ev
from tunemagic.errors import StorageError
from tunemagic.ledger import Ledger
from tunemagic.search.data import TrainingData
from tunemagic.search.executors.base import Executor
from tunemagic.search.faults import describe_error
from tunemagic.search.job import Ending, TrialJob, TrialOutcome, TrialProgram, Work
from tunemagic.search.oracle import Proposal, Strategy, Waiting
from tunemagic.search.weights import WeightsFolder
from tunemagic.trial import TrialRecord, TrialState

__all__ = ["MAX_ATTEMPTS", "SearchLoop"]

MAX_ATTEMPTS = 3  # a trial that takes its process along this often is given up
_TICK_SECONDS = 0.1  # how soon a stop or the time limit is noticed while a trial trains


@dataclass(frozen=True, slots=True)
class _Running:
    job: TrialJob
    started: float


class SearchLoop:
    """Runs one session of a study until a limit is reached or ``stop`` is set.

    ``memos`` are the strategy's notes by trial from earlier sessions. ``run`` always records a
    StudyEnded; when even that can't be written, it is shown without being written.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        strategy: Strategy,
        executor: Executor,
        weights: WeightsFolder,
        program: TrialProgram,
        data: TrainingData,
        stop: threading.Event,
        memos: Mapping[int, dict[str, Any]] | None = None,
        line_of: Callable[[Any], int | None] | None = None,
    ) -> None:
        self._ledger = ledger
        self._strategy = strategy
        self._executor = executor
        self._weights = weights
        self._program = program
        self._data = data
        self._stop = stop
        self._memos = dict(memos or {})
        self._line_of = line_of
        self._running: dict[int, _Running] = {}
        self._failures_in_a_row = 0
        self._exhausted = False

    def run(self) -> None:
        """Search until the end."""
        self._ledger.start_clock()
        try:
            reason = self._search()
            self._ledger.record(ev.StudyEnded(reason=reason, message=self._message(reason)))
        except StorageError as error:
            self._ledger.show(ev.StudyEnded(reason=ev.EndReason.ERROR, message=str(error)))
        # A fault of a strategy or of tunemagic itself: the study must end in a clear state, never "running".
        except Exception as error:
            self._executor.close()
            self._ledger.show(
                ev.StudyEnded(reason=ev.EndReason.ERROR, message=f"the search broke: {describe_error(error)}")
            )
            raise
        finally:
            self._executor.close()
            self._ledger.stop_clock()

    def _search(self) -> ev.EndReason:
        view = self._ledger.view
        self._weights.remove_strays([trial.weights for trial in view.trials if trial.weights is not None])
        again = [trial for trial in view.trials if trial.state is TrialState.INTERRUPTED]
        while True:
            reason = self._end_reason()
            if reason is None:
                self._fill_slots(again)
            elif reason in (ev.EndReason.STOPPED, ev.EndReason.TIME):
                for number in self._running:
                    self._executor.cancel(number)
            if not self._running:
                if reason is None and self._exhausted:
                    return ev.EndReason.EXHAUSTED
                if reason is not None:
                    return reason
                continue
            report = self._executor.next_report(_TICK_SECONDS)
            if isinstance(report, ev.EpochEnded):
                self._ledger.record(report)
            elif isinstance(report, TrialOutcome):
                self._take(report)

    def _end_reason(self) -> ev.EndReason | None:
        """Why no further trial may start, or None while one may."""
        view = self._ledger.view
        if self._stop.is_set():
            return ev.EndReason.STOPPED
        if view.minutes is not None and self._ledger.elapsed >= 60 * view.minutes:
            return ev.EndReason.TIME
        if self._failures_in_a_row >= view.max_failures:
            return ev.EndReason.FAILURES
        unfinished = any(trial.state is TrialState.INTERRUPTED for trial in view.trials)
        if view.max_trials is not None and len(view.trials) >= view.max_trials and not unfinished:
            return ev.EndReason.TRIALS
        return None

    def _fill_slots(self, again: list[TrialRecord]) -> None:
        while len(self._running) < self._executor.slots and self._end_reason() is None:
            if again:
                self._start_again(again.pop(0))
                continue
            if self._exhausted:
                return
            number = len(self._ledger.view.trials) + 1
            proposal = self._strategy.ask(number)
            if isinstance(proposal, Waiting) and self._running:
                return
            if proposal is None or isinstance(proposal, Waiting):
                self._exhausted = True
                return
            self._start(number, 1, proposal)

    def _start_again(self, record: TrialRecord) -> None:
        """A trial that its session's death cut off: the same values, from the first epoch on."""
        if record.attempt >= MAX_ATTEMPTS:
            reason = f"its process died in each of {record.attempt} attempts"
            self._fail(record.number, record.attempt, "crashed", reason, record.seconds or 0.0)
            self._strategy.tell(record.number, None)
            return
        memo = self._memos.get(record.number, {})
        hidden = memo.get("hidden", {})
        proposal = Proposal(
            values=dict(record.values),
            why=record.why,
            epochs=hidden.get("tuner/epochs"),
            initial_epoch=hidden.get("tuner/initial_epoch", 0),
            parent=record.parent,
            memo=memo,
        )
        self._start(record.number, record.attempt + 1, proposal)

    def _start(self, number: int, attempt: int, proposal: Proposal) -> None:
        view = self._ledger.view
        epochs = proposal.epochs or view.epochs
        self._memos[number] = proposal.memo
        self._ledger.record(
            ev.TrialStarted(
                trial=number,
                attempt=attempt,
                values=proposal.values,
                epochs=epochs,
                why=proposal.why,
                parent=proposal.parent,
                memo=proposal.memo,
            )
        )
        hp = self._strategy.hyperparameters(number)
        hp.line_of = self._line_of
        job = TrialJob(
            trial=number,
            attempt=attempt,
            work=Work(program=self._program, data=self._data, objective=view.objective, direction=view.direction),
            hp=hp,
            epochs=epochs,
            fixed_epochs=proposal.epochs is not None,
            seed=(view.seed * 1_000_003 + number) % 2**31,
        )
        self._running[number] = _Running(job, self._ledger.elapsed)
        self._executor.submit(job)

    def _take(self, outcome: TrialOutcome) -> None:
        """Record how a trial ended, then tell the strategy, then keep only the best weights."""
        running = self._running.pop(outcome.trial)
        score = None if outcome.ending is Ending.FAILED else ev.finite(outcome.score)
        if outcome.ending is Ending.FINISHED and score is None:
            self._fail(
                outcome.trial, outcome.attempt, "no score", "training ended without a finished epoch", outcome.seconds
            )
        elif outcome.ending is Ending.FAILED:
            self._fail(
                outcome.trial,
                outcome.attempt,
                outcome.error,
                outcome.reason,
                outcome.seconds,
                outcome.line,
                outcome.source,
            )
        else:
            self._record_scored(outcome, score)
            self._failures_in_a_row = 0
        self._strategy.tell(outcome.trial, score, running.job.hp if outcome.hp is None else outcome.hp)
        self._note_new_space()
        self._drop_weights()

    def _record_scored(self, outcome: TrialOutcome, score: float | None) -> None:
        file = None
        if outcome.weights is not None and score is not None and self._keeps(outcome.trial, score):
            file = self._weights.write(outcome.trial, outcome.attempt, outcome.weights)
        metrics = dict(outcome.metrics)
        seconds = round(outcome.seconds, 3)
        if outcome.ending is Ending.FINISHED and score is not None and outcome.best_epoch is not None:
            event: ev.Event = ev.TrialFinished(
                trial=outcome.trial,
                attempt=outcome.attempt,
                score=score,
                best_epoch=outcome.best_epoch,
                metrics=metrics,
                seconds=seconds,
                weights=file,
            )
        else:
            event = ev.TrialStopped(
                trial=outcome.trial,
                attempt=outcome.attempt,
                score=score,
                best_epoch=outcome.best_epoch,
                metrics=metrics,
                seconds=seconds,
                reason="you stopped the study" if self._stop.is_set() else "the time was up",
                weights=file,
            )
        self._ledger.record(event)

    def _keeps(self, number: int, score: float) -> bool:
        """Whether a trial with this score belongs to the best ones, or its weights are needed on."""
        view = self._ledger.view
        better = sum(
            not view.direction.better(score, trial.score) for trial in view.ranking() if trial.number != number
        )
        return better < view.keep or self._strategy.may_resume(number)

    def _drop_weights(self) -> None:
        """Remove weights that are neither among the best nor needed by the strategy."""
        view = self._ledger.view
        best = {trial.number for trial in view.ranking()[: view.keep]}
        for trial in view.trials:
            if trial.weights is not None and trial.number not in best and not self._strategy.may_resume(trial.number):
                self._ledger.record(ev.WeightsDropped(trial=trial.number))
                self._weights.remove(trial.weights)

    def _fail(
        self,
        number: int,
        attempt: int,
        error: str,
        reason: str,
        seconds: float,
        line: int | None = None,
        source: str | None = None,
    ) -> None:
        self._failures_in_a_row += 1
        self._ledger.record(
            ev.TrialFailed(
                trial=number,
                attempt=attempt,
                error=error,
                reason=reason,
                seconds=round(seconds, 3),
                line=line,
                source=source,
            )
        )

    def _note_new_space(self) -> None:
        space = self._strategy.space()
        known = self._ledger.view.space
        if space != known:
            added = [name for name in space.names if name not in known.names]
            self._ledger.record(
                ev.SpaceChanged(space=space.to_json(), reason=f"the cell named new hyperparameters: {', '.join(added)}")
            )

    def _message(self, reason: ev.EndReason) -> str:
        view = self._ledger.view
        ended = view.ended_trials
        if reason is ev.EndReason.FAILURES:
            last = next(trial for trial in reversed(view.trials) if trial.state is TrialState.FAILED)
            at = "" if last.line is None else f" (line {last.line}: {(last.source or '').strip()})"
            return f"{self._failures_in_a_row} trials failed in a row; the last one: {last.reason}{at}"
        return {
            ev.EndReason.TRIALS: f"all {ended} trials done",
            ev.EndReason.TIME: f"time is up after {ended} trials",
            ev.EndReason.EXHAUSTED: f"every combination was tried ({ended} trials)",
            ev.EndReason.STOPPED: f"stopped after {ended} trials",
        }[reason]
