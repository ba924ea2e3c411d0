"""Check what a build left in a folder: a wheel without its bundles installs without any complaint.

Usage: python scripts/check_wheel.py DIST
"""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path

EXTENSION = "data/share/jupyter/labextensions/tunemagic"
IN_WHEEL = (
    "tunemagic/__init__.py",
    "tunemagic/py.typed",
    "tunemagic/i18n/en.json",
    "tunemagic/i18n/zh_CN.json",
    "tunemagic/locale/zh_CN/LC_MESSAGES/tunemagic.json",
    "tunemagic/datasets/mnist300/README.md",
    "tunemagic/datasets/mnist300/mnist300.npz",
    "tunemagic/replay_tables/mnist1d.jsonl.gz",
    "tunemagic/report/report.css",
    "tunemagic/static/panel.js",
    "tunemagic/static/panel.css",
    "tunemagic/static/demo.js",
    "tunemagic/static/demo.css",
    f"{EXTENSION}/package.json",
    f"{EXTENSION}/install.json",
    f"{EXTENSION}/static/style.js",
)
IN_SDIST = (
    "pyproject.toml",
    "tunemagic/datasets/mnist300/README.md",
    "tunemagic/datasets/mnist300/mnist300.npz",
    "tunemagic/replay_tables/mnist1d.jsonl.gz",
    "tunemagic/static/panel.js",
    "tunemagic/static/demo.js",
    "tunemagic/labextension/package.json",
)
LIMIT_BYTES = 3_000_000


def missing(names: list[str], expected: tuple[str, ...]) -> list[str]:
    """Expected paths with which no name ends."""
    return [path for path in expected if not any(name.endswith(f"/{path}") or name == path for name in names)]


def faults(folder: Path) -> list[str]:
    """What is wrong with the one wheel and the one source distribution in the folder."""
    found = []
    for pattern, expected in (("*.whl", IN_WHEEL), ("*.tar.gz", IN_SDIST)):
        paths = list(folder.glob(pattern))
        if len(paths) != 1:
            found.append(f"{folder}: expected one {pattern}; found {len(paths)}.")
            continue
        path = paths[0]
        if pattern == "*.whl":
            with zipfile.ZipFile(path) as wheel:
                names = wheel.namelist()
        else:
            with tarfile.open(path) as sdist:
                names = sdist.getnames()
        found += [f"{path.name}: {name} is missing." for name in missing(names, expected)]
        if path.stat().st_size > LIMIT_BYTES:
            found.append(f"{path.name}: {path.stat().st_size} bytes; expected at most {LIMIT_BYTES}.")
    return found


def main() -> int:
    """Print all faults; 1 when there are any."""
    found = faults(Path(sys.argv[1]))
    print("\n".join(found) or f"{sys.argv[1]}: wheel and source distribution hold all that they must.")
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main())
