"""Letters: Chinese ones need a font that has them, otherwise labels are English."""

import subprocess
import sys

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from tunemagic.i18n import ENGLISH, Language, catalogue
from tunemagic.plots.style import drawable_texts

CHINESE = catalogue(Language.CHINESE)
DRAW = """
import sys
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
# As on a machine without fonts of its own.
fontManager.ttflist = [font for font in fontManager.ttflist if font.name == "DejaVu Sans"]
for path in sys.argv[1:]:
    fontManager.addfont(path)
import warnings
warnings.simplefilter("error")
from tunemagic.analysis.curves import curves_info
from tunemagic.i18n import Language, catalogue
from tunemagic.plots import draw_curves
from tunemagic.plots.style import chinese_font
from tunemagic.trial import StudyView
figure = Figure()
axes = figure.subplots()
draw_curves(curves_info(StudyView(objective="学")), axes, catalogue(Language.CHINESE))
figure.canvas.draw()
print(chinese_font(), ascii(axes.get_title(loc="left")), ascii(axes.get_ylabel()), ascii(axes.texts[0].get_text()))
"""


@pytest.fixture
def font(tmp_path):
    """A font of the name that many Linux machines have, with a box for each Chinese character of the catalogue."""
    letters = sorted({char for text in CHINESE.texts.values() for char in text if ord(char) > 127})
    pen = TTGlyphPen(None)
    for step, point in enumerate([(50, 0), (50, 700), (450, 700), (450, 0)]):
        (pen.lineTo if step else pen.moveTo)(point)
    pen.closePath()
    names = [".notdef", *(f"uni{ord(char):04X}" for char in letters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap(dict(zip(map(ord, letters), names[1:], strict=True)))
    builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (500, 50)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "WenQuanYi Zen Hei", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    path = tmp_path / "chinese.ttf"
    builder.save(path)
    return path


def drawn(*fonts):
    """What a process that knows these fonts too puts on a picture with Chinese texts."""
    done = subprocess.run([sys.executable, "-c", DRAW, *map(str, fonts)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_with_a_chinese_font_titles_and_names_are_chinese(font):
    title, empty = CHINESE("plot.title.curves"), CHINESE("plot.no_epoch")
    *found, shown_title, name, sentence = drawn(font)
    assert found
    assert (shown_title, name, sentence) == (ascii(title), ascii("学"), ascii(empty))


def test_without_one_texts_are_english_and_a_name_has_question_marks():
    assert drawn()[:4] == ["None", "'Learning", "curves'", "'?'"]


def test_english_texts_stay_english():
    assert drawable_texts(ENGLISH) is ENGLISH
