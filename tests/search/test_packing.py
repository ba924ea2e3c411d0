"""What travels to a worker, what can't, and that it means the same there."""

import linecache
import pickle
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tunemagic import events as ev
from tunemagic.errors import StorageError, UnsendableError
from tunemagic.search.cell import program_from_builder, read_cell
from tunemagic.search.data import resolve_data
from tunemagic.search.executors.shared import SharedBuffers
from tunemagic.search.hyperparameters import new_hyperparameters
from tunemagic.search.job import Ending, StopFlag, TrialOutcome, Work
from tunemagic.search.packing import (
    PackedWork,
    names_needed,
    pack_job,
    pack_report,
    pack_work,
    unpack_job,
    unpack_report,
    unpack_work,
)
from tunemagic.search.train import run_job


def carried(work: Work) -> Work:
    """The work as it arrives: through bytes, in memory of its own."""
    packed = pack_work(work)
    buffers = [
        bytes(buffer.raw()) if buffer.raw().readonly else bytearray(buffer.raw())  # type: ignore[attr-defined]
        for buffer in packed.buffers
    ]
    return unpack_work(PackedWork(content=packed.content, buffers=buffers, texts=packed.texts))


def define(namespace: dict[str, Any], source: str, filename: str = "<another cell>") -> None:
    """Run another cell of the notebook."""
    source = textwrap.dedent(source)
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    exec(compile(source, filename, "exec"), namespace)


def unsendable(work: Work) -> tuple[tuple[str, str], ...]:
    with pytest.raises(UnsendableError) as caught:
        pack_work(work)
    return caught.value.objects


class TestNames:
    @pytest.mark.parametrize(
        ("source", "needed"),
        [
            ("model = base(x)", {"base": True, "x": True}),
            ("x = 1\nmodel = f(x)", {"x": False, "f": True}),
            ("model = clone(model)", {"clone": True, "model": True}),
            ("def build(hp):\n    return make(hp, width)", {"make": True, "width": True}),
            ("def build(hp):\n    return helper(hp)\ndef helper(hp): pass", {"helper": False}),
            ("layers = [Dense(n) for n in sizes]", {"Dense": True, "sizes": True}),
            ("class M(Base):\n    size = N\n    def f(self): return other", {"Base": True, "N": True, "other": True}),
            ("keras.layers.Dense(3)", {"keras": True}),
            ("hp.Int('a', 1, 2)", {}),
        ],
    )
    def test_a_cell_needs_the_names_that_it_reads(self, source: str, needed: dict[str, bool]) -> None:
        found = names_needed(compile(source, "cell", "exec"))
        assert {name: found[name] for name in needed} == needed
        assert set(found) - set(needed) <= {"__name__"}


