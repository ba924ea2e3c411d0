"""Compression that leaves every layer as large as it is: pruning, clustering and clipping of weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Unpack

from tunemagic.export.compress.checks import check_clusters, check_limit, check_scope, check_share
from tunemagic.export.compress.copying import copy_model
from tunemagic.export.compress.figures import Compressed, Figures
from tunemagic.export.compress.fine_tuning import FitOptions, compared, fine_tuning
from tunemagic.export.compress.kernels import kernels_of
from tunemagic.export.compress.patterns import Scope, cluster_values, keep_largest, limit_of
from tunemagic.text import counted

__all__ = ["clip", "cluster", "prune"]

_PRUNED_BY = 0.5  # of the fine-tuning; the other half lets the rest settle


def prune(
    model: Any,
    sparsity: float = 0.5,
    x: Any = None,
    y: Any = None,
    *,
    scope: Scope = "layer",
    **fit: Unpack[FitOptions],
) -> Compressed:
    """A copy of the model whose weights of least magnitude are zero; the model itself stays as it is.

    With data the share of zeros rises while the copy trains on (Zhu and Gupta 2017, arXiv 1710.01878),
    so that the others take over; without, the weights are dropped at once. Zeros make a file smaller only when
    it is packed (gzip); they make nothing faster.

    Args:
        model: Built Sequential or Functional model, compiled when there is data.
        sparsity: Share of zeros in the kernels at the end, from 0 to below 1; it is exact.
        x: Inputs (sample, ...) to train on.
        y: Their targets, as in training.
        scope: ``"layer"`` for this share in each kernel, ``"global"`` in all together, where small kernels
            may lose more.
        fit: Options of the fine-tuning, see ``FitOptions``.

    Raises:
        OptionError: A value is out of its range.
        ExportError: The model or the data can't be used, or the training fails.
    """
    from tunemagic.export.compress.callbacks import Pruning

    share, scope = check_share("sparsity", sparsity), check_scope(scope)
    tuning = fine_tuning(model, x, y, fit)
    copy = copy_model(model)
    if tuning.trains:
        tuning.run(copy, model, [Pruning(share, begin=0.0, end=_PRUNED_BY, scope=scope)])
    else:
        kernels = kernels_of(copy)
        values = [kernel.values for kernel in kernels]
        for kernel, own, kept in zip(kernels, values, keep_largest(values, share, scope), strict=True):
            kernel.assign(own * kept)
    method = f"pruned to {share:.0%} zeros {'over all layers' if scope == 'global' else 'in each layer'}"
    return _told(compared(model, copy, method, tuning), "no faster; slim() makes it both smaller and faster")


def cluster(model: Any, clusters: int = 16, x: Any = None, y: Any = None, **fit: Unpack[FitOptions]) -> Compressed:
    """A copy of the model in which each kernel has only a few different values.

    They are found by k-means; with data each shared value is trained on (Han, Mao and Dally 2016, arXiv
    1510.00149). Zeros of a pruned model stay zero, and count as one of the values.

    Args:
        model: Built Sequential or Functional model, compiled when there is data.
        clusters: How many values at most, 2 to 256.
        x: Inputs (sample, ...) to train on.
        y: Their targets, as in training.
        fit: Options of the fine-tuning, see ``FitOptions``.

    Raises:
        OptionError: A value is out of its range.
        ExportError: The model or the data can't be used, or the training fails.
    """
    from tunemagic.export.compress.callbacks import Clustering

    count = check_clusters(clusters)
    tuning = fine_tuning(model, x, y, fit)
    copy = copy_model(model)
    if tuning.trains:
        tuning.run(copy, model, [Clustering(count, begin=0.0)])
    else:
        for kernel in kernels_of(copy):
            kernel.assign(cluster_values(kernel.values, count))
    method = f"clustered to {counted(count, 'value')} in each kernel"
    return _told(compared(model, copy, method, tuning), "no faster")


def clip(
    model: Any,
    limit: float | None = None,
    x: Any = None,
    y: Any = None,
    *,
    percentile: float | None = None,
    **fit: Unpack[FitOptions],
) -> Compressed:
    """A copy of the model whose kernels have no weight above a magnitude, trained on within it when there is data.

    A narrow range leaves less to the rounding of int8. Nothing becomes smaller or faster by it.

    Args:
        model: Built Sequential or Functional model, compiled when there is data.
        limit: The largest magnitude.
        x: Inputs (sample, ...) to train on.
        y: Their targets, as in training.
        percentile: Instead, the percentage (0 to 100) of each kernel's magnitudes that stay below its limit.
        fit: Options of the fine-tuning, see ``FitOptions``.

    Raises:
        OptionError: Not exactly one of ``limit`` and ``percentile`` is given, or a value is out of its range.
        ExportError: The model or the data can't be used, or the training fails.
    """
    from tunemagic.export.compress.callbacks import Clipping

    largest, percent = check_limit(limit, percentile)
    tuning = fine_tuning(model, x, y, fit)
    copy = copy_model(model)
    clipped = 0
    kernels = kernels_of(copy)
    for kernel in kernels:
        values = kernel.values
        own = largest if percent is None else limit_of(values, percent)
        clipped += int((abs(values) > own).sum())
        kernel.assign(values.clip(-own, own))
    callback = Clipping(largest) if percent is None else Clipping(percentile=100.0)
    tuning.run(copy, model, [callback])
    method = f"clipped to {largest:g}" if percent is None else f"clipped at the percentile {percent:g}"
    remark = (
        f"{counted(clipped, 'weight')} of larger magnitude moved to the limit. Clipping alone makes a file neither "
        "smaller nor faster; it leaves less to the rounding of int8."
    )
    return compared(model, copy, method, tuning, remarks=[remark])


def _told(result: Compressed, speed: str) -> Compressed:
    """The result with plain words about the file."""
    sizes = f"{_gzip(result.before)} -> {_gzip(result.after)}"
    remark = f"The .tflite keeps its size and is {speed}; only gzip shrinks: {sizes}."
    return replace(result, remarks=(remark, *result.remarks))


def _gzip(figures: Figures) -> str:
    return f"{figures.gzip_bytes:,} bytes"
