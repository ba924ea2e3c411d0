"""The script's parts from the user's own cell, with the trial's values in place of its hyperparameters."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Any

from tunemagic.script.calls import without_hyperparameters
from tunemagic.script.gather import Gathered
from tunemagic.script.page import Parts
from tunemagic.script.unwritable import Unwritable
from tunemagic.script.winner import Winner
from tunemagic.search.cell import BuilderProgram, CellProgram
from tunemagic.search.sources import names_used

__all__ = ["cell_parts"]

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def cell_parts(winner: Winner) -> Parts:
    """The parts. Raises Unwritable when the cell needs what has no source, or what a script does without."""
    if winner.setup.adapt is not None:
        raise Unwritable("the model is a template of tunemagic")
    if isinstance(winner.program, CellProgram):
        return _of_cell(winner, winner.program)
    if isinstance(winner.program, BuilderProgram):
        return _of_builder(winner, winner.program)
    raise Unwritable("there is no cell")


def _of_cell(winner: Winner, program: CellProgram) -> Parts:
    text, looked_up = without_hyperparameters(program.code, winner.answers, program.filename, program.first_line)
    tree = ast.parse(text)
    _check_fits_a_function(tree)
    used, assigned = names_used(compile(text, "<script>", "exec", dont_inherit=True)), set(_assigned(tree))
    data_lines, data_names = _data_lines(winner, used)
    gathered = Gathered(answers=winner.answers)
    read_first = [name for name in _read_before_written(tree) if name in assigned and name in program.namespace]
    options = [name for name in read_first if name not in data_names]
    apart = {*data_names, *(assigned - set(options)), "VALUES"}
    gathered.add_names_of(text, program.namespace, apart=apart)
    lines = [*data_lines, f"# The cell with the values of trial {winner.trial.number}.", *text.strip("\n").split("\n")]
    lines += _rebound_lines(winner)
    expression, fit, before = _result(winner)
    return Parts(
        gathered=gathered,
        build=[*lines, *before],
        model=expression,
        fit=_fit_texts(winner),
        own_fit=fit,
        own_epochs=bool(fit) and _sets_epochs(winner.setup.fit_method, [text, *gathered.definitions]),
        values=winner.answers.by_name if looked_up or gathered.looked_up else None,
        options=options,
    )


def _of_builder(winner: Winner, program: BuilderProgram) -> Parts:
    builder = program.builder
    name = getattr(builder, "__name__", "")
    if not name.isidentifier():
        raise Unwritable(f"the model is built by an object, a {type(builder).__name__}, not by a function or a class")
    gathered = Gathered(answers=winner.answers)
    gathered.add(name, builder)
    expression, fit, before = _result(winner)
    return Parts(
        gathered=gathered,
        build=before,
        model=expression,
        own_fit=fit,
        own_epochs=bool(fit) and _sets_epochs(winner.setup.fit_method, gathered.definitions),
        values=winner.answers.by_name if gathered.looked_up else None,
    )


def _check_fits_a_function(tree: ast.Module) -> None:
    """Raise Unwritable for what means something else inside of a function than at the top of a cell."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            raise Unwritable(f"a function of the cell writes to {', '.join(node.names)} by `global`")
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            raise Unwritable(f"the cell imports everything of {node.module}")


def _assigned(tree: ast.AST) -> Iterator[str]:
    """Names that the cell binds at its top level."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]
        if not isinstance(node, _SCOPES):
            yield from _assigned(node)


def _read_before_written(tree: ast.Module) -> list[str]:
    """Names that are read at the top level before they are bound there: inside of a function they'd be unknown."""
    written: set[str] = set()
    found: dict[str, None] = {}
    for statement in tree.body:
        reads = [node for node in _outside_scopes(statement) if isinstance(node, ast.Name)]
        found.update({node.id: None for node in reads if isinstance(node.ctx, ast.Load) and node.id not in written})
        if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
            found.update({statement.target.id: None} if statement.target.id not in written else {})
        written.update(_assigned(ast.Module(body=[statement], type_ignores=[])))
    return list(found)


