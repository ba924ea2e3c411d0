"""``%tune lr``: what is tested, and how the suggested rate gets into the cell."""

from __future__ import annotations

import itertools
import sys
from abc import abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from IPython.display import display

from tunemagic.analysis.lr_range import rate_sentences
from tunemagic.continuity import DEFAULT_SEED
from tunemagic.errors import CellError, OptionError, StudyBusyError, StudyError, TuneError
from tunemagic.i18n import Catalogue
from tunemagic.magics.defaults import SearchDefaults
from tunemagic.magics.form import last_compiled_cell
from tunemagic.magics.lines import add_language, given_options, request_from, tune_parser
from tunemagic.magics.memory import CellMemory, cell_from_journal
from tunemagic.magics.objects import is_model
from tunemagic.magics.options import LineParser, data_names, number, text, val_split, whole_number
from tunemagic.magics.ready import cell_text
from tunemagic.magics.tokens import quoted, split_line
from tunemagic.rates import LrRange, find_rates
from tunemagic.search.builders import find_builder
from tunemagic.search.cell import TrialSetup, program_from_builder, read_cell
from tunemagic.search.data import TrainingData, resolve_data
from tunemagic.search.lr_range import HIGHEST_RATE, LOWEST_RATE, STEPS, default_setup
from tunemagic.search.rate_cell import RateCell, rate_code, with_rate
from tunemagic.search.suggest import cell_facts, split_magic, training_edits
from tunemagic.search.textedit import apply_edits
from tunemagic.study import Study
from tunemagic.studybook import StudyBook
from tunemagic.text import near_variable, one_line

__all__ = ["RateVerb", "add_lr"]

_PARSER = tune_parser()
_ONCE = ("new", "resume", "dry_run")  # not for another search
_OF_DATA = ("data", "val", "seed")  # what the test takes of a cell's own line


def add_lr(parser: LineParser) -> None:
    """Give the parser the options of ``%tune lr``."""
    what = (
        "study, or variable with a compiled model, a build function or a cell's text; "
        "default: the latest cell that compiles a model"
    )
    parser.option("target", nargs="?", type=text, metavar="NAME|VARIABLE", help=what)
    parser.option("--data", type=data_names, metavar="X,Y", help="training data; default: as the cell says")
    parser.option("--val", type=val_split, metavar="0.2|last:0.2|XV,YV", help="what is held out and not trained on")
    parser.option("--batch-size", type=whole_number, metavar="N", help="samples in a step; default: the cell's, or 32")
    parser.option("--steps", type=whole_number, metavar="N", help=f"steps at most; default: {STEPS}")
    parser.option("--low", type=number, metavar="R", help=f"rate of the first step; default: {LOWEST_RATE:g}")
    parser.option("--high", type=number, metavar="R", help=f"rate of the last step; default: {HIGHEST_RATE:g}")
    add_language(parser)


@dataclass(frozen=True, slots=True)
class _Cell:
    """A cell to test: its body, what it says of the data, and its magic's options (None for a plain cell).

    ``number`` is that of the notebook's cell when nobody has named one.
    """

    body: str
    data: Mapping[str, Any]
    options: Mapping[str, Any] | None = None
    number: int | None = None

    def with_body(self, body: str, names: Collection[str]) -> str:
        """The cell with another body. A study that it names becomes one of its own, since it is another search."""
        if self.options is None:
            return body.rstrip("\n")
        kept = {key: value for key, value in self.options.items() if key not in _ONCE}
        if "name" in kept:
            wanted = f"{kept['name']}-lr"
            numbered = (f"{wanted}-{number}" for number in itertools.count(2))
            kept["name"] = next(each for each in itertools.chain([wanted], numbered) if each not in names)
        return cell_text(_PARSER, kept, body).rstrip("\n")


