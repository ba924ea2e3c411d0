"""What the fork server imports before it forks the first worker.

Importing this in the fork server also takes it out of the kernel's hands: a session of its own,
so that no interrupt meant for the kernel arrives, and no output, which would land in whatever
cell runs. Importing the modules must start no thread and no TensorFlow operation: a child forked
after that would hang.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys

__all__ = ["prepare"]

# What building, training and saving the first model would import otherwise.
_MODULES = (
    "keras",
    "keras_tuner",
    "h5py",
    "cloudpickle",
    "psutil",
    "threadpoolctl",
    "tunemagic.search.executors.worker",
    "tunemagic.search.train",
)


def prepare() -> None:
    """Detach from the kernel and import; what fails here fails again in a worker, which reports it."""
    with contextlib.suppress(PermissionError):  # it leads a session already
        os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (1, 2):
        os.dup2(nowhere, standard)
    os.close(nowhere)
    for name in _MODULES:
        # A library that can't be imported, such as an unknown Keras backend, may raise anything.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    # What is here stays for good: no worker needs to walk it, or to copy its memory by doing so.
    gc.collect()
    gc.freeze()


# A fork server can only be told to import; anybody else who imports this module changes nothing.
if any(argument.startswith("from multiprocessing.forkserver import main") for argument in sys.orig_argv):
    prepare()
