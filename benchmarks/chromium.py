"""Where the browser is that the benchmarks of the screen use."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

__all__ = ["chromium_path"]

_SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "need_chromium.sh"


def chromium_path() -> str:
    """Chromium's path, installing it where that may be done; the tests' variable chooses another one."""
    if "TUNEMAGIC_CHROMIUM" in os.environ:
        return os.environ["TUNEMAGIC_CHROMIUM"]
    return subprocess.run([_SCRIPT], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
