"""The lessons of notebook 08 hold."""

from pathlib import Path

import pytest

from tests.notebooks.running import cell_that_starts, executed, study_of, texts
from tunemagic.trial import StudyState

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(900)]


def test_structure_and_importance_runs_and_its_lessons_hold(tmp_path: Path):
    # Its lessons are assertions in its cells: whichever does not hold ends the run.
    notebook = executed("08_structure_and_importance", tmp_path)

    structure, phoneme = study_of(tmp_path, "structure"), study_of(tmp_path, "phoneme")
    assert [(view.state, len(view.trials)) for view in (structure, phoneme)] == [
        (StudyState.FINISHED, 12),
        (StudyState.FINISHED, 30),
    ]
    kinds = {trial.values["kind"]: set(trial.values) - {"kind", "layers", "rate"} for trial in structure.trials}
    assert kinds == {"dense": {"units"}, "conv": {"filters"}}
    pictures = [cell for cell in notebook.cells if cell.source.startswith("%tune plot")]
    assert [set(output.data) for cell in pictures for output in cell.outputs] == [{"text/plain", "image/png"}] * 4
    assert "learning_rate_init" in texts(cell_that_starts(notebook, "%tune plot importance"))
    assert sum(cell.source.count("assert ") for cell in notebook.cells) == 6
    [printed] = cell_that_starts(notebook, "on_top =").outputs
    assert printed.text.endswith("8 of 8 with ranks\n")
