"""``%tune form``: what the form begins with, and how the cell that it writes is read."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import inspect
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tunemagic.errors import CellError, OptionError, TuneError
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.magics.lines import given_options, request_from, tune_parser
from tunemagic.magics.options import LineParser
from tunemagic.magics.tokens import split_line
from tunemagic.request import TuneRequest
from tunemagic.search.annotations import rewrite_annotations
from tunemagic.search.finding import find_tunables
from tunemagic.search.suggest import CellFacts, cell_facts, split_magic
from tunemagic.search.tunables import compiles, has_model, parse_cell
from tunemagic.widgets.form_cell import FormValues, Validation, write_cell
from tunemagic.widgets.form_data import data_choices, guess
from tunemagic.widgets.insert import insert_cell

__all__ = [
    "check_cell",
    "first_values",
    "form_cell",
    "last_compiled_cell",
    "last_model_cell",
    "read_tune_cell",
    "show_form",
    "source_in",
]

_PARSER = tune_parser()
# What the form has fields for; everything else on a line goes to its field for more options.
_FIELDS = ("name", "objective", "data", "val", "folds", "tuner", "max_trials", "minutes", "epochs")


def read_tune_cell(cell: str, namespace: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[TuneRequest, str]:
    """The request of a ``%%tune`` cell and its body with annotations rewritten. Raises TuneError as the magic does."""
    magic, line, body = split_magic(cell)
    if magic != "tune":
        raise OptionError("expected a cell that begins with %%tune.")
    request = request_from(given_options(_PARSER, split_line(line, namespace)), defaults)
    if not body.strip():
        raise CellError("the cell is empty; expected Python code that assigns a Keras model to `model`.")
    return request, rewrite_annotations(body, parse_cell(body), 2)


def check_cell(cell: str, namespace: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Whether the magic could read this cell. Raises TuneError that says why not."""
    _, code = read_tune_cell(cell, namespace, defaults)
    tree = parse_cell(code)
    if not has_model(tree):
        raise CellError("there is no Keras model in the code; expected some that calls Sequential, Model or compile.")
    if "hp" not in {getattr(node, "id", "") for node in ast.walk(tree)}:
        raise CellError("nothing is searched: choose a range, or write one, such as units = 64  #@tune int(32, 256).")


def first_values(source: str, namespace: Mapping[str, Any]) -> FormValues:
    """What the form begins with: the cell's own line or training, else what is likely."""
    magic, line, body = split_magic(source.replace("\r\n", "\n").replace("\r", "\n"))
    code = body.strip("\n") if magic in ("", "tune") else source.strip("\n")
    try:
        facts = cell_facts(code)
    except TuneError:
        facts = CellFacts()
    values = _values_of_facts(code, facts, namespace)
    if magic == "tune":
        try:
            return _values_of_line(values, line, namespace)
        except TuneError:  # a line that can't be read is no reason to show no form
            return values
    return values


def _values_of_facts(code: str, facts: CellFacts, namespace: Mapping[str, Any]) -> FormValues:
    x, y, x_val, y_val = guess(data_choices(namespace))
    if facts.data:
        x, _, y = facts.data.partition(",")
    fields: dict[str, Any] = {"x": x, "y": y, "x_val": x_val, "y_val": y_val}
    fields |= _validation(facts.val)
    if x_val and not facts.val and (y_val or not y):
        fields["validation"] = Validation.DATA
    return FormValues(
        code=code,
        objective="" if facts.objective == "val_loss" else facts.objective,
        epochs="" if facts.epochs is None else str(facts.epochs),
        **fields,
    )


def _validation(text: str) -> dict[str, Any]:
    if text.startswith("last:"):
        return {"validation": Validation.LAST, "share": text.removeprefix("last:")}
    if text[:1].isdigit() or text.startswith("."):
        return {"validation": Validation.SHARE, "share": text}
    if text:
        x_val, _, y_val = text.partition(",")
        return {"validation": Validation.DATA, "x_val": x_val, "y_val": y_val}
    return {}


