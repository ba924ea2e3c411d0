"""The lessons of notebook 10 hold."""

from pathlib import Path

import pytest

from tests.notebooks.running import cell_that_starts, executed, study_of, texts

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_model_is_shrunk_exported_and_loaded_again_under_nbclient(tmp_path: Path):
    notebook = executed("10_shrink_and_ship", tmp_path)  # its lessons are assertions in its cells

    view = study_of(tmp_path)
    assert view.executor == "process"  # so a worker has measured the models, and refused two
    assert {trial.number: str(trial.state) for trial in view.trials} == {1: "completed", 2: "pruned", 3: "pruned"}
    assert {export.target for export in view.exports} == {"tflite", "json", "onnx", "c", "card"}
    assert {export.target: str(export.verdict) for export in view.exports if export.mode == "none"} == dict.fromkeys(
        ["tflite", "json", "onnx", "card"], "verified"
    )
    chosen = cell_that_starts(notebook, "%tflite small")
    assert "best: " in texts(chosen)
    assert texts(cell_that_starts(notebook, "%tune plot confusion"))
    assert sorted(path.name for path in (tmp_path / "shipped").iterdir()) == [
        "digits-json",
        "digits.card.md",
        "digits.int8-c",
        "digits.onnx",
    ]
    assert sum(cell.source.count("assert ") for cell in notebook.cells) == 10
