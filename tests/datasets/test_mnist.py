"""The full MNIST: read from Keras' folder, fetched only when asked to, from a server that may be silent."""

import hashlib
import importlib.resources
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from tunemagic.datasets import load, mnist
from tunemagic.errors import DataError

SLICE = importlib.resources.files("tunemagic") / "datasets" / "mnist300" / "mnist300.npz"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Keras would keep the set."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path / "datasets" / "mnist.npz"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A server that has the slice under the set's address; gives what was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(SLICE.read_bytes())

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with HTTPServer(("127.0.0.1", 0), Handler) as running:
        monkeypatch.setattr(mnist, "_ADDRESS", f"http://127.0.0.1:{running.server_port}/mnist.npz")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield asked
        running.shutdown()
        thread.join()


def test_the_set_is_read_from_where_keras_keeps_it(kept: Path):
    kept.parent.mkdir()
    kept.write_bytes(SLICE.read_bytes())
    data = load("mnist")
    assert (data.name, data.card.rows, data.card.test_rows) == ("mnist", 300, 1000)
    assert data.card.note == "images of 28x28 pixels, each from 0 (empty) to 255; x is (row, 28, 28, 1)"
    assert np.array_equal(data.x, load("mnist300").x)


def test_without_the_file_nothing_is_fetched_and_the_ways_out_are_told(kept: Path, server: list[str]):
    with pytest.raises(DataError) as caught:
        load("mnist")
    assert str(caught.value) == (
        f'mnist: there is no {kept}. Fetch it (11 MB) with load("mnist", download=True);'
        ' tunemagic.datasets.load("mnist300") is a slice that needs no file.'
    )
    assert server == []


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_file_that_is_damaged_is_named(kept: Path, content: bytes):
    kept.parent.mkdir()
    kept.write_bytes(content)
    with pytest.raises(DataError, match=r"^mnist: .*mnist\.npz can't be read as MNIST \(.*\)\. Delete it and fetch it"):
        load("mnist")


def test_a_file_with_other_arrays_is_refused(kept: Path):
    kept.parent.mkdir()
    np.savez(kept, x_train=np.zeros((3, 8, 8)), y_train=np.zeros(3), x_test=np.zeros(1), y_test=np.zeros(1))
    with pytest.raises(DataError, match=r"expected images \(row, 28, 28\) and as many digits; received \(3, 8, 8\)"):
        load("mnist")


def test_the_set_is_fetched_once_when_asked_to(kept: Path, server: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mnist, "_SHA256", hashlib.sha256(SLICE.read_bytes()).hexdigest())
    assert len(load("mnist", download=True).x) == 300
    assert len(load("mnist", download=True).x) == 300
    assert server == ["/mnist.npz"]
    assert [path.name for path in kept.parent.iterdir()] == ["mnist.npz"]


def test_what_is_not_mnist_is_not_kept(kept: Path, server: list[str]):
    with pytest.raises(
        DataError, match=r"can't be fetched \(received 214940 bytes that are not MNIST\)\. Put the file"
    ):
        load("mnist", download=True)
    assert not kept.exists()


def test_a_server_that_is_silent_or_not_there_is_given_up(kept: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mnist, "_SECONDS", 0.2)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(mnist, "_ADDRESS", f"http://127.0.0.1:{silent.getsockname()[1]}/mnist.npz")
        with pytest.raises(DataError, match=r"can't be fetched \(.*timed out.*\)\. Put the file at"):
            load("mnist", download=True)
    with pytest.raises(DataError, match=r"can't be fetched \(.*refused.*\)\. Put the file at"):
        load("mnist", download=True)
    assert not kept.exists()
