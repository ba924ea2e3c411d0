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
    module_shell.reset(new_session=False)
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


@pytest.fixture
def run(shell):
    """Run a cell of source text and get its Cell."""
    return lambda source: Cell(shell, source)
