"""The pictures: what is drawn from an info, whatever its names hold, and nothing global is touched."""

import io
import subprocess
import sys
import threading
import warnings

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from tunemagic.analysis.curves import BestSoFarInfo, Curve, CurveRole, CurvesInfo, Limits, ScorePoint
from tunemagic.events import Direction
from tunemagic.plots import draw_best_so_far, draw_curves, study_picture

BLUE, GREY, VERMILLION = "#0072B2", "#8A8F98", "#D55E00"
CURVES = CurvesInfo(
    metric="val_accuracy",
    curves=(
        Curve(trial=1, role=CurveRole.ENDED, values=(0.25, 0.5, 0.375)),
        Curve(trial=3, role=CurveRole.CUT, values=(0.25, None, 0.5)),
        Curve(trial=4, role=CurveRole.RUNNING, values=(0.5, 0.625)),
        Curve(trial=2, role=CurveRole.BEST, values=(0.5, 0.625, 0.75)),
    ),
    hidden=0,
    limits=Limits(low=0.225, high=0.775),
    best_epoch=3,
)
BEST = BestSoFarInfo(
    objective="val_accuracy",
    direction=Direction.MAX,
    points=(ScorePoint(trial=1, score=0.5, best=0.5), ScorePoint(trial=2, score=0.75, best=0.75)),
    without_score=(3,),
    best=2,
    limits=Limits(low=0.4875, high=0.7625),
)
NO_CURVES = CurvesInfo(metric="loss", curves=(), hidden=0, limits=None, best_epoch=None)
NO_SCORES = BestSoFarInfo(
    objective="loss", direction=Direction.MIN, points=(), without_score=(), best=None, limits=None
)
HOSTILE = [
    "",
    " ",
    "$",
    "$$",
    "x$_{$",
    "$\\foo$",
    "$x^2$",
    "\\frac{1}{2}",
    "\\",
    "%s %d {0} {x}",
    "a\0b",
    "a\nb\r\n\tc",
    "\x1b[31mred\x1b[0m",
    "\u202egnitset",
    "\ud800",
    "\udfff\ud800",
    "\ufffe\uffff",
    "\U0010ffff",
    "e\u0301\u0302\u0303",
    "\u0301",
    "你好",
    "한국어",
    "שלום",
    "مرحبا",
    "👩\u200d👩\u200d👧\u200d👦",
    "_hidden",
    "<img src=x onerror=alert(1)>",
    "a" * 100_000,
    "$" * 5000,
    "\u2028\u2029\x85",
    "\\usepackage{x}\\input{/etc/passwd}",
    "#^_~&{}",
]


def axes():
    return Figure().subplots()


def lines_of(drawn):
    return [
        (line.get_color(), line.get_linewidth(), [None if np.isnan(y) else y for y in np.asarray(line.get_ydata())])
        for line in drawn.lines
    ]


def test_every_curve_is_a_line_with_the_best_thick_in_blue_and_on_top():
    drawn = axes()
    draw_curves(CURVES, drawn)
    *curves, mark = drawn.lines
    assert [list(line.get_xdata()) for line in curves] == [[1, 2, 3], [1, 2, 3], [1, 2], [1, 2, 3]]
    assert lines_of(drawn)[:4] == [
        (GREY, 1.0, [0.25, 0.5, 0.375]),
        (GREY, 1.0, [0.25, None, 0.5]),
        ("#E69F00", 2.0, [0.5, 0.625]),
        (BLUE, 2.4, [0.5, 0.625, 0.75]),
    ]
    assert (list(mark.get_xdata()), list(mark.get_ydata())) == ([3], [0.75])
    assert max(drawn.lines[:4], key=lambda line: line.get_zorder()) is drawn.lines[3]
    assert (drawn.get_xlabel(), drawn.get_ylabel()) == ("epoch", "val_accuracy")
    assert drawn.get_ylim() == (0.225, 0.775)
    assert [text.get_text() for text in drawn.get_legend().get_texts()] == ["others", "cut short", "running", "best"]


