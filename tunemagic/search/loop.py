"""The search itself: ask the strategy, submit the job, record what happens, tell the strategy.

No I/O of its own: events go through the ledger, files through ``search.results``, training
through an executor. One thread runs the loop and nobody else touches the strategy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tunemagic import events as ev
from tunemagic.errors import StorageError
from tunemagic.ledger import Ledger
from tunemagic.search.endings import end_message
from tunemagic.search.executors.base import Executor
from tunemagic.search.faults import describe_error
from tunemagic.search.job import Ending, Report, StateTaken, TrialJob, TrialOutcome, Work, WorkersStarted
from tunemagic.search.oracle import Proposal, Strategy, Waiting
from tunemagic.search.results import Results, checked_outcome, cut_outcome
from tunemagic.search.seeds import trial_seed
from tunemagic.search.steering import Steered, Steering
from tunemagic.search.weights import WeightsFolder
from tunemagic.space import Value
from tunemagic.trial import StudyView, TrialRecord, TrialState

__all__ = ["MAX_ATTEMPTS", "MAX_SKIPS", "SearchLoop", "TrialPruner"]

MAX_ATTEMPTS = 3  # a trial that takes its session along this often is given up
MAX_SKIPS = 30  # proposals in a row that break a limit; more means that no model keeps to it
_TICK_SECONDS = 0.1  # how soon a stop or the time limit is noticed while a trial trains


class TrialPruner(Protocol):
    """Says after an epoch whether a trial is worth going on with."""

    def verdict(self, view: StudyView, trial: int) -> str | None:
        """Why the trial should end, with the numbers; None to let it go on."""


@dataclass(slots=True)
class _Running:
    job: TrialJob
    verdict: str | None = None  # why the pruner ended it
    skipped: bool = False  # the user ended it
    cancelled: bool = False


class SearchLoop:
    """Runs one session of a study until a limit is reached or the user stops it.

    ``memos`` are the strategy's notes by trial from earlier sessions; ``steering`` is how the user
    stops, pauses or changes the search. ``run`` always records a StudyEnded; when even that can't be written,
    it is shown without being written.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        strategy: Strategy,
        executor: Executor,
        weights: WeightsFolder,
        work: Work,
        steering: Steering | None = None,
        pruner: TrialPruner | None = None,
        memos: Mapping[int, dict[str, Any]] | None = None,
        line_of: Callable[[Any], int | None] | None = None,
        findings: Callable[[ev.EndReason], list[dict[str, Any]]] | None = None,
    ) -> None:
        self._ledger = ledger
        self._strategy = strategy
        self._executor = executor
        self._weights = weights
        self._work = work
        self._steering = steering or Steering()
        self._steered = Steered(ledger, strategy, executor)
        self._pruner = pruner
        self._memos = dict(memos or {})
        self._line_of = line_of
        self._findings = findings
        self._running: dict[int, _Running] = {}
        self._losses: dict[int, TrialOutcome] = {}
        self._again: list[TrialRecord] = []
        self._failures_in_a_row = 0
        self._skips_in_a_row = 0
        self._skipped = 0
        self._exhausted = False

    def run(self) -> None:
        """Search until the end."""
        self._ledger.start_clock()
        try:
            reason = self._search()
            self._steering.close()  # whoever asks something now shall not wait for the diagnosis
            self._diagnose(reason)
            message = end_message(self._ledger.view, reason, in_a_row=self._in_a_row(reason))
            self._ledger.record(ev.StudyEnded(reason=reason, message=message))
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
            self._steering.close()
            self._executor.close()
            self._ledger.stop_clock()

    def _diagnose(self, reason: ev.EndReason) -> None:
        """Record what the study's owner finds of its trials, before the end: so it is there when the study ends."""
        if self._findings is None:
            return
        try:
            # Who stops the study while its last trial ends does not wait for the best model to be measured either.
            found = self._findings(ev.EndReason.STOPPED if self._steering.stop.is_set() else reason)
        # The user's model is built for it once more; whatever it raises now is no fault of the search.
        except Exception:
            found = []
        if found:
            self._ledger.record(ev.StudyDiagnosed(findings=found))

    def _search(self) -> ev.EndReason:
        view = self._ledger.view
        self._results = Results(self._ledger, self._weights, self._strategy)
        self._again = [trial for trial in view.trials if trial.state is TrialState.INTERRUPTED]
        self._skipped = view.skipped_trials
        while True:
            if self._steering.serve(self._steered):
                self._exhausted = False  # the user may have widened the space
            reason = self._end_reason()
            if reason is ev.EndReason.TRIALS and self._ledger.view.queued:
                self._make_room()
                reason = None
            if reason is None:
                self._fill_slots()
            self._steered.hold(set(self._running))
            self._cancel_some(reason)
            if not self._running:
                if reason is None and self._exhausted and not self._again and not self._steered.paused:
                    return ev.EndReason.EXHAUSTED
                if reason is not None:
                    self._give_up_retries()
                    return reason
                if self._steered.paused:
                    self._steering.wait(_TICK_SECONDS)
                continue
            report = self._executor.next_report(_TICK_SECONDS)
            if report is not None:
                self._take(report)

    def _end_reason(self) -> ev.EndReason | None:
        """Why no further trial may start, or None while one may."""
        view = self._ledger.view
        if self._steering.stop.is_set():
            return ev.EndReason.STOPPED
        if view.minutes is not None and self._ledger.elapsed >= 60 * view.minutes:
            return ev.EndReason.TIME
        if self._failures_in_a_row >= view.max_failures:
            return ev.EndReason.FAILURES
        if self._skips_in_a_row >= MAX_SKIPS:
            return ev.EndReason.LIMITS
        if view.max_trials is not None and len(view.trials) - self._skipped >= view.max_trials and not self._again:
            return ev.EndReason.TRIALS
        return None

    def _cancel_some(self, reason: ev.EndReason | None) -> None:
        """End the trials that are not to go on: all of them, or those that the user skips."""
        everything = reason in (ev.EndReason.STOPPED, ev.EndReason.TIME)
        skips = self._steering.skips & self._running.keys()
        self._steering.skips -= skips
        for number in skips:
            self._running[number].skipped = True
        for number in self._running if everything else skips:
            self._cancel(number)

    def _cancel(self, number: int) -> None:
        running = self._running[number]
        if not running.cancelled:
            running.cancelled = True
            self._executor.cancel(number)

    # -- starting --------------------------------------------------------------------------------

    def _fill_slots(self) -> None:
        while not self._steered.paused and len(self._running) < self._executor.slots and self._end_reason() is None:
            if self._again:
                self._start_again(self._again.pop(0))
                continue
            view = self._ledger.view
            # The first trial is that of the defaults, which all others are compared with.
            if view.queued and (view.trials or self._exhausted):
                self._start_queued(view.queued[0])
                continue
            if self._exhausted:
                return
            number = len(view.trials) + 1
            proposal = self._strategy.ask(number)
            if isinstance(proposal, Waiting) and self._running:
                return
            if proposal is None or isinstance(proposal, Waiting):
                self._exhausted = True
                continue
            self._start(number, 1, proposal)

    def _make_room(self) -> None:
        """What the user wants tried runs also when the wanted number of trials was run."""
        view = self._ledger.view
        trials = len(view.trials) - self._skipped + len(view.queued)
        self._ledger.record(ev.LimitsChanged(max_trials=trials, minutes=view.minutes))

    def _start_queued(self, wanted: Mapping[str, Value]) -> None:
        number = len(self._ledger.view.trials) + 1
        values = self._strategy.add(number, wanted)
        self._start(number, 1, Proposal(values=values, why="you asked for it"), queued=True)

    def _start_again(self, record: TrialRecord) -> None:
        """A trial that was cut off: the same values, from the last state that was saved."""
        if record.attempt >= MAX_ATTEMPTS:
            reason = f"its process died in each of {record.attempt} attempts"
            self._end_failed(
                TrialOutcome(
                    trial=record.number,
                    attempt=record.attempt,
                    ending=Ending.FAILED,
                    seconds=record.seconds or 0.0,
                    error="crashed",
                    reason=reason,
                )
            )
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
        self._start(record.number, record.attempt + 1, proposal, record)

    def _start(
        self,
        number: int,
        attempt: int,
        proposal: Proposal,
        before: TrialRecord | None = None,
        *,
        queued: bool = False,
    ) -> None:
        view = self._ledger.view
        self._steering.skips.discard(number)  # was meant for an attempt that has ended
        own = None if before is None else self._state_of(number)
        state = own if own is not None or proposal.parent is None else self._state_of(proposal.parent, follower=True)
        epochs = proposal.epochs or view.epochs
        self._memos[number] = proposal.memo
        resumed = own is not None and before is not None
        self._ledger.record(
            ev.TrialStarted(
                trial=number,
                attempt=attempt,
                values=proposal.values,
                epochs=epochs,
                why=proposal.why,
                parent=proposal.parent,
                memo=proposal.memo,
                resumed_epoch=before.state_epoch if resumed and before is not None else 0,
                resumed_run=before.state_run if resumed and before is not None else 1,
                queued=queued,
            )
        )
        hp = self._strategy.hyperparameters(number)
        hp.line_of = self._line_of
        from_parent = own is None and state is not None
        job = TrialJob(
            trial=number,
            attempt=attempt,
            work=self._work,
            hp=hp,
            epochs=epochs,
            fixed_epochs=proposal.epochs is not None,
            initial_epoch=proposal.initial_epoch if state is not None else 0,
            seed=trial_seed(view.seed, number),
            state=state,
            from_parent=from_parent,
            keep_state=self._strategy.may_resume(number),
        )
        self._running[number] = _Running(job)
        self._executor.submit(job)

    def _state_of(self, number: int, *, follower: bool = False) -> bytes | None:
        """A trial's saved training state; None when it has none that can be used."""
        file = self._ledger.view.trial(number).state_file
        if file is None and not follower:
            return None
        try:
            if file is None:
                raise StorageError("it was not kept")
            return self._weights.read(file)
        except StorageError as error:
            who = f"trial {number}" if not follower else f"the follower of trial {number}"
            self._ledger.record(
                ev.StudyNoted(text=f"{who} starts afresh, since the saved state can't be used: {error}")
            )
            return None

    # -- what comes back -------------------------------------------------------------------------

    def _take(self, report: Report) -> None:
        match report:
            case WorkersStarted():
                self._ledger.record(ev.WorkersReady(seconds=round(report.seconds, 3)))
            case TrialOutcome():
                self._take_outcome(report)
            case StateTaken():
                if self._running[report.trial].verdict is None:
                    self._results.save_state(report)
            case ev.EpochEnded() | ev.RunEnded():
                running = self._running[report.trial]
                if running.verdict is not None:
                    return  # what a trial does after the verdict must not count
                self._ledger.record(report)
                if isinstance(report, ev.EpochEnded) and report.run == 1 and self._pruner is not None:
                    running.verdict = self._pruner.verdict(self._ledger.view, report.trial)
                    if running.verdict is not None:
                        self._cancel(report.trial)

    def _take_outcome(self, outcome: TrialOutcome) -> None:
        """Record how a trial ended, then tell the strategy, then keep only the files that are needed."""
        running = self._running.pop(outcome.trial)
        running.skipped |= outcome.trial in self._steering.skips  # while it ended by itself
        self._steering.skips.discard(outcome.trial)
        self._results.write_log(outcome)
        over = running.skipped or self._end_reason() in (ev.EndReason.STOPPED, ev.EndReason.TIME)
        if outcome.ending is Ending.LOST and running.verdict is None and not over and self._retry(outcome):
            return
        if running.verdict is not None or (outcome.ending is Ending.LOST and over):
            trial = self._ledger.view.trial(outcome.trial)
            curve = trial.curves.get(self._ledger.view.objective, ())
            outcome = cut_outcome(outcome, curve, self._ledger.view.direction)
        if running.verdict is None:
            outcome = checked_outcome(outcome, [name for name, _ in self._ledger.view.objectives])
        hp = running.job.hp if outcome.hp is None else outcome.hp
        if outcome.ending is Ending.SKIPPED:
            self._skips_in_a_row += 1
            self._skipped += 1
            self._results.stopped(outcome, None, outcome.reason, pruned=True)
            self._strategy.tell(outcome.trial, None, hp)
        elif outcome.ending in (Ending.FAILED, Ending.LOST):
            self._end_failed(outcome, hp)
        else:
            self._end_scored(outcome, running, hp)
        self._note_new_space()
        self._results.drop_files(set(self._running))

    def _retry(self, outcome: TrialOutcome) -> bool:
        """Try a trial whose worker died once more. Nobody but the loop does so, and it is journaled."""
        before = self._losses.get(outcome.trial)
        self._losses[outcome.trial] = outcome
        record = self._ledger.view.trial(outcome.trial)
        if before is not None or record.attempt >= MAX_ATTEMPTS:
            return False
        self._ledger.record(ev.StudyNoted(text=f"trial {outcome.trial}: {outcome.reason}; it is tried once more"))
        self._again.append(record)
        return True

    def _give_up_retries(self) -> None:
        """The search ends before trials that were lost in it got their second attempt."""
        for record in self._again:
            if record.number in self._losses:
                self._end_failed(self._losses[record.number])

    def _end_scored(self, outcome: TrialOutcome, running: _Running, hp: Any) -> None:
        score = ev.finite(outcome.score)
        self._failures_in_a_row = self._skips_in_a_row = 0
        if running.verdict is not None:
            self._results.stopped(outcome, score, running.verdict, pruned=True)
        elif outcome.ending is Ending.FINISHED and score is not None and outcome.best_epoch is not None:
            self._results.finished(outcome, score, outcome.best_epoch)
        else:
            why = "you stopped the study" if self._steering.stop.is_set() else "the time was up"
            self._results.stopped(outcome, score, "you skipped it" if running.skipped else why, pruned=False)
        further = [outcome.metrics.get(name) for name, _ in self._ledger.view.objectives]
        values = (
            None if score is None or None in further else [score, *(value for value in further if value is not None)]
        )
        if further:
            self._strategy.tell(outcome.trial, score, hp, values=values)
        else:
            self._strategy.tell(outcome.trial, score, hp)

    def _end_failed(self, outcome: TrialOutcome, hp: Any = None) -> None:
        self._failures_in_a_row += 1
        self._results.failed(outcome)
        self._strategy.tell(outcome.trial, None, hp)

    def _note_new_space(self) -> None:
        space = self._strategy.space()
        known = self._ledger.view.space
        if space != known:
            added = [name for name in space.names if name not in known.names]
            self._ledger.record(
                ev.SpaceChanged(space=space.to_json(), reason=f"the cell named new hyperparameters: {', '.join(added)}")
            )

    def _in_a_row(self, reason: ev.EndReason) -> int:
        """How many trials in a row have brought the search to this end."""
        return self._skips_in_a_row if reason is ev.EndReason.LIMITS else self._failures_in_a_row
