"""The winner of a study, or any model, as a script of plain Keras that trains it again."""

from __future__ import annotations

from tunemagic.script.calls import CallRecorder
from tunemagic.script.winner import HasWinner, Winner
from tunemagic.script.write import write_code

__all__ = ["CallRecorder", "HasWinner", "Winner", "write_code"]
