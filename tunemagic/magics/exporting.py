"""What the lines that export models share: whose model, which data, and a table that grows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from IPython.display import display

from tunemagic.analysis.cells import artefact_name
from tunemagic.errors import OptionError, StudyError
from tunemagic.events import ModelExported
from tunemagic.export.result import ExportResult
from tunemagic.i18n import Catalogue
from tunemagic.magics.objects import is_model
from tunemagic.magics.tables import exports_table
from tunemagic.magics.tokens import did_you_mean, quoted
from tunemagic.magics.waiting import Interrupts, on_thread
from tunemagic.study import Study
from tunemagic.studybook import StudyBook
from tunemagic.text import near_variable

__all__ = ["GrowingTable", "export_shown", "held_out", "source_of", "variable_in"]


def source_of(typed: str, name: str | None, namespace: Mapping[str, Any], book: StudyBook) -> Any:
    """The study or Keras model that a line names; a variable goes before a study's name, the latest study without one.

    ``typed`` is the begin of the line, for messages. Raises OptionError for anything else.
    """
    if name is None:
        return book.get(None)
    value = namespace.get(name)
    if isinstance(value, Study) or is_model(value):
        return value
    if name in book.names():
        return book.get(name)
    if value is not None:
        raise OptionError(
            f"{typed}: {name} holds a {type(value).__name__}; expected a Keras model, a study, or a study's name."
        )
    known = [key for key, held in namespace.items() if isinstance(held, Study) or is_model(held)]
    hint = did_you_mean(name, [*known, *book.names()])
    raise OptionError(f"{typed}: there is no variable and no study named {quoted(name)}.{hint}")


def variable_in(option: str, name: str, namespace: Mapping[str, Any]) -> Any:
    """The notebook's variable that an option names. Raises OptionError when there is none."""
    if name not in namespace:
        raise OptionError(f"{option}: the notebook has no variable {name}.{near_variable(name, namespace)}")
    return namespace[name]


def held_out(
    typed: str, data: Sequence[str] | None, representative: str | None, namespace: Mapping[str, Any]
) -> tuple[Any, Any]:
    """X and y (or None) that a model which was not tuned here is compared on. Raises OptionError without any."""
    if data is not None:
        x, *y = (variable_in("--data", name, namespace) for name in data)
        return x, y[0] if y else None
    if representative is not None:
        return variable_in("--rep", representative, namespace), None
    raise OptionError(
        f"{typed}: a model that was not tuned here needs data to be compared on; add --data x_test,y_test."
    )


class GrowingTable:
    """A table in the cell's output that gets a row whenever an artefact is finished.

    A terminal can't take back what it shows, so there the table comes once, at the end.

    Args:
        texts: The texts to show.
        in_kernel: Whether a front end can take back what it shows.
        jobs: Names of what is made, in order, to say what comes next.
        notes: Lines to stand below the table.
    """

    def __init__(
        self, texts: Catalogue, *, in_kernel: bool, jobs: Sequence[str] = (), notes: Sequence[str] = ()
    ) -> None:
        self._texts = texts
        self._in_kernel = in_kernel
        self._jobs = jobs
        self._notes = notes
        self._results: list[ModelExported] = []
        self._handle: Any = None

    def open(self) -> None:
        """Say what is made first."""
        if self._in_kernel:
            self._show(self._next())

    def add(self, result: ExportResult) -> None:
        """Take one more result."""
        self._results.append(result.event())
        if self._in_kernel:
            self._show(self._next())

    def finish(self) -> None:
        """Show the table as it stays; nothing where nothing was made."""
        if self._results:
            self._show([])
        elif self._handle is not None:
            self._handle.update({"text/plain": ""}, raw=True)

    def _next(self) -> list[str]:
        done = {artefact_name(result) for result in self._results}
        left = [name for name in self._jobs if name not in done]
        if not left:
            return []
        count = len(self._jobs)
        return [self._texts("table.exporting", number=count - len(left) + 1, count=count, name=left[0])]

    def _show(self, progress: Sequence[str]) -> None:
        bundle = exports_table(self._results, self._texts, more=[*self._notes, *progress]).bundle()
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


def export_shown(table: GrowingTable, export: Callable[..., object]) -> None:
    """Run ``export(on_result, stop)`` and show each result when it is there; Interrupt stops it.

    What was finished before is kept and shown. Raises what ``export`` raises, StudyError when
    Interrupt is pressed again.
    """
    with Interrupts() as interrupts:
        table.open()
        try:
            finished = on_thread(export, take=table.add, interrupts=interrupts)
        finally:
            table.finish()
    if not finished:
        raise StudyError("interrupted; what was being made is given up, what was finished before is kept.")
