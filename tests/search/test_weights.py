"""Weights: written whole, tied to their hash, damage of any byte noticed."""

import contextlib
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tunemagic.durable import sha256_of
from tunemagic.errors import StorageError
from tunemagic.events import WeightsFile
from tunemagic.search.weights import WeightsFolder, load_weights, weights_to_bytes

FLIPS = 200


def dense(seed: int) -> Any:
    import keras

    initializer = keras.initializers.RandomNormal(seed=seed)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, kernel_initializer=initializer)])
    model.compile("adam", "mse")
    return model


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, bytes, Path]:
    """A model, its weights as bytes, and a folder to write to."""
    model = dense(1)
    return model, weights_to_bytes(model, model.get_weights()), tmp_path_factory.mktemp("weights")


def test_what_was_written_is_what_another_model_loads(written: tuple[Any, bytes, Path], tmp_path: Path) -> None:
    model, data, _ = written
    path = tmp_path / "a.weights.h5"
    path.write_bytes(data)
    other = dense(2)
    load_weights(other, path, sha256_of(data))
    assert all((a == b).all() for a, b in zip(model.get_weights(), other.get_weights(), strict=True))


def test_the_given_weights_are_written_not_those_of_the_moment(
    written: tuple[Any, bytes, Path], tmp_path: Path
) -> None:
    best = written[0].get_weights()
    path = tmp_path / "a.weights.h5"
    path.write_bytes(weights_to_bytes(dense(3), best))
    other = dense(2)
    load_weights(other, path, sha256_of(path.read_bytes()))
    assert (other.get_weights()[0] == best[0]).all()


def test_the_optimizers_state_is_neither_written_nor_loaded(written: tuple[Any, bytes, Path], tmp_path: Path) -> None:
    model = dense(4)
    model.fit(np.ones((4, 4)), np.ones((4, 3)), verbose=0)
    data = weights_to_bytes(model, model.get_weights())
    assert len(data) <= len(written[1])
    path = tmp_path / "a.weights.h5"
    path.write_bytes(data)
    iterations = model.optimizer.iterations.numpy()
    load_weights(model, path, sha256_of(data))
    assert model.optimizer.iterations.numpy() == iterations == 1


def test_keras_itself_can_load_the_file(written: tuple[Any, bytes, Path], tmp_path: Path) -> None:
    path = tmp_path / "a.weights.h5"
    path.write_bytes(written[1])
    other = dense(2)
    other.optimizer = None
    other.load_weights(path)
    assert (other.get_weights()[0] == written[0].get_weights()[0]).all()


def test_every_flipped_byte_is_noticed_before_anything_is_loaded(
    written: tuple[Any, bytes, Path], tmp_path: Path
) -> None:
    _, data, _ = written
    digest, path, model = sha256_of(data), tmp_path / "a.weights.h5", dense(2)
    before = model.get_weights()
    places = np.random.default_rng(0).choice(len(data), FLIPS, replace=False)
    for place in places:
        damaged = bytearray(data)
        damaged[place] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        with pytest.raises(StorageError) as caught:
            load_weights(model, path, digest)
        assert str(caught.value) == f"weights file {path} was altered: its SHA-256 is not the one in the journal."
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
def test_a_file_that_was_cut_off_is_noticed(keep: int, written: tuple[Any, bytes, Path], tmp_path: Path) -> None:
    path = tmp_path / "a.weights.h5"
    path.write_bytes(written[1][:keep])
    with pytest.raises(StorageError, match="was altered"):
        load_weights(dense(2), path, sha256_of(written[1]))


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        load_weights(dense(2), tmp_path / "gone.weights.h5", "0" * 64)
    assert str(caught.value) == f"weights file {tmp_path}/gone.weights.h5 can't be read: No such file or directory."


# -- the folder --------------------------------------------------------------------------------------


def test_attempts_have_files_of_their_own(tmp_path: Path) -> None:
    folder = WeightsFolder(tmp_path)
    first, second = folder.write(7, 1, b"first"), folder.write(7, 2, b"second")
    assert first == WeightsFile(file="trial-0007-1.weights.h5", sha256=sha256_of(b"first"), bytes=5)
    assert second.file == "trial-0007-2.weights.h5"
    assert (folder.path(first).read_bytes(), folder.path(second).read_bytes()) == (b"first", b"second")
    assert folder.path(first).stat().st_mode & 0o777 == 0o600


def test_removing_twice_is_harmless(tmp_path: Path) -> None:
    folder = WeightsFolder(tmp_path)
    file = folder.write(1, 1, b"x")
    folder.remove(file)
    folder.remove(file)
    assert list(tmp_path.iterdir()) == []


def test_a_name_from_the_journal_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    hostile = WeightsFile(file="../../etc/passwd", sha256="0" * 64, bytes=1)
    assert WeightsFolder(tmp_path).path(hostile) == tmp_path / "passwd"


def test_strays_of_a_crash_are_removed_and_nothing_else(tmp_path: Path) -> None:
    folder = WeightsFolder(tmp_path)
    known = folder.write(1, 1, b"known")
    folder.write(2, 1, b"not in the journal")
    for name in (".trial-0003-1.weights.h5.tmp-99", "thesis.txt", "my.weights.h5", "journal.jsonl"):
        (tmp_path / name).write_bytes(b"")
    folder.remove_strays([known])
    left = ["journal.jsonl", "my.weights.h5", "thesis.txt", "trial-0001-1.weights.h5"]
    assert sorted(path.name for path in tmp_path.iterdir()) == left


@contextlib.contextmanager
def files_at_most(size: int) -> Iterator[None]:
    """Files of this process can't become longer than this, as on a disk that is full.

    Only for a moment: pytest's own report may go to a file too.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_named_and_leaves_no_half_file(tmp_path: Path) -> None:
    folder = WeightsFolder(tmp_path)
    folder.write(1, 1, bytes(1000))
    with files_at_most(1000), pytest.raises(StorageError) as caught:
        folder.write(2, 1, bytes(1001))
    assert str(caught.value) == (
        f"can't write {tmp_path}/trial-0002-1.weights.h5: File too large. Free some space or choose another folder "
        "with `%config TuneMagics.directory`; finished trials are kept."
    )
    assert os.listdir(tmp_path) == ["trial-0001-1.weights.h5"]
