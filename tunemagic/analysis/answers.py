"""What a screen asks about a study, by topic and options; each answer is an info as plain values."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tunemagic.analysis.contour import contour_info
from tunemagic.analysis.curves import best_so_far_info, curves_info
from tunemagic.analysis.exports import confusion_info, exports_info
from tunemagic.analysis.importance import importance_info
from tunemagic.analysis.parallel import parallel_info
from tunemagic.analysis.pareto import pareto_info
from tunemagic.analysis.pictures import PictureKind
from tunemagic.analysis.slices import slice_info
from tunemagic.analysis.spread import spread_info
from tunemagic.analysis.timeline import timeline_info
from tunemagic.analysis.why import explain_trial, log_lines
from tunemagic.errors import OptionError
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.text import counted, did_you_mean, one_line
from tunemagic.trial import StudyView, TrialState

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["PICTURES", "answer", "picture_info"]

TRIAL, COMPARE = "trial", "compare"
# What computes each picture, and the options it takes.
PICTURES: Mapping[PictureKind, tuple[Callable[..., DataclassInstance], tuple[str, ...]]] = {
    PictureKind.CURVES: (curves_info, ("metric",)),
    PictureKind.BEST: (best_so_far_info, ()),
    PictureKind.PARALLEL: (parallel_info, ()),
    PictureKind.IMPORTANCE: (importance_info, ("transform",)),
    PictureKind.SLICE: (slice_info, ()),
    PictureKind.CONTOUR: (contour_info, ("x", "y")),
    PictureKind.PARETO: (pareto_info, ("x", "y")),
    PictureKind.TIMELINE: (timeline_info, ()),
    PictureKind.SPREAD: (spread_info, ()),
    PictureKind.EXPORTS: (exports_info, ("x",)),
    PictureKind.CONFUSION: (confusion_info, ("of",)),
}


def answer(
    view: StudyView,
    topic: str,
    options: Mapping[str, str],
    *,
    log_of: Callable[[int], str],
    texts: Catalogue = ENGLISH,
) -> dict[str, Any]:
    """The info of this topic as JSON values (its tuples stay tuples).

    A picture's topic is its kind. ``trial`` wants ``{"trial": "3"}`` and gives ``{"trial": 3,
    "rows": ((label, text), ...), "log": (line, ...), "curves": [{metric: values}, ...]}``: what is
    known of it, the end of what it printed, which ``log_of`` gives whole, and the curves of each run
    of a trial that has ended. ``compare`` wants ``{"a": "3", "b": "7"}`` and gives ``{"trials":
    [3, 7], "verdict": (sentence, ...), "rows": ((what, first, second, difference), ...)}``, in
    words as ``%tune compare`` shows them. Raises TuneError when it asks for something that there is not.
    """
    if topic == TRIAL:
        _check_options(topic, options, ("trial",))
        number = _trial(view, topic, options, "trial")
        rows = explain_trial(view, number, "", texts)
        trial = view.trial(number)
        # A snapshot of a large study leaves curves out, which the page gets when it looks at their trial.
        curves = [] if trial.state is TrialState.RUNNING else [dict(run) for run in trial.runs_curves]
        log = tuple(log_lines(log_of(number), texts))
        return {"trial": number, "rows": tuple(rows), "log": log, "curves": curves}
    if topic == COMPARE:
        from tunemagic.analysis.compare import compare_info, compare_verdict, difference_texts

        _check_options(topic, options, ("a", "b"))
        pair = [_trial(view, topic, options, name) for name in ("a", "b")]
        info = compare_info(view, *pair)
        return {"trials": pair, "verdict": compare_verdict(info, texts), "rows": difference_texts(info)}
    return dataclasses.asdict(picture_info(view, topic, options))


def picture_info(view: StudyView, kind: str, options: Mapping[str, str]) -> Any:
    """The info of a picture. Options without a text are left to their defaults.

    Raises OptionError for an unknown kind, option or name.
    """
    if kind not in tuple(PictureKind):
        known = [*map(str, PictureKind), TRIAL, COMPARE]
        raise OptionError(
            f"received {one_line(kind, 60)!r}; expected one of {', '.join(known)}.{did_you_mean(kind, known)}"
        )
    make, names = PICTURES[PictureKind(kind)]
    _check_options(kind, options, names)
    return make(view, **{name: text for name, text in options.items() if text})


def _check_options(topic: str, options: Mapping[str, str], known: tuple[str, ...]) -> None:
    for name in options:
        if name not in known:
            expected = f"expected {' and '.join(known)}" if known else "it has no options"
            raise OptionError(f"{topic}: received the option {one_line(name, 60)!r}; {expected}.")


def _trial(view: StudyView, topic: str, options: Mapping[str, str], name: str) -> int:
    text, known = options.get(name, ""), len(view.trials)
    # A number of many digits is no trial's, and int() of it takes long.
    if not (text.isdecimal() and len(text) < 10 and 1 <= int(text) <= known):
        raise OptionError(
            f"{topic}: expected {name} to be the number of a trial; the study has {counted(known, 'trial')}; "
            f"received {one_line(text, 60)!r}."
        )
    return int(text)
