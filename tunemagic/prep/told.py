"""What a recipe did about what was found, in words."""

from __future__ import annotations

from collections.abc import Mapping

from tunemagic.prep.recipe import Recipe
from tunemagic.prep.report import Report
from tunemagic.prep.table import listed
from tunemagic.text import counted

__all__ = ["done"]

_SCALING = {
    "minmax": "(x - min) / (max - min)",
    "zscore": "(x - mean) / deviation",
    "mean": "(x - mean) / (max - min)",
    "robust": "(x - median) / interquartile range",
}


def done(recipe: Recipe, report: Report, dropped: Mapping[str, int]) -> dict[str, str]:
    """What became of each thing that the report has found, under the names of its lines.

    ``dropped`` counts training rows by reason: ``missing``, ``duplicates``, ``outliers``.
    """
    gone = {name: f"{counted(count, 'row')} dropped in training" for name, count in dropped.items()}
    said = {"rows": f"{report.rows - report.left:,} dropped in training" if report.left < report.rows else ""}
    if report.missing:
        said["missing"] = _missing(recipe, report, gone["missing"])
    if report.duplicates:
        said["duplicates"] = "kept" if recipe.duplicates == "keep" else gone["duplicates"]
    if recipe.outliers == "median_filter":
        said["outliers"] = "median of three steps"
    elif report.outliers:
        clipped = "clipped" if recipe.outliers.startswith("clip_") else gone["outliers"]
        said["outliers"] = "kept" if recipe.outliers == "none" else clipped
    if report.constant:
        said["constant"] = "left out" if recipe.constant == "drop" else "kept"
    if report.categories:
        said["categories"] = "one column for each" if recipe.encoding == "onehot" else "numbers in sorted order"
    said["scaling"] = _scaling(recipe, report)
    return {name: text for name, text in said.items() if text}


def _missing(recipe: Recipe, report: Report, gone: str) -> str:
    if recipe.missing == "drop_columns":
        return "columns left out"
    start = f"{gone}; " if recipe.missing == "drop_rows" else ""
    end = " elsewhere" if recipe.missing == "drop_rows" else ""
    numbers, categories = set(report.missing) - set(report.categories), set(report.missing) & set(report.categories)
    filled = [_filled(recipe)] if numbers else []
    if categories:
        what = "categories" if numbers else "filled"
        filled.append(f"{what} with {'none' if recipe.missing == 'constant' else 'the commonest'}")
    return f"{start}{'; '.join(filled)}{end}"


def _filled(recipe: Recipe) -> str:
    """How gaps of numbers are filled."""
    match recipe.missing:
        case "interpolate":
            return "filled in time; with the mean in a deployed model"
        case "constant":
            return f"filled with {recipe.fill:g}"
        case "drop_rows":
            return "filled with the mean"
        case _:
            return f"filled with the {recipe.missing}"


def _scaling(recipe: Recipe, report: Report) -> str:
    if recipe.scaler == "none":
        return "not scaled"
    where = "over all values" if recipe.per == "all" else "for each column"
    ranges = f"; by the range, their middle half being one value: {listed(list(report.by_range))}"
    return f"{recipe.scaler}: {_SCALING[recipe.scaler]}, {where}{ranges if report.by_range else ''}"
