"""Numbers of trials as a user gives them."""

from __future__ import annotations

from tunemagic.errors import StudyError
from tunemagic.text import counted
from tunemagic.trial import StudyView, TrialRecord

__all__ = ["known_trial"]


def known_trial(view: StudyView, number: object, study: str) -> TrialRecord:
    """The trial of this number. Raises StudyError, naming the study, when there is none."""
    known = len(view.trials)
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= known:
        raise StudyError(f"study {study} has {counted(known, 'trial')}; received {number!r}.")
    return view.trial(number)
