"""Compression that leaves every layer as large as it is: pruning, clustering and clipping of weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Unpack

from tunemagic.export.compress.checks import Scope, check_clusters, check_limit, check_scope, check_share
from tunemagic.export.compress.copying import copy_model
from tunemagic.export.compress.figures import Compressed
from tunemagic.export.compress.fine_tuning import FitOptions, compared, fine_tuning
from tunemagic.export.compress.kernels import kernels_of
from tunemagic.export.compress.patterns import cluster_values, keep_largest, limit_of
from tunemagic.export.compress.said import Said

__all__ = ["SAME_SIZE", "clip", "cluster", "prune", "told_of_size"]

SAME_SIZE = "compress.same_size"

_PRUNED_BY = 0.5  # of the fine-tuning; the other half lets the rest settle


def prune(
    model: Any,
    sparsity: float = 0.5,
    x: Any = None,
    y: Any = None,
    *,
    scope: str = Scope.LAYER,
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

    share, of = check_share("sparsity", sparsity), check_scope(scope)
    tuning = fine_tuning(model, x, y, fit)
    copy = copy_model(model)
    if tuning.trains:
        tuning.run(copy, model, [Pruning(share, begin=0.0, end=_PRUNED_BY, scope=of)])
    else:
        kernels = kernels_of(copy)
        values = [kernel.values for kernel in kernels]
        for kernel, own, kept in zip(kernels, values, keep_largest(values, share, of), strict=True):
            kernel.assign(own * kept)
    key = "compress.pruned_global" if of is Scope.GLOBAL else "compress.pruned"
    return told_of_size(compared(model, copy, Said(key, {"share": f"{100 * share:.4g}%"}), tuning))


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
    return told_of_size(compared(model, copy, Said("compress.clustered", {"number": count}), tuning))


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
    done = Said("compress.clipped", {"limit": f"{largest:g}"})
    if percent is not None:
        done = Said("compress.clipped_percentile", {"percentile": f"{percent:g}"})
    params = sum(kernel.values.size for kernel in kernels)
    remark = Said("compress.clipping_only", {"number": f"{clipped:,}", "params": f"{params:,}"})
    return compared(model, copy, done, tuning, remarks=[remark])


def told_of_size(result: Compressed) -> Compressed:
    """The result with plain words about the file, in place of earlier ones."""
    sizes = {"before": f"{result.before.gzip_bytes:,}", "after": f"{result.after.gzip_bytes:,}"}
    others = [said for said in result.remarks if said.key != SAME_SIZE]
    return replace(result, remarks=(Said(SAME_SIZE, sizes), *others))