class TestCells:
    def test_a_cell_trains_the_same_after_the_journey(self, make_job: Any) -> None:
        job = make_job(epochs=2)
        there = unpack_job(pack_job(job), carried(job.work))
        here = run_job(job, lambda report: None, StopFlag())
        again = run_job(there, lambda report: None, StopFlag())
        assert (again.ending, again.reason) == (Ending.FINISHED, "")
        assert again.score == pytest.approx(here.score, rel=1e-6)
        assert (again.trial, again.attempt, again.best_epoch) == (here.trial, here.attempt, here.best_epoch)
        assert there.hp.get_config() == job.hp.get_config()

    def test_a_cell_takes_along_only_what_it_uses(self, make_job: Any, cell: str, namespace: dict[str, Any]) -> None:
        namespace |= {"width": 12, "lock": threading.Lock(), "huge": np.ones(10**6)}
        packed = pack_work(make_job(cell + "width\n").work)
        assert len(packed.content) + sum(buffer.raw().nbytes for buffer in packed.buffers) < 100_000
        program: Any = unpack_work(packed).program
        assert set(program.namespace) == {"__name__", "keras", "width"}

    def test_functions_and_classes_of_the_notebook_travel_with_what_they_use(
        self, make_job: Any, cell: str, namespace: dict[str, Any]
    ) -> None:
        define(
            namespace,
            """
            FACTOR = 3
            def times(n):
                return n * FACTOR
            twice = lambda n: 2 * times(n)
            class Maker:
                def make(self):
                    return twice(2)
            """,
        )
        job = make_job("assert Maker().make() == 12\n" + cell, epochs=1)
        there = unpack_job(pack_job(job), carried(job.work))
        namespace["FACTOR"] = 0  # theirs is their own
        assert run_job(there, lambda report: None, StopFlag()).ending is Ending.FINISHED

    def test_the_text_of_other_cells_travels_for_tracebacks(
        self, make_job: Any, namespace: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        define(namespace, "def fails():\n    return 1 / 0  # here\n", "<cell 7>")
        job = make_job("fails()")
        packed = pack_work(job.work)
        monkeypatch.delitem(linecache.cache, "<cell 7>")
        unpack_work(packed)
        assert linecache.getline("<cell 7>", 2) == "    return 1 / 0  # here\n"

    def test_a_name_that_the_cell_makes_itself_is_left_out_when_it_can_not_travel(
        self, make_job: Any, cell: str, namespace: dict[str, Any]
    ) -> None:
        import keras

        namespace["model"] = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        job = make_job(cell + "model.summary()\n", epochs=1)
        there = unpack_job(pack_job(job), carried(job.work))
        assert "model" not in there.work.program.namespace  # type: ignore[attr-defined]
        assert run_job(there, lambda report: None, StopFlag()).ending is Ending.FINISHED

    def test_modules_travel_by_name(self, make_job: Any, cell: str, namespace: dict[str, Any]) -> None:
        define(namespace, "import numpy as np\nfrom tensorflow import keras as tf_keras\nimport os.path")
        work = carried(make_job(cell + "np, tf_keras, os\n").work)
        found = work.program.namespace  # type: ignore[attr-defined]
        assert (found["np"], found["os"]) == (np, __import__("os"))
        assert found["tf_keras"].layers.Dense is namespace["keras"].layers.Dense

    def test_what_two_names_share_is_still_shared(self, make_job: Any, cell: str, namespace: dict[str, Any]) -> None:
        namespace["first"] = namespace["second"] = [1]
        found = carried(make_job(cell + "first, second\n").work).program.namespace  # type: ignore[attr-defined]
        assert found["first"] is found["second"]


class TestUnsendable:
    @pytest.mark.parametrize(
        ("definition", "reason"),
        [
            ("thing = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])", "a Keras model"),
            ("thing = keras.layers.Dense(1)", "a Keras layer"),
            ("thing = [keras.layers.Dense(1)]", "it holds a Keras layer"),
            ("import threading\nthing = threading.Lock()", "cannot pickle '_thread.lock' object"),
            ("thing = (i for i in range(3))", "cannot pickle 'generator' object"),
            ("import tensorflow as tf\nthing = tf.data.Dataset.range(3)", "a tf.data dataset"),
            ("import socket\nthing = socket.socket()", "cannot pickle 'socket' object"),
        ],
    )
    def test_each_object_is_named_with_the_reason(
        self, definition: str, reason: str, make_job: Any, cell: str, namespace: dict[str, Any]
    ) -> None:
        define(namespace, definition)
        assert unsendable(make_job(cell + "thing\n").work) == (("thing", reason),)

    def test_an_object_is_found_behind_functions_and_closures(
        self, make_job: Any, cell: str, namespace: dict[str, Any]
    ) -> None:
        define(
            namespace,
            """
            import threading
            base = keras.layers.Dense(1)
            def inner():
                return base
            def outer():
                return inner()
            def closing(lock=None):
                lock = threading.Lock()
                return lambda: lock
            closed = closing()
            """,
        )
        assert unsendable(make_job(cell + "outer(), closed()\n").work) == (
            ("base", "a Keras layer"),
            ("lock", "cannot pickle '_thread.lock' object"),
        )

    def test_the_text_names_all_and_says_what_to_do(self, make_job: Any, cell: str, namespace: dict[str, Any]) -> None:
        define(namespace, "import threading\nlock = threading.Lock()\nbase = keras.layers.Dense(1)")
        with pytest.raises(UnsendableError) as caught:
            pack_work(make_job(cell + "lock, base\n").work)
        assert str(caught.value) == (
            "`lock` (cannot pickle '_thread.lock' object), `base` (a Keras layer) can't be sent to a worker. "
            "Use --workers 0 to train in the kernel, or make it in the cell."
        )

    @pytest.mark.parametrize("name", ["globals", "eval", "exec"])
    def test_a_cell_that_looks_names_up_while_it_runs_stays(self, name: str, make_job: Any, cell: str) -> None:
        assert unsendable(make_job(f"{name}\n{cell}").work) == ((f"{name}()", "it finds names while it runs"),)

    def test_datasets_are_named(self, namespace: dict[str, Any], cell: str) -> None:
        import tensorflow as tf

        from tunemagic.request import TuneRequest, ValKind, ValSplit

        namespace["train"] = tf.data.Dataset.from_tensor_slices((namespace["x_train"], namespace["y_train"])).batch(8)
        namespace["held"] = namespace["train"].take(2)
        request = TuneRequest(data=("train",), val=ValSplit(kind=ValKind.NAMES, names=("held",)))
        work = Work(
            program=read_cell(cell, namespace),
            data=resolve_data(request, namespace, seed=0),
            objective="val_loss",
            direction=ev.Direction.MIN,
        )
        assert unsendable(work) == (("train", "a tf.data dataset"), ("held", "a tf.data dataset"))

    def test_a_measure_is_named(self, make_job: Any, namespace: dict[str, Any]) -> None:
        define(namespace, "import threading\nlock = threading.Lock()\ndef size(model):\n    return {'s': lock}")
        assert unsendable(make_job(measure=namespace["size"]).work) == (
            ("lock", "cannot pickle '_thread.lock' object"),
        )


class TestBuilders:
    def test_a_build_function_travels(self, make_job: Any, namespace: dict[str, Any]) -> None:
        define(
            namespace,
            """
            UNITS = 5
            def build(hp):
                model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(UNITS), keras.layers.Dense(10)])
                model.compile("adam", "mse")
                return model
            """,
        )
        work = make_job().work
        there = carried(
            Work(
                program=program_from_builder(namespace["build"]),
                data=work.data,
                objective="val_loss",
                direction=ev.Direction.MIN,
            )
        )
        setup: Any = there.program.run(new_hyperparameters())
        assert [layer.units for layer in setup.model.layers] == [5, 10]

    def test_a_hypermodel_travels_with_its_state(self, make_job: Any, namespace: dict[str, Any]) -> None:
        define(
            namespace,
            """
            import keras_tuner
            class Mine(keras_tuner.HyperModel):
                def __init__(self, units):
                    super().__init__()
                    self.units = units
                def build(self, hp):
                    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(self.units)])
                    model.compile("adam", "mse")
                    return model
            """,
        )
        program = program_from_builder(namespace["Mine"](7))
        work = make_job().work
        there = carried(Work(program=program, data=work.data, objective="val_loss", direction=ev.Direction.MIN))
        setup: Any = there.program.run(new_hyperparameters())
        assert setup.model.layers[0].units == 7

    def test_a_measure_travels(self, make_job: Any, namespace: dict[str, Any]) -> None:
        define(namespace, "SCALE = 2.0\ndef size(model):\n    return {'size': SCALE * model.count_params()}")
        job = make_job(measure=namespace["size"], epochs=1)
        there = unpack_job(pack_job(job), carried(job.work))
        outcome = run_job(there, lambda report: None, StopFlag())
        assert outcome.metrics["size"] == 2 * outcome.metrics["parameters"]


class TestArrays:
    def test_arrays_travel_beside_the_pickle(self, make_job: Any) -> None:
        work = make_job().work
        packed = pack_work(work)
        large = [array.nbytes for array in (work.data.x, work.data.y, work.data.val_x) if array.nbytes >= 4096]
        assert sorted(buffer.raw().nbytes for buffer in packed.buffers) == sorted(large)
        assert work.data.x.tobytes() not in packed.content

    def test_read_only_arrays_stay_so_and_others_can_be_written(
        self, make_job: Any, cell: str, namespace: dict[str, Any]
    ) -> None:
        namespace["table"] = np.zeros((100, 100))
        work = carried(make_job(cell + "table\n").work)
        assert not work.data.x.flags.writeable
        assert work.program.namespace["table"].flags.writeable  # type: ignore[attr-defined]

    def test_a_full_disk_is_told_in_one_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Full:
            def __getattr__(self, name: str) -> Any:
                return lambda *_: 0

            def write(self, data: Any) -> int:
                raise OSError(28, "No space left on device")

        monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Full())
        with pytest.raises(StorageError, match=r"can't write 8 MB of arrays .* No space left on device\. Set TMPDIR"):
            SharedBuffers([pickle.PickleBuffer(np.zeros(10**6))])


class TestReports:
    def test_reports_come_back_as_they_were(self) -> None:
        epoch = ev.EpochEnded(trial=1, attempt=2, epoch=3, logs={"loss": None})
        assert unpack_report(pack_report(epoch)) == epoch

    def test_an_outcome_brings_new_hyperparameters_back(self) -> None:
        hp = new_hyperparameters()
        hp.Int("units", 1, 9)
        back = unpack_report(pack_report(TrialOutcome(trial=1, attempt=1, ending=Ending.FINISHED, seconds=1.0, hp=hp)))
        assert isinstance(back, TrialOutcome)
        assert back.hp.get_config() == hp.get_config()

    def test_nothing_is_pickled_to_the_disk(
        self, make_job: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        buffers = SharedBuffers(pack_work(make_job().work).buffers)
        assert list(tmp_path.iterdir()) == []  # nameless, so nobody can open it and nothing can be left behind
        buffers.close()
        assert "dill" not in sys.modules
