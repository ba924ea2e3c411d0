"""Each picture: what is painted for an info made by hand, and what is said when there is nothing to paint."""

import warnings

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from tunemagic.analysis.pictures import (
    Axis,
    ContourInfo,
    ContourPoint,
    ImportanceBar,
    ImportanceInfo,
    ParallelInfo,
    ParallelLine,
    ParetoInfo,
    ParetoPoint,
    SliceInfo,
    SlicePoint,
    SpreadInfo,
    SpreadRow,
    Tick,
    TimelineBar,
    TimelineInfo,
)
from tunemagic.events import Direction
from tunemagic.plots import (
    draw_contour,
    draw_importance,
    draw_parallel,
    draw_pareto,
    draw_slice,
    draw_spread,
    draw_timeline,
)
from tunemagic.trial import TrialState

BLUE, GREY, ORANGE, VERMILLION, SKY = "#0072B2", "#8A8F98", "#E69F00", "#D55E00", "#56B4E9"
UNITS = Axis(name="units", low=0, high=100, ticks=(Tick(at=0.0, text="0"), Tick(at=1.0, text="100")))
ACT = Axis(name="act", ticks=(Tick(at=0.0, text="relu"), Tick(at=1.0, text="tanh")))
SCORE = Axis(name="score", low=0.0, high=1.0, ticks=(Tick(at=0.5, text="0.5"),))
DONE = TrialState.COMPLETED
PARALLEL = ParallelInfo(
    axes=(UNITS, ACT, SCORE),
    lines=(
        ParallelLine(trial=4, at=(0.5, None, None), rank=None, state=TrialState.FAILED),
        ParallelLine(trial=3, at=(0.5, 1.0, None), rank=None, state=TrialState.RUNNING),
        ParallelLine(trial=1, at=(0.0, 1.0, 0.25), rank=1.0, state=DONE),
        ParallelLine(trial=2, at=(1.0, 0.0, 0.75), rank=0.0, state=DONE),
    ),
    best=2,
    hidden=6,
)
IMPORTANCE = ImportanceInfo(
    objective="score",
    transform="rank",
    bars=(ImportanceBar(name="rate", share=0.5), ImportanceBar(name="units", share=0.125)),
    trials=30,
    needed=12,
)
SLICE = SliceInfo(
    objective=SCORE,
    axes=(UNITS, ACT),
    points=(
        (SlicePoint(trial=1, x=0.0, y=0.25, order=0.0), SlicePoint(trial=2, x=1.0, y=0.75, order=1.0)),
        (SlicePoint(trial=2, x=0.0, y=0.75, order=1.0),),
    ),
    best=2,
)
CONTOUR = ContourInfo(
    names=("units", "act"),
    x=UNITS,
    y=ACT,
    objective=SCORE,
    grid=((0.25, 0.5, None), (0.75, None, 1.0)),
    points=(ContourPoint(trial=1, x=0.0, y=0.0, level=0.25), ContourPoint(trial=2, x=0.0, y=1.0, level=0.75)),
    best=2,
)
PARETO = ParetoInfo(
    names=("score", "parameters"),
    x=Axis(name="parameters", low=1000, high=100, log=True, ticks=(Tick(at=1.0, text="100"),)),
    y=SCORE,
    points=(
        ParetoPoint(trial=1, x=0.0, y=1.0, front=True),
        ParetoPoint(trial=2, x=0.5, y=0.25, front=False),
        ParetoPoint(trial=3, x=1.0, y=0.5, front=True),
    ),
)
TIMELINE = TimelineInfo(
    lanes=(0, 2),
    bars=(
        TimelineBar(trial=1, lane=0, start=0.0, end=4.0, state=DONE),
        TimelineBar(trial=2, lane=2, start=1.0, end=3.0, state=TrialState.FAILED),
        TimelineBar(trial=3, lane=2, start=3.0, end=3.001, state=TrialState.PRUNED),
        TimelineBar(trial=4, lane=0, start=4.0, end=10.0, state=TrialState.RUNNING),
    ),
    seconds=10.0,
)
SPREAD = SpreadInfo(
    objective=SCORE,
    rows=(
        SpreadRow(trial=7, scores=(0.5, 0.75), mean=0.625, low=0.5, high=0.75),
        SpreadRow(trial=2, scores=(0.25, 0.25), mean=0.25, low=0.25, high=0.25),
    ),
    runs=2,
    direction=Direction.MAX,
)


def axes():
    return Figure().subplots()


def texts_of(drawn):
    return [text.get_text() for text in drawn.texts]


def legend_of(drawn):
    return [text.get_text() for text in drawn.get_legend().get_texts()]


def ticks_of(axis):
    return [(float(at), axis.get_major_formatter()(at, index)) for index, at in enumerate(axis.get_major_locator()())]


