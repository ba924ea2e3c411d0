"""What crosses the comm: a snapshot of a large study stays small."""

from __future__ import annotations

from tests.golden.make import unpacked
from tunemagic.trial import StudyView, TrialRecord, TrialState
from tunemagic.widgets.wire import PanelStatus, snapshot

STATUS = PanelStatus(session="aaaa00000001", waiting=False, converting=None, read_only="")
EPOCHS = 15_000


def trial(number: int, state: TrialState, score: float | None) -> TrialRecord:
    curve = (0.25, None, 0.5) * (EPOCHS // 3)
    return TrialRecord(
        number=number,
        attempt=1,
        values={"units": 32},
        state=state,
        epochs=EPOCHS,
        why="TPE",
        started=0.0,
        curves={"val_loss": curve},
        score=score,
    )


def test_of_too_many_values_those_of_running_and_best_trials_are_kept_and_the_rest_keep_their_length():
    view = StudyView(
        objective="val_loss",
        trials=(
            trial(1, TrialState.COMPLETED, 0.5),
            trial(2, TrialState.COMPLETED, 0.25),
            trial(3, TrialState.COMPLETED, 0.75),
            trial(4, TrialState.RUNNING, None),
        ),
        best=2,
    )
    found = unpacked(*snapshot(view, status=STATUS, age=0.0))
    table = found["body"]["curves"]
    assert table["length"] == [EPOCHS] * 4
    assert table["kept"] == [False, True, False, True]
    assert len(found["curve_bytes"]) == 2 * 4 * 2 * EPOCHS  # two hexadecimal digits for each of four bytes
