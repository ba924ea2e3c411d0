"""Reports of other libraries cut down to what fits into one line of ours."""

from __future__ import annotations

import re

__all__ = ["converter_reason", "one_line"]

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_NO_FORM = re.compile(r"'(tf\.\w+)' op is neither a custom op nor a flex op")
_LOCATION = re.compile(r".*(?:loc|callsite)\(.*\)+: (?=\S)", re.DOTALL)


def one_line(error: object, *, limit: int = 200) -> str:
    """The text of ``error`` without colours and line breaks, at most ``limit`` characters."""
    text = " ".join(_COLOURS.sub("", str(error)).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def converter_reason(report: str) -> str:
    """What a converter's report of many lines says is wrong: the operation, else the line with the error."""
    operation = _NO_FORM.search(report)
    if operation:
        return f"operation {operation[1]} has no TF Lite form; replace the layer that uses it"
    lines = [line for line in report.splitlines() if line.strip()]
    telling = next((line for line in lines if "error:" in line or "not supported" in line), lines[0] if lines else "")
    return one_line(_LOCATION.sub("", telling)) or "no reason given"
