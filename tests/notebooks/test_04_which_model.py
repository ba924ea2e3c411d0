"""The lessons of notebook 04 hold."""

from pathlib import Path

import pytest

from tests.notebooks.running import cell_that_starts, executed, study_of
from tunemagic.trial import StudyState

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(900)]


def test_the_right_kind_of_model_wins_under_nbclient(tmp_path: Path):
    notebook = executed("04_which_model", tmp_path)  # its lessons are assertions in its cells

    assert sum(cell.source.count("assert ") for cell in notebook.cells) == 3
    [searched] = [cell for cell in notebook.cells if cell.source.startswith("%tune run --model dense")]
    assert "build = models.dense(x_train, y_train)" in searched.outputs[0].text
    assert study_of(tmp_path, "signals").state is StudyState.FINISHED
    drawn = cell_that_starts(notebook, "models.show")
    assert [set(output.data) for output in drawn.outputs] == [{"text/plain", "text/html"}]
    assert drawn.outputs[0].data["text/html"].count("<svg") == 1
