"""A button that puts the cell with the suggested learning rate below."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.widgets.insert import insert_cell

__all__ = ["UseRate"]


class UseRate(widgets.VBox):  # type: ignore[misc]  # mypy doesn't follow ipywidgets
    """The button, and a line that says what became of a click.

    Args:
        cell: The whole text of the cell that is inserted.
        insert: Puts a cell below; calls ``failed`` where no page can do that.
        texts: The words.
    """

    def __init__(self, cell: str, *, insert: Callable[..., None] = insert_cell, texts: Catalogue = ENGLISH) -> None:
        self._cell, self._insert, self._texts = cell, insert, texts
        self._said = widgets.HTML()
        self.button = widgets.Button(
            description=texts("lr.use"), button_style="primary", layout=widgets.Layout(width="auto")
        )
        self.button.on_click(self._put)
        super().__init__([self.button, self._said])

    def __repr__(self) -> str:
        return self._texts("lr.use")  # what stands here where no widget can be shown

    def _put(self, _: Any) -> None:
        self._say(html.escape(self._texts("form.inserted")))
        self._insert(self._cell, failed=self._offer)

    def _offer(self) -> None:
        """No page can insert it: show it, to be copied."""
        self._say(f"<pre>{html.escape(self._cell)}</pre>{html.escape(self._texts('form.copy'))}")

    def _say(self, content: str) -> None:
        self._said.value = f'<div role="status">{content}</div>'
