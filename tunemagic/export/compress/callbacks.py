"""Keras callbacks that compress a model while it trains, for ``fit`` and for a ``%%tune`` cell.

Each keeps its promise in every epoch that may be kept: before an epoch is validated the weights are
brought to the form that they shall have at the end, and given back when training goes on.

This module imports Keras, so others import it where they use it.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import keras  # noqa: TID253 - users subclass and list these callbacks as Keras' own
import numpy as np
from numpy.typing import NDArray

from tunemagic.export.compress.checks import Scope, check_clusters, check_limit, check_scope, check_share, check_span
from tunemagic.export.compress.kernels import Kernel, kernels_of
from tunemagic.export.compress.patterns import (
    Pattern,
    cluster_values,
    keep_largest,
    kept_of,
    limit_of,
    pattern_of,
    sparsity_at,
)

__all__ = ["Clipping", "Clustering", "KeepPattern", "Pruning"]

_MOST_MASKS = 100  # looks for the least weights in one training
_Values = list[NDArray[np.float32]]


class _Reshaping(keras.callbacks.Callback):  # type: ignore[misc]  # mypy doesn't follow Keras
    """What the callbacks here have in common: a form of the kernels, kept after each batch and shown in each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self._kernels: list[Kernel] = []
        self._free: _Values | None = None  # the weights in training while those in their final form are shown
        self._steps = self._epoch = 0
        self._trains = False

    @abstractmethod
    def _keep(self, values: _Values) -> _Values:
        """The kernels as they are to be after a batch."""

    @abstractmethod
    def _final(self, values: _Values) -> _Values:
        """The kernels in the form that is promised for the end."""

    @property
    def progress(self) -> float:
        """Which share of the training is done, from 0 to 1."""
        epochs = max(1, self.params.get("epochs") or 1)
        steps = self.params.get("steps")
        done = self._epoch if not steps else self._steps / steps
        return min(1.0, done / epochs)

    def on_train_begin(self, logs: Any = None) -> None:
        """Find the kernels."""
        self._kernels = kernels_of(self.model)
        self._steps, self._trains, self._free = 0, True, None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Give back the weights in training."""
        self._epoch = epoch
        steps = self.params.get("steps")
        self._steps = max(self._steps, epoch * steps if steps else 0)
        self._go_on()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Keep the form that is reached by now."""
        self._steps += 1
        self._put(self._keep(self._values()))

    def on_test_begin(self, logs: Any = None) -> None:
        """Show the final form, if this validates an epoch."""
        if self._trains:
            self._show()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Show the final form to those that keep the weights of an epoch."""
        self._epoch = epoch + 1
        self._show()

    def on_train_end(self, logs: Any = None) -> None:
        """Leave the final form."""
        self._show()
        self._trains, self._free = False, None

    def _show(self) -> None:
        if self._free is None:
            self._free = self._values()
            self._put(self._final(self._free))

    def _go_on(self) -> None:
        if self._free is not None:
            self._put(self._free)
            self._free = None

    def _values(self) -> _Values:
        return [kernel.values for kernel in self._kernels]

    def _put(self, values: _Values) -> None:
        for kernel, own in zip(self._kernels, values, strict=True):
            kernel.assign(own)


class KeepPattern(_Reshaping):
    """Keeps zeros zero and equal values equal, as they are when training begins.

    For a pruned or clustered model that is trained further.
    """

    def on_train_begin(self, logs: Any = None) -> None:
        """Look which zeros and clusters there are."""
        super().on_train_begin(logs)
        found = [(kernel, pattern_of(kernel.values)) for kernel in self._kernels]
        # What has no pattern needn't be copied after each batch.
        kept = [(kernel, pattern) for kernel, pattern in found if pattern.groups is not None or not pattern.kept.all()]
        self._kernels = [kernel for kernel, _ in kept]
        self._patterns = [pattern for _, pattern in kept]

    def _keep(self, values: _Values) -> _Values:
        return [pattern.apply(own) for pattern, own in zip(self._patterns, values, strict=True)]

    def _final(self, values: _Values) -> _Values:
        return self._keep(values)


class Pruning(_Reshaping):
    """Sets the weights of least magnitude to zero while the model trains.

    The share of zeros rises from ``begin`` to ``end``, both shares of the training, fast at first and
    slowly at last (Zhu and Gupta 2017, arXiv 1710.01878); afterwards the rest is trained on. Kernels of
    Dense, Conv, recurrent layers and embeddings are pruned; biases and normalisation are not. Every epoch
    is validated with the final share of zeros, so whichever is kept as the best one is pruned.

    Args:
        sparsity: The share of zeros at the end, from 0 to below 1. May be tuned:
            ``compress.Pruning(hp.Float("sparsity", 0.5, 0.9))``.
        begin: When it begins to rise.
        end: When it is reached.
        scope: ``"layer"`` for this share in each kernel, ``"global"`` in all together.

    Raises:
        OptionError: A value is out of its range.
    """

    def __init__(
        self, sparsity: float = 0.5, *, begin: float = 0.25, end: float = 0.75, scope: str = Scope.LAYER
    ) -> None:
        super().__init__()
        self.sparsity = check_share("sparsity", sparsity)
        self.begin, self.end = check_span(begin, end)
        self.scope = check_scope(scope)
        self._kept: list[NDArray[np.bool_]] = []
        self._share = 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        """Find the kernels; nothing is pruned yet."""
        super().on_train_begin(logs)
        self._kept, self._share = [], 0.0

    def _keep(self, values: _Values) -> _Values:
        share = sparsity_at(self.progress, final=self.sparsity, begin=self.begin, end=self.end)
        if share > self._share and (share == self.sparsity or share - self._share >= self.sparsity / _MOST_MASKS):
            self._kept, self._share = keep_largest(values, share, self.scope), share
        if not self._kept:
            return values
        return [own * kept for own, kept in zip(values, self._kept, strict=True)]

    def _final(self, values: _Values) -> _Values:
        kept = self._kept if self._share == self.sparsity else keep_largest(values, self.sparsity, self.scope)
        return [own * mask for own, mask in zip(values, kept, strict=True)] if kept else values


class Clustering(_Reshaping):
    """Lets each kernel have only a few different values: trained freely until ``begin``, then moved as groups.

    The groups are found by k-means with centres that begin at equal distances (Han, Mao and Dally 2016,
    arXiv 1510.00149); from then on a group has one value, which is trained. Zeros of a pruned model stay
    zero and count as one value. Every epoch is validated in its clustered form.

    Args:
        clusters: How many different values a kernel may have, at least 2; at most 256 are of use.
        begin: The share of the training after which the groups are found, from 0 to 1.

    Raises:
        OptionError: A value is out of its range.
    """

    def __init__(self, clusters: int = 16, *, begin: float = 0.5) -> None:
        super().__init__()
        self.clusters = check_clusters(clusters)
        self.begin = check_share("begin", begin, most=1.0)
        self._patterns: list[Pattern] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Find the kernels, and the groups when there is nothing to wait for."""
        super().on_train_begin(logs)
        self._zeros = [kept_of(kernel.values) for kernel in self._kernels]
        self._patterns = []
        if self.begin == 0:
            self._put(self._keep(self._values()))

    def _keep(self, values: _Values) -> _Values:
        values = [own * kept for own, kept in zip(values, self._zeros, strict=True)]
        if self._patterns:
            return [pattern.apply(own) for pattern, own in zip(self._patterns, values, strict=True)]
        if self.progress < self.begin:
            return values
        values = [cluster_values(own, self.clusters) for own in values]
        self._patterns = [_groups(own) for own in values]
        return values

    def _final(self, values: _Values) -> _Values:
        return values if self._patterns else [cluster_values(own, self.clusters) for own in values]


