"""What a remedy's button does, and that all that is said has a text in both languages."""

import re
from dataclasses import replace

import pytest

from tunemagic.analysis import remedies
from tunemagic.analysis.diagnosis import diagnose_history
from tunemagic.analysis.finding import Action, ActionVerb, Diagnosis, Finding, Findings, Remedy, action_line
from tunemagic.analysis.next_cell import Again, changed_cell
from tunemagic.analysis.remedies import parameter_in_role, remedies_for
from tunemagic.events import Direction
from tunemagic.i18n import ENGLISH, Language, catalogue
from tunemagic.request import Pruner, QuantMode, TuneRequest
from tunemagic.space import Kind, Parameter, Sampling, SearchSpace
from tunemagic.trial import StudyView, TrialRecord, TrialState

RATE = Parameter(name="lr", kind=Kind.FLOAT, default=0.01, low=1e-4, high=1e-2, sampling=Sampling.LOG)
UNITS = Parameter(name="units", kind=Kind.INT, default=32, low=32, high=128, step=32)
DROP = Parameter(name="dropout_rate", kind=Kind.FLOAT, default=0.2, low=0.0, high=0.5)
BATCH = Parameter(name="batch_size", kind=Kind.CHOICE, default=32, choices=(16, 32, 128))
VALUES = {"lr": 0.001, "units": 128, "dropout_rate": 0.2, "batch_size": 32}
TRIAL = TrialRecord(
    number=1, attempt=1, values=VALUES, state=TrialState.COMPLETED, epochs=5, why="", started=0.0, score=0.5
)
VIEW = StudyView(
    study="digits",
    objective="val_accuracy",
    direction=Direction.MAX,
    space=SearchSpace((DROP, RATE, UNITS, BATCH)),
    trials=(TRIAL,),
    best=1,
    max_trials=20,
    epochs=5,
    seed=3,
    code="units = hp.Int('units', 32, 128)\nmodel = keras.Sequential([])\n",
    fingerprint={"--data": "x,y", "--val": "last 0.1 ", "--objective": "val_accuracy:", "--tuner": "tpe"},
)


def actions(verdict, view=VIEW, trial=TRIAL):
    return {each.id: each.action for each in remedies_for(verdict, view, trial) if each.action is not None}


def test_each_verdict_on_a_model_has_remedies_and_texts_in_both_languages():
    said = remedies._REMEDIES
    assert {each for each in Diagnosis if each not in said} == {
        Diagnosis.BOUNDARY_HIGH,
        Diagnosis.BOUNDARY_LOW,
        Diagnosis.MANY_DIVERGED,
        Diagnosis.MANY_FAILED,
        Diagnosis.MANY_RANDOM,
        Diagnosis.FEW_TRIALS,
        Diagnosis.NO_SCORE,
        Diagnosis.NO_LOSS,
        Diagnosis.TOO_EARLY,
        Diagnosis.NO_VALIDATION,
    }
    wanted = {f"diagnosis.{each}.{part}" for each in Diagnosis for part in ("title", "text")}
    wanted |= {f"remedy.{name}" for names in said.values() for name in names}
    for language in Language:
        known = {key.removesuffix(".other") for key in catalogue(language).texts}
        assert wanted - known == set()


def test_parameters_are_told_by_their_names():
    roles = {role: parameter_in_role(VIEW, role) for role in ("rate", "width", "dropout", "batch", "depth")}
    assert roles == {"rate": RATE, "width": UNITS, "dropout": DROP, "batch": BATCH, "depth": None}


def test_a_rate_too_low_moves_the_range_up_and_tries_ten_times_as_much():
    found = actions(Diagnosis.RATE_TOO_LOW)
    assert found["raise_rate"] == Action(verb=ActionVerb.SPACE, args={"ranges": {"lr": [0.001, 0.1]}})
    assert found["try_higher_rate"].args == {"values": {**VALUES, "lr": 0.01}}


