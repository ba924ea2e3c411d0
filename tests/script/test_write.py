"""The script is written only once it has shown what it does where tunemagic is not to be had."""

import keras
import numpy as np
import pytest

from tunemagic.errors import ExportError
from tunemagic.events import Verdict
from tunemagic.request import Target
from tunemagic.script import write_code
from tunemagic.script.draft import draft_of_model


@pytest.mark.slow  # two processes that import TensorFlow
def test_a_study_s_script_is_verified_and_a_spoilt_one_is_not_called_so(open_cell, cell, tmp_path, monkeypatch):
    study = open_cell(cell, workers=0)
    study.start()
    study.wait()
    result = write_code(study, tmp_path / "digits.py")
    text = (tmp_path / "digits.py").read_text()
    assert (result.target, result.verdict, result.path, result.bytes) == (
        Target.CODE, Verdict.VERIFIED, tmp_path / "digits.py", len(text.encode()),
    )  # fmt: skip
    assert result.message.startswith("verified: without tunemagic it builds the same model (largest difference 0 on 16")
    assert sorted(path.name for path in tmp_path.glob("digits*")) == ["digits.npz", "digits.py"]
    with pytest.raises(ExportError, match=r"digits.py exists already; add --force"):
        write_code(study, tmp_path / "digits.py")
    winner = study.winner()
    winner.model.set_weights([weight + 1 for weight in winner.model.get_weights()])
    monkeypatch.setattr("tunemagic.script.write.draft_of_study", lambda *_: _with_another_activation(winner))
    monkeypatch.setattr("tunemagic.script.write.draft_of_layers", _refuses)
    spoilt = write_code(winner, tmp_path / "other.py")
    assert (spoilt.verdict, spoilt.path) == (Verdict.NOT_VERIFIED, tmp_path / "other.not-verified.py")
    assert spoilt.message.startswith("not verified: with the study's weights its model differs by ")


def _refuses(*_):
    raise ExportError("code: no layers either")


def _with_another_activation(winner):
    from dataclasses import replace

    from tunemagic.script.draft import draft_of_study

    draft = draft_of_study(winner, "other")
    return replace(draft, text=draft.text.replace('"relu"', '"tanh"'))


def test_names_that_are_no_script_s_and_models_without_weights_are_refused_before_anything_is_written(tmp_path):
    model = keras.Sequential([keras.layers.Dense(2)], name="empty")
    for name in ("digits.txt", "digits", ".py", "a\nb.py"):
        with pytest.raises(ExportError, match=r"^code: received .*; expected a name like digits.py"):
            write_code(model, tmp_path / name)
    with pytest.raises(ExportError, match="empty: the model has no weights yet"):
        write_code(model, tmp_path / "digits.py")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)], name="small")
    model.compile("sgd", "mse")
    with pytest.raises(ExportError, match=r"the data: expected shape \(samples, 3\); received \(5, 4\)\."):
        write_code(model, tmp_path / "digits.py", x=np.zeros((5, 4)))
    assert list(tmp_path.iterdir()) == []
    kept = tmp_path / "digits.not-verified.py"
    kept.write_text("mine")
    with pytest.raises(ExportError, match=r"digits.not-verified.py exists already; add --force"):
        write_code(model, tmp_path / "digits.py")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("digits.not-verified.py", "mine")]
    assert len(draft_of_model(model, "digits", np.zeros((999, 3))).x) == 200