def dots_of(drawn):
    """Colour and points of every line that is made of dots."""
    return [
        (line.get_color(), list(zip(line.get_xdata(), line.get_ydata(), strict=True)))
        for line in drawn.lines
        if line.get_linestyle() == "None"
    ]


def test_parallel_has_a_line_for_each_trial_the_best_thick_blue_and_on_top():
    drawn = axes()
    draw_parallel(PARALLEL, drawn)
    lines = drawn.lines[:4]
    assert [[None if np.isnan(y) else y for y in line.get_ydata()] for line in lines] == [
        [0.5, None, None],
        [0.5, 1.0, None],
        [0.0, 1.0, 0.25],
        [1.0, 0.0, 0.75],
    ]
    assert [line.get_color() for line in (lines[0], lines[1], lines[3])] == [GREY, ORANGE, BLUE]
    assert max(lines, key=lambda line: line.get_zorder()) is max(lines, key=lambda line: line.get_linewidth())
    assert lines[0].get_markevery() == [0]  # a value that no line reaches
    assert texts_of(drawn) == ["units", "0", "100", "act", "relu", "tanh", "score", "0.5"]
    assert legend_of(drawn) == ["no score", "running", "worst to best", "best"]
    assert drawn.get_xlabel() == "4 of 10 trials drawn"


def test_importance_has_bars_the_longest_on_top_and_says_what_was_done_to_the_objective():
    drawn = axes()
    draw_importance(IMPORTANCE, drawn)
    assert [(bar.get_width(), to_hex(bar.get_facecolor()).upper()) for bar in drawn.patches] == [
        (0.5, BLUE),
        (0.125, BLUE),
    ]
    assert ticks_of(drawn.yaxis) == [(0.0, "rate"), (1.0, "units")]
    assert drawn.get_ylim()[0] > drawn.get_ylim()[1]
    assert texts_of(drawn) == ["50 %", "12 %"]
    assert drawn.get_xlabel() == "Share of the variance of the ranks of score, from 30 trials"


def test_slice_has_a_panel_for_each_hyperparameter_and_marks_the_best_trial():
    panels = list(Figure().subplots(1, 3))
    draw_slice(SLICE, panels)
    assert [panel.get_visible() for panel in panels] == [True, True, False]
    assert [panel.collections[0].get_offsets().tolist() for panel in panels[:2]] == [
        [[0.0, 0.25], [1.0, 0.75]],
        [[0.0, 0.75]],
    ]
    assert [dots_of(panel) for panel in panels[:2]] == [[(BLUE, [(1.0, 0.75)])], [(BLUE, [(0.0, 0.75)])]]
    assert (panels[1].get_xlabel(), panels[1].get_ylabel()) == ("act", "score")
    assert ticks_of(panels[1].xaxis) == [(0.0, "relu"), (1.0, "tanh")]
    early, late = panels[0].collections[0].get_facecolors()
    assert early[:3].sum() < late[:3].sum()


def test_contour_has_a_cell_for_each_estimate_white_where_there_is_none_and_a_scale():
    drawn = axes()
    draw_contour(CONTOUR, drawn)
    (mesh,) = drawn.collections
    assert np.ma.getmaskarray(mesh.get_array()).tolist() == [[False, False, True], [False, True, False]]
    assert mesh.get_clim() == (0.0, 1.0)
    # Cells lie around their centres, so they reach beyond the axis.
    corners = mesh.get_coordinates()
    assert (corners[0, 0].tolist(), corners[-1, -1].tolist()) == ([-0.25, -0.5], [1.25, 1.5])
    assert dots_of(drawn) == [("white", [(0.0, 0.0), (0.0, 1.0)]), (VERMILLION, [(0.0, 1.0)])]
    _, scale = drawn.figure.axes
    assert (scale.get_ylabel(), ticks_of(scale.yaxis)) == ("score", [(0.5, "0.5")])


def test_pareto_joins_the_trials_that_no_other_beats_and_numbers_them():
    drawn = axes()
    draw_pareto(PARETO, drawn)
    assert dots_of(drawn) == [(GREY, [(0.5, 0.25)]), (BLUE, [(0.0, 1.0), (1.0, 0.5)])]
    (steps,) = [line for line in drawn.lines if line.get_linestyle() == "-"]
    assert (steps.get_drawstyle(), list(steps.get_xdata())) == ("steps-pre", [0.0, 1.0])
    assert texts_of(drawn) == ["1", "3"]
    assert (drawn.get_xlabel(), drawn.get_ylabel(), legend_of(drawn)) == (
        "parameters",
        "score",
        ["other trials", "Pareto set"],
    )


