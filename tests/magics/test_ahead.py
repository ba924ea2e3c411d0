"""Workers' fork server starts by itself in an idle kernel, and only there."""

import json

import psutil
import pytest
from jupyter_client.manager import start_new_kernel

PATIENCE = 120
# Awaiting gives the kernel's event loop its turn, as a pause between two cells does.
WAITS = """
import asyncio, json, os, sys
from tunemagic.search.executors import forkserver
while forkserver._current is None or forkserver._current.pid is None:
    await asyncio.sleep(0.05)
print(json.dumps([forkserver._current.pid, "keras" in sys.modules]))
"""
CALLBACKS = (
    "print([c.__qualname__ for c in get_ipython().events.callbacks['post_run_cell'] if 'Ahead' in c.__qualname__])"
)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a cell in a kernel of its own and get what it printed."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(tmp_path), startup_timeout=PATIENCE)

    def run(source):
        texts = []
        reply = client.execute_interactive(
            source,
            timeout=PATIENCE,
            output_hook=lambda message: texts.append(message["content"].get("text", "")),
        )
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(texts)

    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.kernel
@pytest.mark.slow
def test_the_server_starts_when_the_cell_with_load_ext_has_ended_and_goes_with_the_extension(run):
    assert run("%load_ext tunemagic\n" + CALLBACKS) == "['WorkersAhead._after_cell']\n"
    pid, imported = json.loads(run(WAITS))
    server = psutil.Process(pid)
    assert not imported  # by the kernel itself
    assert run(CALLBACKS) == "[]\n"
    run("%unload_ext tunemagic")
    assert psutil.wait_procs([server], PATIENCE)[1] == []


@pytest.mark.kernel
@pytest.mark.slow
def test_nothing_starts_ahead_when_it_is_configured_off(run):
    run("get_ipython().config.TuneMagics.start_ahead = False\n%load_ext tunemagic")
    assert run(CALLBACKS) == "[]\n"


def test_nothing_starts_ahead_without_a_kernel(shell):
    before = list(shell.events.callbacks["post_run_cell"])
    shell.run_line_magic("load_ext", "tunemagic")
    assert shell.events.callbacks["post_run_cell"] == before
    shell.run_line_magic("unload_ext", "tunemagic")
