"""The text of a script, from what it builds and how it trains."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tunemagic.script.calls import text_lines
from tunemagic.script.gather import Gathered
from tunemagic.script.literals import literal
from tunemagic.script.unwritable import Unwritable

__all__ = ["Parts", "Training", "script_text"]

_OWN_NAMES = ("HERE", "DATA", "EPOCHS", "SEED", "OBJECTIVE", "load", "make", "BestEpoch", "train", "main")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """How the model comes about.

    Attributes:
        gathered: Imports and definitions.
        build: Lines of ``make(data)`` that leave the model in a variable.
        model: That variable, or an expression.
        fit: Arguments of ``fit`` besides data and epochs, as Python text by name.
        own_fit: The expression for a HyperModel's own ``fit``; "" for Keras' own.
        values: The trial's values, where the code looks some of them up.
        options: Names of the notebook that the cell reads before it changes them.
        arrays: What is kept beside the data, by name.
        adapted: Names of layers whose weights come out of these arrays.
    """

    gathered: Gathered
    build: Sequence[str]
    model: str = "model"
    fit: Mapping[str, str] = field(default_factory=dict)
    own_fit: str = ""
    own_epochs: bool = False
    values: Mapping[str, Any] | None = None
    options: Sequence[str] = ()
    arrays: Mapping[str, Any] = field(default_factory=dict)
    adapted: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How it is trained. ``targets`` is False for a model that learns its inputs by itself; ``about`` are sentences."""

    stem: str
    about: Sequence[str]
    objective: str
    maximise: bool
    epochs: int
    seed: int
    targets: bool
    data: bool = True


def script_text(parts: Parts, training: Training) -> str:
    """The whole script. Formatting is plain; every line is meant to be read and changed. Raises Unwritable."""
    own = _renaming(parts.gathered.names)
    constants = "\n".join([own(_constants(parts, training)), *parts.gathered.constants])
    sections = [
        "\n\n".join([_head(training), _imports(parts), constants]),
        *parts.gathered.definitions,
        own(_load(training)),
        _build(parts, own),
        own(_best(training)),
        own(_train(parts, training)),
        own(_main(training)),
        own('if __name__ == "__main__":\n    main()'),
    ]
    return "\n\n\n".join(section.strip("\n") for section in sections if section.strip()) + "\n"


def _renaming(taken: Collection[str]) -> Callable[[str], str]:
    """What calls the script's own parts otherwise in a text, where the notebook has such names already."""
    others = {name: f"{name}_" for name in _OWN_NAMES if name in taken}
    if "VALUES" in taken or any(other in taken for other in others.values()):
        raise Unwritable("the notebook has names that the script needs for itself")
    if not others:
        return lambda text: text
    pattern = re.compile(rf"\b({'|'.join(others)})\b")
    return lambda text: pattern.sub(lambda found: others[found[0]], text)


def _head(training: Training) -> str:
    stem = training.stem
    script = shlex.quote(f"{stem}.py")
    run = script if training.data else f"{script} --data my.npz"
    others = [("", f"train, print the score, save {_saved(stem)}"), ("--seed 3", "from another seed")]
    others += [("--data my.npz", "on other data")] if training.data else []
    calls = [(f"python {run} {option}".rstrip(), told) for option, told in others]
    width = max(len(call) for call, _ in calls)
    names = "x_train, y_train, x_val, y_val" if training.targets else "x_train, x_val"
    where = f"{stem}.npz beside this file" if training.data else "--data PATH, an .npz file"
    lines = [
        *training.about,
        "",
        *(f"    {call:<{width}}   {told}" for call, told in calls),
        "",
        f"The data ({where}): {names}, with samples along the first axis.",
    ]
    text = "\n".join(lines).replace("\\", "\\\\").replace('"""', "'''")
    return f'"""{text}\n"""'


def _saved(stem: str) -> str:
    """The file that a run leaves: not the name of the exported model, which may lie beside the script."""
    return f"{stem}-trained.keras"


def _imports(parts: Parts) -> str:
    own = ["import argparse", "import pathlib", "import keras", "import numpy as np"]
    lines = sorted({*own, *parts.gathered.imports}, key=lambda line: (line.startswith("from"), line))
    standard = [line for line in lines if line.split()[1].partition(".")[0] in sys.stdlib_module_names]
    return "\n".join([*standard, "", *(line for line in lines if line not in standard)])


def _constants(parts: Parts, training: Training) -> str:
    lines = ["HERE = pathlib.Path(__file__).parent"]
    if training.data:
        lines.append(f'DATA = HERE / "{training.stem}.npz"')
    lines += [
        f"EPOCHS = {training.epochs}",
        f"SEED = {training.seed}",
        f"OBJECTIVE = {literal(training.objective)}",
    ]
    if parts.values is not None:
        inner = "".join(f"    {literal(name)}: {literal(value)},\n" for name, value in parts.values.items())
        lines.append(f"VALUES = {{\n{inner}}}")
    return "\n".join(lines)


