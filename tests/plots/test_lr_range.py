"""The picture of a range test shows what its info says."""

import io

import pytest
from matplotlib.figure import Figure
from PIL import Image

from tests.analysis.test_lr_range import RATES, curve
from tunemagic.analysis.lr_range import rate_info
from tunemagic.i18n import Language, catalogue
from tunemagic.plots import draw_lr_range, rate_picture

INFO = rate_info(RATES, curve(), steps=100, diverged=True, highest_rate=10.0)


def test_the_marks_and_the_shade_are_named():
    axes = Figure().subplots()
    draw_lr_range(INFO, axes)
    assert axes.get_legend_handles_labels()[1] == [f"tenth {INFO.tenth:g}", f"valley {INFO.valley:g}", "diverges"]
    assert [text.get_text() for text in axes.get_xticklabels()] == [
        "1e-05",
        "0.0001",
        "0.001",
        "0.01",
        "0.1",
        "1",
        "10",
    ]
    assert axes.get_ylim() == pytest.approx(INFO.limits)
    (shade,) = axes.patches
    assert shade.get_x() == pytest.approx(-0.3, abs=0.3)


@pytest.mark.parametrize("language", list(Language))
def test_it_is_a_picture_with_its_sentence(language):
    picture = rate_picture(INFO, catalogue(language))
    assert Image.open(io.BytesIO(picture.png)).width > 800
    assert f"{INFO.valley:g}" in repr(picture)


def test_a_test_without_a_step_is_a_picture_that_says_so():
    empty = rate_info((1e-5,), (), steps=100, diverged=True, highest_rate=10.0)
    assert repr(rate_picture(empty)).startswith("The loss falls at no learning rate")
    assert rate_picture(empty).png
