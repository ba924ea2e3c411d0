"""One Chromium for all browser tests of a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = os.environ.get("TUNEMAGIC_CHROMIUM", "/usr/bin/chromium")
# Without these Chromium asks its maker's servers for updates at every start.
QUIET = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=60_000)
    if not Path(CHROMIUM).exists():
        pytest.fail(f"{CHROMIUM} is missing: install Debian's package chromium, or set TUNEMAGIC_CHROMIUM.")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    page = browser.new_page(viewport={"width": 900, "height": 700})
    yield page
    page.close()


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from tests.browser.jupyter import JupyterServer

    server = JupyterServer(tmp_path_factory.mktemp("lab"), "lab")
    yield server
    server.close()


@pytest.fixture(scope="session")
def lab_notebook(browser: Any, lab_server: Any) -> Iterator[Any]:
    """An open notebook whose kernel has imported keras, loaded the digits and the extension."""
    from tests.browser.jupyter import open_notebook
    from tests.browser.search import SETUP

    with open_notebook(browser, lab_server, "digits.ipynb", [SETUP]) as notebook:
        notebook.run_cell(0)
        yield notebook


@pytest.fixture
def lab(lab_notebook: Any) -> Iterator[Any]:
    """The open notebook without cells. No test may leave complaints in the console."""
    from tests.browser.search import remove_cells

    remove_cells(lab_notebook)
    lab_notebook.errors.clear()
    yield lab_notebook
    assert lab_notebook.errors == []
