"""Reports of other libraries cut down to what fits into one line of ours."""

from __future__ import annotations

import re

from tunemagic.text import one_line

__all__ = ["converter_reason", "error_text", "lacks_form"]

_MAX_TEXT = 200
_NO_FORM = re.compile(r"'(tf\.\w+)' op is neither a custom op nor a flex op")
# The operation's own name behind its kind: "Betainc:", "model_1/layer_1/Betainc@__inference_predict_9".
_SCOPE = re.compile(r"fused\[\"\w+:\", \"([^\"@]+)/[^\"@/]+@")
_LOCATION = re.compile(r".*(?:loc|callsite)\(.*\)+: (?=\S)", re.DOTALL)


def error_text(error: BaseException) -> str:
    """What another library's error says, on one line of at most 200 characters."""
    return one_line(str(error), _MAX_TEXT)


def lacks_form(report: str) -> bool:
    """Whether a converter's report is about an operation that has no TF Lite form."""
    return _NO_FORM.search(report) is not None


def converter_reason(report: str) -> str:
    """What a converter's report of many lines says is wrong: the operation, else the line with the error."""
    operation = _NO_FORM.search(report)
    if operation:
        scope = _SCOPE.search(report)
        place = f" in layer {scope[1].rpartition('/')[2]}" if scope else ""
        return f"operation {operation[1]}{place} has no TF Lite form; replace the layer that uses it."
    lines = [line for line in report.splitlines() if line.strip()]
    telling = next((line for line in lines if "error:" in line or "not supported" in line), lines[0] if lines else "")
    return one_line(_LOCATION.sub("", telling), _MAX_TEXT) or "no reason given"