def test_a_pruned_curve_is_pale_grey_and_ends_in_a_dot():
    drawn = axes()
    curves = (
        Curve(trial=1, role=CurveRole.ENDED, values=(0.25, 0.5, 0.375)),
        Curve(trial=2, role=CurveRole.PRUNED, values=(0.25, 0.5, None)),
    )
    draw_curves(CurvesInfo(**{**fields(CURVES), "curves": curves}), drawn)
    ended, pruned = drawn.lines
    assert (pruned.get_color(), pruned.get_marker(), pruned.get_markevery()) == (GREY, ".", [1])
    assert pruned.get_alpha() < ended.get_alpha()
    assert pruned.get_zorder() < ended.get_zorder()
    assert [text.get_text() for text in drawn.get_legend().get_texts()] == ["others", "pruned"]


def test_later_runs_are_thinner_and_the_best_epoch_is_marked_on_the_best_run():
    drawn = axes()
    curves = tuple(Curve(trial=1, role=CurveRole.BEST, values=(0.5, run / 4), run=run) for run in (1, 2, 3))
    draw_curves(CurvesInfo(**{**fields(CURVES), "curves": curves, "best_epoch": 2, "best_run": 3}), drawn)
    assert [line.get_linewidth() for line in drawn.lines[:3]] == [2.4, 1.2, 1.2]
    assert [(list(mark.get_xdata()), list(mark.get_ydata())) for mark in drawn.lines[3:]] == [([2], [0.75])]
    assert [text.get_text() for text in drawn.get_legend().get_texts()] == ["best"]


def test_skipped_trials_have_a_grey_cross_and_failed_ones_a_red_one():
    drawn = axes()
    draw_best_so_far(BestSoFarInfo(**{**fields(BEST), "skipped": (4,)}), drawn)
    failed, skipped = drawn.lines[-2:]
    assert (failed.get_color(), skipped.get_color(), list(skipped.get_xdata())) == (VERMILLION, GREY, [4])
    assert [text.get_text() for text in drawn.get_legend().get_texts()][-2:] == ["no score", "skipped"]


def test_values_between_gaps_are_drawn_as_dots():
    drawn = axes()
    draw_curves(CURVES, drawn)
    whole, torn = drawn.lines[:2]
    assert (whole.get_marker(), torn.get_marker(), torn.get_markevery()) == ("", ".", [0, 2])


def test_scores_are_dots_and_the_best_so_far_is_a_staircase():
    drawn = axes()
    draw_best_so_far(BEST, drawn)
    dots, stairs, best, missing = drawn.lines
    assert (list(dots.get_xdata()), list(dots.get_ydata())) == ([1, 2], [0.5, 0.75])
    assert (list(stairs.get_xdata()), list(stairs.get_ydata())) == ([1, 2, 3], [0.5, 0.75, 0.75])
    assert stairs.get_drawstyle() == "steps-post"
    assert (list(best.get_xdata()), list(best.get_ydata()), best.get_color()) == ([2], [0.75], BLUE)
    assert (list(missing.get_xdata()), missing.get_marker(), missing.get_color()) == ([3], "x", VERMILLION)
    assert [text.get_text() for text in drawn.get_legend().get_texts()] == ["score", "best", "no score"]


@pytest.mark.parametrize(
    ("draw", "info", "said"),
    [(draw_curves, NO_CURVES, "no epoch has ended yet"), (draw_best_so_far, NO_SCORES, "no trial has ended yet")],
)
def test_an_empty_info_says_so_in_place_of_a_picture(draw, info, said):
    drawn = axes()
    draw(info, drawn)
    assert ([text.get_text() for text in drawn.texts], list(drawn.lines)) == ([said], [])


def test_curves_left_out_are_counted_below():
    drawn = axes()
    draw_curves(CurvesInfo(**{**fields(CURVES), "hidden": 46}), drawn)
    assert drawn.get_xlabel() == "epoch (4 of 50 trials)"


