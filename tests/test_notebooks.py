"""The example notebooks run from top to bottom, by nbclient and by papermill, and stay stripped."""

import re
from pathlib import Path

import nbclient
import nbformat
import papermill
import pytest

from tunemagic.journal import read_journal
from tunemagic.trial import StudyState, StudyView, replay

FOLDER = Path(__file__).parent.parent / "example_notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
FIRST = FOLDER / "00_first_search.ipynb"
CLEANING = FOLDER / "01_cleaning.ipynb"
SCALING = FOLDER / "02_scaling.ipynb"
WHICH_MODEL = FOLDER / "04_which_model.ipynb"
AUGMENTATION = FOLDER / "03_augmentation.ipynb"
RATES = FOLDER / "05_learning_rate.ipynb"
BATCHES = FOLDER / "06_batch_and_noise.ipynb"
STRATEGIES = FOLDER / "07_search_strategies.ipynb"
STRUCTURE = FOLDER / "08_structure_and_importance.ipynb"
DIAGNOSE = FOLDER / "09_diagnose.ipynb"
ARTICLE = FOLDER / "11_the_article.ipynb"
CELL_SECONDS = 600


def study_of(folder: Path, name: str = "digits") -> StudyView:
    return replay(read_journal(folder / ".tunemagic" / name).events)


def cell_that_starts(notebook, start: str):
    [cell] = [cell for cell in notebook.cells if cell.source.startswith(start)]
    return cell


def executed(path: Path, folder: Path):
    """The notebook after nbclient has run it in this folder."""
    notebook = nbformat.read(path, 4)
    nbclient.NotebookClient(
        notebook, timeout=CELL_SECONDS, startup_timeout=120, resources={"metadata": {"path": str(folder)}}
    ).execute()
    return notebook


def texts(cell) -> str:
    return "\n".join(output.get("data", {}).get("text/plain", "") for output in cell.outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path: Path):
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [None] * len(code)
    assert [cell.outputs for cell in code] == [[]] * len(code)
    assert "widgets" not in notebook.metadata


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_first_search_runs_under_nbclient(tmp_path: Path):
    notebook = executed(FIRST, tmp_path)

    view = study_of(tmp_path)
    assert view.state is StudyState.FINISHED
    assert len(view.trials) == len(view.ranking()) == 10
    assert {str(trial.state) for trial in view.trials} <= {"completed", "pruned"}
    assert [export.verdict for export in view.exports] == ["verified"] * 4
    searched = cell_that_starts(notebook, "%%tune digits")
    # The record replaces the panel, so the notebook needs no kernel to be read again.
    assert [set(output.data) for output in searched.outputs] == [{"text/plain", "text/html"}]
    assert "8 of 8 trials" in texts(searched)
    assert "TF Lite: 4 of 4 verified" in texts(cell_that_starts(notebook, "%tflite digits"))
    assert "10 of 10 trials" in texts(cell_that_starts(notebook, "%tune resume"))


SMALL_CELLS = (
    "%load_ext tunemagic\nimport keras\nfrom tunemagic import datasets\n"
    "x_train, _, y_train, _ = datasets.load('digits').split()",
    "%%tune small --max-trials 2 --epochs 1 --tuner random\n"
    "model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(hp.Int('units', 8, 16)), "
    "keras.layers.Dense(10, 'softmax')])\nmodel.compile('adam', 'sparse_categorical_crossentropy')",
)


