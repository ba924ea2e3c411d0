"""Several compressions one after the other, in the order in which each leaves the earlier ones whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Unpack

from tunemagic.errors import OptionError
from tunemagic.export.compress.checks import Scope, check_clusters, check_limit, check_scope, check_share
from tunemagic.export.compress.copying import compile_like
from tunemagic.export.compress.figures import Compressed
from tunemagic.export.compress.fine_tuning import FitOptions
from tunemagic.export.compress.folding import fold_norms
from tunemagic.export.compress.quantizing import quantize_aware
from tunemagic.export.compress.said import Said
from tunemagic.export.compress.slimming import UNITS, slim
from tunemagic.export.compress.unstructured import SAME_SIZE, clip, cluster, prune, told_of_size

__all__ = ["Steps", "compress"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Which compressions are wanted, None for those that are not.

    Attributes:
        slim: Share of the units that every layer loses.
        clip: Largest magnitude of a weight.
        clip_percentile: Instead, the percentage of each kernel's magnitudes that stay below its limit.
        prune: Share of zeros.
        scope: ``"layer"`` or ``"global"``, of pruning.
        cluster: Different values in a kernel.
        qat: Whether to train with the rounding of int8.

    Raises:
        OptionError: A value is out of its range, or nothing is wanted.
    """

    slim: float | None = None
    clip: float | None = None
    clip_percentile: float | None = None
    prune: float | None = None
    scope: str = Scope.LAYER
    cluster: int | None = None
    qat: bool = False

    def __post_init__(self) -> None:
        check_scope(self.scope)
        if self.slim is not None:
            check_share("slim", self.slim)
        if self.clip is not None or self.clip_percentile is not None:
            check_limit(self.clip, self.clip_percentile)
        if self.prune is not None:
            check_share("prune", self.prune)
        if self.cluster is not None:
            check_clusters(self.cluster)
        if not self.functions():
            raise OptionError("compress: expected at least one of slim, clip, prune, cluster and qat; received none.")

    def functions(self) -> list[Callable[..., Compressed]]:
        """What is to be called, in order: fewer units first, rounding last."""
        chosen: list[Callable[..., Compressed]] = []
        if self.slim is not None:
            chosen.append(partial(slim, share=self.slim))
        if self.clip is not None or self.clip_percentile is not None:
            chosen.append(partial(clip, limit=self.clip, percentile=self.clip_percentile))
        if self.prune is not None:
            chosen.append(partial(prune, sparsity=self.prune, scope=self.scope))
        if self.cluster is not None:
            method = _cluster_folded if self.qat else cluster
            chosen.append(partial(method, clusters=self.cluster))
        return [*chosen, quantize_aware] if self.qat else chosen


def compress(model: Any, steps: Steps, x: Any = None, y: Any = None, **fit: Unpack[FitOptions]) -> Compressed:
    """Do several compressions one after the other: slim, clip, prune, cluster, rounding of int8.

    Each begins with the model of the one before and keeps its zeros and clusters; the limit of clipping
    holds only while it is the last one.

    Args:
        model: Built Sequential or Functional model, compiled when there is data.
        steps: What to do.
        x: Inputs (sample, ...) to train on after each step.
        y: Their targets, as in training.
        fit: Options of the fine-tuning, see ``FitOptions``; epochs count for each step.

    Raises:
        OptionError: A value is out of its range.
        ExportError: The model or the data can't be used, or a training fails.
    """
    result: Compressed | None = None
    for function in steps.functions():
        done = function(model if result is None else result.model, x=x, y=y, **fit)
        result = done if result is None else _joined(result, done)
    assert result is not None
    return _without_same_size(result) if any(said.key == UNITS for said in result.remarks) else result


def _cluster_folded(model: Any, clusters: int, x: Any, y: Any, **fit: Unpack[FitOptions]) -> Compressed:
    """As ``cluster``, for a model that is rounded next: folding scales each filter, which would spread the clusters."""
    plain, folded = fold_norms(model)
    if not folded:
        return cluster(model, clusters, x=x, y=y, **fit)
    done = cluster(compile_like(plain, model), clusters, x=x, y=y, **fit)
    return replace(done, remarks=(*done.remarks, Said("compress.folded", {"names": ", ".join(folded)})))


def _joined(first: Compressed, then: Compressed) -> Compressed:
    """Both as one compression, with each remark once and sizes compared over all."""
    new = [said for said in then.remarks if said not in first.remarks]
    whole = replace(then, stages=(*first.stages, *then.stages[1:]), remarks=(*first.remarks, *new))
    return told_of_size(whole) if any(said.key == SAME_SIZE for said in whole.remarks) else whole


def _without_same_size(result: Compressed) -> Compressed:
    return replace(result, remarks=tuple(said for said in result.remarks if said.key != SAME_SIZE))
