"""``%tune compress``: a smaller copy of a study's best model, or of one in a variable."""

from __future__ import annotations

import argparse
import sys
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from IPython.display import display

from tunemagic.errors import OptionError, StudyError
from tunemagic.export.compress.checks import Scope
from tunemagic.i18n import Catalogue
from tunemagic.magics.attend import wait_for_results
from tunemagic.magics.defaults import SearchDefaults
from tunemagic.magics.exporting import source_of
from tunemagic.magics.lines import add_language, add_source
from tunemagic.magics.objects import arrays_in
from tunemagic.magics.options import LineParser, choice, data_names, number, variable, whole_number
from tunemagic.magics.tables import Table
from tunemagic.magics.tokens import plain
from tunemagic.study import Study
from tunemagic.studybook import StudyBook

if TYPE_CHECKING:
    from tunemagic.export.compress import Compressed

__all__ = ["CompressingVerb", "add_compress"]

_STEPS = ("slim", "clip", "clip_percentile", "prune", "scope", "cluster", "qat")
_FIT = ("epochs", "learning_rate")
_DONE = ("slim", "clip", "clip_percentile", "prune", "cluster", "qat")
_TYPED = "%tune compress"
_NOWHERE = "STUDY"  # stands for a study that no variable holds


def add_compress(parser: LineParser) -> None:
    """Give the parser the options of ``%tune compress``."""
    add_source(parser)
    units = "take this share of the units out of every layer: smaller and faster in every file"
    parser.option("--slim", type=number, metavar="SHARE", help=units)
    parser.option("--clip", type=_limit, metavar="LIMIT", help="largest magnitude of weights, or percentile as in 99%%")
    zeros = "set this share of the weights to zero: smaller after gzip only"
    parser.option("--prune", type=number, metavar="SHARE", help=zeros)
    scope = "zeros in each layer (default), or over all layers together"
    parser.option("--scope", type=choice(Scope), metavar="|".join(Scope), help=scope)
    shared = "let each layer keep so many different weights: smaller after gzip only"
    parser.option("--cluster", type=whole_number, metavar="N", help=shared)
    parser.flag("--qat", help="train with the rounding of int8, so that `%%tflite --quant int8` keeps the score")
    parser.option("--epochs", type=whole_number, metavar="N", help="of training after each step; default: 10")
    parser.option("--learning-rate", type=number, metavar="R", help="of that training; default: the optimizer's own")
    parser.option("--data", type=data_names, metavar="X,Y", help="training data, for a model that was not tuned here")
    parser.option("--val", type=data_names, metavar="X,Y", help="held-out data to score on")
    parser.option("-o", "--out", type=variable, metavar="VAR", help="store the compressed model in this variable")
    add_language(parser)


class CompressingVerb(SearchDefaults):
    """The verb ``compress``."""

    shell: Any
    book: StudyBook

    @abstractmethod
    def _texts(self, study: Study | None = None, lang: str | None = None) -> Catalogue: ...

    def _compress(self, given: Mapping[str, Any]) -> None:
        source = source_of(_TYPED, given.get("source"), self.shell.user_ns, self.book)
        study = source if isinstance(source, Study) else None
        texts = self._texts(study, given.get("lang"))
        options = {name: given[name] for name in (*_STEPS, *_FIT) if name in given}
        options |= options.pop("clip", {})
        on_its_own_data = study is not None and "data" not in given and "val" not in given
        if study is not None:
            wait_for_results(study, texts)
        in_kernel = getattr(self.shell, "kernel", None) is not None
        place = _Place(texts("compress.running", steps=_steps_in(options)), in_kernel=in_kernel)
        try:
            with place:
                if study is not None and on_its_own_data:
                    result = study.compress(**options)
                else:
                    result = self._with_data(source if study is None else study.best_model, given, options)
                place.show(self._compressed_table(result, given.get("out"), texts))
        except KeyboardInterrupt:
            raise StudyError(f"{_TYPED}: interrupted; the model is what it was before.") from None
        name = given["source"] if study is None else self._name_of(study)
        line = _python_line(name, given, options, on_its_own_data=on_its_own_data, is_study=study is not None)
        if study is not None and name == _NOWHERE:
            line += f"  # {_NOWHERE}: the study that `%%tune {study.name} -o {_NOWHERE}` on its cell gives"
        sys.stdout.write(texts("compress.python", line=line) + "\n")

    def _name_of(self, study: Study) -> str:
        """A variable that holds the study; ``_NOWHERE`` where none does, never one that holds another study."""
        holding = (key for key, held in self.shell.user_ns.items() if held is study and not key.startswith("_"))
        return next(holding, _NOWHERE)

    def _with_data(self, model: Any, given: Mapping[str, Any], options: Mapping[str, Any]) -> Compressed:
        """Compress a model on the data of the line."""
        from tunemagic.export.compress import Steps, compress

        namespace = self.shell.user_ns
        fit = {name: options[name] for name in _FIT if name in options}
        steps = Steps(**{name: value for name, value in options.items() if name not in _FIT})
        if "data" not in given:
            if "val" in given or steps.qat:
                raise OptionError(f"{_TYPED}: expected data to train on; add --data x_train,y_train.")
            return compress(model, steps)
        x, y = _pair("--data", given["data"], namespace)
        held = _pair("--val", given["val"], namespace) if "val" in given else None
        return compress(model, steps, x, y, validation=held, **fit)

    def _compressed_table(self, result: Compressed, name: str | None, texts: Catalogue) -> Table:
        """The comparison; the model is put into the variable ``name``, if there is one."""
        heads, rows = result.rows(texts)
        notes = [said.text(texts) for said in result.told]
        if name is not None:
            self.shell.user_ns[name] = result.model
        notes.append(texts("compress.keep") if name is None else texts("compress.kept", name=name))
        return Table(caption=result.model.name, columns=heads, rows=rows, notes=tuple(notes))