def test_overfitting_tries_half_of_the_units_and_more_dropout():
    found = actions(Diagnosis.OVERFIT)
    assert found["smaller"].args["values"]["units"] == 64
    assert found["dropout"].args["values"]["dropout_rate"] == pytest.approx(0.3)
    assert found["stop_early"].args["code"].endswith("callbacks = [keras.callbacks.EarlyStopping(patience=5)]\n")


def test_diverged_cuts_the_rates_to_a_tenth():
    assert actions(Diagnosis.DIVERGED)["lower_rate"].args == {"ranges": {"lr": [1e-5, 0.0001]}}


def test_noise_takes_the_nearest_larger_batch_that_there_is():
    assert actions(Diagnosis.NOISY)["larger_batch"].args["values"]["batch_size"] == 128


def test_a_space_without_such_parameters_gives_no_action():
    bare = replace(VIEW, space=SearchSpace(), code="")
    assert actions(Diagnosis.OVERFIT, bare) == {}
    assert all(each.action is None for each in remedies_for(Diagnosis.OVERFIT))


def test_the_changed_cell_has_the_options_of_the_old_one():
    assert changed_cell(VIEW, epochs=10).splitlines() == [
        "%%tune --objective val_accuracy --tuner tpe --max-trials 20 --epochs 10 --data x,y --val last:0.1 --seed 3 "
        "--pruner none",
        "units = hp.Int('units', 32, 128)",
        "model = keras.Sequential([])",
    ]


def read(cell):
    """The options on a cell's first line, as the magic reads them."""
    from tunemagic.magics.lines import given_options, tune_parser
    from tunemagic.magics.tokens import split_line

    return given_options(tune_parser(), split_line(cell.splitlines()[0].removeprefix("%%tune "), {}))


def test_the_changed_cell_keeps_all_that_was_asked_for():
    view = replace(VIEW, repeats=2, folds=3, minutes=1.5, keep=7)
    view = replace(view, fingerprint={"--data": "x,y", "--objective": "val_accuracy:max parameters:min"})
    asked = {
        "max_params": 9000,
        "max_kb": 30.0,
        "max_ms": 0.5,
        "quant": QuantMode.INT8,
        "workers": 2,
        "memory_gb": 1.5,
        "measure": "size",
        "pruner": Pruner.ASHA,
    }
    request = TuneRequest(**asked)
    given = read(changed_cell(view, repeats=4, again=Again(request=request, names=()), what="more_epochs"))
    wanted = {"name": "digits-more-epochs", "repeats": 4, "folds": 3, "minutes": 1.5, "keep": 7, **asked}
    assert {name: given[name] for name in wanted} == wanted
    elsewhere = Again(request=TuneRequest(cluster="tcp://10.0.0.1:8786"))
    assert read(changed_cell(view, again=elsewhere))["cluster"] == "tcp://10.0.0.1:8786"


@pytest.mark.parametrize(
    ("study", "names", "name"),
    [
        ("digits", (), "digits-more-epochs"),
        ("digits", ("digits", "digits-more-epochs", "digits-more-epochs-2"), "digits-more-epochs-3"),
        ("my digits", (), "my digits-more-epochs"),
        ("a" * 60, (), None),
        ("digits", None, None),
    ],
)
def test_the_changed_cell_is_a_study_of_its_own(study, names, name):
    again = Again(names=names)
    code = changed_cell(replace(VIEW, study=study), epochs=10, again=again, what="more_epochs")
    assert read(code).get("name") == name


def test_remedies_write_cells_under_different_names():
    found = remedies_for(Diagnosis.PLATEAUED, VIEW, TRIAL, Again(names=("digits",)))
    cells = [read(each.action.args["code"])["name"] for each in found if each.id in ("rate_on_plateau", "stop_early")]
    assert cells == ["digits-rate-on-plateau", "digits-stop-early"]


