"""The objective over two hyperparameters, estimated between the trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from tunemagic.analysis.axes import Scale, check_name, parameter_scales, score_scale, scored_trials, shown_trials
from tunemagic.analysis.importance import importance_info
from tunemagic.analysis.pictures import ContourInfo, ContourPoint
from tunemagic.errors import OptionError
from tunemagic.trial import StudyView

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["CELLS", "contour_info"]

CELLS = 30  # of the grid along a range; along choices there is one for each
_NEIGHBOURS = 16
_REACH = 0.2  # of an axis: farther from every trial nothing is said
_APART = 10.0  # between choices: none is near another

_Grid: TypeAlias = tuple[tuple[float | None, ...], ...]


def contour_info(view: StudyView, x: str | None = None, y: str | None = None) -> ContourInfo:
    """The score over two hyperparameters; by default the two that matter most, else the first two.

    Each cell is the mean of the trials near it, weighted by their distance with a Gaussian kernel
    (Nadaraya-Watson regression over the nearest neighbours); trials with another choice don't
    count, unless the choices are numbers. The other hyperparameters are not held fixed: how far
    they move the score is noise here.
    Raises OptionError for a hyperparameter that doesn't vary, or the same one twice.
    """
    scales = {scale.name: scale for scale in parameter_scales(view)}
    objective = score_scale(view)
    for given, where in ((x, "contour x"), (y, "contour y")):
        if given is not None:
            check_name(given, tuple(scales), where=where)
    if x is not None and x == y:
        raise OptionError(f"contour: x and y are both {x!r}; expected two different hyperparameters.")
    pair = _pair(view, tuple(scales), x, y)
    if pair is None:
        return ContourInfo(
            names=tuple(scales), x=None, y=None, objective=objective.axis, grid=(), points=(), best=view.best
        )
    across, up = scales[pair[0]], scales[pair[1]]
    points = _points(view, across, up, objective)
    shown = {trial.number for trial, _ in shown_trials(view)}
    return ContourInfo(
        names=tuple(scales),
        x=across.axis,
        y=up.axis,
        objective=objective.axis,
        grid=_grid(points, across, up) if len(points) > 1 else (),
        points=tuple(point for point in points if point.trial in shown),
        best=view.best,
        hidden=sum(point.trial not in shown for point in points),
    )


def _pair(view: StudyView, names: Sequence[str], x: str | None, y: str | None) -> tuple[str, str] | None:
    """The two hyperparameters; those that were not given are the most important ones that are left."""
    if len(names) < 2:
        return None
    if x is not None and y is not None:
        return x, y
    ordered = [bar.name for bar in importance_info(view).bars] or list(names)
    left = [name for name in ordered if name not in (x, y)]
    if x is not None:
        return x, left[0]
    return (left[0], y) if y is not None else (left[0], left[1])


def _points(view: StudyView, across: Scale, up: Scale, objective: Scale) -> tuple[ContourPoint, ...]:
    return tuple(
        ContourPoint(trial=trial.number, x=x, y=y, level=level)
        for trial, score in scored_trials(view)
        if (x := across.place(trial.values.get(across.name))) is not None
        and (y := up.place(trial.values.get(up.name))) is not None
        and (level := objective.place(score)) is not None
    )


def _grid(points: Sequence[ContourPoint], across: Scale, up: Scale) -> _Grid:
    import numpy as np
    from sklearn.neighbors import KNeighborsRegressor

    # Fewer trials tell less about small distances (Scott's rule for two dimensions).
    width = 0.25 * len(points) ** (-1 / 6)

    def kernel(distances: NDArray[np.float64]) -> NDArray[np.float64]:
        # Relative to the nearest, so that not all weights of a row are zero.
        nearest = distances.min(axis=1, keepdims=True)
        return np.asarray(np.exp((nearest**2 - distances**2) / (2 * width**2)))

    columns, rows = _centres(across), _centres(up)
    cells = np.array([(column, row) for row in rows for column in columns])
    stretch = np.array([1.0 if scale.ordered else _APART * (scale.choices - 1) for scale in (across, up)])
    places = np.array([(point.x, point.y) for point in points])
    model = KNeighborsRegressor(n_neighbors=min(_NEIGHBOURS, len(points)), weights=kernel)
    model.fit(places * stretch, np.array([point.level for point in points]))
    levels = model.predict(cells * stretch)
    nearest = model.kneighbors(cells * stretch, n_neighbors=1)[0][:, 0]
    told = [
        round(float(level), 3) if distance <= _REACH else None for level, distance in zip(levels, nearest, strict=True)
    ]
    return tuple(tuple(told[start : start + len(columns)]) for start in range(0, len(told), len(columns)))


def _centres(scale: Scale) -> list[float]:
    """Where the grid's cells lie along an axis: each choice, or evenly from 0 to 1."""
    count = scale.choices or CELLS
    return [index / (count - 1) for index in range(count)]