def _outside_scopes(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    if not isinstance(node, _SCOPES):
        for child in ast.iter_child_nodes(node):
            yield from _outside_scopes(child)


def _data_lines(winner: Winner, used: set[str]) -> tuple[list[str], set[str]]:
    """Lines that give the cell its data under the notebook's names: whole arrays, as in the study."""
    given = winner.given
    lines, names = [], {*given.names, *given.val_names}
    rebound = set(winner.setup.data)
    whole = given.train_rows is not None or winner.fold is not None
    for part, name in zip(("x", "y"), given.names, strict=False):
        if name in used | rebound:
            both = f'np.concatenate([data["{part}_train"], data["{part}_val"]])'
            lines.append(f"{name} = {both}" if whole else f'{name} = data["{part}_train"]')
    for part, name in zip(("x", "y"), given.val_names, strict=False):
        if name in used | rebound:
            lines.append(f'{name} = data["{part}_val"]')
    return lines, names


def _rebound_lines(winner: Winner) -> list[str]:
    """Lines that put data which the cell made anew in place of the given."""
    given, lines = winner.given, []
    whole = given.train_rows is not None or winner.fold is not None
    for part, name in zip(("x", "y"), given.names, strict=False):
        if name in winner.setup.data and whole:
            lines.append(f'data["{part}_train"], data["{part}_val"] = np.split({name}, [len(data["{part}_train"])])')
        elif name in winner.setup.data:
            lines.append(f'data["{part}_train"] = {name}')
    for part, name in zip(("x", "y"), given.val_names, strict=False):
        if name in winner.setup.data:
            lines.append(f'data["{part}_val"] = {name}')
    if winner.data.stays is not None:
        raise Unwritable("the cell drops rows")
    return lines


def _result(winner: Winner) -> tuple[str, str, list[str]]:
    """The expression of the model, that of a HyperModel's own ``fit`` ("" without), and lines before them."""
    origin = winner.setup.origin
    if not origin:
        raise Unwritable("the cell's model has no name")
    if winner.setup.fit_method is None or not origin.endswith(".build()"):
        return origin, "", []
    return "model", "builder.fit", [f"builder = {origin.removesuffix('.build()')}", "model = builder.build()"]


def _sets_epochs(fit_method: Any, texts: Iterable[str]) -> bool:
    """Whether a HyperModel's own ``fit`` gives ``epochs`` to the model's, and so can't be given it too."""
    owner, _, method = getattr(fit_method, "__qualname__", "").rpartition(".")
    for node in (each for text in texts for each in ast.walk(ast.parse(text))):
        if isinstance(node, ast.ClassDef) and node.name == owner.rpartition(".")[2]:
            found = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == method]
            return any(map(_gives_epochs, found))
    return False


def _gives_epochs(function: ast.FunctionDef) -> bool:
    inside = list(ast.walk(function))
    # `epochs` as a parameter, or `kwargs.pop("epochs")`: it takes what it is given.
    if any(
        (isinstance(node, ast.arg) and node.arg == "epochs")
        or (isinstance(node, ast.Constant) and node.value == "epochs")
        for node in inside
    ):
        return False
    calls = [node for node in inside if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    fits = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "fit"]
    return any(keyword.arg == "epochs" for call in fits for keyword in call.keywords)


def _fit_texts(winner: Winner) -> dict[str, str]:
    """What the cell gives to ``fit``, by the cell's own names."""
    texts: dict[str, str] = {}
    for name, value in winner.setup.fit.items():
        if value is None or name == "epochs":
            continue
        texts[name] = name
        if name == "sample_weight":
            _check_aligned(value, winner)
            texts[name] = 'sample_weight[: len(data["x_train"])]'
    return texts


def _check_aligned(value: Any, winner: Winner) -> None:
    given = winner.given
    held = 0 if given.train_rows is None else len(given.val_rows)
    # The cell sees all rows that are split, in the script those of training first; it may have added some to others.
    rows = {len(given.x) + held} | (set() if held or winner.fold is not None else {len(winner.data.x)})
    if len(value) not in rows:
        raise Unwritable("its sample weights follow rows of the notebook's own order")
