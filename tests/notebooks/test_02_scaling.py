"""The lessons of notebook 02 hold."""

from pathlib import Path

import pytest

from tests.notebooks.running import executed, study_of
from tunemagic.trial import StudyState

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(900)]


def test_scaling_is_searched_and_shipped_with_the_model_under_nbclient(tmp_path: Path):
    notebook = executed("02_scaling", tmp_path)  # each lesson is asserted in the notebook itself

    view = study_of(tmp_path, "scaling")
    assert (view.state, len(view.ranking())) == (StudyState.FINISHED, 6)
    assert view.best_trial.values["scaler"] != "none"
    assert not any("sees all of" in note for note in view.notes)
    assert [export.verdict for export in view.exports] == ["verified"]
    assert sum(cell.source.count("assert ") for cell in notebook.cells) == 10
