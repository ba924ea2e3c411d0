"""The lessons of notebook 03 hold."""

from pathlib import Path

import pytest

from tests.notebooks.running import cell_that_starts, executed, study_of, texts

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(900)]


def test_augmentation_runs_and_its_lessons_hold(tmp_path: Path):
    notebook = executed("03_augmentation", tmp_path)  # its lessons are assertions in its cells

    large, small = study_of(tmp_path, "augment"), study_of(tmp_path, "small")
    assert [[trial.values for trial in view.ranking()] for view in (large, small)] == [
        [{"change": "rotate and shift"}, {"change": "none"}, {"change": "flip"}],
        [{"pixels": 0}, {"pixels": 2}],
    ]
    assert "Nothing stands out" in texts(cell_that_starts(notebook, "prep.check(x_train"))
    assert "TF Lite: 1 of 1 verified" in texts(cell_that_starts(notebook, "%tflite augment"))
    assert sum(cell.source.count("assert ") for cell in notebook.cells) == 6
