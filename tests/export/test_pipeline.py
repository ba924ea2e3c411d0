"""What an export does before anything is converted."""

import errno
import os

import keras
import numpy as np
import pytest

from tunemagic.errors import ExportError
from tunemagic.export import export_model

X = np.eye(16, dtype="float32")


def export(directory, **more):
    model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(2)])
    return export_model(model, [("tflite", "none")], x_eval=X, y_eval=None, directory=directory, stem="a", **more)


def test_without_room_for_temporary_files_an_export_is_refused_and_writes_nothing(tmp_path, monkeypatch):
    def full(model, folder, x):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))

    more = "Free space there, or set TMPDIR to another folder and start the kernel again."
    with monkeypatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
        with pytest.raises(ExportError) as missing:
            export(tmp_path / "out" / "deep")
    monkeypatch.setattr("tunemagic.export.pipeline.hand_over", full)
    with pytest.raises(ExportError) as filled:
        export(tmp_path / "out" / "deep")
    assert [str(raised.value) for raised in (missing, filled)] == [
        f"can't work in the folder for temporary files: {reason}. {more}"
        for reason in ("No such file or directory", "No space left on device")
    ]
    assert list(tmp_path.iterdir()) == []


def test_facts_of_a_wrong_kind_are_refused_in_the_kernel(tmp_path):
    with pytest.raises(ExportError, match="about: expected versions as a dict"):
        export(tmp_path / "out", about={"versions": ["2.4"]})
    assert list(tmp_path.iterdir()) == []