def test_ticks_count_from_one():
    drawn = axes()
    curve = Curve(trial=1, role=CurveRole.ENDED, values=(0.5,) * 80)
    draw_curves(CurvesInfo(metric="m", curves=(curve,), hidden=0, limits=Limits(low=0, high=1), best_epoch=None), drawn)
    assert list(drawn.get_xticks()) == [10, 20, 30, 40, 50, 60, 70, 80]


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name)[:30])
def test_a_hostile_name_is_drawn_letter_by_letter_without_error_or_warning(name):
    curves = CurvesInfo(**{**fields(CURVES), "metric": name})
    best = BestSoFarInfo(**{**fields(BEST), "objective": name})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = study_picture(curves, best, dots_per_inch=40)
    assert opened(picture).size == (368, 128)


@pytest.mark.parametrize("value", [1e-300, 1e300, -1e300, 1e-12, 123456789.0])
def test_extreme_values_are_drawn(value):
    limits = Limits(low=value - abs(value) * 0.05, high=value + abs(value) * 0.05)
    curve = Curve(trial=1, role=CurveRole.BEST, values=(value, None, 1.7e308, -1.7e308))
    curves = CurvesInfo(metric="m", curves=(curve,), hidden=0, limits=limits, best_epoch=1)
    point = ScorePoint(trial=1, score=value, best=value)
    best = BestSoFarInfo(**{**fields(BEST), "points": (point,), "best": 1, "limits": limits})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert opened(study_picture(curves, best, dots_per_inch=40)).size == (368, 128)


def test_the_picture_has_our_colours_on_white_and_few_others():
    picture = opened(study_picture(CURVES, BEST)).convert("RGB")
    counts = {color: count for count, color in picture.getcolors(maxcolors=256)}
    assert max(counts, key=counts.get) == (255, 255, 255)
    assert min(counts.get(tuple(bytes.fromhex(color[1:])), 0) for color in (BLUE, GREY, VERMILLION)) > 50
    assert picture.size == (1324, 460)


def test_the_users_style_changes_nothing():
    plain = study_picture(CURVES, BEST)
    odd = {
        "text.color": "red",
        "axes.labelcolor": "red",
        "axes.facecolor": "black",
        "axes.grid": False,
        "axes.edgecolor": "red",
        "axes.labelweight": "bold",
        "axes.titlepad": 30.0,
        "axes.xmargin": 0.5,
        "figure.facecolor": "black",
        "font.family": "monospace",
        "font.size": 20.0,
        "lines.linewidth": 9.0,
        "lines.marker": "o",
        "lines.linestyle": ":",
        "text.usetex": True,
        "xtick.color": "red",
        "ytick.labelsize": 20.0,
        "xtick.direction": "in",
        "xtick.minor.visible": True,
        "legend.loc": "center",
        "legend.fontsize": 20.0,
        "legend.frameon": True,
    }
    with mpl.rc_context(odd):
        styled = study_picture(CURVES, BEST)
    assert styled == plain


def test_the_same_study_gives_the_same_bytes_from_any_thread():
    expected = study_picture(CURVES, BEST)
    found = []
    threads = [threading.Thread(target=lambda: found.append(study_picture(CURVES, BEST))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 3


def test_drawing_leaves_pyplot_unimported_and_the_users_settings_alone():
    code = """
import sys
import matplotlib as mpl
# Asking for the backend would choose one and import pyplot.
before = {key: mpl.rcParams[key] for key in mpl.rcParams if key != "backend"}
from tunemagic.analysis.curves import Curve, CurveRole, CurvesInfo, Limits, best_so_far_info
from tunemagic.plots import study_picture
from tunemagic.trial import StudyView
curve = Curve(trial=1, role=CurveRole.BEST, values=(0.5, 0.75))
curves = CurvesInfo(metric="m", curves=(curve,), hidden=0, limits=Limits(low=0.0, high=1.0), best_epoch=2)
study_picture(curves, best_so_far_info(StudyView()))
print("matplotlib.pyplot" in sys.modules, {key: mpl.rcParams[key] for key in before} == before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("False True\n", "")


def fields(info):
    return {name: getattr(info, name) for name in info.__dataclass_fields__}


def opened(picture):
    return Image.open(io.BytesIO(picture))
