"""The lessons of notebook 09 hold."""

from pathlib import Path

import pytest

from tests.notebooks.running import cell_that_starts, executed, study_of, texts

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(900)]


def test_the_broken_models_are_diagnosed_and_cured_under_nbclient(tmp_path: Path):
    notebook = executed("09_diagnose", tmp_path)  # each cure is asserted in the notebook itself

    narrow, wide = study_of(tmp_path, "narrow"), study_of(tmp_path, "wide")
    assert narrow.findings[0]["verdict"] == "rate_too_low"
    assert wide.best_trial.score > narrow.best_trial.score
    assert len(wide.best_trial.verified) == 3
    assert "noise" in texts(cell_that_starts(notebook, "%tune best wide"))
