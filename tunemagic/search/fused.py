"""Train whole epochs in one graph call each: ``fit`` without its per-batch work in Python.

The graph loops over the batches of in-memory tensors and calls the model's own ``train_step`` or
``test_step``, so every metric, loss and weight update is Keras' own. It reads a stop variable
before each batch. Callbacks are called between epochs, in the order in which ``fit`` calls them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tunemagic.search.feed import Feed
from tunemagic.search.job import StopFlag
from tunemagic.search.state import Snapshot, restore_callbacks
from tunemagic.search.watch import Cancelled, Watch

__all__ = ["Epochs", "fit_epochs"]

Order = Callable[[int], Any]


class Epochs:
    """A compiled model and the graphs of its epochs, for data of the given shapes and types.

    Building creates all variables of metrics, loss and optimizer. ``trace`` makes the graphs.
    """

    def __init__(self, model: Any, specs: tuple[Any, Any]) -> None:
        import tensorflow as tf

        self.model = model
        self.specs = specs
        _build(model, specs[0])
        self._stop = tf.Variable(False, trainable=False)
        self._lock = threading.Lock()
        self._wanted: object = None
        self._train = self._epoch(model.train_step, specs[0])
        self._test = None if specs[1] is None else self._epoch(model.test_step, specs[1])

    def trace(self) -> None:
        """Make the graphs now; raises what the model's code raises while it is traced."""
        for function in (self._train, self._test):
            if function is not None:
                function.get_concrete_function()

    def train(self, data: Any, rows: Any, batch_size: int) -> dict[str, Any]:
        """One epoch over these rows in this order; its metrics. Raises Cancelled when told to stop."""
        return self._run(self._train, data, rows, batch_size)

    def test(self, data: Any, rows: Any, batch_size: int) -> dict[str, Any]:
        """The metrics on these rows. Raises Cancelled when told to stop."""
        return self._run(self._test, data, rows, batch_size)

    @contextmanager
    def stopped_by(self, flag: StopFlag) -> Iterator[None]:
        """Let the flag end a running graph at its next batch, for the time of the context.

        A flag that is set later, when the model trains another trial, changes nothing.
        """
        token = object()

        def stop() -> None:
            with self._lock:
                if self._wanted is token:
                    self._stop.assign(True)

        with self._lock:
            self._wanted = token
            self._stop.assign(False)
        flag.on_set(stop)
        try:
            yield
        finally:
            with self._lock:
                self._wanted = None

    def _run(self, function: Any, data: Any, rows: Any, batch_size: int) -> dict[str, Any]:
        import tensorflow as tf

        with tf.device("CPU:0"):
            index, size = tf.constant(rows, tf.int64), tf.constant(batch_size, tf.int64)
        finished, logs = function(data, index, size)
        if not finished:
            raise Cancelled
        return _python_numbers(logs)

    def _epoch(self, step: Callable[[Any], Any], spec: Any) -> Any:
        import tensorflow as tf

        model, stop = self.model, self._stop
        if model.jit_compile:
            step = tf.function(step, jit_compile=True, reduce_retracing=True)

        # Not converted by AutoGraph, as in Keras' own training function.
        @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
        def epoch(data: Any, rows: Any, batch_size: Any) -> tuple[Any, Any]:
            total = tf.size(rows, out_type=tf.int64)

            def more(start: Any) -> Any:
                return tf.logical_and(start < total, tf.logical_not(stop))

            def batch(start: Any) -> Any:
                index = rows[start : start + batch_size]
                step(tf.nest.map_structure(lambda tensor: tf.gather(tensor, index), data))
                return start + batch_size

            model.reset_metrics()
            end = tf.while_loop(more, batch, [tf.constant(0, tf.int64)], parallel_iterations=1)[0]
            return end >= total, model.get_metrics_result()

        index, size = tf.TensorSpec((None,), tf.int64), tf.TensorSpec((), tf.int64)
        return tf.function(epoch, input_signature=(spec, index, size))


def fit_epochs(
    epochs: Epochs,
    feed: Feed,
    arguments: Mapping[str, Any],
    watch: Watch,
    order: Order,
    start: Snapshot | None = None,
) -> None:
    """Do what ``model.fit(**arguments)`` does, with the rows of each epoch in the given order.

    ``order`` takes the epoch, counted from 0. ``start`` is what the model already has in it when
    training goes on. Raises Cancelled when the trial is stopped; the unfinished epoch then does
    not count.
    """
    import keras

    model = epochs.model
    own: Sequence[Any] = watch.callbacks
    last = arguments["epochs"]
    callbacks = keras.callbacks.CallbackList(
        list(own),
        add_history=True,
        model=model,
        verbose=0,
        epochs=last,
        steps=-(-len(feed.train_rows) // feed.batches.at(0)),
    )
    model.stop_training = False
    with epochs.stopped_by(watch.stop):
        callbacks.on_train_begin()
        if start is not None:
            restore_callbacks(own, start.callbacks)
        logs: dict[str, Any] = {}
        for epoch in range(arguments.get("initial_epoch", 0), last):
            callbacks.on_epoch_begin(epoch)
            batch_size = feed.batches.at(epoch)
            logs = epochs.train(feed.train, order(epoch), batch_size)
            if feed.val is not None:
                callbacks.on_test_begin()
                held = epochs.test(feed.val, feed.val_rows, batch_size)
                callbacks.on_test_end(held)
                logs = dict(sorted({**logs, **{f"val_{name}": value for name, value in held.items()}}.items()))
            callbacks.on_epoch_end(epoch, logs)
            watch.epoch_ended(model, epoch, logs)
            if model.stop_training:
                break
        model.optimizer.finalize_variable_values(model.trainable_weights)
        callbacks.on_train_end(logs)


def _build(model: Any, spec: Any) -> None:
    """Create the variables of model, metrics, loss and optimizer, which a loop in a graph can't."""
    import keras
    import tensorflow as tf

    symbolic = tf.nest.map_structure(lambda part: keras.KerasTensor(part.shape, part.dtype.name), spec)
    model._symbolic_build(data_batch=symbolic)


def _python_numbers(logs: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics by name, sorted, as ``fit`` logs them: numbers where they are such."""
    from keras.src.utils.python_utils import pythonify_logs

    return dict(pythonify_logs(logs))
