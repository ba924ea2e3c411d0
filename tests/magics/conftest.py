import gc
import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config


@pytest.fixture(scope="module")
def module_shell(tmp_path_factory):
    """One real shell for all tests of a module; no history, no files outside the test's folder."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        InteractiveShell.clear_instance()
        shell = InteractiveShell.instance(config=config)
        yield shell
        InteractiveShell.clear_instance()


@pytest.fixture
def shell(module_shell, tmp_path, monkeypatch):
    """The module's shell with an empty namespace, working in an empty folder."""
    monkeypatch.chdir(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        # Resetting collects garbage: seconds each time once all of TensorFlow is in memory.
        patch.setattr(gc, "collect", lambda: 0)
        module_shell.reset(new_session=False)
    # multiprocessing reads it, also in tests of other files; resetting takes it away.
    vars(sys.modules["__main__"]).setdefault("__spec__", None)
    return module_shell


class Cell:
    """What running one cell gave."""

    def __init__(self, shell, source):
        with capture_output() as captured:
            self.result = shell.run_cell(source)
        self.out = captured.stdout
        self.err = captured.stderr
        self.outputs = captured.outputs

    @property
    def texts(self):
        return [output.data["text/plain"] for output in self.outputs if "text/plain" in output.data]

    @property
    def error(self):
        """The text of the one line on stderr, where there was nothing else."""
        assert self.outputs == []
        assert self.out == ""
        (line,) = self.err.splitlines()
        assert line.startswith("UsageError: ")
        return line.removeprefix("UsageError: ")


@pytest.fixture
def run(shell):
    """Run a cell of source text and get its Cell."""
    return lambda source: Cell(shell, source)


@pytest.fixture
def notebook(run, shell, namespace):
    """Run cells where the extension is loaded and 80 digits are x_train and y_train.

    Trials run in the kernel unless a line says otherwise: starting workers takes long.
    """
    shell.config.TuneMagics.workers = 0
    shell.run_line_magic("load_ext", "tunemagic")
    shell.user_ns.update(namespace)
    yield run
    shell.run_line_magic("unload_ext", "tunemagic")
    shell.config.pop("TuneMagics", None)  # also what a test has set by %config


@pytest.fixture
def tune(notebook, cell):
    """Run a %%tune cell: ``tune(line, body)``; without a body a tiny model for the digits."""
    return lambda line, body=cell: notebook(f"%%tune {line}\n{body}")
