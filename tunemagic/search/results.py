"""Record what trials gave: their ends as events, their files on disk, only as long as they are needed."""

from __future__ import annotations

import bisect
import contextlib
import math
from collections.abc import Sequence
from dataclasses import replace

from tunemagic import events as ev
from tunemagic.ledger import Ledger
from tunemagic.search.job import Ending, StateTaken, TrialOutcome
from tunemagic.search.oracle import Strategy
from tunemagic.search.weights import WeightsFolder
from tunemagic.trial import LOG_LINES

__all__ = ["Results", "checked_outcome", "cut_outcome"]


class Results:
    """Writes the events that end trials and looks after their files.

    The best ``keep`` trials keep their weights, and every trial that the strategy may go on from
    keeps its training state. What is not needed any more is first journaled as dropped, then
    removed. Each trial costs the same however many there are.
    """

    def __init__(self, ledger: Ledger, weights: WeightsFolder, strategy: Strategy) -> None:
        self._ledger = ledger
        self._weights = weights
        self._strategy = strategy
        view = ledger.view
        weights.remove_strays([file for trial in view.trials for file in (trial.weights, trial.state_file) if file])
        self._sign = 1.0 if view.direction is ev.Direction.MIN else -1.0
        self._best: list[tuple[float, int]] = []
        for trial in [trial for trial in view.ranking() if trial.weights is not None][: view.keep]:
            self._best.append((self._sign * (trial.score or 0.0), trial.number))
        self._with_weights = {trial.number for trial in view.trials if trial.weights is not None}
        self._with_state = {trial.number for trial in view.trials if trial.state_file is not None}

    def save_state(self, taken: StateTaken) -> None:
        """Keep a training state in place of the trial's earlier one."""
        before = self._ledger.view.trial(taken.trial).state_file
        file = self._weights.write_state(taken.trial, taken.run, taken.epoch, taken.state)
        self._ledger.record(
            ev.TrialStateSaved(trial=taken.trial, attempt=taken.attempt, run=taken.run, epoch=taken.epoch, state=file)
        )
        self._with_state.add(taken.trial)
        if before is not None and before.file != file.file:
            self._weights.remove(before)

    def write_log(self, outcome: TrialOutcome) -> None:
        """Keep what the trial's worker printed, after what it printed in earlier attempts.

        A log is not worth ending a search for.
        """
        if not outcome.log:
            return
        with contextlib.suppress(OSError):
            lines = outcome.log.splitlines()
            if outcome.attempt > 1:
                before = self._weights.read_log(outcome.trial).splitlines()
                lines = [*before, f"-- attempt {outcome.attempt} --", *lines][-LOG_LINES:]
            self._weights.write_log(outcome.trial, "\n".join(lines) + "\n")

    def finished(self, outcome: TrialOutcome, score: float, best_epoch: int) -> None:
        """The trial ran to its end."""
        self._keep_final_state(outcome)
        self._ledger.record(
            ev.TrialFinished(
                trial=outcome.trial,
                attempt=outcome.attempt,
                score=score,
                best_epoch=best_epoch,
                metrics=dict(outcome.metrics),
                seconds=round(outcome.seconds, 3),
                weights=self._weights_of(outcome, score),
                trainer=outcome.trainer,
                worker=outcome.worker,
            )
        )

    def stopped(self, outcome: TrialOutcome, score: float | None, reason: str, *, pruned: bool) -> None:
        """The trial was ended early, by the pruner or because somebody or the clock said so."""
        cls = ev.TrialPruned if pruned else ev.TrialStopped
        self._ledger.record(
            cls(
                trial=outcome.trial,
                attempt=outcome.attempt,
                score=score,
                best_epoch=None if score is None else outcome.best_epoch,
                metrics=dict(outcome.metrics),
                seconds=round(outcome.seconds, 3),
                reason=reason,
                weights=None if score is None else self._weights_of(outcome, score),
                trainer=outcome.trainer,
                worker=outcome.worker,
            )
        )

    def failed(self, outcome: TrialOutcome) -> None:
        """The trial gave no usable score."""
        self._ledger.record(
            ev.TrialFailed(
                trial=outcome.trial,
                attempt=outcome.attempt,
                error=outcome.error,
                reason=outcome.reason,
                seconds=round(outcome.seconds, 3),
                line=outcome.line,
                source=outcome.source,
                worker=outcome.worker,
                trainer=outcome.trainer,
            )
        )

    def drop_files(self, running: set[int]) -> None:
        """Remove weights and states that neither the user nor the strategy needs any more."""
        best = {number for _, number in self._best}
        view = self._ledger.view
        for number in sorted(self._with_state - running):
            file = view.trial(number).state_file
            if file is not None and not self._strategy.may_resume(number):
                self._ledger.record(ev.WeightsDropped(trial=number, state_only=True))
                self._weights.remove(file)
                self._with_state.discard(number)
        for number in sorted(self._with_weights - best):
            file = view.trial(number).weights
            if file is not None:
                self._ledger.record(ev.WeightsDropped(trial=number))
                self._weights.remove(file)
            self._with_weights.discard(number)

    def _keep_final_state(self, outcome: TrialOutcome) -> None:
        if outcome.state is not None and self._strategy.may_resume(outcome.trial):
            self.save_state(
                StateTaken(
                    trial=outcome.trial,
                    attempt=outcome.attempt,
                    run=outcome.state_run,
                    epoch=outcome.state_epoch,
                    state=outcome.state,
                )
            )

    def _weights_of(self, outcome: TrialOutcome, score: float) -> ev.WeightsFile | None:
        """Write the weights when the trial is among the best that have some; of equal scores the earlier one is."""
        if outcome.weights is None:
            return None
        bisect.insort(self._best, (self._sign * score, outcome.trial))
        del self._best[self._ledger.view.keep :]
        if outcome.trial not in {number for _, number in self._best}:
            return None
        self._with_weights.add(outcome.trial)
        return self._weights.write(outcome.trial, outcome.attempt, outcome.weights)


