"""``%tune form``: fields for data, ranges, objective, strategy and budget, and the cell that they write."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from tunemagic.errors import TuneError
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.request import Tuner
from tunemagic.search.finding import find_tunables
from tunemagic.search.suggest import cell_facts
from tunemagic.text import one_line
from tunemagic.widgets.form_cell import FormValues, Validation, write_cell
from tunemagic.widgets.form_data import DataChoice
from tunemagic.widgets.form_rows import RangeRows, field_layout, wrapped

__all__ = ["TuneForm"]

_PRE = (
    "overflow:auto;max-height:26em;margin:0;padding:8px;border:1px solid var(--jp-border-color2,#ccc);"
    "line-height:1.35;white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere"
)
_WIDE = {"description_width": "110px"}


class TuneForm(widgets.VBox):  # type: ignore[misc]  # mypy doesn't follow ipywidgets
    """The form. ``cell`` is the text of the cell that it writes now, ``fault`` why there is none, or "".

    Args:
        values: What the fields begin with.
        data: The notebook's variables with data.
        check: Reads a cell as the magic would. Raises TuneError.
        insert: Puts the cell below, and runs it if the second argument says so; calls the third
            where no page can do that.
        texts: The form's words.
    """

    def __init__(
        self,
        values: FormValues,
        data: Sequence[DataChoice] = (),
        *,
        check: Callable[[str], None] = lambda cell: None,
        insert: Callable[[str, bool, Callable[[], None]], None] = lambda cell, run, failed: failed(),
        texts: Catalogue = ENGLISH,
    ) -> None:
        self.cell = ""
        self.fault = ""
        self._check = check
        self._insert = insert
        self._texts = texts
        self._make_fields(values, data)
        self._rows = RangeRows(texts, self._update)
        self._preview = widgets.HTML()
        self._status = widgets.HTML()
        self._buttons = [self._button("form.insert", run=False), self._button("form.run", run=True)]
        super().__init__([
            self._heading("form.model"), self.code,
            self._heading("form.ranges"), self._rows.box,
            self._heading("form.data"), wrapped(self.x, self.y),
            wrapped(self.validation, self.share, self.x_val, self.y_val),
            self._heading("form.search"),
            wrapped(self.name, self.objective, self.tuner, self.trials, self.minutes, self.epochs, self.more),
            self._heading("form.preview"), self._preview, self._status, wrapped(*self._buttons),
        ])  # fmt: skip
        self.add_class("tunemagic-form")
        for control in self._controls:
            control.observe(self._update, "value")
        self._update()

    # -- making it ---------------------------------------------------------------------------------

    def _make_fields(self, values: FormValues, data: Sequence[DataChoice]) -> None:
        texts = self._texts
        labels = {choice.name: choice.label for choice in data}

        def variable(key: str, chosen: str) -> Any:
            names = {**labels, chosen: labels.get(chosen, chosen)} if chosen else labels
            options = [(f"({texts('form.none')})", ""), *((label, name) for name, label in names.items())]
            return self._field(widgets.Dropdown, key, chosen, options=options, width="300px")

        self.code = widgets.Textarea(
            value=values.code,
            description=texts("form.code"),
            placeholder=texts("form.code.hint"),
            rows=min(16, max(6, values.code.count("\n") + 2)),
            style=_WIDE,
            layout=widgets.Layout(width="auto"),
        )
        self.code.add_class("tunemagic-form-code")
        self.x, self.y = variable("form.inputs", values.x), variable("form.targets", values.y)
        kinds = [(texts(f"form.validation.{kind}"), kind.value) for kind in Validation]
        self.validation = self._field(widgets.Dropdown, "form.validation", values.validation.value, options=kinds)
        self.share = self._field(widgets.Text, "form.share", values.share)
        self.x_val, self.y_val = variable("form.val_inputs", values.x_val), variable("form.val_targets", values.y_val)
        self.name = self._field(widgets.Text, "form.name", values.name, placeholder="study")
        self.objective = self._field(widgets.Combobox, "form.objective", values.objective, placeholder="val_loss")
        self.tuner = self._field(widgets.Dropdown, "form.strategy", str(values.tuner), options=[*map(str, Tuner)])
        self.trials = self._field(widgets.Text, "form.trials", values.trials, placeholder="20")
        self.minutes = self._field(widgets.Text, "form.minutes", values.minutes, placeholder=texts("form.no_limit"))
        self.epochs = self._field(widgets.Text, "form.epochs", values.epochs, placeholder="10")
        self.more = self._field(widgets.Text, "form.more", values.more, placeholder="--seed 1 --workers 2")
        self._controls = [
            self.code, self.x, self.y, self.validation, self.share, self.x_val, self.y_val, self.name,
            self.objective, self.tuner, self.trials, self.minutes, self.epochs, self.more,
        ]  # fmt: skip

    def _field(self, kind: Callable[..., Any], key: str, value: str, *, width: str = "240px", **more: Any) -> Any:
        return kind(value=value, description=self._texts(key), style=_WIDE, layout=field_layout(width), **more)

    def _heading(self, key: str) -> widgets.HTML:
        return widgets.HTML(f"<b>{html.escape(self._texts(key))}</b>")

    def _button(self, key: str, *, run: bool) -> widgets.Button:
        button = widgets.Button(
            description=self._texts(key),
            tooltip=self._texts(f"{key}.tip"),
            button_style="primary" if run else "",
            layout=widgets.Layout(width="auto"),
        )
        button.on_click(lambda _: self._put(run=run))
        return button

    # -- what happens ------------------------------------------------------------------------------

    @property
    def values(self) -> FormValues:
        """The fields as they are now. Raises SpaceError for a range that is none."""
        return FormValues(
            code=self.code.value,
            name=self.name.value,
            x=self.x.value,
            y=self.y.value,
            validation=Validation(self.validation.value),
            share=self.share.value,
            x_val=self.x_val.value,
            y_val=self.y_val.value,
            objective=self.objective.value,
            tuner=self.tuner.value,
            trials=self.trials.value,
            minutes=self.minutes.value,
            epochs=self.epochs.value,
            more=self.more.value,
            ranges=self._rows.read(),
        )

    def _update(self, change: object = None) -> None:
        """Write the cell anew after every change."""
        self._show_validation()
        self.fault = ""
        try:
            self._rows.show(find_tunables(self.code.value.strip("\n")))
            metrics = cell_facts(self.code.value).metrics
            self.objective.options = ["val_loss", *(f"val_{name}" for name in dict.fromkeys(metrics))]
            self.cell = write_cell(self.values)
            self._check(self.cell)
        except TuneError as error:
            self.fault = one_line(str(error), 300)
        self._show()

    def _show_validation(self) -> None:
        kind = Validation(self.validation.value)
        named = kind is Validation.DATA
        self.share.layout.display = "none" if named else ""
        folds = kind is Validation.FOLDS
        self.share.description = self._texts("form.folds" if folds else "form.share")
        self.share.placeholder = "5" if folds else "0.2"
        for control in (self.x_val, self.y_val):
            control.layout.display = "" if named else "none"

    def _show(self) -> None:
        shown = html.escape(self.cell)
        label = html.escape(self._texts("form.preview"))
        self._preview.value = f'<pre tabindex="0" role="group" aria-label="{label}" style="{_PRE}">{shown}</pre>'
        self._say(self.fault or self._texts("form.ready"), is_fault=bool(self.fault))
        for button in self._buttons:
            button.disabled = bool(self.fault)

    def _say(self, text: str, *, is_fault: bool = False) -> None:
        mark = "⚠ " if is_fault else ""
        self._status.value = f'<div role="status">{mark}{html.escape(text)}</div>'

    def _put(self, *, run: bool) -> None:
        if self.fault:
            return
        self._say(self._texts("form.inserted"))
        self._insert(self.cell.rstrip("\n"), run, lambda: self._say(self._texts("form.copy")))
