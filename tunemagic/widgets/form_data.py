"""The notebook's variables that a search can train on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["DataChoice", "data_choices", "guess"]

_INPUTS = ("x_train", "X_train", "x", "X", "train_x", "inputs", "images", "features", "data")
_TARGETS = ("y_train", "Y_train", "y", "Y", "train_y", "targets", "labels", "target")
_VAL_INPUTS = ("x_val", "X_val", "x_valid", "val_x", "x_validation")
_VAL_TARGETS = ("y_val", "Y_val", "y_valid", "val_y", "y_validation")
_DATASETS = ("train_ds", "train_dataset", "ds_train", "dataset")
_VAL_DATASETS = ("val_ds", "val_dataset", "ds_val", "validation_ds")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataChoice:
    """A variable that can hold data. ``samples`` is None where nobody knows; ``shape`` is for people."""

    name: str
    shape: str
    is_dataset: bool = False
    samples: int | None = None

    @property
    def label(self) -> str:
        """The name and what it holds, on one line."""
        return f"{self.name}  {self.shape}".rstrip()


def data_choices(namespace: Mapping[str, Any]) -> tuple[DataChoice, ...]:
    """Arrays, tables and datasets among the notebook's variables, in the order in which they were made."""
    found = (_choice(name, value) for name, value in namespace.items() if not name.startswith("_"))
    return tuple(choice for choice in found if choice is not None)


def _choice(name: str, value: Any) -> DataChoice | None:
    # Told by what they have, so that nothing heavy is imported to ask; a strange object must not break the form.
    try:
        if isinstance(value, type) or type(value).__module__.partition(".")[0] in ("keras", "builtins"):
            return None
        if hasattr(value, "element_spec") and hasattr(value, "take"):
            return DataChoice(name=name, shape="dataset", is_dataset=True)
        shape = getattr(value, "shape", None)
        if not hasattr(value, "dtype") and not hasattr(value, "dtypes"):
            return None
        sizes = tuple(int(size) for size in shape or ())
        if not sizes:
            return None
        kind = str(value.dtype) if hasattr(value, "dtype") else type(value).__name__
        return DataChoice(name=name, shape=f"{sizes} {kind}".replace(",)", ")"), samples=sizes[0])
    except Exception:  # whatever an object of the user's raises when it is looked at
        return None


def guess(choices: Sequence[DataChoice]) -> tuple[str, str, str, str]:
    """The likely inputs, targets and validation parts by their names, "" where there is none."""
    names = {choice.name: choice for choice in choices}
    x = next((name for name in (*_INPUTS, *_DATASETS) if name in names), "")
    if x and names[x].is_dataset:
        held = next((name for name in _VAL_DATASETS if name in names and names[name].is_dataset), "")
        return x, "", held, ""
    if not x:
        arrays = [choice.name for choice in choices if not choice.is_dataset]
        x = arrays[0] if arrays else next(iter(names), "")
    samples = names[x].samples if x else None
    y = next((name for name in _TARGETS if name in names and name != x and names[name].samples == samples), "")
    val_x = next((name for name in _VAL_INPUTS if name in names), "")
    val_y = next((name for name in _VAL_TARGETS if name in names and val_x), "")
    return x, y, val_x, val_y if y else ""
