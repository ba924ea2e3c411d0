"""What makes a training slow: its input, Python in its steps, tiny steps, or needless size."""

from __future__ import annotations

from tunemagic.analysis.finding import Diagnosis, Found
from tunemagic.analysis.signs import Case, three_digits

__all__ = ["too_slow"]

_SLOW_EPOCH = 0.5  # seconds; below that nobody waits
_SLOW_SHARE = 0.5  # of an epoch's time, spent on something else than computing
_RETRACED = 5  # Keras traces its training function once or twice; more means that shapes change


def too_slow(case: Case) -> Found | None:
    """The verdict, when an epoch is long enough for somebody to wait and most of it is not computing."""
    seconds = case.number("epoch_seconds")
    traces = case.number("traces")
    if traces is not None and traces >= _RETRACED and (seconds is None or seconds >= _SLOW_EPOCH):
        return Diagnosis.SLOW_TRACING, {"traces": traces, "seconds": "–" if seconds is None else three_digits(seconds)}
    if seconds is None or seconds < _SLOW_EPOCH:
        return None
    said = {"seconds": three_digits(seconds)}
    if (share := case.number("input_share")) is not None and share >= _SLOW_SHARE:
        return Diagnosis.SLOW_INPUT, {**said, "percent": round(100 * min(1.0, share))}
    if (share := case.number("eager_share")) is not None and share >= _SLOW_SHARE:
        return Diagnosis.SLOW_TRACING, {**said, "traces": 0}
    if (share := case.number("step_share")) is not None and share >= _SLOW_SHARE:
        return Diagnosis.SLOW_STEPS, {
            **said,
            "percent": round(100 * share),
            "batch": case.number("batch_size") or 1,
        }
    other, times = case.number("smaller_trial"), case.number("times_smaller")
    if other is not None and times is not None:
        return Diagnosis.SLOW_SIZE, {
            **said,
            "parameters": case.number("parameters") or 0,
            "times": three_digits(times),
            "other": other,
        }
    return None