def cut_outcome(outcome: TrialOutcome, curve: tuple[float | None, ...], direction: ev.Direction) -> TrialOutcome:
    """The outcome as it would be, had the trial been stopped after the last epoch of ``curve``.

    A fast trial is some epochs further before the word reaches it; what came after the verdict
    must not count, or the result would depend on the machine's speed.
    """
    outcome = replace(outcome, ending=Ending.STOPPED, error="", reason="", line=None, source=None)
    known = [(value, number) for number, value in enumerate(curve, 1) if value is not None and math.isfinite(value)]
    if not known:
        return replace(outcome, score=None, best_epoch=None, weights=None, state=None)
    sign = 1.0 if direction is ev.Direction.MIN else -1.0
    score, best_epoch = min(known, key=lambda pair: (sign * pair[0], pair[1]))
    weights = outcome.weights if outcome.best_epoch == best_epoch else None
    metrics = outcome.metrics if weights is not None else {}
    return replace(outcome, score=score, best_epoch=best_epoch, weights=weights, metrics=metrics, state=None)


def checked_outcome(outcome: TrialOutcome, objectives: Sequence[str]) -> TrialOutcome:
    """The outcome, turned into a failure when a finished trial lacks a value that is searched for."""
    if outcome.ending is not Ending.FINISHED:
        return outcome
    if ev.finite(outcome.score) is None or outcome.best_epoch is None:
        reason = "training ended without a finished epoch"
        return replace(outcome, ending=Ending.FAILED, error="no score", reason=reason)
    for name in objectives:
        if outcome.metrics.get(name) is None:
            found = ", ".join(outcome.metrics) or "nothing"
            reason = f"objective {name!r} has no value; the trial gave {found}"
            return replace(outcome, ending=Ending.FAILED, error="no value", reason=reason)
    return outcome
