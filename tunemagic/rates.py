"""Find a learning rate for one model, without a search: the learning rate range test."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tunemagic.analysis.lr_range import RateInfo, rate_info, rate_sentences
from tunemagic.errors import DataError, OptionError
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.numeric import is_whole
from tunemagic.search.arrays import as_array
from tunemagic.search.cell import TrialSetup, program_from_builder
from tunemagic.search.data import TrainingData, data_from_arrays
from tunemagic.search.lr_range import HIGHEST_RATE, LOWEST_RATE, STEPS, default_setup, range_test
from tunemagic.text import counted

if TYPE_CHECKING:
    from tunemagic.plots import Picture

__all__ = ["LrRange", "find_rates", "lr_range"]

_FEWEST_ROWS = 3  # of fewer, a fifth is none


@dataclass(frozen=True, slots=True)
class LrRange:
    """What a range test found, shown by a notebook as a picture.

    ``valley`` is the rate to take, ``tenth`` a tenth of the rate with the lowest loss; both None
    where the loss fell at no rate. ``range`` is what is worth searching. ``info`` has the curve.
    ``optimizer`` is the optimizer's class, as its name in Keras.
    """

    info: RateInfo
    optimizer: str
    texts: Catalogue = dataclasses.field(default=ENGLISH, repr=False, compare=False)

    @property
    def valley(self) -> float | None:
        """The suggested learning rate."""
        return self.info.valley

    @property
    def tenth(self) -> float | None:
        """A tenth of the rate with the lowest loss."""
        return self.info.tenth

    @property
    def range(self) -> tuple[float, float] | None:
        """The range round the suggestion that is worth searching."""
        return self.info.range

    @property
    def picture(self) -> Picture:
        """The loss over the rate, with the suggestions and the rates that diverge."""
        from tunemagic.plots import rate_picture

        return rate_picture(self.info, self.texts)

    def __repr__(self) -> str:
        return " ".join(rate_sentences(self.info, self.texts))

    def _repr_png_(self) -> tuple[bytes, dict[str, Any]]:
        return self.picture._repr_png_()


def lr_range(
    model: Any,
    *,
    data: Any,
    batch_size: int | None = None,
    steps: int = STEPS,
    lowest_rate: float = LOWEST_RATE,
    highest_rate: float = HIGHEST_RATE,
    seed: int = 0,
) -> LrRange:
    """Train for some batches while the learning rate grows, and suggest a rate from the loss.

    A model is afterwards what it was before: its weights, its optimizer and its learning rate.

    Args:
        model: A compiled Keras model; or a function ``build(hp)`` or a HyperModel, which is built with its
            default values.
        data: ``(x, y)`` with samples along the first axis, of which a fifth is left aside as in a search; ``x``
            alone; or a dataset of batches.
        batch_size: Samples in a step; default 32.
        steps: How many steps at most.
        lowest_rate: The rate of the first step.
        highest_rate: That of the last one, unless the loss diverges before.
        seed: Of the order of the samples, and of the weights of a model that is built.

    Raises:
        TuneError: The model is not compiled or fails, or the data or a number can't be used.

    Source: Smith 2018 (arXiv 1803.09820), with fastai's suggestion "valley".
    """
    import keras

    training = _training(data, seed)
    if isinstance(model, keras.Model):
        setup = TrialSetup(model)
    else:
        setup, training = default_setup(program_from_builder(model), training, seed=seed)
    return find_rates(
        setup,
        training,
        batch_size=batch_size,
        steps=steps,
        lowest_rate=lowest_rate,
        highest_rate=highest_rate,
        seed=seed,
    )


def _training(data: Any, seed: int) -> TrainingData:
    """What to train on. Raises DataError when it is neither ``(x, y)`` nor ``x`` nor a dataset."""
    if hasattr(data, "element_spec"):
        return TrainingData(x=data, y=None, val_x=data, val_y=None, names=("data",))
    if isinstance(data, (tuple, list)) and (isinstance(data, tuple) or any(hasattr(part, "shape") for part in data)):
        if len(data) != 2 or isinstance(data, list):
            raise DataError(f"data: received a {type(data).__name__} of {len(data)}; expected (x, y), x or a dataset.")
        x, y = data
    else:
        x, y = data, None
    rows = len(as_array("x", x))
    if rows < _FEWEST_ROWS:
        raise DataError(f"data: received {counted(rows, 'sample')}; expected at least {_FEWEST_ROWS}.")
    return data_from_arrays(x, y, None, seed=seed)


def find_rates(
    setup: TrialSetup, data: TrainingData, *, batch_size: int | None = None, texts: Catalogue = ENGLISH, **numbers: Any
) -> LrRange:
    """The range test of a setup. ``numbers`` are those of ``range_test``. Raises TuneError as it does."""
    if batch_size is not None:
        if not is_whole(batch_size) or batch_size < 1:
            raise OptionError(f"batch_size: received {batch_size!r}; expected a whole number, at least 1.")
        setup = dataclasses.replace(setup, fit={**setup.fit, "batch_size": int(batch_size)})
    found = range_test(setup, data, **numbers)
    info = rate_info(
        found.rates, found.smoothed, steps=found.steps, diverged=found.diverged, highest_rate=found.highest_rate
    )
    optimizer = getattr(setup.model.optimizer, "inner_optimizer", None) or setup.model.optimizer
    return LrRange(info, type(optimizer).__name__, texts)
