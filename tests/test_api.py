import pytest

import tunemagic
from tunemagic.errors import DataError, OptionError, StudyChangedError
from tunemagic.events import Direction, Verdict
from tunemagic.request import QuantMode
from tunemagic.search.executors.cores import usable_cores
from tunemagic.trial import StudyState

CORES = usable_cores()


def build(hp):
    import keras

    units = hp.Int("units", 8, 32, step=8)
    layers = [keras.Input((64,)), keras.layers.Dense(units, "relu"), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential(layers)
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    found = load_digits()
    return (found.data / 16.0).astype("float32")[:300], found.target[:300]


def test_a_script_tunes_goes_on_and_gets_the_model(digits, tmp_path):
    options = {"data": digits, "name": "digits", "objective": "val_accuracy", "epochs": 1, "directory": tmp_path}
    study = tunemagic.tune(build, max_trials=1, **options)
    assert study.view.state is StudyState.FINISHED
    assert (study.view.objective, study.view.direction) == ("val_accuracy", Direction.MAX)
    assert tunemagic.tune(build, max_trials=1, **options) is study
    assert tunemagic.tune(build, max_trials=2, **options) is study
    assert len(study.trials) == 2
    assert study.best_model.predict(digits[0][:3], verbose=0).shape == (3, 10)
    with pytest.raises(StudyChangedError):
        tunemagic.tune(build, max_trials=2, **{**options, "data": (digits[0][:200], digits[1][:200])})


def test_without_waiting_the_study_runs_behind(digits, tmp_path):
    study = tunemagic.tune(
        build, data=digits, val=(digits[0][:50], digits[1][:50]), epochs=500, wait=False, directory=tmp_path
    )
    assert study.running
    study.stop()
    assert study.wait(120)
    assert study.view.state is StudyState.STOPPED


@pytest.mark.slow
def test_any_model_becomes_a_verified_file(digits, tmp_path):
    class Default:
        def Int(self, name, low, high, step):
            return low

    results = tunemagic.tflite(build(Default()), data=digits, path=tmp_path / "small.tflite")
    assert [(result.mode, result.verdict) for result in results] == [("none", Verdict.VERIFIED)]
    assert (tmp_path / "small.tflite").exists()
    (best,) = tunemagic.tflite(build(Default()), "best", data=digits, path=tmp_path / "small.tflite", max_kb=1e3)
    assert (best.verified, best.path.parent) == (True, tmp_path)
    with pytest.raises(OptionError, match='limits for modes="best"'):
        tunemagic.tflite(build(Default()), "int8", data=digits, max_kb=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"tuner": "tea"},
            "tuner: expected one of auto, random, grid, bayesian, hyperband, tpe, gp, qmc, cmaes, bohb; "
            "received 'tea'.",
        ),
        ({"pruner": "best"}, "pruner: expected one of auto, none, median, asha; received 'best'."),
        ({"workers": 9999}, f"--workers 9999: this machine has {CORES} cores; expected 0 to {CORES}."),
        ({"quant": "int9"}, f"quant: expected one of {', '.join(QuantMode)}; received 'int9'."),
        ({"max_kb": -1.0}, "--max-kb: expected a number above 0; received -1."),
        ({"objective": "acc:up"}, "objective: expected one of min, max; received 'up'."),
        ({"val": [1, 2]}, "val: expected a share such as 0.2, or (x, y); received list."),
        ({"val": 2.0}, "--val: expected a fraction between 0 and 1; received 2. Try --val 0.2."),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_is_written(digits, tmp_path, arguments, message):
    with pytest.raises(OptionError) as caught:
        tunemagic.tune(build, data=digits, directory=tmp_path, **arguments)
    assert str(caught.value) == message
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_ones_own_needs_data_to_be_compared_on():
    with pytest.raises(DataError, match="needs data to be compared on"):
        tunemagic.tflite(object())