def _values_of_line(values: FormValues, line: str, namespace: Mapping[str, Any]) -> FormValues:
    """The values with what a ``%%tune`` line says; options without a field stay as they are written."""
    tokens = split_line(line, namespace)
    given_options(_PARSER, tokens)  # raises for what can't be read
    texts, more = _parted(_PARSER, shlex.split(line))
    fields: dict[str, Any] = {"validation": Validation.SHARE, "share": "", **_validation(texts.get("val", ""))}
    if "folds" in texts:
        fields |= {"validation": Validation.FOLDS, "share": texts["folds"]}
    if "data" in texts:
        fields["x"], _, fields["y"] = texts["data"].partition(",")
    names = {"name": "name", "objective": "objective", "max_trials": "trials", "minutes": "minutes"}
    names |= {"epochs": "epochs", "tuner": "tuner"}
    fields |= {field: texts[dest] for dest, field in names.items() if dest in texts}
    if "objective" not in texts:
        fields["objective"] = ""
    return dataclasses.replace(values, more=shlex.join(more), **fields)


def _parted(parser: LineParser, tokens: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The texts of options that the form has fields for, and all other tokens."""
    options = {string: action for action in parser.actions() for string in action.option_strings}
    texts: dict[str, str] = {}
    more: list[str] = []
    waiting = list(tokens)
    while waiting:
        token = waiting.pop(0)
        option, equals, value = token.partition("=") if token.startswith("-") else (token, "", "")
        action: argparse.Action | None = options.get(option)
        if action is None:
            texts["name"] = token
            continue
        if not equals and action.nargs != 0:
            value = waiting.pop(0)
        # Further objectives have no field of their own.
        if action.dest in _FIELDS and action.dest not in texts:
            texts[action.dest] = value
        else:
            more += [option] if action.nargs == 0 else [option, value]
    return texts, more


def last_model_cell(inputs: Sequence[str]) -> str:
    """The latest of these cells that has a model, "" when none has.

    Cells may be as they were typed, or as IPython's ``In`` holds them.
    """
    return next((source for _, source, tree in _cells_back(inputs) if has_model(tree)), "")


def last_compiled_cell(inputs: Sequence[str]) -> tuple[int, str] | None:
    """The number and the text of the latest of these cells whose model can be trained."""
    cells = _cells_back(inputs)
    return next(((number, source) for number, source, tree in cells if compiles(tree)), None)


def _cells_back(inputs: Sequence[str]) -> Iterator[tuple[int, str, ast.Module]]:
    """Number, text and syntax tree of plain and ``%%tune`` cells, the latest first."""
    for number in reversed(range(len(inputs))):
        source = _typed(inputs[number])
        magic, _, body = split_magic(source)
        try:
            if magic in ("", "tune"):
                yield number, source, parse_cell(body)
        except TuneError:
            continue


def _typed(source: str) -> str:
    """A cell as it was typed: ``In`` holds ``%%tune`` cells as calls of ``run_cell_magic``."""
    if not source.startswith("get_ipython().run_cell_magic("):
        return source
    try:
        call = ast.parse(source.strip(), mode="eval").body
        name, line, body = map(ast.literal_eval, getattr(call, "args", ()))
    except (SyntaxError, ValueError):
        return source
    return f"%%{name} {line}".rstrip() + f"\n{body}"


def show_form(shell: Any, source: str, defaults: Mapping[str, Any], texts: Catalogue = ENGLISH) -> None:
    """Show the form in this cell; in a terminal, which can show none, offer the cell that it would write.

    ``source`` is the cell to begin with; without one the notebook's latest cell with a model.
    """
    namespace = shell.user_ns
    source = source or last_model_cell(namespace.get("In", ()))
    if getattr(shell, "kernel", None) is None:
        shell.set_next_input(form_cell(source, namespace))
        return
    from IPython.display import display

    from tunemagic.widgets.form import TuneForm

    form = TuneForm(
        first_values(source, namespace),
        data_choices(namespace),
        check=lambda cell: check_cell(cell, namespace, defaults),
        insert=lambda cell, run, failed: insert_cell(cell, run=run, failed=failed),
        texts=texts,
    )
    display(form)


def source_in(name: str, namespace: Mapping[str, Any]) -> str:
    """The text in a variable, or the source of a function or class. Raises OptionError."""
    if name not in namespace:
        raise OptionError(f"%tune form: there is no variable {name!r} in the notebook.")
    value = namespace[name]
    if isinstance(value, str):
        return value
    try:
        return inspect.getsource(value)
    except (OSError, TypeError) as error:
        kind = type(value).__name__
        raise OptionError(f"%tune form: {name} is a {kind}; expected text with model code, or a function.") from error


def form_cell(source: str, namespace: Mapping[str, Any]) -> str:
    """The cell that the untouched form would write. Raises CellError for code that is not Python."""
    values = first_values(source, namespace)
    ranges = {tunable.name: tunable.range for tunable in find_tunables(values.code)}
    return write_cell(dataclasses.replace(values, ranges=ranges)).rstrip("\n")
