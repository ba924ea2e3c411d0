"""What --dry-run shows, from real warm-up trials."""

import re

import pytest

SMALL_BATCHES = "batch_size = 4"


@pytest.fixture
def lines(tune, tmp_path):
    """The lines of a dry run's table, by their first words; nothing was written."""

    def lines(line, *body):
        found = tune(f"{line} --dry-run", *body)
        assert found.err == ""
        (text,) = found.texts
        assert list(tmp_path.iterdir()) == []
        return text.splitlines()

    return lines


def starting(lines, start):
    (line,) = [line for line in lines if line.startswith(start)]
    return line


def test_space_plan_and_cost_are_shown_and_nothing_is_written(lines, shell):
    shown = lines("digits -n 4 --epochs 2 --tuner random --pruner none")
    assert shown[0] == "Dry run: digits, random, val_loss (min)"
    assert shown[2].split() == ["units", "int", "4", "…", "32", "step", "4", "4"]
    assert "combinations: 8" in shown
    assert starting(shown, "strategy: ").startswith("strategy: random")
    assert starting(shown, "pruner: ").startswith("pruner: none")
    assert starting(shown, "trials run ").startswith("trials run in the kernel — ")
    assert starting(shown, "one trial: ").startswith("one trial: 2 epochs: about ")
    assert starting(shown, "one trial: ").endswith("(measured on 1 of 1 batch)")
    assert starting(shown, "4 trials: ").startswith("4 trials: at most about 0:0")
    assert starting(shown, "memory: ").endswith(" while it trained")
    assert shown[-1] == "Nothing was kept and nothing was written."
    assert "study" not in shell.user_ns


def test_the_strategy_that_would_be_chosen_is_shown_with_its_reason(lines):
    shown = lines("--epochs 2")
    name, _, reason = starting(shown, "strategy: ").removeprefix("strategy: ").partition(" — ")
    assert shown[0].split()[3].rstrip(",") == name
    assert reason


def test_the_cells_own_epochs_are_the_limit(lines, cell):
    shown = lines("--epochs 2", f"{cell}epochs = 7\n")
    assert starting(shown, "one trial: ").startswith("one trial: 7 epochs (set by the cell): about ")


def test_repeats_and_folds_multiply_a_trial(lines):
    assert "2 epochs, trained 3 times: about" in starting(lines("--epochs 2 --repeats 3"), "one trial: ")
    assert "2 epochs, trained 6 times: about" in starting(lines("--epochs 2 --repeats 2 --folds 3"), "one trial: ")


@pytest.mark.parametrize("tuner", ["hyperband", "bohb"])
def test_hyperbands_short_trials_are_taken_into_account(lines, tuner):
    shown = lines(f"--epochs 9 --tuner {tuner}")
    assert f"9 epochs, 36% of them on average under {tuner}: about" in starting(shown, "one trial: ")


def test_one_combination_is_one_trial(lines, cell):
    shown = lines("--epochs 1", cell.replace('hp.Int("units", 4, 32, step=4)', 'hp.Choice("units", [8])'))
    assert "combinations: 1" in shown
    assert starting(shown, "1 trial: ").startswith("1 trial: at most about ")


def test_time_limits_say_how_many_trials_fit(lines):
    shown = lines("--epochs 1 --minutes 2")
    assert starting(shown, "ends within 2 min: ").startswith("ends within 2 min: at least about ")
    assert [line for line in shown if " trials: at most about " in line] == []


def test_the_largest_model_and_the_effect_of_a_limit_are_estimated(lines):
    models = "models: default 310 weights, largest found 2,410 weights"
    shown = lines("--epochs 1 --max-params 1000")
    assert models in shown
    assert starting(shown, "--max-params 1,000: about ").endswith(" of random models are larger and are skipped")
    assert "--max-params 5,000: no model found is larger" in lines("--epochs 1 --max-params 5000")


def test_a_range_without_steps_says_how_many_points_a_grid_takes(lines, cell):
    shown = lines("--epochs 1 --tuner grid", f'rate = hp.Float("rate", 0.0, 0.5)\n{cell}')
    assert "combinations: infinitely many" in shown
    assert starting(shown, "grid: rate (0 … 0.5) has no step, so the grid takes 11 of its values")


def test_several_objectives_and_a_measure_are_named(lines, shell):
    shell.user_ns["size"] = lambda model: {"layers": len(model.layers)}
    shown = lines("--epochs 1 --objective val_accuracy --objective layers:min --measure size")
    assert "val_accuracy (max), layers (min)" in shown[0]


def test_a_worker_tells_what_a_trial_costs_there(lines):
    shown = lines("--epochs 1 -n 2 -w 1")
    assert starting(shown, "trials run ").startswith("trials run in an isolated worker")
    assert starting(shown, "2 trials: ")


def test_the_users_fault_in_the_warm_up_is_one_line(tune, cell, tmp_path):
    body = f"{cell}callbacks = [keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: 1 / 0)]\n"
    assert tune("--dry-run --epochs 1", body).error == (
        "the warm-up trial failed: line 7: ZeroDivisionError: division by zero"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_models_are_measured_as_files_when_limits_ask_for_it(lines, cell):
    shown = lines("--epochs 1 --max-kb 6 --max-ms 1000 --quant int8", cell.replace("4, 32", "4, 64"))
    said = starting(shown, "as a TF Lite file (int8): ")
    sizes = re.fullmatch(
        r".*: default ([\d.]+) kB \([\d.e-]+ ms\), largest found ([\d.]+) kB \([\d.e-]+ ms\); .* in .*", said
    )
    assert 2 < float(sizes[1]) < 6 < float(sizes[2]) < 12
    assert starting(shown, "--max-kb 6: ").endswith(f"has {sizes[2]} kB; models above the limit are skipped")
    assert starting(shown, "--max-ms 1000: ").startswith("--max-ms 1000: no model found is above it; the largest has ")
