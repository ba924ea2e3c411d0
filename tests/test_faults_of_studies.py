"""A study whose start fails or is stopped ends in a clear state, and its best model is what its trial trained."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tunemagic import events as ev
from tunemagic.errors import StorageError, StudyBusyError
from tunemagic.journal import Journal
from tunemagic.search.executors.inline import InlineExecutor
from tunemagic.study import Study
from tunemagic.trial import StudyState

PATIENCE = 120.0  # seconds until a test gives up; the end is awaited, not slept for


def run(study: Study) -> Study:
    study.start()
    assert study.wait(PATIENCE)
    return study


def threads_of_studies() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("tunemagic-study")]


# -- the best model ----------------------------------------------------------------------------------

# Random features that are in no weights file: a constant of the graph.
RANDOM_FEATURES = """
import numpy as np
units = hp.Int("units", 4, 32, step=4)
inputs = keras.Input((64,))
features = keras.ops.cos(keras.ops.matmul(inputs, np.random.normal(size=(64, units)).astype("float32")))
features = keras.layers.Rescaling(np.random.uniform(1.0, 9.0, units).tolist())(features)
model = keras.Model(inputs, keras.layers.Dense(10, "softmax")(features))
model.compile(keras.optimizers.Adam(0.03), "sparse_categorical_crossentropy", run_eagerly=True)
"""


@pytest.mark.parametrize("repeats", [1, 3])
@pytest.mark.parametrize("workers", [0, 1])
def test_each_model_has_the_random_constants_of_its_trials_best_run(workers: int, repeats: int, open_cell: Any) -> None:
    study = run(open_cell(RANDOM_FEATURES, repeats=repeats, workers=workers, max_trials=4, keep=4, seed=3))
    best_runs = set()
    for trial in study.view.trials:
        scores = trial.scores if repeats > 1 else (trial.score,)
        model = study.build_model(trial.number)
        loss = model.evaluate(study.data.val_x, study.data.val_y, verbose=0)
        assert loss == pytest.approx(min(scores), rel=1e-5)
        best_runs.add(scores.index(min(scores)) + 1)
        assert trial.best_run(study.view.direction) == scores.index(min(scores)) + 1
    assert bool(best_runs - {1}) is (repeats > 1)  # else repeats would show nothing


AUTOENCODER = """
class Autoencoder(keras.Model):
    def __init__(self, units):
        super().__init__()
        self.inner, self.outer = keras.layers.Dense(units), keras.layers.Dense(64)

    def call(self, x):
        return self.outer(self.inner(x))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return keras.ops.mean((x - y_pred) ** 2)

model = Autoencoder(hp.Int("units", 4, 32, step=4))
model.compile("adam", run_eagerly=True)
"""


def test_an_autoencoder_that_has_inputs_only_has_a_best_model(open_cell: Any) -> None:
    study = run(open_cell(AUTOENCODER, data=("x_train",)))
    assert [str(trial.state) for trial in study.view.trials] == ["completed"] * 2
    held = study.data.val_x
    rebuilt = study.best_model.predict(held, verbose=0)
    assert np.mean((held - rebuilt) ** 2) == pytest.approx(study.best_trial.score, rel=1e-5)


# -- a start that fails ------------------------------------------------------------------------------


class Counted(InlineExecutor):
    """Counts how often it was closed."""

    closed = 0

    def close(self) -> None:
        self.closed += 1
        super().close()


@pytest.mark.parametrize(
    "failing", [(ev.ExecutorChosen,), (ev.ExecutorChosen, ev.StudyEnded)], ids=["once", "for good"]
)
def test_a_disk_that_fails_when_the_executor_was_made_leaves_nothing_running(
    failing: tuple[type[ev.Event], ...], open_cell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = open_cell()
    executor = Counted()
    study.make_executor = lambda work, view: (executor, "for the test")
    append = Journal.append

    def failing_append(journal: Journal, event: ev.Event) -> None:
        if isinstance(event, failing):
            raise StorageError("can't write the journal: No space left on device.")
        append(journal, event)

    monkeypatch.setattr(Journal, "append", failing_append)
    with pytest.raises(StorageError) as caught:
        study.start()
    assert str(caught.value) == "can't write the journal: No space left on device."
    assert (executor.closed, study.running, threads_of_studies()) == (1, False, [])
    view = study.view
    assert (view.state, view.end_reason, view.end_message) == (
        StudyState.FAILED,
        ev.EndReason.ERROR,
        "can't write the journal: No space left on device.",
    )
    assert study.wait(0)


# -- a stop while the executor is being made ---------------------------------------------------------


class SlowMaker:
    """Makes an executor once it may; ``entered`` is set when it was asked to."""

    def __init__(self) -> None:
        self.entered, self.go_on = threading.Event(), threading.Event()

    def __call__(self, work: Any, view: Any) -> tuple[Any, str]:
        self.entered.set()
        assert self.go_on.wait(PATIENCE)
        return InlineExecutor(), "for the test"


@pytest.fixture
def in_thread() -> Any:
    """Run a function in a thread; the thread, which is waited for at the end."""
    threads: list[threading.Thread] = []

    def start(function: Callable[[], None]) -> threading.Thread:
        threads.append(threading.Thread(target=function, daemon=True))
        threads[-1].start()
        return threads[-1]

    yield start
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_a_stop_while_the_executor_is_being_made_counts(open_cell: Any, in_thread: Any) -> None:
    study = open_cell()
    maker = study.make_executor = SlowMaker()
    starter = in_thread(study.start)
    assert maker.entered.wait(PATIENCE)
    study.stop()
    maker.go_on.set()
    starter.join(PATIENCE)
    assert study.wait(PATIENCE)
    view = study.view
    assert (view.state, view.end_reason, view.end_message) == (
        StudyState.STOPPED,
        ev.EndReason.STOPPED,
        "stopped after 0 trials",
    )
    assert view.trials == ()


def test_closing_while_the_executor_is_being_made_leaves_no_thread(
    open_cell: Any, in_thread: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = open_cell()
    maker = study.make_executor = SlowMaker()
    stopped = threading.Event()
    stop = study.stop
    monkeypatch.setattr(study, "stop", lambda: (stop(), stopped.set()))  # what closing begins with
    starter = in_thread(study.start)
    assert maker.entered.wait(PATIENCE)
    closer = in_thread(study.close)
    assert stopped.wait(PATIENCE)
    maker.go_on.set()
    starter.join(PATIENCE)
    closer.join(PATIENCE)
    assert (study.running, threads_of_studies()) == (False, [])
    assert (study.view.state, study.view.trials) == (StudyState.STOPPED, ())
    with pytest.raises(StudyBusyError, match="study s was closed"):
        study.start()
    Journal(study.directory).close()  # the folder is free
