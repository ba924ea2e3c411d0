"""What a recipe did about what was found, in words."""

from __future__ import annotations

from collections.abc import Mapping

from tunemagic.prep.recipe import Recipe
from tunemagic.prep.report import Report

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
    gone = {name: f"{count:,} rows dropped in training" for name, count in dropped.items()}
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
    said["scaling"] = _scaling(recipe)
    return {name: text for name, text in said.items() if text}


def _missing(recipe: Recipe, report: Report, gone: str) -> str:
    match recipe.missing:
        case "drop_rows":
            return f"{gone}; filled with the mean elsewhere"
        case "drop_columns":
            return "columns left out"
        case "interpolate":
            text = "filled in time; with the mean in a deployed model"
        case "constant":
            text = f"filled with {recipe.fill:g}"
        case _:
            text = f"filled with the {recipe.missing}"
    if set(report.missing).isdisjoint(report.categories):
        return text
    return f"{text}; categories {'with none' if recipe.missing == 'constant' else 'with the commonest'}"


def _scaling(recipe: Recipe) -> str:
    if recipe.scaler == "none":
        return "not scaled"
    where = "over all values" if recipe.per == "all" else "for each column"
    return f"{recipe.scaler}: {_SCALING[recipe.scaler]}, {where}"