class RateVerb(SearchDefaults):
    """The verb that tests learning rates."""

    shell: Any
    book: StudyBook
    _cells: dict[str, CellMemory]

    @abstractmethod
    def _texts(self, study: Study | None = None, lang: str | None = None) -> Catalogue: ...

    def _lr(self, given: Mapping[str, Any]) -> None:
        running = [study.name for study in self.book.live() if study.running]
        if running:
            raise StudyBusyError(
                f"%tune lr: study {running[0]} is running; expected none, since both would train at once. "
                "`%tune stop` ends it."
            )
        texts = self._texts(lang=given.get("lang"))
        what = self._what(given.get("target"))
        try:
            setup, data = self._set_up(what, given)
            found = find_rates(setup, data, texts=texts, **_numbers(given))
        except KeyboardInterrupt:
            raise StudyError("%tune lr: interrupted; the model is what it was before.") from None
        except TuneError:
            for line in _taken(what, texts):  # a fault of a cell that nobody has named
                sys.stdout.write(line + "\n")
            raise
        self._show_rates(found, what if isinstance(what, _Cell) else None, texts)

    # -- what is tested --------------------------------------------------------------------------

    def _what(self, name: str | None) -> Any:
        """A cell, a model or a builder. Raises OptionError when the name means none of them."""
        namespace = self.shell.user_ns
        if name is None:
            latest = last_compiled_cell(namespace.get("In", ()))
            if latest is None:
                return self._cell_of_study(self.book.get(None))
            number, source = latest
            return replace(_cell_of(source, namespace), number=number)
        value = namespace.get(name)
        if name in self.book.names() or isinstance(value, Study):
            return self._cell_of_study(value if isinstance(value, Study) else self.book.get(name))
        if isinstance(value, str):
            return _cell_of(value, namespace)
        if is_model(value) or find_builder({name: value}) is not None:
            return value
        kind = "is no study and no variable" if name not in namespace else f"holds a {type(value).__name__}"
        raise OptionError(
            f"%tune lr: {quoted(name)} {kind}; expected a study, or a variable with a compiled Keras model, a build "
            f"function or a cell's text.{near_variable(name, namespace)}"
        )

    def _cell_of_study(self, study: Study) -> _Cell:
        memory = self._cells.get(study.name) or cell_from_journal(study.view)
        return _tune_cell(memory.body, {**memory.given, "name": study.name})

    def _set_up(self, what: Any, given: Mapping[str, Any]) -> tuple[TrialSetup, TrainingData]:
        """The model with its data, built with default values where it is not built yet."""
        told = what.data if isinstance(what, _Cell) else {}
        asked = {key: given[key] for key in _OF_DATA if key in given}
        request = request_from({**told, **asked}, self.request_defaults())
        seed = DEFAULT_SEED if request.seed is None else request.seed
        data = resolve_data(request, self.shell.user_ns, seed=seed)
        if is_model(what):
            return TrialSetup(what), data
        if not isinstance(what, _Cell):
            return default_setup(program_from_builder(what), data, seed=seed)
        facts = cell_facts(what.body)
        body = apply_edits(what.body, training_edits(what.body, facts))
        names = (*data.names, *data.val_names)
        program = read_cell(body, self.shell.user_ns, first_line=1 if what.options is None else 2, data_names=names)
        setup, data = default_setup(program, data, seed=seed)
        if facts.batch_size is None:
            return setup, data
        return replace(setup, fit={"batch_size": facts.batch_size, **setup.fit}), data

    # -- what is shown ---------------------------------------------------------------------------

    def _show_rates(self, found: LrRange, cell: _Cell | None, texts: Catalogue) -> None:
        in_kernel = getattr(self.shell, "kernel", None) is not None
        if in_kernel:
            display(found.picture)
        changed = None if cell is None else _changed(cell.body, found)
        lines = [*rate_sentences(found.info, texts), *_taken(cell, texts)]
        if changed is not None:
            first = 0 if cell is None or cell.options is None else 1
            lines.append(texts("lr.line", row=changed.row + first, line=changed.line))
        elif cell is not None and found.valley is not None:
            lines.append(texts("lr.no_line", code=rate_code(cell.body, found.valley, found.optimizer)))
        sys.stdout.write("\n".join(map(one_line, lines)) + "\n")
        if changed is not None and cell is not None and in_kernel:
            from tunemagic.widgets.use_rate import UseRate

            display(UseRate(cell.with_body(changed.body, self.book.names()), texts=texts))


def _taken(cell: Any, texts: Catalogue) -> list[str]:
    """Which cell is tested, where nobody has said it."""
    number = cell.number if isinstance(cell, _Cell) else None
    return [] if number is None else [texts("lr.cell", number=number)]


def _numbers(given: Mapping[str, Any]) -> dict[str, Any]:
    options = {"batch_size": "batch_size", "steps": "steps", "low": "lowest_rate", "high": "highest_rate"}
    return {name: given[option] for option, name in options.items() if option in given}


def _cell_of(source: str, namespace: Mapping[str, Any]) -> _Cell:
    magic, line, body = split_magic(source)
    if magic == "tune":
        return _tune_cell(body, given_options(_PARSER, split_line(line, namespace)))
    if magic:
        raise CellError(f"the cell begins with %%{magic}; expected a plain cell, or one with %%tune.")
    facts = cell_facts(body)
    told: dict[str, Any] = {"data": tuple(facts.data.split(","))} if facts.data else {}
    return _Cell(body, told | ({"val": val_split(facts.val)} if facts.val else {}))


def _tune_cell(body: str, options: Mapping[str, Any]) -> _Cell:
    return _Cell(body, {key: options[key] for key in _OF_DATA if key in options}, options)


def _changed(body: str, found: LrRange) -> RateCell | None:
    if found.valley is None or found.range is None:
        return None
    return with_rate(body, found.valley, found.range, found.optimizer)
