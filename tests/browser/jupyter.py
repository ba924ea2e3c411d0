"""A JupyterLab or Notebook 7 of its own, and a page in it that runs notebooks.

Nothing is shared with the user's Jupyter: every folder that Jupyter or IPython writes to lies in
a temporary one. The lab extension is the built one of this checkout.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import nbformat

ROOT = Path(__file__).parents[2]
AXE = ROOT / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
SCREENS = ROOT / "build" / "screens"

Kind = Literal["lab", "notebook"]
_APPS = {"lab": "LabApp", "notebook": "JupyterNotebookApp"}
_START_SECONDS = 120
WAIT_MILLISECONDS = 60_000
# What these versions of Jupyter itself complain about on an untouched page.
_NOT_OURS = (
    "favicon",
    "Failed to load resource",
    "WebSocket",
    "service worker",
    "ServiceWorker",
    # The shortcuts plugin reads settings that are not loaded yet.
    "Cannot read properties of undefined (reading 'schema')",
    # The debugger asks about a notebook that is being closed.
    "Could not restore the debugger state",
)


class JupyterServer:
    """A running server. ``folder`` is where its notebooks lie; ``without`` names lab extensions to switch off."""

    def __init__(self, folder: Path, kind: Kind = "lab", *, without: Sequence[str] = ()) -> None:
        self.kind = kind
        self.folder = folder / "notebooks"
        self.folder.mkdir(parents=True)
        self._state = folder / "state"
        self._port = _free_port()
        self._token = secrets.token_hex(16)
        self._prepare(without)
        self._log = (folder / "server.log").open("wb")
        app = _APPS[kind]
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                {"lab": "jupyterlab", "notebook": "notebook"}[kind],
                "--no-browser",
                "--allow-root",
                f"--ServerApp.port={self._port}",
                "--ServerApp.port_retries=0",
                f"--IdentityProvider.token={self._token}",
                f"--ServerApp.root_dir={self.folder}",
                f"--{app}.expose_app_in_browser=True",
            ],
            env=self._environment(),
            cwd=self.folder,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._await_answer()

    def _prepare(self, without: Sequence[str]) -> None:
        extensions = self._state / "data" / "labextensions"
        extensions.mkdir(parents=True)
        built = ROOT / "tunemagic" / "labextension"
        if not (built / "package.json").is_file():
            raise FileNotFoundError(f"{built} is not built: run `jlpm build` in labextension/.")
        (extensions / "tunemagic").symlink_to(built)
        config = self._state / "config" / "labconfig"
        config.mkdir(parents=True)
        switched_off = {"disabledExtensions": dict.fromkeys(without, True)}
        (config / "page_config.json").write_text(json.dumps(switched_off), encoding="utf-8")
        settings = self._state / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        quiet = {"fetchNews": "false", "checkForUpdates": False}
        (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet), encoding="utf-8")

    def _environment(self) -> dict[str, str]:
        places = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
        }
        path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {
            **os.environ,
            **{name: str(self._state / folder) for name, folder in places.items()},
            "PYTHONPATH": os.pathsep.join(path),
            # Else the copy that was made when the package was installed comes before this checkout's.
            "JUPYTER_PREFER_ENV_PATH": "0",
        }

    def _await_answer(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError), urllib.request.urlopen(self.url("api/status"), timeout=5):
                return
            time.sleep(0.2)  # there is no event to wait for: the server is another program
        self.close()
        raise RuntimeError(f"Jupyter did not start: {Path(self._log.name).read_text(encoding='utf-8')[-2000:]}")

    def url(self, path: str) -> str:
        """The address of a page, with the token that opens it."""
        return f"http://127.0.0.1:{self._port}/{path}?token={self._token}"

    def add_notebook(self, name: str, cells: Sequence[str]) -> None:
        """Put a notebook with these code cells into the server's folder."""
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        nbformat.write(notebook, self.folder / name)

    def read_notebook(self, name: str) -> Any:
        """The notebook as it was saved last."""
        return nbformat.read(self.folder / name, as_version=4)

    def close(self) -> None:
        """End the server and its kernels."""
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class NotebookPage:
    """One browser page with one notebook. ``errors`` collects what the console complains about."""

    def __init__(self, page: Any, server: JupyterServer, name: str) -> None:
        self.page = page
        self.server = server
        self.name = name
        self.errors: list[str] = []
        page.set_default_timeout(WAIT_MILLISECONDS)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self._note(f"{error}: {error.stack}"))
        # A workspace of its own: the default one would open the notebooks of the page before.
        workspace = f"lab/workspaces/{secrets.token_hex(4)}/tree"
        folder = workspace if server.kind == "lab" else "notebooks"
        page.goto(server.url(f"{folder}/{name}"))
        self.await_kernel()

    def _on_console(self, message: Any) -> None:
        if message.type == "error":
            self._note(message.text)

    def _note(self, text: str) -> None:
        if not any(words in text for words in _NOT_OURS):
            self.errors.append(text)

    def await_kernel(self) -> None:
        """Wait until the notebook is open and its kernel idle or busy."""
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")
        self.page.wait_for_function(
            """() => {
                const context = window.jupyterapp?.shell?.currentWidget?.sessionContext;
                return context?.isReady && ['idle', 'busy'].includes(context.session?.kernel?.status);
            }"""
        )

    def reload(self) -> None:
        """Load the page anew; the kernel goes on."""
        self.page.reload()
        self.await_kernel()

    def start_cell(self, index: int) -> None:
        """Run a cell and return at once."""
        self.page.evaluate(
            """index => {
                const notebook = jupyterapp.shell.currentWidget.content;
                notebook.activeCellIndex = index;
                notebook.deselectAll();
                void jupyterapp.commands.execute('notebook:run-cell');
            }""",
            index,
        )

    def await_cell(self, index: int, *, timeout: float = WAIT_MILLISECONDS) -> None:
        """Wait until a cell has been run to its end."""
        self.page.wait_for_function(
            """index => {
                const model = jupyterapp.shell.currentWidget.content.widgets[index].model;
                return model.executionState === 'idle' && model.executionCount !== null;
            }""",
            arg=index,
            timeout=timeout,
        )

    def run_cell(self, index: int, *, timeout: float = WAIT_MILLISECONDS) -> None:
        """Run a cell to its end."""
        self.start_cell(index)
        self.page.wait_for_function(
            "index => jupyterapp.shell.currentWidget.content.widgets[index].model.executionState !== 'idle'"
            " || jupyterapp.shell.currentWidget.content.widgets[index].model.executionCount !== null",
            arg=index,
        )
        self.await_cell(index, timeout=timeout)

    def cell(self, index: int) -> Any:
        """A locator of one cell."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def panel(self, index: int) -> Any:
        """A locator of the live panel in a cell's output."""
        return self.cell(index).locator(".tm-panel")

    def side_panel(self) -> Any:
        """A locator of our side panel."""
        return self.page.locator(".tunemagic-SidePanel")

    def execute(self, command: str) -> None:
        """Run a command of the application."""
        self.page.evaluate("async command => { await jupyterapp.commands.execute(command); }", command)

    def set_setting(self, plugin: str, name: str, value: object) -> None:
        """Change a setting as the settings editor does."""
        self.page.evaluate(
            """async ([plugin, name, value]) => {
                const services = jupyterapp.pluginRegistry._services;
                const wanted = '@jupyterlab/coreutils:ISettingRegistry';
                const token = [...services.keys()].find(token => token.name === wanted);
                const registry = await jupyterapp.resolveOptionalService(token);
                await registry.set(plugin, name, value);
            }""",
            [plugin, name, value],
        )

    def run_from_palette(self, label: str) -> None:
        """Type a command's name into the palette and take it."""
        self.execute("apputils:activate-command-palette")
        self.page.keyboard.type(label)
        self.page.locator(".lm-CommandPalette-item", has_text=label).first.click()

    def restart_kernel(self) -> None:
        """Restart without asking."""
        self.page.evaluate(
            "async () => { await jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
        )
        self.await_kernel()

    def interrupt(self) -> None:
        """What the ■ button does."""
        self.execute("notebook:interrupt-kernel")

    def save(self) -> Any:
        """Save the notebook and read it back."""
        self.page.evaluate("async () => { await jupyterapp.shell.currentWidget.context.save(); }")
        return self.server.read_notebook(self.name)

    def set_theme(self, name: str) -> None:
        """Another theme of JupyterLab, by its name."""
        self.page.evaluate(
            "async theme => { await jupyterapp.commands.execute('apputils:change-theme', {theme}); }", name
        )
        self.page.wait_for_function("theme => document.body.dataset.jpThemeName === theme", arg=name)

    def violations(self, selector: str) -> list[str]:
        """What axe-core finds wrong inside a part of the page."""
        self.page.add_script_tag(path=AXE)
        found = self.page.evaluate("async selector => (await axe.run(selector)).violations", selector)
        return [f"{item['id']}: {[node['html'][:160] for node in item['nodes']]}" for item in found]

    def screenshot(self, name: str) -> None:
        """Keep a picture for people under build/screens/."""
        SCREENS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENS / f"{name}.png")


@contextlib.contextmanager
def open_notebook(browser: Any, server: JupyterServer, name: str, cells: Sequence[str]) -> Iterator[NotebookPage]:
    """A notebook with these cells in a fresh page of its own."""
    server.add_notebook(name, cells)
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    try:
        yield NotebookPage(context.new_page(), server, name)
    finally:
        context.close()
