"""What compression makes of weights, as plain arrays: masks of zeros, clusters of equal values, limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.export.compress.checks import Scope

__all__ = ["Pattern", "cluster_values", "keep_largest", "kept_of", "limit_of", "pattern_of", "sparsity_at"]

_CLUSTERED = 256  # more different values are no clusters
_LEAST_MEMBERS = 8  # on average in a cluster, or equal values are chance


def sparsity_at(progress: float, *, final: float, begin: float, end: float) -> float:
    """The share of zeros when ``progress`` (0 to 1) of the training is done.

    It rises fast at first and slowly at last: final * (1 - (1 - t)^3) with t from 0 at ``begin`` to 1 at
    ``end``. Source: Zhu and Gupta 2017, arXiv 1710.01878, equation 1.
    """
    if progress >= end:
        return final
    if progress < begin:
        return 0.0
    return final * (1 - (1 - (progress - begin) / (end - begin)) ** 3)


def keep_largest(kernels: Sequence[NDArray[Any]], sparsity: float, scope: Scope) -> list[NDArray[np.bool_]]:
    """For each kernel which values stay: all but the share ``sparsity`` with the least magnitude.

    ``scope`` "layer" takes that share of every kernel, "global" of all values together. The number of zeros
    is exact (rounded), also among equal magnitudes.
    """
    sizes = [kernel.size for kernel in kernels]
    magnitudes = [np.abs(kernel).ravel() for kernel in kernels]
    if scope is Scope.GLOBAL:
        flat = _kept(np.concatenate(magnitudes), sparsity)
        parts = np.split(flat, np.cumsum(sizes)[:-1])
    else:
        parts = [_kept(part, sparsity) for part in magnitudes]
    return [part.reshape(kernel.shape) for part, kernel in zip(parts, kernels, strict=True)]


def _kept(magnitudes: NDArray[Any], sparsity: float) -> NDArray[np.bool_]:
    count = round(sparsity * magnitudes.size)
    kept = np.ones(magnitudes.size, bool)
    if count:
        kept[np.argpartition(magnitudes, count - 1)[:count]] = False
    return kept


def cluster_values(values: NDArray[Any], clusters: int) -> NDArray[np.float32]:
    """The values moved to at most ``clusters`` different ones by k-means; exact zeros stay zero and take one.

    The centres begin at equal distances between the least and the largest value, which keeps the few
    large ones that matter most. Source: Han, Mao and Dally 2016, arXiv 1510.00149, section 3.
    """
    moved = np.array(values, np.float32)
    chosen = moved != 0 if (moved == 0).any() else np.ones(moved.shape, bool)
    wanted = clusters - (not chosen.all())
    flat = moved[chosen]
    if np.unique(flat).size > wanted:
        moved[chosen] = _k_means(flat, wanted)
    return moved


def _k_means(flat: NDArray[np.float32], clusters: int) -> NDArray[np.float32]:
    from sklearn.cluster import KMeans

    start = np.linspace(flat.min(), flat.max(), clusters)[:, None]
    found = KMeans(clusters, init=start, n_init=1, max_iter=50).fit(flat[:, None])
    values: NDArray[np.float32] = found.cluster_centers_[found.labels_, 0].astype(np.float32)
    return values


def limit_of(values: NDArray[Any], percentile: float) -> float:
    """The magnitude below which ``percentile`` percent of the values lie."""
    return float(np.percentile(np.abs(values), percentile))


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """What is to stay as it is in a kernel while it trains on.

    ``kept`` (shape of the kernel) is False where there are zeros; ``groups`` (one number for each value)
    has equal numbers where there are equal values, None when it is not clustered.
    """

    kept: NDArray[np.bool_]
    groups: NDArray[np.intp] | None = None

    def apply(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The nearest values that have the pattern: zeros where they belong, each group at its mean.

        The mean moves a group by the mean of its members' updates, which is the gradient of the shared value
        up to its size.
        """
        values = values * self.kept
        if self.groups is None:
            return values
        counts = np.bincount(self.groups)
        means = np.bincount(self.groups, weights=values.ravel()) / np.maximum(counts, 1)
        return means[self.groups].reshape(values.shape).astype(np.float32) * self.kept


def kept_of(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values are no zeros that are to stay: all, where there are zeros alone, as an initializer gives them."""
    kept: NDArray[np.bool_] = values != 0
    return kept if kept.any() else ~kept


def pattern_of(values: NDArray[np.float32]) -> Pattern:
    """The pattern that these values have by now."""
    kept = kept_of(values)
    if not values.any():
        return Pattern(kept=kept)
    different, groups = np.unique(values, return_inverse=True)
    is_clustered = different.size <= _CLUSTERED and values.size >= _LEAST_MEMBERS * different.size
    return Pattern(kept=kept, groups=groups.ravel() if is_clustered else None)
