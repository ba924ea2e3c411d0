"""What in a cell is legal and yet hardly what its author wants, in words."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tunemagic.prep.preparation import Preparation
from tunemagic.prep.recipe import Recipe
from tunemagic.request import TuneRequest
from tunemagic.search.cell import FIT_NAMES, CellProgram
from tunemagic.search.data import TrainingData
from tunemagic.search.job import TrialProgram

__all__ = ["cell_notes", "epochs_vary", "with_cell_epochs"]

# Those that took it in Keras 2.
_OPTIMIZERS = ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam")
_LEARNING = ("adapt", "fit", "fit_transform", "partial_fit", "train_on_batch")
_NOT_HANDED = ("initial_epoch", "shuffle", "steps_per_epoch", "validation_data", "validation_split", "validation_steps")


def cell_notes(program: TrialProgram, data: TrainingData) -> tuple[str, ...]:
    """Notes for the user: code that learns from held-out samples, what does not reach ``fit`` or the optimizer."""
    if not isinstance(program, CellProgram):
        return ()
    tree = ast.parse(program.code)
    notes = list(_forgotten_categories(tree, program, data))
    if data.train_rows is not None:  # else the validation data has names of its own
        recipes = _recipes(tree, program.namespace)
        for call, name in _learning_calls(tree, frozenset(data.names)):
            if isinstance(call.func, ast.Attribute) and _is_recipe(call.func.value, recipes):
                continue  # it learns from the trial's own part
            line = call.lineno + program.first_line - 1
            what = ast.unparse(call.func)
            remedy = (
                "Leave it out: the search trains the model" if what == "model.fit" else "Give --val data of its own"
            )
            notes.append(
                f"line {line}: {what} sees all of {name}, also the samples that trials are judged by. {remedy}."
            )
    for made in ast.walk(tree):
        if isinstance(made, ast.Call) and _is_decaying_optimizer(made):
            line = made.lineno + program.first_line - 1
            what = ast.unparse(made.func)
            notes.append(
                f"line {line}: {what} ignores decay= since Keras 3. Give it a schedule as learning_rate, such as "
                "keras.optimizers.schedules.InverseTimeDecay."
            )
    for name, node in _assigned(tree):
        if name in _NOT_HANDED:
            line = node.lineno + program.first_line - 1
            notes.append(f"line {line}: {name} is not handed to fit; what is: {', '.join(FIT_NAMES)}.")
    return tuple(notes)


def _learning_calls(node: ast.AST, names: frozenset[str]) -> Iterator[tuple[ast.Call, str]]:
    """Calls such as ``layer.adapt(x_train)``; a function's own parameter of such a name is something else."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        arguments = node.args
        own = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        names -= {argument.arg for argument in own}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LEARNING:
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        for argument in given:
            if isinstance(argument, ast.Name) and argument.id in names:
                yield node, argument.id
                break
    for child in ast.iter_child_nodes(node):
        yield from _learning_calls(child, names)


def _forgotten_categories(tree: ast.Module, program: CellProgram, data: TrainingData) -> Iterator[str]:
    """Recipes that are fitted on encoded data and not told which of its columns are categories."""
    encoders = (
        name
        for name, value in program.namespace.items()
        if isinstance(value, Preparation)
        and not name.startswith("_")
        and any(column.categories is not None for column in value.source.columns)
        and value.source.shape == getattr(data.x, "shape", ())[1:]
    )
    known = next(encoders, None)
    if known is None:
        return
    recipes = _recipes(tree, program.namespace)
    for call, _ in _learning_calls(tree, frozenset(data.names)):
        told = any(keyword.arg in ("like", None) for keyword in call.keywords)
        if isinstance(call.func, ast.Attribute) and _is_recipe(call.func.value, recipes) and not told:
            what, line = ast.unparse(call.func), call.lineno + program.first_line - 1
            yield f"line {line}: {what} takes the codes of categories for numbers. Give it like={known}."


def _recipes(tree: ast.Module, namespace: Mapping[str, Any]) -> frozenset[str]:
    """Names of the recipes for preparing data, those of the notebook and those that the cell makes."""
    theirs = {name for name, value in namespace.items() if isinstance(value, Recipe)}
    own = {name for name, statement in _assigned(tree) if _is_recipe(statement.value, frozenset())}
    return frozenset(theirs | own)


def _is_recipe(value: ast.expr, recipes: frozenset[str]) -> bool:
    """Whether it is one of these names, or a call such as ``prep.recipe(...)``."""
    if isinstance(value, ast.Call):
        maker = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
        return maker == "recipe"
    return isinstance(value, ast.Name) and value.id in recipes


def _is_decaying_optimizer(call: ast.Call) -> bool:
    """Whether it makes one of Keras' optimizers with the ``decay`` of Keras 2."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name in _OPTIMIZERS and any(keyword.arg == "decay" for keyword in call.keywords)


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.Assign]]:
    """Names that the cell assigns outside of functions."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            yield from ((target.id, statement) for target in statement.targets if isinstance(target, ast.Name))


def with_cell_epochs(request: TuneRequest, program: TrialProgram) -> TuneRequest:
    """The request with the number of epochs that the cell sets by ``epochs = 20``, if it does."""
    number = _epochs(program)
    value = number.value if isinstance(number, ast.Constant) else None
    return replace(request, epochs=value) if isinstance(value, int) else request


def epochs_vary(program: TrialProgram) -> bool:
    """Whether the cell computes its number of epochs, which may then be another one in each trial."""
    number = _epochs(program)
    return number is not None and not isinstance(number, ast.Constant)


def _epochs(program: TrialProgram) -> ast.expr | None:
    """What the cell assigns to ``epochs`` last, outside of functions; a constant only when it is a number of epochs."""
    if not isinstance(program, CellProgram):
        return None
    found = [node.value for name, node in _assigned(ast.parse(program.code)) if name == "epochs"]
    value = found[-1] if found else None
    usable = not isinstance(value, ast.Constant) or (type(value.value) is int and value.value >= 1)
    return value if usable else None
