"""The form's rows of ranges: one for each hyperparameter that the code has or could have."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import ipywidgets as widgets

from tunemagic.errors import SpaceError
from tunemagic.i18n import Catalogue
from tunemagic.search.ranges import Range, Word
from tunemagic.search.tunables import Tunable
from tunemagic.widgets.form_cell import RangeTexts

__all__ = ["RangeRows", "field_layout", "wrapped"]

_SHOWN = {
    Word.INT: ("low", "high", "step", "default"),
    Word.FLOAT: ("low", "high", "step", "default"),
    Word.LOG: ("low", "high", "step", "default"),
    Word.CHOICE: ("choices", "default"),
    Word.BOOL: ("default",),
}
_LABEL = {"description_width": "auto"}
_FIELDS = ("low", "high", "step", "choices", "default")


def field_layout(width: str = "240px") -> widgets.Layout:
    """A field that takes its share of a row and wraps where the page is narrow."""
    return widgets.Layout(flex=f"1 1 {width}", width="auto", min_width="0", max_width="480px")


def _column(width: str) -> widgets.Layout:
    """A field of this width, so that those of several rows stand below each other."""
    return widgets.Layout(flex=f"0 1 {width}", width="auto", min_width="0")


def wrapped(*children: widgets.Widget) -> widgets.Box:
    """Fields side by side, on as many lines as they need."""
    return widgets.Box(children, layout=widgets.Layout(display="flex", flex_flow="row wrap", align_items="center"))


class _Row:
    """The fields of one hyperparameter."""

    def __init__(self, tunable: Tunable, texts: Catalogue, changed: Callable[[], None]) -> None:
        self.origin = tunable.origin
        self._found = tunable.range
        self.wanted = widgets.Checkbox(
            value=True,
            description=tunable.name,
            tooltip=texts("form.search_this", name=tunable.name),
            indent=False,
            layout=_column("150px"),
        )
        self.word = widgets.Dropdown(
            options=[(texts(f"form.kind.{word}"), word.value) for word in Word],
            value=tunable.range.word.value,
            description=texts("form.kind"),
            style=_LABEL,
            layout=_column("200px"),
        )
        typed = RangeTexts.of(tunable.range)
        self.fields = {
            name: widgets.Text(
                value=getattr(typed, name),
                description=texts(f"form.{name}"),
                style=_LABEL,
                layout=_column("390px" if name == "choices" else "130px"),
            )
            for name in _FIELDS
        }
        self.box = wrapped(self.wanted, self.word, *self.fields.values())
        self._changed = changed
        self._show()
        for control in (self.wanted, self.word, *self.fields.values()):
            control.observe(self._on_change, "value")

    def _on_change(self, change: object) -> None:
        self._show()
        self._changed()

    def _show(self) -> None:
        """Only the fields that this kind of range has."""
        shown = _SHOWN[Word(self.word.value)] if self.wanted.value else ()
        self.word.layout.display = "" if self.wanted.value else "none"
        for name, control in self.fields.items():
            control.layout.display = "" if name in shown else "none"

    def read(self) -> Range | None:
        """The range, None when it is not to be searched. Raises SpaceError."""
        if not self.wanted.value:
            return None
        typed = RangeTexts(word=Word(self.word.value), **{name: control.value for name, control in self.fields.items()})
        # Untouched fields mean the range as it was found, however its numbers are typed.
        same = dataclasses.asdict(typed) == dataclasses.asdict(RangeTexts.of(self._found))
        return self._found if same else typed.read()


class RangeRows:
    """All rows. ``box`` is the widget; ``changed`` is called when the user has changed something."""

    def __init__(self, texts: Catalogue, changed: Callable[[], None]) -> None:
        self.box = widgets.VBox()
        self._texts = texts
        self._changed = changed
        self._rows: dict[str, _Row] = {}
        self._empty = widgets.Label(texts("form.ranges.none"))
        self.box.children = (self._empty,)

    def show(self, tunables: Sequence[Tunable]) -> None:
        """A row for each; what the user has typed for a hyperparameter that stays is kept."""
        wanted = {tunable.name: tunable for tunable in tunables}
        kept = {name: row for name, row in self._rows.items() if name in wanted and row.origin is wanted[name].origin}
        if list(kept) == list(wanted) == list(self._rows):
            return
        self._rows = {
            name: kept.get(name) or _Row(tunable, self._texts, self._changed) for name, tunable in wanted.items()
        }
        self.box.children = tuple(row.box for row in self._rows.values()) or (self._empty,)

    def read(self) -> dict[str, Range | None]:
        """The ranges by name. Raises SpaceError, which names the hyperparameter."""
        ranges: dict[str, Range | None] = {}
        for name, row in self._rows.items():
            try:
                ranges[name] = row.read()
            except SpaceError as error:
                raise SpaceError(f"{name}: {error}") from error
        return ranges
