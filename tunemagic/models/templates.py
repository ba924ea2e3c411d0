"""All templates by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from tunemagic.errors import OptionError
from tunemagic.models.convolution import cnn, conv1d
from tunemagic.models.recommendation import recommender
from tunemagic.models.reconstruction import autoencoder
from tunemagic.models.recurrent import rnn
from tunemagic.models.tables import dense, linear
from tunemagic.models.template import Template
from tunemagic.models.texts import text
from tunemagic.text import did_you_mean

__all__ = ["TemplateName", "template"]


class TemplateName(StrEnum):
    """The templates on offer, each also a function of ``tunemagic.models``."""

    LINEAR = "linear"
    DENSE = "dense"
    CNN = "cnn"
    CONV1D = "conv1d"
    RNN = "rnn"
    AUTOENCODER = "autoencoder"
    TEXT = "text"
    RECOMMENDER = "recommender"


_MAKERS: Mapping[TemplateName, Callable[..., Template]] = {
    TemplateName.LINEAR: linear,
    TemplateName.DENSE: dense,
    TemplateName.CNN: cnn,
    TemplateName.CONV1D: conv1d,
    TemplateName.RNN: rnn,
    TemplateName.AUTOENCODER: autoencoder,
    TemplateName.TEXT: text,
    TemplateName.RECOMMENDER: recommender,
}


def template(name: str) -> Callable[..., Template]:
    """The function ``(x, y, **options)`` that makes the template of this name. Raises OptionError for another name."""
    try:
        return _MAKERS[TemplateName(name)]
    except ValueError:
        hint = did_you_mean(str(name), TemplateName)
        raise OptionError(f"received template {name!r}; expected one of {', '.join(TemplateName)}.{hint}") from None