def test_timeline_has_a_row_for_each_worker_and_tells_states_by_colour_and_hatch():
    drawn = axes()
    draw_timeline(TIMELINE, drawn)
    bars = {
        round(bar.get_x(), 3): (bar.get_y() + 0.35, to_hex(bar.get_facecolor()).upper(), bar.get_hatch())
        for bar in drawn.patches
    }
    assert bars == {
        0.0: (0.0, BLUE, None),
        1.0: (1.0, VERMILLION, "xx"),
        3.0: (1.0, SKY, "//"),
        4.0: (0.0, ORANGE, None),
    }
    assert ticks_of(drawn.yaxis) == [(0.0, "kernel"), (1.0, "worker 2")]
    assert texts_of(drawn) == ["1", "2", "4"]  # the third is too short for its number
    assert legend_of(drawn) == ["completed", "failed", "pruned", "running"]


def test_spread_has_a_row_for_each_trial_with_runs_mean_and_deviation():
    drawn = axes()
    draw_spread(SPREAD, drawn)
    assert dots_of(drawn) == [
        (GREY, [(0.5, 0), (0.75, 0)]),
        (BLUE, [(0.625, 0)]),
        (GREY, [(0.25, 1), (0.25, 1)]),
        (BLUE, [(0.25, 1)]),
    ]
    assert ticks_of(drawn.yaxis) == [(0.0, "trial 7"), (1.0, "trial 2")]
    assert legend_of(drawn) == ["± one standard deviation", "a run", "mean"]


NOTHING = Axis(name="score", ticks=())


@pytest.mark.parametrize(
    ("draw", "info", "said"),
    [
        (draw_parallel, ParallelInfo(axes=(UNITS, NOTHING), lines=(), best=None), "No trial has a score yet."),
        (
            draw_importance,
            ImportanceInfo(objective="score", transform="rank", bars=(), trials=3, needed=12),
            "Importance needs 12 trials with a score; there are 3.",
        ),
        (
            draw_importance,
            ImportanceInfo(objective="score", transform="rank", bars=(), trials=30, needed=12),
            "No hyperparameter has taken different values yet.",
        ),
        (
            draw_contour,
            ContourInfo(names=("units",), x=None, y=None, objective=NOTHING, grid=(), points=(), best=None),
            "A contour needs two hyperparameters that took different values.",
        ),
        (
            draw_contour,
            ContourInfo(names=("units", "act"), x=UNITS, y=ACT, objective=NOTHING, grid=(), points=(), best=None),
            "No trial has a score yet.",
        ),
        (
            draw_pareto,
            ParetoInfo(names=("score",), x=None, y=None, points=()),
            "A Pareto picture needs a second objective.",
        ),
        (draw_timeline, TimelineInfo(lanes=(), bars=(), seconds=0.0), "No trial has started yet."),
        (
            draw_spread,
            SpreadInfo(objective=None, rows=(), runs=1, direction=Direction.MAX),
            "The spread needs trials with several runs: --repeats or --folds.",
        ),
    ],
)
def test_an_empty_info_is_one_clear_sentence(draw, info, said):
    drawn = axes()
    draw(info, drawn)
    assert (texts_of(drawn), list(drawn.lines), list(drawn.patches)) == ([said], [], [])


def test_an_empty_slice_is_one_clear_sentence():
    panels = [axes()]
    draw_slice(SliceInfo(objective=NOTHING, axes=(UNITS,), points=((),), best=None), panels)
    assert texts_of(panels[0]) == ["No trial has a score yet."]


@pytest.mark.parametrize("name", ["$x$_{", "\\frac{1}", "你好", "\0\n\ud800", "_hidden", "a" * 10_000, ""])
def test_hostile_names_are_drawn_letter_by_letter_in_every_picture(name):
    axis = Axis(name=name, ticks=(Tick(at=0.0, text=name), Tick(at=1.0, text=name)))
    figure = Figure(figsize=(12, 8))
    drawn = figure.subplots(2, 4).ravel()
    fields = {field: getattr(PARALLEL, field) for field in PARALLEL.__dataclass_fields__}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_parallel(ParallelInfo(**{**fields, "axes": (axis, axis, axis)}), drawn[0])
        bars = (ImportanceBar(name=name, share=0.5),)
        draw_importance(ImportanceInfo(objective=name, transform="rank", bars=bars, trials=30, needed=12), drawn[1])
        draw_slice(SliceInfo(objective=axis, axes=(axis,), points=SLICE.points[:1], best=2), drawn[2:3])
        plane = {"x": axis, "y": axis, "points": CONTOUR.points, "names": (name,)}
        draw_contour(ContourInfo(**plane, objective=axis, grid=CONTOUR.grid, best=2), drawn[3])
        draw_pareto(ParetoInfo(names=(name,), x=axis, y=axis, points=PARETO.points), drawn[4])
        draw_spread(SpreadInfo(objective=axis, rows=SPREAD.rows, runs=2, direction=Direction.MIN), drawn[5])
        figure.canvas.draw()
