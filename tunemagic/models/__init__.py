"""Templates of networks, optimisers and schedules.

A template is a ``build(hp)`` callable made from data: ``build = models.cnn(x_train, y_train)``. It takes raw values
(its scales are learned inside the model) and finds its head from the target: 0 and 1 give a sigmoid, classes 0, 1, 2 …
or one-hot rows a softmax, numbers one or several linear outputs; the autoencoder's target is its input.
"""

from __future__ import annotations

from tunemagic.models import schedules
from tunemagic.models.batches import BatchSchedule, full_batch
from tunemagic.models.compile import SECOND_ORDER, compile
from tunemagic.models.convolution import cnn, conv1d
from tunemagic.models.drawing import show
from tunemagic.models.optimisers import OPTIMIZERS, optimizer
from tunemagic.models.recommendation import recommender
from tunemagic.models.reconstruction import autoencoder
from tunemagic.models.recurrent import rnn
from tunemagic.models.schedules import SCHEDULES, schedule, schedule_callbacks, total_steps
from tunemagic.models.tables import dense, linear
from tunemagic.models.template import Template
from tunemagic.models.templates import template
from tunemagic.models.texts import text

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "SECOND_ORDER",
    "BatchSchedule",
    "Template",
    "autoencoder",
    "cnn",
    "compile",
    "conv1d",
    "dense",
    "full_batch",
    "linear",
    "optimizer",
    "recommender",
    "rnn",
    "schedule",
    "schedule_callbacks",
    "schedules",
    "show",
    "template",
    "text",
    "total_steps",
]
