"""The lessons of notebook 05 hold."""

from pathlib import Path

import pytest

from tests.notebooks.running import cell_that_starts, executed, study_of

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_rate_is_found_and_a_cycle_beats_a_constant_one_under_nbclient(tmp_path: Path):
    notebook = executed("05_learning_rate", tmp_path)  # its lessons are assertions in its cells

    counts = {name: len(study_of(tmp_path, name).trials) for name in ("sweep", "optimizers", "cycle")}
    assert counts == {"sweep": 8, "optimizers": 12, "cycle": 4}
    tested = cell_that_starts(notebook, "%tune lr")
    picture, said, button = tested.outputs
    assert set(picture.data) == {"text/plain", "image/png"}
    assert said.text.startswith("Suggested learning rate: 0.0")
    assert "of the cell with it: model.compile(keras.optimizers.SGD(0.0" in said.text
    assert button.data["text/plain"] == "Use it: insert the changed cell"
    assert sum(cell.source.count("assert ") for cell in notebook.cells) == 7
