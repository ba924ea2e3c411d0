"""The lessons of notebook 01 hold."""

from pathlib import Path

import pytest

from tests.notebooks.running import executed, study_of, texts
from tunemagic.trial import StudyState

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(900)]


def test_cleaning_pays_and_an_honest_score_is_lower(tmp_path: Path):
    notebook = executed("01_cleaning", tmp_path)  # its lessons are assertions in its cells

    holes, typos = study_of(tmp_path, "holes"), study_of(tmp_path, "typos")
    assert [(view.state, len(view.trials)) for view in (holes, typos)] == [
        (StudyState.FINISHED, 4),
        (StudyState.FINISHED, 3),
    ]
    assert (holes.best_trial.values, typos.best_trial.values["outliers"] != "none") == ({"missing": "mean"}, True)
    leaking, clean = (cell for cell in notebook.cells if cell.source.startswith("%tune check"))
    assert "trained on too" in texts(leaking)
    assert "Nothing stands out" in texts(clean)
    assert sum(cell.source.count("assert ") for cell in notebook.cells) == 9
