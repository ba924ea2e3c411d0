"""What can be asked of a study while it runs, and of one that has ended for when it goes on."""

from __future__ import annotations

import math
import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from tunemagic import events as ev
from tunemagic.analysis.frame import trials_frame
from tunemagic.analysis.known import known_trial
from tunemagic.errors import OptionError, StudyError
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.part import StudyPart
from tunemagic.search.steered_space import as_in_the_cell, cell_definitions, changed_space, values_to_try
from tunemagic.search.steering import SearchOverError, Steered, Steering
from tunemagic.search.strategy import Strategy
from tunemagic.space import SearchSpace, Value
from tunemagic.trial import StudyState, StudyView, TrialState

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Steerable", "budget_text"]

T = TypeVar("T")
_LARGEST = 10**9  # of a budget: nobody lives to see its end


class Steerable(StudyPart):
    """The part of a Study by which a search is steered. All of it may be called from any thread.

    What is asked of a running search is done by its loop within a tenth of a second, or as soon as
    the strategy has made its next proposal; the methods wait for that. What is asked while a search
    starts is done as soon as it runs.
    """

    def __init__(self) -> None:
        self._steering = Steering()
        self._steering.close()  # until a search starts
        # Held while a search starts, and while the space of one that does not run is changed.
        self._start_lock = threading.RLock()
        self._selected: tuple[int, ...] = ()

    @abstractmethod
    def _make_strategy(self, view: StudyView) -> Strategy:
        """The strategy as it goes on from these trials."""

    # -- ending ----------------------------------------------------------------------------------

    def stop(self) -> None:
        """End the search soon and keep everything; returns at once, harmless when it has ended."""
        self._steering.stop.set()

    def skip(self, number: int | None = None) -> None:
        """End a running trial soon with its best epoch so far; None means every running one.

        Returns at once. Raises StudyError when that trial does not run.
        """
        running = {trial.number for trial in self.view.trials if trial.state is TrialState.RUNNING}
        if not self.running or not running:
            raise StudyError(f"study {self.name}: no trial runs now, so there is none to skip.")
        wanted = running if number is None else {number} & running
        if not wanted:
            shown = ", ".join(map(str, sorted(running)))
            raise StudyError(f"study {self.name}: trial {number} does not run; running now: {shown}.")
        self._steering.skips |= wanted

    # -- pausing ---------------------------------------------------------------------------------

    def pause(self) -> None:
        """Let each running trial wait after its running epoch, and start no other one.

        The study's clock stands still, so ``minutes`` are not used up. Waiting trials keep their
        memory; their training states are on disk, so a kernel that dies meanwhile loses nothing.
        Harmless when the study is paused. Raises StudyError when it does not run.
        """
        self._ask(Steered.pause, "there is nothing to pause")

    def resume(self) -> None:
        """End a pause. Harmless when there is none. Raises StudyError for a study that does not run."""
        self._ask(
            Steered.go_on, f"there is no pause to end. Run its cell again, or `%tune resume {self.name}`, to go on"
        )

    # -- changing what is searched ---------------------------------------------------------------

    def try_(self, /, **values: Value) -> dict[str, Value]:
        """Try these values next, before those of the strategy; returns all values of that trial.

        Before the first trial, which is that of the default values, nothing is tried. Parameters
        left out have their default. The trial counts like any other; when the wanted number of
        trials was run it comes on top. In a study that has ended it runs when that goes on. Raises
        SpaceError for names or values that the space does not have, OptionError without any.
        """
        if not values:
            raise OptionError("try: received no values; expected some, as in units=128.")
        self._check_open()
        view = self.view
        point = values_to_try(view.space, values, code=view.code)
        try:
            self._ask(lambda steered: steered.queue(point), "")
        except SearchOverError:
            self._ledger.record(ev.TrialQueued(values=point))
        return point

    @property
    def cell_space(self) -> SearchSpace:
        """The hyperparameters as the cell defines them, whatever was made of their ranges since."""
        return as_in_the_cell(self.view.space, cell_definitions(self._ledger.events_after(0)))

    def narrow(
        self,
        *,
        ranges: Mapping[str, Sequence[float]] | None = None,
        fixed: Mapping[str, Value] | None = None,
        choices: Mapping[str, Sequence[Value]] | None = None,
        reset: bool = False,
    ) -> str:
        """Change what the search looks at: narrow or widen ranges, fix values, choose among choices.

        Args:
            ranges: (low, high) by name, both included; they may go beyond what the cell says.
            fixed: One value by name.
            choices: Some of the cell's choices by name.
            reset: First take back every change, so that all is as in the cell.

        Returns one sentence on what that means for the strategy. Trials so far are kept. The cell
        does not undo it when it runs again, unless it defines that parameter otherwise then.
        Raises SpaceError on an unknown name, an empty range or a value that can't be, OptionError
        when nothing is to be changed.
        """
        asked: dict[str, Any] = {"ranges": ranges or {}, "fixed": fixed or {}, "choices": choices or {}}
        if not reset and not any(asked.values()):
            raise OptionError("space: received nothing to change; expected ranges, fixed, choices or reset.")

        def wanted() -> SearchSpace:
            view, cell = self.view, cell_definitions(self._ledger.events_after(0))
            space = as_in_the_cell(view.space, cell) if reset else view.space
            return changed_space(space, cell, **asked, code=view.code)

        self._check_open()
        wanted()  # what can't be is refused here and now
        try:
            # Made where it is used: meanwhile a trial, or somebody else, may have changed the space.
            return self._ask(lambda steered: steered.search_in(wanted()), "") or ""
        except SearchOverError:
            pass
        with self._start_lock:
            if self._steering.over:
                strategy = self._make_strategy(self.view)
                sentence = strategy.narrow(wanted())
                changed = ev.SpaceChanged(space=strategy.space().to_json(), reason=sentence, asked=True)
                return self._ledger.record(changed).reason
        return self.narrow(**asked, reset=reset)  # a search has just started

    def set_budget(
        self, *, max_trials: int | None = None, minutes: float | None = None, workers: int | None = None
    ) -> str:
        """Give a running study other limits, or another number of workers; None leaves one as it is.

        ``max_trials`` and ``minutes`` count from the study's beginning; the first one reached ends
        it. Further workers start at once; those that are too many end with their trial. Returns
        what that means in a sentence. Raises OptionError for a number out of range or workers that
        can't be had, StudyError for a study that does not run.
        """
        _check_budget(max_trials, minutes, workers)
        ended = (
            f"its budget can't be changed. `%tune resume {self.name} -n {max_trials or 50}` goes on with another one"
        )
        if workers is not None:
            self._ask(lambda steered: steered.resize(workers), ended)
        if max_trials is not None or minutes is not None:
            self._ask(lambda steered: steered.limit(max_trials, minutes), ended)
        return budget_text(self.view)

    def _ask(self, action: Callable[[Steered], T], otherwise: str) -> T | None:
        """Let the loop do this. Without one raises StudyError, or SearchOverError when ``otherwise`` is ""."""
        self._check_open()
        try:
            return self._steering.ask(action)
        except SearchOverError:
            if not otherwise:
                raise
        state = self.view.state
        known = "is ending" if self.running else "has not started" if state is StudyState.RUNNING else f"is {state}"
        raise StudyError(f"study {self.name} {known}: {otherwise}.")

    # -- choosing trials -------------------------------------------------------------------------

    def select(self, trials: Sequence[int]) -> None:
        """Choose trials by number, as brushing them in the panel does; ``selected`` shows them.

        Raises StudyError for a trial that there is not.
        """
        view = self.view
        for number in trials:
            known_trial(view, number, self.name)
        self._selected = tuple(sorted(set(trials)))

    @property
    def selected(self) -> pd.DataFrame:
        """The chosen trials, as rows of ``trials``; none when nothing was chosen."""
        frame = trials_frame(self.view)
        return frame.loc[list(self._selected)]


