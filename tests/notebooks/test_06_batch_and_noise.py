"""The lessons of notebook 06 hold."""

from pathlib import Path

import pytest

from tests.notebooks.running import cell_that_starts, executed, study_of, texts

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_batch_wants_its_own_rate_and_a_small_gain_is_noise_under_nbclient(tmp_path: Path):
    notebook = executed("06_batch_and_noise", tmp_path)  # each lesson is asserted in the notebook itself

    batches, activations, units = (study_of(tmp_path, name) for name in ("batches", "activations", "units"))
    assert [len(view.trials) for view in (batches, activations, units)] == [12, 3, 2]
    assert {len(trial.scores) for trial in activations.trials} == {3}
    assert [len(trial.verified) for trial in units.trials] == [5, 5]
    assert "That is more than noise" in texts(cell_that_starts(notebook, "%tune compare 1 3"))
    assert sum(cell.source.count("assert ") for cell in notebook.cells) == 6
