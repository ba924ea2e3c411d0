"""Turn an ordinary cell with a model into a ``%%tune`` cell: ranges behind its literals, options on top."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from tunemagic.errors import CellError
from tunemagic.search.finding import find_tunables
from tunemagic.search.roles import call_name
from tunemagic.search.textedit import Edit, LineMap
from tunemagic.search.tunables import has_model, parse_cell, receiver, write_tunables

__all__ = ["CellFacts", "cell_facts", "split_magic", "suggest_cell", "training_edits"]

_TOP = re.compile(r"\s*%%(\w+)([^\n]*)(?:\n|$)")
_TRAINING = "# %%tune trains the model of each trial itself, so these lines are not needed:\n"
# Metrics whose direction Keras knows by their name.
_ACCURACIES = ("accuracy", "acc", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy", "auc")


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFacts:
    """What a cell says in plain literals of its metrics and its training.

    ``metrics`` are names as ``fit`` logs them, without ``val_``. ``data`` and ``val`` are texts as
    after ``--data`` and ``--val``, "" where the cell does not say. ``fit_row`` is the row of the
    statement at its top level that trains the compiled model, None without one.
    """

    metrics: tuple[str, ...] = ()
    epochs: int | None = None
    batch_size: int | None = None
    data: str = ""
    val: str = ""
    fit_row: int | None = None

    @property
    def objective(self) -> str:
        """The metric to improve: an accuracy where there is one, else the loss."""
        known = [name for name in self.metrics if name in _ACCURACIES]
        return f"val_{known[0]}" if known else "val_loss"


def split_magic(source: str) -> tuple[str, str, str]:
    """The name of the cell's magic ("" without one), the rest of its line, and the cell's body."""
    found = _TOP.match(source)
    return ("", "", source) if found is None else (found[1], found[2].strip(), source[found.end() :])


def suggest_cell(source: str, taken: Collection[str] = ()) -> str:
    """The cell with ``%%tune`` on top and a ``#@tune`` comment behind each literal worth searching.

    Literals inside calls of layers and optimizers get an assignment above. Without its first line
    the cell computes what it did before, except that lines which train the model become comments.
    ``taken`` are names that no new variable may have. Raises CellError when there is no model, nothing
    to search, another magic on top, or text that is not Python.
    """
    magic, line, body = split_magic(source.replace("\r\n", "\n").replace("\r", "\n"))
    if magic not in ("", "tune"):
        raise CellError(f"the cell begins with %%{magic}; expected a plain cell. Take that line away first.")
    if not has_model(parse_cell(body)):
        raise CellError("there is no Keras model in this cell; expected one that calls Sequential, Model or compile.")
    tunables = find_tunables(body, taken)
    new = [tunable for tunable in tunables if not tunable.searched]
    if not new and magic:
        raise CellError("this cell is a %%tune cell already, and no further literal in it suggests a range.")
    if not tunables and not _makes_hp(body):
        raise CellError(
            "no literal in this cell suggests a range; write one yourself: units = 64  #@tune int(32, 256)."
        )
    facts = cell_facts(body)
    chosen = {tunable.name: tunable.range for tunable in new}
    written = write_tunables(body, tunables, chosen, more=training_edits(body, facts))
    top = f"%%tune {line}" if magic else f"%%tune {_options(facts)}"
    return f"{top.rstrip()}\n{written}"


def _makes_hp(body: str) -> bool:
    return "hp." in body


def _options(facts: CellFacts) -> str:
    words = []
    if facts.objective != "val_loss":
        words += ["--objective", facts.objective]
    if facts.epochs is not None:
        words += ["--epochs", str(facts.epochs)]
    if facts.data not in ("", "x_train,y_train"):
        words += ["--data", facts.data]
    if facts.val:
        words += ["--val", facts.val]
    return shlex.join(words)


def training_edits(body: str, facts: CellFacts) -> list[Edit]:
    """Edits that turn everything from the statement that trains on into comments."""
    if facts.fit_row is None:
        return []
    lines, rows = body.split("\n"), LineMap(body)
    first = rows.start(facts.fit_row)
    places = [(rows.start(row), line) for row, line in enumerate(lines, 1) if row >= facts.fit_row and line.strip()]
    return [Edit(first, first, _TRAINING), *(Edit(start, start, "# ") for start, _ in places)]


def cell_facts(body: str) -> CellFacts:
    """What the cell's ``compile`` and ``fit`` say. Raises CellError for text that is not Python."""
    tree = parse_cell(body)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    compiled = [node for node in calls if call_name(node) == "compile" and receiver(node) not in ("", "re")]
    metrics = tuple(name for node in compiled for name in _metrics(node))
    names = {receiver(node) for node in compiled} | {"model"}
    for statement in tree.body:
        value = statement.value if isinstance(statement, (ast.Expr, ast.Assign)) else None
        if isinstance(value, ast.Call) and call_name(value) == "fit" and receiver(value) in names:
            return CellFacts(
                metrics=metrics,
                epochs=_whole_number(value, "epochs"),
                batch_size=_whole_number(value, "batch_size"),
                data=_names([*value.args[:2], *filter(None, [_keyword(value, "x"), _keyword(value, "y")])]),
                val=_validation(value),
                fit_row=statement.lineno,
            )
    return CellFacts(metrics=metrics)


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _whole_number(call: ast.Call, name: str) -> int | None:
    node = _keyword(call, name)
    number = node.value if isinstance(node, ast.Constant) else None
    return number if type(number) is int and number >= 1 else None


def _names(nodes: list[ast.expr]) -> str:
    names = [node.id for node in nodes if isinstance(node, ast.Name)]
    return ",".join(names) if len(names) == len(nodes) else ""


def _validation(call: ast.Call) -> str:
    share, data = _keyword(call, "validation_split"), _keyword(call, "validation_data")
    if isinstance(share, ast.Constant) and isinstance(share.value, float) and 0 < share.value < 1:
        return f"last:{share.value:g}"  # Keras takes the last samples
    if isinstance(data, ast.Name):
        return data.id
    if isinstance(data, (ast.Tuple, ast.List)) and len(data.elts) == 2:
        return _names(data.elts)
    return ""


def _metrics(call: ast.Call) -> Iterator[str]:
    """The names under which ``fit`` will log the metrics of this ``compile``, as far as the text tells."""
    listed = _keyword(call, "metrics")
    if listed is None and len(call.args) > 2:
        listed = call.args[2]
    nodes = listed.elts if isinstance(listed, (ast.List, ast.Tuple)) else [] if listed is None else [listed]
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield _SHORT.get(node.value, node.value)
        elif isinstance(node, ast.Call):
            name = _keyword(node, "name")
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield name.value
            elif call_name(node):
                yield _snake_case(call_name(node))


_SHORT = {"AUC": "auc", "MSE": "mse", "MAE": "mae"}


def _snake_case(name: str) -> str:
    """The name that Keras gives to a metric of this class."""
    parted = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", parted).lower()