@pytest.mark.kernel
@pytest.mark.slow
def test_a_search_runs_under_papermill(tmp_path: Path):
    small = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in SMALL_CELLS])
    small.metadata["kernelspec"] = nbformat.read(FIRST, 4).metadata["kernelspec"]
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


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_cleaning_pays_and_an_honest_score_is_lower(tmp_path: Path):
    notebook = executed(CLEANING, tmp_path)  # its lessons are assertions in its cells

    holes, typos = study_of(tmp_path, "holes"), study_of(tmp_path, "typos")
    assert [(view.state, len(view.trials)) for view in (holes, typos)] == [
        (StudyState.FINISHED, 4),
        (StudyState.FINISHED, 3),
    ]
    assert (holes.best_trial.values, typos.best_trial.values["outliers"] != "none") == ({"missing": "mean"}, True)
    leaking, clean = (cell for cell in notebook.cells if cell.source.startswith("%tune check"))
    assert "trained on too" in texts(leaking)
    assert "Nothing stands out" in texts(clean)
    assert sum(cell.source.count("assert ") for cell in notebook.cells) == 9


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_augmentation_runs_and_its_lessons_hold(tmp_path: Path):
    notebook = executed(AUGMENTATION, tmp_path)  # its lessons are assertions in its cells

    large, small = study_of(tmp_path, "augment"), study_of(tmp_path, "small")
    assert [[trial.values for trial in view.ranking()] for view in (large, small)] == [
        [{"change": "rotate and shift"}, {"change": "none"}, {"change": "flip"}],
        [{"pixels": 0}, {"pixels": 2}],
    ]
    assert "Nothing stands out" in texts(cell_that_starts(notebook, "prep.check(x_train"))
    assert "TF Lite: 1 of 1 verified" in texts(cell_that_starts(notebook, "%tflite augment"))
    assert sum(cell.source.count("assert ") for cell in notebook.cells) == 6


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_rate_is_found_and_a_cycle_beats_a_constant_one_under_nbclient(tmp_path: Path):
    notebook = executed(RATES, tmp_path)  # its lessons are assertions in its cells

    counts = {name: len(study_of(tmp_path, name).trials) for name in ("sweep", "optimizers", "cycle")}
    assert counts == {"sweep": 8, "optimizers": 12, "cycle": 4}
    tested = cell_that_starts(notebook, "%tune lr")
    picture, said, button = tested.outputs
    assert set(picture.data) == {"text/plain", "image/png"}
    assert said.text.startswith("Suggested learning rate: 0.0")
    assert "of the cell with it: model.compile(keras.optimizers.SGD(0.0" in said.text
    assert button.data["text/plain"] == "Use it: insert the changed cell"
    assert sum(cell.source.count("assert ") for cell in notebook.cells) == 7


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_right_kind_of_model_wins_under_nbclient(tmp_path: Path):
    notebook = executed(WHICH_MODEL, tmp_path)  # its lessons are assertions in its cells

    assert sum(cell.source.count("assert ") for cell in notebook.cells) == 3
    [searched] = [cell for cell in notebook.cells if cell.source.startswith("%tune run --model dense")]
    assert "build = models.dense(x_train, y_train)" in searched.outputs[0].text
    assert study_of(tmp_path, "signals").state is StudyState.FINISHED
    drawn = cell_that_starts(notebook, "models.show")
    assert [set(output.data) for output in drawn.outputs] == [{"text/plain", "text/html"}]
    assert drawn.outputs[0].data["text/html"].count("<svg") == 1


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_race_of_strategies_runs_under_nbclient(tmp_path: Path):
    notebook = executed(STRATEGIES, tmp_path)

    race, live = study_of(tmp_path, "race"), study_of(tmp_path)
    assert [(view.state, view.strategy, len(view.trials)) for view in (race, live)] == [
        (StudyState.FINISHED, "bohb", 40),
        (StudyState.FINISHED, "hyperband", 22),
    ]
    assert race.executor == "replay"
    assert any(trial.parent is not None for trial in live.trials)
    [printed] = cell_that_starts(notebook, "goal =").outputs
    faster = {name: float(times) for name, times in re.findall(r"(\w+): there after .*, ([\d.]+) times", printed.text)}
    # The shape of the published result: strategies that begin with short trainings are there first.
    assert faster["random"] == 1.0
    assert faster["hyperband"] > 2
    assert faster["bohb"] > 2


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_structure_and_importance_runs_and_its_lessons_hold(tmp_path: Path):
    # Its lessons are assertions in its cells: whichever does not hold ends the run.
    notebook = executed(STRUCTURE, tmp_path)

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


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_broken_models_are_diagnosed_and_cured_under_nbclient(tmp_path: Path):
    notebook = executed(DIAGNOSE, tmp_path)  # each cure is asserted in the notebook itself

    narrow, wide = study_of(tmp_path, "narrow"), study_of(tmp_path, "wide")
    assert narrow.findings[0]["verdict"] == "rate_too_low"
    assert wide.best_trial.score > narrow.best_trial.score
    assert len(wide.best_trial.verified) == 3
    assert "noise" in texts(cell_that_starts(notebook, "%tune best wide"))


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_batch_wants_its_own_rate_and_a_small_gain_is_noise_under_nbclient(tmp_path: Path):
    notebook = executed(BATCHES, tmp_path)  # each lesson is asserted in the notebook itself

    batches, activations, units = (study_of(tmp_path, name) for name in ("batches", "activations", "units"))
    assert [len(view.trials) for view in (batches, activations, units)] == [12, 3, 2]
    assert {len(trial.scores) for trial in activations.trials} == {3}
    assert [len(trial.verified) for trial in units.trials] == [5, 5]
    assert "That is more than noise" in texts(cell_that_starts(notebook, "%tune compare 1 3"))
    assert sum(cell.source.count("assert ") for cell in notebook.cells) == 6


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_scaling_is_searched_and_shipped_with_the_model_under_nbclient(tmp_path: Path):
    notebook = executed(SCALING, tmp_path)  # each lesson is asserted in the notebook itself

    view = study_of(tmp_path, "scaling")
    assert (view.state, len(view.ranking())) == (StudyState.FINISHED, 6)
    assert view.best_trial.values["scaler"] != "none"
    assert not any("sees all of" in note for note in view.notes)
    assert [export.verdict for export in view.exports] == ["verified"]
    assert sum(cell.source.count("assert ") for cell in notebook.cells) == 10


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_articles_old_lines_are_told_and_the_right_ones_run_under_nbclient(tmp_path: Path):
    notebook = executed(ARTICLE, tmp_path)  # the scores and the equal predictions are asserted in the notebook itself

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
