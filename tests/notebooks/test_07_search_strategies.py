"""The lessons of notebook 07 hold."""

import re
from pathlib import Path

import pytest

from tests.notebooks.running import cell_that_starts, executed, study_of
from tunemagic.trial import StudyState

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(900)]


def test_the_race_of_strategies_runs_under_nbclient(tmp_path: Path):
    notebook = executed("07_search_strategies", tmp_path)

    race, live = study_of(tmp_path, "race"), study_of(tmp_path)
    assert [(view.state, view.strategy, len(view.trials)) for view in (race, live)] == [
        (StudyState.FINISHED, "bohb", 40),
        (StudyState.FINISHED, "hyperband", 22),
    ]
    assert race.executor == "replay"
    assert any(trial.parent is not None for trial in live.trials)
    [printed] = cell_that_starts(notebook, "goal =").outputs
    faster = {name: float(times) for name, times in re.findall(r"(\w+): there after .*, ([\d.]+) times", printed.text)}
    # The shape of the published result: strategies that begin with short trainings are there first.
    assert faster["random"] == 1.0
    assert faster["hyperband"] > 2
    assert faster["bohb"] > 2
