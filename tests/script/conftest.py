"""Winners without a search: a cell, its values, and the model that it builds of them."""

import ast
import contextlib
import importlib
import io
import linecache
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from tunemagic import models, prep
from tunemagic.events import Direction
from tunemagic.request import TuneRequest
from tunemagic.script import CallRecorder, Winner, check
from tunemagic.script.draft import draft_of_study
from tunemagic.search.cell import read_cell
from tunemagic.search.data import resolve_data
from tunemagic.search.folds import joined
from tunemagic.search.hyperparameters import new_hyperparameters
from tunemagic.search.parts import fold_of, run_on
from tunemagic.trial import StudyView, TrialRecord, TrialState


@pytest.fixture(autouse=True)
def registered_classes_as_before():
    """A script brings classes of its own, registered under the names of tunemagic's."""
    from keras.src.saving import object_registration

    for name in ("models.keras_schedules", "prep.augment_layers", "export.compress.layers"):
        importlib.import_module(f"tunemagic.{name}")  # registers its classes once, when it is imported
    tables = (object_registration.GLOBAL_CUSTOM_OBJECTS, object_registration.GLOBAL_CUSTOM_NAMES)
    before = [dict(table) for table in tables]
    yield
    for table, own in zip(tables, before, strict=True):
        table.clear()
        table.update(own)


@pytest.fixture
def notebook(some_digits):
    """The variables of a notebook; ``define(source)`` runs a cell of it."""
    x, y = some_digits
    namespace = {
        "__name__": "__main__",
        "keras": keras,
        "np": np,
        "layers": keras.layers,
        "models": models,
        "prep": prep,
    }
    namespace |= {"x_train": x.copy(), "y_train": y.copy()}

    def define(source, name="<cell 1>"):
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        exec(compile(source, name, "exec", dont_inherit=True), namespace)

    return SimpleNamespace(namespace=namespace, define=define)


@pytest.fixture
def winner(notebook):
    """``winner(cell, **values)``: the best trial of a study of this cell, as if it had been searched."""

    def make(cell, *, folds=0, **values):
        given = resolve_data(TuneRequest(), notebook.namespace, seed=0)
        program = read_cell(cell, notebook.namespace, first_line=7, data_names=(*given.names, *given.val_names))
        hp = new_hyperparameters()
        hp.values = dict(values)
        recorder = CallRecorder(hp)
        fold = fold_of(given, folds, 2, seed=0)
        setup, data, fold = run_on(program, recorder, given, fold)
        trial = TrialRecord(
            number=3, attempt=1, values=values, state=TrialState.COMPLETED, epochs=4, why="", started=0.0, score=0.5,
            best_epoch=2,
        )  # fmt: skip
        return Winner(
            name="digits",
            view=StudyView(study="digits", objective="val_accuracy", direction=Direction.MAX, folds=folds),
            trial=trial,
            program=program,
            given=given,
            setup=setup,
            data=data if fold is None else joined(data),
            fold=fold,
            seed=11,
            answers=recorder.answers,
        )

    return make


@pytest.fixture
def scripted(tmp_path):
    """``scripted(winner)``: the script's names after it was run as a module, its text, and the draft."""

    def run(winner):
        draft = draft_of_study(winner, "digits")
        imported = {
            alias.name if isinstance(node, ast.Import) else node.module
            for node in ast.walk(ast.parse(draft.text))
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in node.names
        }
        assert {name.partition(".")[0] for name in imported} <= {
            "argparse",
            "collections",
            "keras",
            "math",
            "numpy",
            "pathlib",
            "typing",
        }
        if draft.data is not None:
            (tmp_path / "digits.npz").write_bytes(draft.data)
        names = {"__name__": "digits", "__file__": str(tmp_path / "digits.py"), "__doc__": ""}
        exec(compile(draft.text, str(tmp_path / "digits.py"), "exec", dont_inherit=True), names)
        return names, draft.text, draft

    return run


@pytest.fixture
def checked_here(monkeypatch):
    """Scripts are checked in this process: importing TensorFlow anew takes longer than all else."""

    def run(arguments, folder):
        printed = io.StringIO()
        with monkeypatch.context() as changed, contextlib.redirect_stdout(printed):
            changed.setattr(sys, "argv", ["-c", *arguments])
            changed.setattr(sys, "meta_path", list(sys.meta_path))
            try:
                exec(check._CHECK.format(absent=(), parts=check.PARTS), {"__name__": "checking"})
            except (Exception, SystemExit) as error:
                return f"{type(error).__name__}: {error}"
        return printed.getvalue().strip().splitlines()

    monkeypatch.setattr(check, "_run", run)
