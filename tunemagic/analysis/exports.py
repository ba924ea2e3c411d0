"""The artefacts of a study beside each other: size or speed against score, and what their answers were."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tunemagic.analysis.axes import check_name, value_scale
from tunemagic.analysis.pictures import ConfusionInfo, ExportPoint, ExportsInfo
from tunemagic.events import Direction, ModelExported, Verdict, finite
from tunemagic.trial import StudyView

__all__ = ["confusion_info", "export_key", "export_name", "exports_info", "smallest_verified"]

# What runs across, each with its unit and its value.
_ACROSS: Mapping[str, tuple[str, Callable[[ModelExported], float | None]]] = {
    "size": ("kB", lambda one: None if one.bytes is None else one.bytes / 1000),
    "gzip": ("kB", lambda one: None if one.gzip_bytes is None else one.gzip_bytes / 1000),
    "latency": ("µs", lambda one: finite(one.microseconds)),
}


def export_key(export: ModelExported) -> str:
    """What tells an artefact apart from all others of its study."""
    return f"{'' if export.trial is None else export.trial} {export.target} {export.mode}"


def export_name(export: ModelExported) -> str:
    """A short name: ``onnx``, ``int8`` of TF Lite, ``c int8``; a TF Lite file in float32 is ``tflite``."""
    if export.mode == "none":
        return export.target
    return export.mode if export.target == "tflite" else f"{export.target} {export.mode}"


def exports_info(view: StudyView, x: str | None = None) -> ExportsInfo:
    """The artefacts of the trial that was exported last, in the plane of ``x`` and score.

    ``x`` is ``size`` (default), ``gzip`` or ``latency``. Raises OptionError for another name.
    """
    across = check_name(x or "size", tuple(_ACROSS), where="exports x")
    unit, value = _ACROSS[across]
    last = view.exports[-1].trial if view.exports else None
    found = [
        (export, level, score)
        for export in view.exports
        if export.trial == last
        and (level := value(export)) is not None
        and (score := finite(export.score_after)) is not None
    ]
    if not found:
        return ExportsInfo(across=across, x=None, y=None, points=(), before=None)
    name = next((export.score_name for export, _, _ in found if export.score_name), None) or "score"
    before = next((finite(export.score_before) for export, _, _ in found if export.score_before is not None), None)
    # A broken file may be far off in score or size, and must not press the others together.
    fit = [one for one in found if one[0].verdict is Verdict.VERIFIED] or found
    scores = [*(score for _, _, score in fit), *([] if before is None else [before])]
    direction = _direction(view, name)
    worst = (min if direction is Direction.MAX else max)(scores)
    largest = max(level for _, level, _ in found)
    below = value_scale(unit, [level for _, level, _ in found], Direction.MIN, must_show=largest)
    beside = value_scale(name, scores, direction, better_up=True, must_show=worst)
    points = tuple(
        ExportPoint(
            key=export_key(export),
            name=export_name(export),
            target=export.target,
            mode=export.mode,
            x=at_x,
            y=at_y,
            verified=export.verdict is Verdict.VERIFIED,
        )
        for export, level, score in found
        if (at_x := below.place(level)) is not None and (at_y := beside.place(score)) is not None
    )
    return ExportsInfo(across=across, x=below.axis, y=beside.axis, points=points, before=beside.place(before))


def _direction(view: StudyView, score: str) -> Direction:
    """Whether more of it is better: an export's score is the objective, else accuracy, else a loss."""
    if score == view.objective.removeprefix("val_"):
        return view.direction
    return Direction.MAX if "acc" in score else Direction.MIN


def confusion_info(view: StudyView, of: str | None = None) -> ConfusionInfo:
    """What an artefact answered to each class; by default the smallest verified one, else the latest.

    ``of`` is its name, such as ``int8`` or ``onnx``. Raises OptionError for another one.
    """
    known = {export_name(export): export for export in view.exports if export.confusion}
    names = tuple(known)
    if of is not None:
        name = check_name(of, names, where="confusion")
    else:
        smallest = smallest_verified(list(known.values()))
        name = export_name(smallest) if smallest is not None else next(reversed(names), "")
    counts = known[name].confusion or [] if name else []
    return ConfusionInfo(names=names, name=name, counts=tuple(tuple(row) for row in counts))


def smallest_verified(exports: list[ModelExported]) -> ModelExported | None:
    """The verified artefact of the fewest bytes."""
    verified = [one for one in exports if one.verdict is Verdict.VERIFIED and one.bytes is not None]
    return min(verified, key=lambda one: one.bytes or 0, default=None)