def _load(training: Training) -> str:
    names = ["x_train", "y_train", "x_val", "y_val"] if training.targets else ["x_train", "x_val"]
    return f'''
def load(path):
    """The arrays of an .npz file by name."""
    if not pathlib.Path(path).is_file():
        raise SystemExit(f"{{path}} is not there; expected an .npz file, as in --data my.npz.")
    with np.load(path, allow_pickle=False) as arrays:
        data = {{name: arrays[name] for name in arrays.files}}
    missing = {set(names)!r} - set(data)
    if missing:
        raise SystemExit(f"{{path}} has no {{', '.join(sorted(missing))}}.")
    return data
'''.replace(repr(set(names)), "{" + ", ".join(f'"{name}"' for name in names) + "}")


def _build(parts: Parts, own: Callable[[str], str]) -> str:
    options = "".join(f", {name}={name}" for name in parts.options)
    fit = ", ".join(f"{literal(name)}: {text}" for name, text in parts.fit.items())
    lines = list(parts.build)
    if parts.adapted:
        lines += [
            own("with np.load(DATA, allow_pickle=False) as kept:"),
            f"    for name in {literal(list(parts.adapted))}:",
            "        layer = model.get_layer(name)",
            '        layer.set_weights([kept[f"{name}.{i}"] for i in range(len(layer.weights))])',
            '        if hasattr(layer, "finalize_state"):',
            "            layer.finalize_state()",
        ]
    if parts.own_fit:
        fit = ", ".join([f'"fit": {parts.own_fit}', *([fit] if fit else [])])
    lines.append(f"return {parts.model}, {{{fit}}}")
    body = _indented("\n".join(lines))
    told = '"""The compiled model, and what goes to fit besides the data."""'
    return f"{own('def make')}(data{options}):\n    {told}\n{body}"


def _indented(text: str) -> str:
    """Each line four blanks to the right, but for the lines inside of a text of several lines."""
    inside = text_lines(text)
    lines = enumerate(text.split("\n"), 1)
    return "\n".join(line if number in inside or not line.strip() else f"    {line}" for number, line in lines)


def _best(training: Training) -> str:
    sign = ">" if training.maximise else "<"
    return f'''
class BestEpoch(keras.callbacks.Callback):
    """Keeps the weights of the epoch that is best by OBJECTIVE."""

    def __init__(self):
        super().__init__()
        self.score, self.epoch, self.weights = None, 0, None

    def on_epoch_end(self, epoch, logs=None):
        score = float(logs[OBJECTIVE])
        if np.isfinite(score) and (self.score is None or score {sign} self.score):
            self.score, self.epoch, self.weights = score, epoch + 1, self.model.get_weights()
'''


def _train(parts: Parts, training: Training) -> str:
    given = 'data["x_train"],\n        data["y_train"],' if training.targets else 'data["x_train"],'
    fitting = 'fit.pop("fit")(\n        model,' if parts.own_fit else "model.fit("
    held = '(data["x_val"], data["y_val"])' if training.targets else 'data["x_val"]'
    epochs = "" if parts.own_epochs else "\n        epochs=epochs,"
    return f'''
def train(data, epochs=EPOCHS, seed=SEED, verbose=2):
    """The trained model with the weights of its best epoch, and the BestEpoch that knows the score."""
    keras.utils.set_random_seed(seed)
    model, fit = make(data)
    best = BestEpoch()
    callbacks = fit.pop("callbacks", None) or []
    callbacks = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
    {fitting}
        {given}
        validation_data={held},{epochs}
        verbose=verbose,
        callbacks=[*callbacks, best],
        **fit,
    )
    if best.weights is None:
        raise SystemExit(f"{{OBJECTIVE}} was no finite number in any epoch.")
    model.set_weights(best.weights)
    return model, best
'''


def _main(training: Training) -> str:
    held = 'data["x_val"], data["y_val"]' if training.targets else 'data["x_val"]'
    default = "default=DATA" if training.data else "required=True"
    return f'''
def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, {default}, help="an .npz file")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--output", type=pathlib.Path, default=HERE / "{_saved(training.stem)}")
    asked = parser.parse_args(arguments)
    data = load(asked.data)
    model, best = train(data, asked.epochs, asked.seed)
    print(f"best epoch {{best.epoch}} of {{asked.epochs}}: {{OBJECTIVE}} {{best.score:.6g}}")
    scores = model.evaluate({held}, verbose=0, return_dict=True)
    print("evaluated again: " + ", ".join(f"{{name}} {{value:.6g}}" for name, value in scores.items()))
    model.save(asked.output)
    print(f"saved as {{asked.output}}")
'''
