"""The button of a range test inserts the changed cell, or shows it where no page can."""

from tunemagic.i18n import ENGLISH
from tunemagic.widgets.use_rate import UseRate

CELL = "model.compile(SGD(0.1), 'mse')  # <b>"


def test_a_click_inserts_the_cell():
    inserted = []
    shown = UseRate(CELL, insert=lambda cell, failed: inserted.append(cell))
    shown.button.click()
    assert inserted == [CELL]
    assert ENGLISH("form.inserted") in shown.children[1].value


def test_where_no_page_can_insert_it_the_cell_is_shown_to_be_copied():
    shown = UseRate(CELL, insert=lambda cell, failed: failed())
    shown.button.click()
    assert "# &lt;b&gt;</pre>" in shown.children[1].value
    assert ENGLISH("form.copy") in shown.children[1].value


def test_a_front_end_without_widgets_shows_its_label():
    assert repr(UseRate(CELL)) == "Use it: insert the changed cell"
