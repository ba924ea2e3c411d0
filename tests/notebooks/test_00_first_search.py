"""The lessons of notebook 00 hold."""

from pathlib import Path

import pytest

from tests.notebooks.running import cell_that_starts, executed, study_of, texts
from tunemagic.trial import StudyState

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(900)]


def test_the_first_search_runs_under_nbclient(tmp_path: Path):
    notebook = executed("00_first_search", tmp_path)

    view = study_of(tmp_path)
    assert view.state is StudyState.FINISHED
    assert len(view.trials) == len(view.ranking()) == 10
    assert {str(trial.state) for trial in view.trials} <= {"completed", "pruned"}
    assert [export.verdict for export in view.exports] == ["verified"] * 7
    searched = cell_that_starts(notebook, "%%tune digits")
    # The record replaces the panel, so the notebook needs no kernel to be read again.
    assert [set(output.data) for output in searched.outputs] == [{"text/plain", "text/html"}]
    assert "8 of 8 trials" in texts(searched)
    assert "TF Lite: 7 of 7 verified" in texts(cell_that_starts(notebook, "%tflite digits"))
    assert "10 of 10 trials" in texts(cell_that_starts(notebook, "%tune resume"))
