"""A search runs under papermill."""

from pathlib import Path

import nbformat
import papermill
import pytest

from tests.notebooks.running import CELL_SECONDS, FOLDER, study_of

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(900)]

SMALL_CELLS = (
    "%load_ext tunemagic\nimport keras\nfrom tunemagic import datasets\n"
    "x_train, _, y_train, _ = datasets.load('digits').split()",
    "%%tune small --max-trials 2 --epochs 1 --tuner random\n"
    "model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(hp.Int('units', 8, 16)), "
    "keras.layers.Dense(10, 'softmax')])\nmodel.compile('adam', 'sparse_categorical_crossentropy')",
)


def test_a_search_runs_under_papermill(tmp_path: Path):
    small = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in SMALL_CELLS])
    small.metadata["kernelspec"] = nbformat.read(FOLDER / "00_first_search.ipynb", 4).metadata["kernelspec"]
    nbformat.write(small, tmp_path / "small.ipynb")
    papermill.execute_notebook(
        tmp_path / "small.ipynb",
        tmp_path / "out.ipynb",
        cwd=str(tmp_path),
        execution_timeout=CELL_SECONDS,
        start_timeout=120,
        progress_bar=False,
    )
    assert len(study_of(tmp_path, "small").ranking()) == 2
