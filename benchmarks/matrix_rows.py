"""The rows of ``benchmarks/matrix.py``: what must be true for a yes, and the test that shows it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ROWS", "Row"]


@dataclass(frozen=True, slots=True)
class Row:
    """One feature. Without a ``test``, ``why`` says why there is none; ``screen``: it is about a screen."""

    number: int
    feature: str
    sentence: str
    test: str = ""
    screen: bool = False
    why: str = ""


_LAB = "tests/browser/test_lab.py::"
_SIDE = "tests/browser/test_side_panel.py::"
_FORM = "tests/browser/test_form.py::"
_PAGE = "tests/browser/test_panel_page.py::"
_STATES = "tests/browser/test_panel_states.py::"
_PICTURES = "tests/browser/test_panel_pictures.py::"
_STEER = "tests/browser/test_steering.py::"
_PROCESS = "tests/search/executors/test_process.py::"

ROWS = (
    Row(
        1,
        "cell magic that starts a search",
        "One cell with %%tune on top runs a search and leaves its best model in the kernel.",
        "tests/magics/test_tune.py::test_a_cell_gives_a_study_with_a_usable_best_model",
    ),
    Row(
        2,
        "space written as Python in the cell",
        "hp. calls and annotated literals of one cell become one search space.",
        "tests/search/test_cell.py::test_annotations_and_hp_calls_can_be_mixed",
    ),
    Row(
        3,
        "no account, no cluster, no extra server",
        "A search opens no network port.",
        _PROCESS + "test_no_process_listens_on_the_network",
    ),
    Row(
        4,
        "form to edit the space",
        "A form in the notebook writes a tuning cell, inserts it and runs it.",
        _FORM + "test_the_form_begins_with_the_cell_and_its_buttons_insert_and_run_what_it_shows",
        screen=True,
    ),
    Row(
        5,
        "size and cost before the start",
        "--dry-run shows space, plan and cost from one warm-up trial and writes nothing.",
        "tests/magics/test_dryrun.py::test_space_plan_and_cost_are_shown_and_nothing_is_written",
    ),
    Row(
        6,
        "live trial table in the cell's output",
        "Trials appear in the table of the cell's own panel while the cell runs.",
        _LAB + "test_curves_grow_while_the_cell_runs_and_stop_leaves_the_record",
        screen=True,
    ),
    Row(
        7,
        "live learning curves of all trials",
        "Curves of every trial grow in the notebook while the cell runs.",
        _LAB + "test_curves_grow_while_the_cell_runs_and_stop_leaves_the_record",
        screen=True,
    ),
    Row(
        8,
        "best-so-far curve, live",
        "The best score so far is drawn over the trials, with its band.",
        _PICTURES + "test_every_picture_is_drawn_and_accessible_in_both_themes_and_at_both_widths",
        screen=True,
    ),
    Row(
        9,
        "progress and time left",
        "The header counts trials, elapsed time and time left.",
        _PAGE + "test_the_panel_says_hello_and_shows_a_running_study",
        screen=True,
    ),
    Row(
        10,
        "kernel free while the search runs",
        "Detach gives the cell back and other cells run while the search goes on.",
        _LAB + "test_detach_gives_the_cell_back_and_the_search_goes_on",
        screen=True,
    ),
    Row(
        11,
        "view survives a reload of the page",
        "After a reload the panel shows exactly what the journal holds.",
        _LAB + "test_after_a_reload_the_panel_shows_what_the_journal_holds",
        screen=True,
    ),
    Row(
        12,
        "readable record stays in the notebook",
        "A saved notebook holds the record, without widgets and scripts.",
        "tests/magics/test_kernel.py::test_a_saved_notebook_holds_the_record",
    ),
    Row(
        13,
        "stop from the screen, results kept, no traceback",
        "Stop in the panel ends the search while the cell runs and leaves the record with its results.",
        _LAB + "test_curves_grow_while_the_cell_runs_and_stop_leaves_the_record",
        screen=True,
    ),
    Row(
        14,
        "pause and resume",
        "Pause holds a running search in JupyterLab, Resume lets it go on where it was.",
        _STEER + "test_a_search_is_paused_given_values_a_range_and_a_budget_and_goes_on",
        screen=True,
    ),
    Row(
        15,
        "stop or skip one trial",
        "One running trial is skipped at once; of several one is chosen.",
        "tests/browser/test_panel_steering.py::test_one_running_trial_is_skipped_at_once_and_of_several_one_is_chosen",
        screen=True,
    ),
    Row(
        16,
        "add a trial of one's own while it runs",
        "A trial is composed by clicks on the axes of a picture, or by keys, and tried.",
        _PICTURES + "test_a_trial_is_composed_by_clicks_and_keys_and_tried",
        screen=True,
    ),
    Row(
        17,
        "change ranges while it runs",
        "A range that is narrowed in the panel holds for all later trials of the running search.",
        _STEER + "test_a_search_is_paused_given_values_a_range_and_a_budget_and_goes_on",
        screen=True,
    ),
    Row(
        18,
        "change budget and workers while it runs",
        "A running search gets more trials and a second worker, and uses both.",
        _STEER + "test_a_search_is_paused_given_values_a_range_and_a_budget_and_goes_on",
        screen=True,
    ),
    Row(
        19,
        "parallel coordinates",
        "Every trial is a line across all hyperparameters, read out under the pointer.",
        _PICTURES + "test_a_line_under_the_pointer_is_read_out",
        screen=True,
    ),
    Row(
        20,
        "brushing gives the trials to Python",
        "Trials inside a brush are in study.selected of the notebook's kernel.",
        _STEER + "test_trials_inside_a_brush_are_in_python",
        screen=True,
    ),
    Row(
        21,
        "importance of hyperparameters",
        "Bars of shares, drawn in both themes; the transform and the trials needed are said.",
        _PICTURES + "test_every_picture_is_drawn_and_accessible_in_both_themes_and_at_both_widths",
        screen=True,
    ),
    Row(
        22,
        "slice and contour",
        "The score over one hyperparameter and over two, drawn in both themes.",
        _PICTURES + "test_every_picture_is_drawn_and_accessible_in_both_themes_and_at_both_widths",
        screen=True,
    ),
    Row(
        23,
        "several objectives, Pareto",
        "Trials that no other one beats are marked in table and picture.",
        _STATES + "test_several_objectives_have_columns_and_marked_trials",
        screen=True,
    ),
    Row(
        24,
        "trial table: sort, filter, compare",
        "Rows are filtered and downloaded; two ticked trials show what differs.",
        "tests/browser/test_panel_table.py::test_two_ticked_trials_are_compared",
        screen=True,
    ),
    Row(
        25,
        "diagnosis in words",
        "Each broken model gets its verdict, healthy ones none, on real data.",
        "tests/test_benchmarks.py::test_a_broken_model_gets_its_verdict_and_a_healthy_one_none",
        screen=False,
    ),
    Row(
        26,
        "says why a trial was proposed and why it ended",
        "%tune why says what happened in a trial and why.",
        "tests/magics/test_verbs.py::test_why_says_what_happened_in_a_trial",
    ),
    Row(
        27,
        "resume after the kernel's death",
        "A trial that was cut off runs again with its values; the rest is as without the death.",
        "tests/search/test_loop.py::"
        "test_a_trial_that_was_cut_off_runs_again_with_the_same_values_and_the_rest_is_as_without",
    ),
    Row(
        28,
        "resume inside a trial",
        "A trial that was cut off goes on as if it had not been.",
        "tests/search/test_state.py::test_a_trial_cut_off_goes_on_as_if_it_had_not_been",
    ),
    Row(
        29,
        "broken trial isolated, readable message",
        "A failing trial names the user's own line and the next one runs.",
        "tests/magics/test_verbs.py::test_why_names_the_users_line_of_a_failed_trial",
    ),
    Row(
        30,
        "isolated processes, memory freed",
        "A worker that has grown is replaced by a fresh one.",
        _PROCESS + "test_a_worker_that_has_grown_is_replaced",
    ),
    Row(
        31,
        "cap on disk",
        "Only the best weights stay on disk.",
        "tests/search/test_loop.py::test_only_the_best_weights_stay_on_disk_tied_to_their_trials",
    ),
    Row(
        32,
        "minutes as a budget",
        "The time limit ends a running trial too, with its best epoch.",
        "tests/search/test_loop.py::test_the_time_limit_ends_the_running_trial_too",
    ),
    Row(
        33,
        "parallel trials on one machine from a cell",
        "Two workers train at the same time with their share of threads.",
        _PROCESS + "test_two_workers_train_at_the_same_time_with_their_share_of_threads",
    ),
    Row(
        34,
        "cluster",
        "Trials run on a Dask cluster, and a killed worker costs one attempt only.",
        "tests/search/executors/test_dask.py::test_a_study_tries_a_trial_that_killed_its_worker_once_more_and_goes_on",
    ),
    Row(
        35,
        "gives back the best model",
        "The best model of a study that ran to its end is compiled, weighted and scores as told.",
        "tests/test_study.py::test_a_study_runs_to_its_end_and_gives_the_best_model",
    ),
    Row(
        36,
        "TF Lite with quantisation",
        "Every mode of a model is converted, run and verified.",
        "tests/export/test_tflite.py::test_every_mode_of_a_dense_model_is_verified_milder_modes_first",
    ),
    Row(
        37,
        "size, latency and accuracy of conversions",
        "A click converts the best model and shows each file's size, score, agreement and time.",
        "tests/browser/test_export.py::test_a_finished_search_is_exported_compared_and_tried_out_by_clicks",
        screen=True,
    ),
    Row(
        38,
        "architecture JSON and weights, and back",
        "Saved and loaded, the model answers the same.",
        "tests/export/test_loading.py::test_a_keras_model_comes_back_compiled_and_with_all_its_layers",
    ),
    Row(
        39,
        "plain Keras code of the winner",
        "The exported script rebuilds and trains the winner.",
        "tests/script/test_cells.py::test_a_plain_cell_keeps_its_words_and_its_data",
    ),
    Row(
        40,
        "size or latency as a limit",
        "A model beyond a limit is skipped before it is trained and counts as no failure.",
        "tests/search/test_loop.py::test_a_model_beyond_a_limit_is_skipped_without_counting_as_trial_or_failure",
    ),
    Row(
        41,
        "tune preprocessing, batch size and epochs in the cell",
        "Batch size, epochs and callbacks that a cell assigns go to fit.",
        "tests/search/test_cell.py::test_names_of_fit_go_to_fit_and_other_names_do_not",
        screen=False,
    ),
    Row(
        42,
        "repeats with mean and spread",
        "Runs of a trial have a mean, a spread and curves of their own in the panel.",
        _STATES + "test_runs_have_a_mean_a_spread_and_curves_of_their_own",
        screen=True,
    ),
    Row(
        43,
        "JupyterLab extension",
        "The palette opens a side panel that shows the panel of the cell.",
        _SIDE + "test_the_palette_opens_it_and_it_shows_the_panel_of_the_cell",
        screen=True,
    ),
    Row(
        44,
        "knows the current kernel's search",
        "The side panel follows the current notebook by itself.",
        _SIDE + "test_it_follows_the_current_notebook",
        screen=True,
    ),
    Row(
        45,
        "more than one language",
        "Form, commands and side panel speak Chinese where JupyterLab does.",
        _FORM + "test_form_commands_and_side_panel_speak_chinese_where_jupyterlab_does",
        screen=True,
    ),
    Row(
        46,
        "palette for colour-blind readers",
        "Highlighted curves differ for readers who lack one kind of cone, in both themes.",
        "tests/browser/test_panel_palette.py::test_highlighted_curves_differ_for_every_kind_of_colour_blindness",
        screen=True,
    ),
)
