"""Look for leaks and faults in data before anything is trained on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tunemagic.prep.findings import DataFinding, DataReport, DataVerdict
from tunemagic.prep.samples import Part, read_part, same_kind
from tunemagic.prep.scaled import scaled_before_split, scaled_classes
from tunemagic.prep.targets import class_labels, class_shares, column_with_target, future_target, unseen_classes
from tunemagic.prep.twins import conflicting_labels, repeated_samples, shared_samples

__all__ = ["check", "check_parts"]

_LISTED = 5


def check(x_train: Any, y_train: Any = None, x_val: Any = None, y_val: Any = None) -> DataReport:
    """What is wrong with the data: leaks from the validation part, and what no model can learn from.

    Looked for are samples that stand in both parts (or twice in data that is not split yet), a scaler
    that was fitted before the split or over the target, the target among the inputs, also that of a
    later row, samples with two labels, classes that are rare or missing, values that are missing,
    and constant columns.

    Args:
        x_train: Inputs (sample, ...) as array or table, texts and mixed columns too.
        y_train: Targets (sample, ...): numbers, class labels or one-hot rows.
        x_val: Inputs of the validation or test part; None when the data is not split yet.
        y_val: Their targets.

    Returns:
        The findings with their numbers and remedies, the worst first; empty for sound data.

    Raises:
        DataError: The parts don't fit together, a part is empty, or it is a dataset.
    """
    train = read_part(x_train, y_train, ("x_train", "y_train"))
    return check_parts(train, None if x_val is None else read_part(x_val, y_val, ("x_val", "y_val")))


def check_parts(train: Part, held_out: Part | None) -> DataReport:
    """What ``check`` says of these parts, with the names that they have. Raises DataError when they don't fit."""
    if held_out is not None:
        train, held_out = same_kind(train, held_out)
    found = [each for each in _findings(train, held_out) if each is not None]
    order = list(DataVerdict)
    return DataReport(
        tuple(sorted(found, key=lambda each: order.index(each.verdict))),
        rows=len(train),
        held_out=0 if held_out is None else len(held_out),
    )


def _findings(train: Part, held_out: Part | None) -> Iterator[DataFinding | None]:
    if held_out is None:
        yield repeated_samples(train)
    else:
        yield shared_samples(train, held_out)
        yield scaled_before_split(train, held_out)
    parts = [train] if held_out is None else [train, held_out]
    yield _missing(parts)
    yield _constant(train)
    if train.y is None:
        return
    yield _missing_targets(parts)
    yield column_with_target(train)
    yield future_target(train)
    yield _scaled_targets(parts)
    labels = class_labels(train.y)
    if labels is None:
        return
    yield class_shares(labels)
    yield conflicting_labels(train, labels)
    others = None if held_out is None else class_labels(held_out.y)
    if others is not None:
        yield unseen_classes(labels, others)


def _scaled_targets(parts: list[Part]) -> DataFinding | None:
    """Looked for in both parts together, then in the training part: the scaler may have seen either."""
    import numpy as np

    targets = [part.y for part in parts if part.y is not None]
    together = scaled_classes(np.concatenate(targets)) if len({y.shape[1:] for y in targets}) == 1 else None
    return together or scaled_classes(targets[0])


def _missing(parts: list[Part]) -> DataFinding | None:
    """Values that are NaN, None or infinite, in both parts together."""
    import numpy as np

    bad = [np.column_stack([_bad(values) for _, values in part.columns()]) for part in parts]
    count = sum(int(each.sum()) for each in bad)
    if not count:
        return None
    spoilt = np.any([each.any(axis=0) for each in bad], axis=0)
    names = [name for (name, _), is_spoilt in zip(parts[0].columns(), spoilt, strict=True) if is_spoilt]
    return DataFinding(
        DataVerdict.MISSING,
        {
            "values": count,
            "rows": sum(int(each.any(axis=1).sum()) for each in bad),
            "of": sum(map(len, parts)),
            "columns": _listed(names),
        },
    )


def _missing_targets(parts: list[Part]) -> DataFinding | None:
    targets = [part.y for part in parts if part.y is not None]
    count = sum(int(_bad(y).reshape(len(y), -1).any(axis=1).sum()) for y in targets)
    return None if not count else DataFinding(DataVerdict.MISSING_TARGET, {"rows": count, "of": sum(map(len, targets))})


def _bad(values: Any) -> Any:
    """Where values are missing or infinite."""
    import numpy as np
    import pandas as pd

    return ~np.isfinite(values) if values.dtype.kind == "f" else pd.isna(values)


def _constant(part: Part) -> DataFinding | None:
    """Columns of a table that hold one value only."""
    import pandas as pd

    if not part.is_table or len(part) < 2:
        return None
    names = [name for name, values in part.columns() if len(pd.unique(values)) == 1]
    if not names:
        return None
    return DataFinding(DataVerdict.CONSTANT, {"columns": _listed(names), "number": len(names), "of": part.x.shape[1]})


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
