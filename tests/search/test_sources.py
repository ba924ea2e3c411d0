"""What a cell uses of the notebook: found through functions, the same in every process."""

import importlib
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tunemagic.search.sources import sources_used


def notebook(text: str) -> dict[str, Any]:
    """The variables after running a notebook cell whose text is not kept (as after exec)."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(textwrap.dedent(text), namespace)
    return namespace


def used(body: str, namespace: dict[str, Any], **more: Any) -> dict[str, str]:
    return sources_used(compile(body, "<cell>", "exec"), namespace, **more)


def test_plain_values_and_functions_are_found_also_through_functions() -> None:
    namespace = notebook(
        """
        factor = 2
        unused = 3
        def scale(x): return x * factor
        def block(x): return [scale(v) for v in x]
        """
    )
    assert sorted(used("def build(hp):\n    return block(hp)", namespace)) == ["block", "factor", "scale"]


def test_data_modules_and_the_cells_own_names_are_left_out() -> None:
    import numpy as np

    namespace = {**notebook("units = 64"), "x": np.zeros(3), "np": np}
    assert used("units = np.sum(x)", namespace, own={"units": 1}) == {}
    assert used("n = np.sum(x) + units", namespace) == {"units": "64"}


def test_functions_that_call_each_other_come_to_an_end() -> None:
    namespace = notebook(
        """
        def even(n): return n == 0 or odd(n - 1)
        def odd(n): return n != 0 and even(n - 1)
        """
    )
    assert sorted(used("even(4)", namespace)) == ["even", "odd"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f(x): return x + 1", "def f(x): return x + 2"),
        ("def f(x): return x.mean()", "def f(x): return x.sum()"),
        ("def f(x): return [v + 1 for v in x]", "def f(x): return [v + 2 for v in x]"),
        ("class f:\n    rate = 1", "class f:\n    rate = 2"),
        ("class f:\n    def g(self): return 1", "class f:\n    def g(self): return 2"),
        ("class f:\n    @staticmethod\n    def g(): return 1", "class f:\n    @staticmethod\n    def g(): return 2"),
        ("class f:\n    @property\n    def g(self): return 1", "class f:\n    @property\n    def g(self): return 2"),
        ("class f(int): pass", "class f(float): pass"),
        ("class g:\n    rate = 1\nclass f(g): pass", "class g:\n    rate = 2\nclass f(g): pass"),
        ("f = 1", "f = 1.0"),
    ],
)
def test_a_change_of_what_is_used_shows(before: str, after: str) -> None:
    assert used("f", notebook(before)) == used("f", notebook(before))
    assert used("f", notebook(before)) != used("f", notebook(after))


def test_two_kernels_say_the_same_of_the_same_notebook() -> None:
    script = """
        import json
        from IPython.core.interactiveshell import InteractiveShell
        from tunemagic.search.sources import sources_used
        shell = InteractiveShell.instance()
        shell.run_cell("class Helper:\\n    def scale(self, x):\\n        return [v for v in x if v in {'a', 'b'}]")
        shell.run_cell("def f(x):\\n    return x in {'a', 'b', 'c'}")
        shell.run_cell("g = eval('lambda x: [v for v in x if v in {\\"a\\", \\"b\\", \\"c\\"}]')")
        print("FOUND", json.dumps(sources_used(compile("Helper, f, g", "<cell>", "exec"), shell.user_ns)))
    """
    found = []
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(json.loads(done.stdout.partition("FOUND ")[2]))
    assert found[0] == found[1]
    assert "return [v for v in x if v in {'a', 'b'}]" in found[0]["Helper"]
    assert found[0]["f"] == "def f(x):\n    return x in {'a', 'b', 'c'}\n"
    assert len(found[0]["g"]) == 64


def test_modules_beside_the_notebook_count_and_installed_ones_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    text = "import math\nsize = 3\ndef inner(x): return math.pi * size\ndef outer(x): return inner(x)\n"
    (tmp_path / "mymodels_for_sources.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    mine = importlib.import_module("mymodels_for_sources")
    installed = {"keras": keras, "Dense": keras.layers.Dense}
    assert used("mine.outer(keras, Dense)", {"mine": mine, **installed}) == {"mine": text}
    assert used("f = lambda: outer(1)", {"outer": mine.outer, "size": 5}) == {
        "mymodels_for_sources.inner": "def inner(x): return math.pi * size\n",
        "mymodels_for_sources.size": "3",
        "outer": "def outer(x): return inner(x)\n",
    }