@pytest.mark.parametrize(
    ("line", "last"),
    [("epochs = 5", "epochs = 10"), ("epochs: int = 5  # few", "epochs = 10"), ("epochs = hp.Int('e', 1, 9)", None)],
)
def test_epochs_that_the_cell_sets_are_set_again(line, last):
    code = changed_cell(replace(VIEW, code=f"{line}\n{VIEW.code}"), epochs=10)
    assert (None if code is None else code.splitlines()[-1]) == last
    assert line in changed_cell(replace(VIEW, code=f"{line}\n{VIEW.code}"), repeats=3)


def test_a_cell_with_a_build_function_takes_no_further_line():
    view = replace(VIEW, code="def build(hp):\n    model = 1\n    return model\n")
    assert changed_cell(view, lines=("callbacks = []",)) is None
    assert changed_cell(view, epochs=9) is not None


@pytest.mark.parametrize(
    ("verb", "args", "line"),
    [
        ("space", {"ranges": {"lr": [1e-4, 0.1]}}, "%tune space digits --range lr=0.0001:0.1"),
        ("try", {"values": {"units": 64, "lr": 0.01}}, "%tune try units=64 lr=0.01 digits"),
        ("cell", {"code": "%%tune a\nb"}, "%%tune a"),
    ],
)
def test_every_action_has_a_line_that_does_the_same(verb, args, line):
    assert action_line({"verb": verb, "args": args}, "digits") == line
    assert action_line(None, "digits") == ""


def test_lines_are_understood_by_the_magic():
    from tunemagic.magics.verbs import read_verb

    for verdict in (Diagnosis.RATE_TOO_LOW, Diagnosis.OVERFIT, Diagnosis.NOISY):
        for action in actions(verdict).values():
            line = action_line({"verb": str(action.verb), "args": action.args}, "digits")
            if line.startswith("%tune "):
                assert read_verb(line.removeprefix("%tune "), {}, ["digits"])[0] in ("space", "try")


def test_findings_print_as_lines_with_what_carries_them_out():
    finding = Finding(
        verdict=Diagnosis.OVERFIT,
        trial=1,
        evidence={"metric": "accuracy", "train": 1.0, "val": 0.75, "best_epoch": 3, "epochs": 9},
        remedies=(Remedy(id="smaller", action=Action(verb=ActionVerb.TRY, args={"values": {"units": 64}})),),
    )
    assert repr(Findings([finding.to_json()], study="digits")).splitlines() == [
        "Overfitting (trial 1): accuracy is 1 in training but 0.75 in validation; the validation loss was best in "
        "epoch 3 of 9.",
        "  1. Take a smaller model: half of the units, fewer layers",
        "     %tune try units=64 digits",
    ]
    assert repr(Findings([])) == ENGLISH("diagnosis.nothing")


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)>", "</script><b>", "a\nb\x1b[2J"])
def test_hostile_text_is_escaped(text):
    finding = Finding(
        verdict=Diagnosis.MANY_FAILED,
        evidence={"lost": 2, "of": 3, "reason": text, "times": 2},
        remedies=(
            Remedy(id="see_why", values={"trial": text}),
            Remedy(id=text, action=Action(verb=ActionVerb.TRY, args={"values": {text: text}})),
        ),
    )
    found = Findings([finding.to_json()], study=text)
    assert set(re.findall(r"<[^>]*>", found._repr_html_())) <= {
        f"<{slash}{tag}>" for slash in ("", "/") for tag in ("p", "strong", "br", "ol", "li", "code")
    }
    assert all(line.isprintable() for line in found.text().splitlines())


def test_every_placeholder_of_a_verdict_is_filled():
    from tests.analysis.test_diagnosis import CASES

    for curves, evidence, _ in CASES.values():
        finding = diagnose_history(curves, evidence=evidence)
        if finding is not None:
            assert "{" not in Findings([finding.to_json()]).text()
