"""The lessons of notebook 11 hold."""

from pathlib import Path

import pytest

from tests.notebooks.running import cell_that_starts, executed, study_of, texts

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(900)]


def test_the_articles_old_lines_are_told_and_the_right_ones_run_under_nbclient(tmp_path: Path):
    notebook = executed(
        "11_the_article", tmp_path
    )  # the scores and the equal predictions are asserted in the notebook itself

    old = [cell for cell in notebook.cells if cell.source.startswith("%%tune old")]
    said = ["".join(output.get("text", "") for output in cell.outputs).splitlines()[-1] for cell in old]
    assert said[0] == (
        "UsageError: line 13: ValueError: Argument(s) not recognized: {'lr': 0.001} "
        "(Keras 3: learning_rate= in place of lr=) [optimizer = Adam(lr=learning_rate)]"
    )
    assert said[1].startswith("UsageError: line 5: ValueError: Invalid filepath extension for saving.")
    assert "model.to_json(), model.save_weights(\"model.weights.h5\")) [model.save('model.json')]" in said[1]
    view = study_of(tmp_path, "article")
    assert [export.verdict for export in view.exports] == ["verified"]
    assert len([note for note in view.notes if "on a test part of 1741 samples" in note]) == 1
    assert texts(cell_that_starts(notebook, "%tune explain")).startswith("Shuffling a column makes auc")
    assert sorted(path.name for path in tmp_path.glob("model.*")) == ["model.json", "model.weights.h5"]
    assert sum(cell.source.count("assert ") for cell in notebook.cells) == 10
