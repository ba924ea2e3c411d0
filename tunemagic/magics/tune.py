"""``%%tune`` and ``%tune``: parse the line, call the study, show what comes of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.display import display
from traitlets import Bool, Enum, Float, Int, TraitError, Unicode, validate

from tunemagic.continuity import DEFAULT_SEED
from tunemagic.errors import OptionError, StorageError, StudyError, TuneError
from tunemagic.events import EndReason
from tunemagic.magics.dryrun import dry_run_table
from tunemagic.magics.guard import documented_by, user_errors
from tunemagic.magics.lines import given_options, read_verb, request_from, tune_parser
from tunemagic.magics.memory import CellMemory, cell_from_journal
from tunemagic.magics.options import objective, val_split
from tunemagic.magics.output import CellOutput, Panel
from tunemagic.magics.tables import best_table, status_line, studies_table
from tunemagic.magics.tokens import split_line
from tunemagic.magics.waiting import Interrupts, WaitEnd, wait_for
from tunemagic.request import DEFAULT_EPOCHS, DEFAULT_KEEP, DEFAULT_MAX_FAILURES, Tuner, TuneRequest, ViewKind
from tunemagic.search.cell import CellProgram, read_cell
from tunemagic.search.data import TrainingData, resolve_data
from tunemagic.study import Study
from tunemagic.studybook import StudyBook, needs_run

__all__ = ["TuneMagics"]

_PARSER = tune_parser()


@magics_class
class TuneMagics(Magics):  # type: ignore[misc]  # mypy doesn't follow IPython
    """Options that a line leaves out come from here: ``%config TuneMagics.max_trials = 50``."""

    tuner = Enum([str(tuner) for tuner in Tuner], str(Tuner.RANDOM), help="how values are proposed").tag(config=True)
    objective = Unicode("", help="NAME or NAME:min or NAME:max; empty: val_loss").tag(config=True)
    max_trials = Int(None, allow_none=True, help="number of trials").tag(config=True)
    minutes = Float(None, allow_none=True, help="end after this many minutes").tag(config=True)
    epochs = Int(DEFAULT_EPOCHS, help="epochs of a trial").tag(config=True)
    seed = Int(None, allow_none=True, help="seed of the search, the split and the weights").tag(config=True)
    val = Unicode("", help="validation data as after --val; empty: a fifth of the data").tag(config=True)
    keep = Int(DEFAULT_KEEP, help="best weights kept on disk").tag(config=True)
    max_failures = Int(DEFAULT_MAX_FAILURES, help="end after this many failed trials in a row").tag(config=True)
    background = Bool(False, help="return at once instead of waiting for the study").tag(config=True)
    view = Enum([str(view) for view in ViewKind], str(ViewKind.FULL), help="what a cell shows").tag(config=True)
    directory = Unicode(".tunemagic", help="folder of the studies, beside the notebook").tag(config=True)
    contact_seconds = Float(3.0, help="wait this long for a front end to show the panel").tag(config=True)

    def __init__(self, shell: Any, **more: Any) -> None:
        super().__init__(shell=shell, **more)
        self.book = StudyBook(Path(self.directory).absolute())
        self._cells: dict[str, CellMemory] = {}

    @no_var_expand  # type: ignore[untyped-decorator]  # mypy doesn't follow IPython
    @line_cell_magic  # type: ignore[untyped-decorator]
    @documented_by(_PARSER)
    def tune(self, line: str, cell: str | None = None) -> None:  # noqa: D102 - documented by its parser
        with user_errors():
            if cell is None:
                verb, given = read_verb(line, self.shell.user_ns, self.book.names())
                getattr(self, f"_{verb or 'list'}")(given)
            else:
                self._run_cell(given_options(_PARSER, split_line(line, self.shell.user_ns)), cell)

    @validate("directory")  # type: ignore[untyped-decorator]
    def _move(self, proposal: Mapping[str, Any]) -> str:
        """Let later studies lie in another folder, as long as there are none yet."""
        if hasattr(self, "book"):
            if self.book.live():
                raise TraitError(
                    f"this kernel's studies lie in {self.book.root}; set directory before the first %%tune cell."
                )
            self.book.root = Path(proposal["value"]).absolute()
        return str(proposal["value"])

    # -- running a cell --------------------------------------------------------------------------

    def _run_cell(self, given: Mapping[str, Any], body: str) -> None:
        request = request_from(given, self._defaults())
        if not body.strip():
            raise OptionError("%%tune: the cell is empty; expected Python code that assigns a Keras model to `model`.")
        program, data = self._prepare(request, body)
        if request.dry_run:
            display(dry_run_table(request, program, data).bundle(), raw=True)
            return
        try:
            study = self.book.open(request, program, data, sources=program.sources)
        except StorageError as error:
            raise StorageError(f"{error} Another folder: %config TuneMagics.directory = 'path'.") from error
        self._cells[study.name] = CellMemory(body, given)
        self._hand_out(study, request.out)
        self._attend(study, request)

    def _prepare(self, request: TuneRequest, body: str) -> tuple[CellProgram, TrainingData]:
        """What the cell means and what it is trained on. Nothing is written."""
        namespace = self.shell.user_ns
        data = resolve_data(request, namespace, seed=DEFAULT_SEED if request.seed is None else request.seed)
        # The line with %%tune is line 1 of the cell as the notebook numbers it.
        return read_cell(body, namespace, first_line=2, data_names=(*data.names, *data.val_names)), data

    def _defaults(self) -> dict[str, Any]:
        """The configured values as fields of a TuneRequest."""
        fields = ("max_trials", "minutes", "epochs", "seed", "keep", "max_failures", "background")
        return {
            **{field: getattr(self, field) for field in fields},
            "tuner": Tuner(self.tuner),
            "view": ViewKind(self.view),
            "objective": self._configured("objective", objective),
            "val": self._configured("val", val_split),
        }

    def _configured(self, trait: str, convert: Callable[[str], Any]) -> Any:
        text = getattr(self, trait)
        try:
            return convert(text) if text else None
        except argparse.ArgumentTypeError as error:
            raise OptionError(f"%config TuneMagics.{trait}: {error}") from error

    def _hand_out(self, study: Study, out: str | None) -> None:
        """Store the study as ``out``, and as ``study`` unless that is something of the user's."""
        namespace = self.shell.user_ns
        if out is not None:
            namespace[out] = study
        if isinstance(namespace.get("study", study), Study):
            namespace["study"] = study

    def _attend(self, study: Study, request: TuneRequest) -> None:
        """Run the study if there is something to run, show it, and wait unless told not to."""
        output = self._output(study, request.view)
        if not study.running and not needs_run(study):
            output.close()
            return
        with Interrupts() as interrupts:
            output.open()
            if not study.running:
                study.start()
            if request.background:
                output.follow()
                return
            end = wait_for(study, interrupts, detached=output.detached, tick=output.tick)
            if end is WaitEnd.ENDED:
                output.close()
            else:
                output.follow()
        if end is WaitEnd.GIVEN_UP:
            sys.stdout.write(f"{study.name} is still stopping; `%tune status {study.name}` shows it.\n")
        elif end is WaitEnd.ENDED:
            _raise_if_failed(study)

    def _output(self, study: Study, kind: ViewKind) -> CellOutput:
        from tunemagic.record import record_bundle

        return CellOutput(
            study,
            kind,
            in_kernel=getattr(self.shell, "kernel", None) is not None,
            contact_seconds=self.contact_seconds,
            make_panel=_panel_of,
            make_record=record_bundle,
        )

    # -- verbs -----------------------------------------------------------------------------------

    def _list(self, given: Mapping[str, Any]) -> None:
        views, faults = [], []
        for name in self.book.names():
            try:
                views.append(replace(self.book.get(name).view, study=name))
            except TuneError as error:  # one damaged folder must not hide the other studies
                faults.append(f"{name}: {error}")
        display(studies_table(views, faults).bundle(), raw=True)

    def _run(self, given: Mapping[str, Any]) -> None:
        study = self.book.get(given.get("name"))
        memory = self._cells.get(study.name) or cell_from_journal(study.view)
        self._run_cell(memory.again(study.name, given), memory.body)

    def _resume(self, given: Mapping[str, Any]) -> None:
        self._run(given)

    def _status(self, given: Mapping[str, Any]) -> None:
        study = self.book.get(given.get("name"))
        output = self._output(study, ViewKind(self.view))
        if study.running:
            output.open()
            output.follow()
        else:
            output.close()

    def _stop(self, given: Mapping[str, Any]) -> None:
        study = self._named_or_running(given.get("name"))
        if study.read_only_reason:
            raise StudyError(f"{study.read_only_reason}; it can only be stopped there.")
        study.stop()
        _wait_quietly(study)
        sys.stdout.write(status_line(study.view) + "\n")

    def _best(self, given: Mapping[str, Any]) -> None:
        study = self.book.get(given.get("name"))
        _wait_quietly(study)
        study.best_trial  # noqa: B018 - raises when no trial has a score
        if "out" in given:
            self.shell.user_ns[given["out"]] = study.best_model
        display(best_table(study.view).bundle(), raw=True)

    def _show(self, given: Mapping[str, Any]) -> None:
        study = self.book.get(given.get("name"))
        if given.get("code"):
            sys.stdout.write(self._code_of(study))
        else:
            self._output(study, ViewKind.TEXT).close()

    def _code_of(self, study: Study) -> str:
        program: Any = study.program
        if program is None:
            memory = cell_from_journal(study.view)
            program = read_cell(memory.body, self.shell.user_ns)
        return str(program.code).rstrip() + "\n"

    def _named_or_running(self, name: str | None) -> Study:
        """The named study; without a name the one that runs, else the latest."""
        running = [study for study in self.book.live() if study.running]
        return running[0] if name is None and len(running) == 1 else self.book.get(name)


def _panel_of(study: Study, kind: ViewKind) -> Panel:
    """The study's open panel, which the side panel shows too, or a new one."""
    from tunemagic.widgets.panel import TunePanel

    shown = TunePanel.shown_for(study) if kind is ViewKind.FULL else None
    panel: Panel = shown or TunePanel(study, compact=kind is ViewKind.COMPACT)
    return panel


def _wait_quietly(study: Study) -> None:
    """Wait in short steps: an endless wait can't be interrupted on every system."""
    while not study.wait(0.1):
        pass


def _raise_if_failed(study: Study) -> None:
    """A study that broke or gave nothing makes its cell fail, so that Run All stops there."""
    view = study.view
    if view.end_reason is EndReason.ERROR:
        raise StudyError(f"study {study.name}: {view.end_message}")
    if view.best is None and view.end_reason is not EndReason.STOPPED:
        raise StudyError(f"study {study.name} found no model: {view.end_message}")
