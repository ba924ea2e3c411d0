import json
import subprocess
import sys

import pytest

HEAVY = ["tensorflow", "keras", "keras_tuner", "matplotlib.pyplot", "pandas", "sklearn", "h5py", "pebble", "optuna"]


def state_of(shell):
    """Everything in a shell that an extension could leave something in."""
    manager = shell.magics_manager
    return {
        "line": set(manager.magics["line"]),
        "cell": set(manager.magics["cell"]),
        "registry": set(manager.registry),
        "configurables": [type(thing).__name__ for thing in shell.configurables],
        "matchers": list(shell.Completer.custom_matchers),
        "events": {name: list(callbacks) for name, callbacks in shell.events.callbacks.items()},
        "namespace": {name for name in shell.user_ns if not name.startswith(("_", "In", "Out"))},
        "attributes": {name for name in vars(shell) if "tune" in name},
        "transformers": list(shell.input_transformers_cleanup) + list(shell.input_transformers_post),
    }


@pytest.fixture
def unloaded(shell):
    shell.magics_manager.load_all_lazy_magics()
    yield shell
    if "tunemagic" in shell.extension_manager.loaded:
        shell.run_line_magic("unload_ext", "tunemagic")


def test_unloading_leaves_nothing_behind(unloaded):
    before = state_of(unloaded)
    unloaded.run_line_magic("load_ext", "tunemagic")
    assert state_of(unloaded)["line"] - before["line"] == {"tune", "tflite"}
    assert state_of(unloaded)["cell"] - before["cell"] == {"tune"}
    assert state_of(unloaded)["namespace"] - before["namespace"] == {"hp"}
    unloaded.run_line_magic("unload_ext", "tunemagic")
    assert state_of(unloaded) == before


def test_reloading_changes_nothing(unloaded):
    unloaded.run_line_magic("load_ext", "tunemagic")
    once = {key: len(value) for key, value in state_of(unloaded).items()}
    for _ in range(3):
        unloaded.run_line_magic("reload_ext", "tunemagic")
    assert {key: len(value) for key, value in state_of(unloaded).items()} == once


def test_loading_twice_keeps_the_first(unloaded):
    import tunemagic

    unloaded.run_line_magic("load_ext", "tunemagic")
    first = unloaded.magics_manager.registry["TuneMagics"]
    tunemagic.load_ipython_extension(unloaded)
    assert unloaded.magics_manager.registry["TuneMagics"] is first


def test_a_users_own_hp_is_never_touched(unloaded):
    unloaded.user_ns["hp"] = mine = object()
    unloaded.run_line_magic("load_ext", "tunemagic")
    assert unloaded.user_ns["hp"] is mine
    unloaded.run_line_magic("unload_ext", "tunemagic")
    assert unloaded.user_ns["hp"] is mine


def test_a_tune_magic_that_is_not_ours_survives_unloading(unloaded):
    unloaded.run_line_magic("load_ext", "tunemagic")
    unloaded.register_magic_function(lambda line: "mine", magic_name="tune")
    unloaded.run_line_magic("unload_ext", "tunemagic")
    assert unloaded.run_line_magic("tune", "") == "mine"
    del unloaded.magics_manager.magics["line"]["tune"]


def test_nothing_is_written_by_loading(unloaded, tmp_path):
    unloaded.run_line_magic("load_ext", "tunemagic")
    assert list(tmp_path.iterdir()) == []


def test_loading_imports_nothing_heavy():
    code = f"""
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "tunemagic")
shell.run_cell("%%tune --no-such-option\\npass")
print(json.dumps([name for name in {HEAVY} if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []
