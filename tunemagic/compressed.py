"""The part of a study that compresses its best model, on the study's own data."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from tunemagic.part import StudyPart
from tunemagic.search.cell import TrialSetup
from tunemagic.search.data import TrainingData, held_out_arrays
from tunemagic.search.few import batch_size_of

if TYPE_CHECKING:
    from tunemagic.export.compress import Compressed, FitOptions

__all__ = ["Compressing"]

_MOST_ROWS = 100_000  # of a dataset


class Compressing(StudyPart):
    """The part of a Study that compresses its best model. All of it may be called from any thread."""

    @abstractmethod
    def _best_number(self) -> int: ...

    @abstractmethod
    def _rebuild_setup(self, number: int) -> tuple[TrialSetup, TrainingData]: ...

    def compress(
        self,
        *,
        slim: float | None = None,
        clip: float | None = None,
        clip_percentile: float | None = None,
        prune: float | None = None,
        scope: str = "layer",
        cluster: int | None = None,
        qat: bool = False,
        epochs: int = 10,
        learning_rate: float | None = None,
        seed: int | None = None,
    ) -> Compressed:
        """Compress a copy of the best model; the model, its study and its weights on disk stay as they are.

        The steps that are asked for are done in this order, each trained on with the best trial's batch size on the
        study's training part and scored on its validation part. Waits for a running study.

        Args:
            slim: Share of the units that every layer loses; makes files smaller and faster.
            clip: Largest magnitude of a weight.
            clip_percentile: Instead, the percentage of each kernel's magnitudes that stay below its limit.
            prune: Share of weights that become zero.
            scope: Of pruning: ``"layer"`` for that share in each layer, ``"global"`` over all.
            cluster: How many different values a kernel keeps.
            qat: Whether to train with the rounding of int8.
            epochs: Of the fine-tuning after each step.
            learning_rate: Of the fine-tuning; None for the optimizer's own.
            seed: Of the fine-tuning; None for the study's.

        Raises:
            OptionError: A value is out of its range, or no step is asked for.
            ExportError: The model can't be compressed so; the layer that is in the way is named.
            StudyError: There is no model.
        """
        from tunemagic.export.compress import Steps, compress

        steps = Steps(
            slim=slim, clip=clip, clip_percentile=clip_percentile, prune=prune, scope=scope, cluster=cluster, qat=qat
        )
        # Fresh from the weights on disk: the user may have trained the best model further.
        setup, data = self._rebuild_setup(self._best_number())
        x, y = _training_arrays(data)
        held = None if data.val_x is None or self.view.folds else held_out_arrays(data, _MOST_ROWS)
        return compress(
            setup.model,
            steps,
            x,
            y,
            validation=held,
            epochs=epochs,
            batch_size=batch_size_of(setup),
            learning_rate=learning_rate,
            seed=self.view.seed if seed is None else seed,
            score=self.view.objective.removeprefix("val_"),
            **_weights(setup, data),
        )


def _weights(setup: TrialSetup, data: TrainingData) -> FitOptions:
    """What classes or samples count in the cell's own training."""
    classes, samples = setup.fit.get("class_weight"), setup.fit.get("sample_weight")
    return {
        "class_weight": classes,
        "sample_weight": None if samples is None else data.training_rows(samples, "sample_weight"),
    }


def _training_arrays(data: TrainingData) -> tuple[Any, Any]:
    """The training part as arrays; of a dataset at most about ``_MOST_ROWS`` samples."""
    if data.is_arrays:
        return data.x, data.y
    return held_out_arrays(dataclasses.replace(data, val_x=data.x, val_y=None, val_names=data.names), _MOST_ROWS)