def _groups(values: NDArray[np.float32]) -> Pattern:
    return Pattern(kept=values != 0, groups=np.unique(values, return_inverse=True)[1].ravel())


class Clipping(_Reshaping):
    """Keeps weights between -limit and limit after every batch.

    Args:
        limit: The largest magnitude that a weight may have.
        percentile: Instead, the limit of each kernel lies where this percentage of its magnitudes are
            smaller, as they are when training begins.

    Raises:
        OptionError: Not exactly one of both is given, or it is out of its range.
    """

    def __init__(self, limit: float | None = None, *, percentile: float | None = None) -> None:
        super().__init__()
        self.limit, self.percentile = check_limit(limit, percentile)

    def on_train_begin(self, logs: Any = None) -> None:
        """Find the kernels and their limits."""
        super().on_train_begin(logs)
        self._kept = [kept_of(kernel.values) for kernel in self._kernels]
        self._limits = [
            self.limit if self.percentile is None else limit_of(kernel.values, self.percentile)
            for kernel in self._kernels
        ]
        self._put(self._keep(self._values()))

    def _keep(self, values: _Values) -> _Values:
        return [
            np.clip(own, -limit, limit) * kept
            for own, limit, kept in zip(values, self._limits, self._kept, strict=True)
        ]

    def _final(self, values: _Values) -> _Values:
        return self._keep(values)