def _check_budget(max_trials: int | None, minutes: float | None, workers: int | None) -> None:
    if max_trials is None and minutes is None and workers is None:
        raise OptionError("budget: received nothing to change; expected max_trials, minutes or workers.")
    for name, number in (("max_trials", max_trials), ("workers", workers)):
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
            raise OptionError(f"{name}: expected a whole number of at least 1; received {number!r}.")
    if minutes is not None and (
        isinstance(minutes, bool) or not isinstance(minutes, (int, float)) or not 0 < minutes < math.inf
    ):
        raise OptionError(f"minutes: expected a number above 0; received {minutes!r}.")
    for name, limit in (("max_trials", max_trials), ("minutes", minutes), ("workers", workers)):
        if limit is not None and limit > _LARGEST:
            raise OptionError(f"{name}: expected at most {_LARGEST}; received a larger number.")


def budget_text(view: StudyView, texts: Catalogue = ENGLISH) -> str:
    """What its limits and workers mean for a study that runs."""
    begun = len(view.trials) - view.skipped_trials
    if view.minutes is not None and view.elapsed >= 60 * view.minutes:
        return texts("verb.time_over", minutes=f"{view.minutes:g}")
    if view.max_trials is not None and begun >= view.max_trials:
        return texts("verb.trials_over", count=begun)
    limits = {"trials": view.max_trials, "minutes": None if view.minutes is None else f"{view.minutes:g}"}
    known = [name for name, limit in limits.items() if limit is not None]
    end = ("ends_never", *(f"ends_{name}" for name in known))[-1] if len(known) < 2 else "ends_either"
    return texts("verb.workers", count=view.workers, text=texts(f"verb.{end}", **limits))