class _Place:
    """A place in the cell's output that says what is being done, then shows the table; empty after an error.

    A terminal can't take back what it shows, so there the table comes alone.
    """

    def __init__(self, doing: str, *, in_kernel: bool) -> None:
        self._doing = doing
        self._in_kernel = in_kernel
        self._handle: Any = None

    def __enter__(self) -> _Place:
        if self._in_kernel:
            self._handle = display({"text/plain": self._doing}, raw=True, display_id=True)
        return self

    def show(self, table: Table) -> None:
        """Put the table there."""
        if self._handle is None:
            display(table.bundle(), raw=True)
        else:
            self._handle.update(table.bundle(), raw=True)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and self._handle is not None:
            self._handle.update({"text/plain": ""}, raw=True)


def _steps_in(options: Mapping[str, Any]) -> str:
    """``slim 0.5, qat``."""
    asked = {name: value for name, value in options.items() if name in _DONE}
    return ", ".join(name if value is True else f"{name} {value:g}" for name, value in asked.items())


def _limit(token: str) -> dict[str, float]:
    """``0.5`` as a magnitude, ``99%`` as a percentile."""
    value = plain(token)
    is_share = value.endswith("%")
    try:
        return {"clip_percentile" if is_share else "clip": float(value.removesuffix("%"))}
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"received '{value}'; expected a magnitude or a percentile, as in 0.5 or 99%."
        ) from None


def _pair(option: str, names: tuple[str, ...], namespace: Mapping[str, Any]) -> tuple[Any, Any]:
    if len(names) != 2:
        raise OptionError(f"{option}: received {','.join(names)}; expected two variables, as in x_train,y_train.")
    x, y = arrays_in("compress", names, namespace)
    return x, y


def _python_line(
    name: str, given: Mapping[str, Any], options: Mapping[str, Any], *, on_its_own_data: bool, is_study: bool
) -> str:
    """What does the same in a script; ``name`` is the variable of the model or the study."""
    written = {
        key: str(value) if isinstance(value, int | float) else repr(str(value)) for key, value in options.items()
    }
    out = given.get("out", "small")
    if on_its_own_data:
        return f"{out} = {name}.compress({_arguments(written)}).model"
    steps = _arguments({key: value for key, value in written.items() if key not in _FIT})
    fit = {"validation": f"({', '.join(given['val'])})"} if "val" in given else {}
    fit |= {key: value for key, value in written.items() if key in _FIT}
    model = f"{name}.best_model" if is_study else name
    rest = [*given.get("data", ()), *([_arguments(fit)] if fit else [])]
    call = f"compress.compress({', '.join([model, f'compress.Steps({steps})', *rest])})"
    return f"from tunemagic.export import compress; {out} = {call}.model"


def _arguments(values: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items())
