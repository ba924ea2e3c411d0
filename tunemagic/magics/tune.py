"""``%%tune`` and ``%tune``: parse the line, call the study, show what comes of it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from IPython.core.magic import line_cell_magic, magics_class, no_var_expand
from IPython.display import display
from traitlets import Bool, Float, TraitError, Unicode, validate

from tunemagic.continuity import DEFAULT_SEED
from tunemagic.errors import OptionError, StorageError, StudyError, TuneError
from tunemagic.i18n import Catalogue
from tunemagic.magics.attend import attend, make_output, wait_quietly
from tunemagic.magics.compressing import CompressingVerb
from tunemagic.magics.demo import DemoVerb
from tunemagic.magics.dryrun import dry_run_table
from tunemagic.magics.explain import ExplainingVerb
from tunemagic.magics.export import ExportingVerb
from tunemagic.magics.form import show_form, source_in
from tunemagic.magics.guard import documented_by, user_errors
from tunemagic.magics.judge import JudgingVerbs
from tunemagic.magics.language import spoken
from tunemagic.magics.lines import given_options, request_from, tune_parser
from tunemagic.magics.memory import CellMemory, cell_from_journal
from tunemagic.magics.objects import cluster_of, measure_of
from tunemagic.magics.output import CellOutput
from tunemagic.magics.plot import show_picture
from tunemagic.magics.rates import RateVerb
from tunemagic.magics.ready import cell_text, ready_cell
from tunemagic.magics.report import report_line
from tunemagic.magics.steer import SteeringVerbs, refuse_elsewhere
from tunemagic.magics.tables import status_line, studies_table
from tunemagic.magics.tokens import split_line
from tunemagic.magics.verbs import read_verb
from tunemagic.request import TuneRequest, ViewKind
from tunemagic.search.cell import CellProgram, read_cell
from tunemagic.search.data import TrainingData, resolve_data
from tunemagic.search.replay import open_replay
from tunemagic.study import Study
from tunemagic.studybook import StudyBook

__all__ = ["TuneMagics"]

_PARSER = tune_parser()
_LIMITS: Mapping[str, Any] = {"max_trials": None, "minutes": None}  # not said: those of the study
# A replay trains nothing: of the configured defaults these matter to it.
_REPLAY_DEFAULTS = ("tuner", "pruner", "max_trials", "minutes", "seed", "background", "view", "lang")


@magics_class
class TuneMagics(SteeringVerbs, JudgingVerbs, ExplainingVerb, CompressingVerb, ExportingVerb, DemoVerb, RateVerb):
    """The searches of a notebook. Options that a line leaves out are configured here."""

    directory = Unicode(".tunemagic", help="folder of the studies, beside the notebook").tag(config=True)
    start_ahead = Bool(True, help="import Keras for workers when the kernel is idle after %load_ext").tag(config=True)
    contact_seconds = Float(3.0, help="wait this long for a front end to show the panel").tag(config=True)

    def __init__(self, shell: Any, **more: Any) -> None:
        super().__init__(shell=shell, **more)
        self.book = StudyBook(Path(self.directory).absolute())
        self._cells: dict[str, CellMemory] = {}
        self._hinted = threading.Event()
        # Gives the cell that a page has chosen for the next form, "" for none.
        self.take_source: Callable[[], str] = str

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

    def _run_cell(self, given: Mapping[str, Any], body: str, changes: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Run a cell with these options; ``changes`` to them count this time only."""
        request = request_from({**given, **changes}, self.request_defaults())
        if not body.strip():
            raise OptionError("%%tune: the cell is empty; expected Python code that assigns a Keras model to `model`.")
        program, data = self._prepare(request, body)
        cluster, measure = cluster_of(request, self.shell.user_ns), measure_of(request, self.shell.user_ns)
        if request.dry_run:
            texts = spoken(request.lang)
            table = dry_run_table(request, program, data, cluster=cluster, measure=measure, texts=texts)
            display(table.bundle(), raw=True)
            return
        try:
            study = self.book.open(request, program, data, sources=program.sources, cluster=cluster, measure=measure)
        except StorageError as error:
            raise StorageError(f"{error} Another folder: %config TuneMagics.directory = 'path'.") from error
        self._cells[study.name] = CellMemory(body, given)
        self._hand_out(study, request.out)
        self._attend(study, request)

    def _run_ready(self, given: Mapping[str, Any]) -> None:
        """Search a ready-made model: print the cell that it stands for, and run that."""
        fields = dict(given)
        model = fields.pop("model")
        request = request_from(fields, self.request_defaults())
        options, body = ready_cell(model, fields, request, self.shell.user_ns)
        sys.stdout.write(cell_text(_PARSER, options, body))
        self._run_cell(options, body)

    def _replay(self, given: Mapping[str, Any]) -> None:
        """Run a strategy on a table of stored learning curves."""
        fields = dict(given)
        table = open_replay(fields.pop("replay"))
        defaults = self.request_defaults()
        request = request_from(fields, {field: defaults[field] for field in _REPLAY_DEFAULTS})
        study = self.book.open_replay(request, table)
        self._hand_out(study, request.out)
        self._attend(study, request)

    def _prepare(self, request: TuneRequest, body: str) -> tuple[CellProgram, TrainingData]:
        """What the cell means and what it is trained on. Nothing is written."""
        namespace = self.shell.user_ns
        data = resolve_data(request, namespace, seed=DEFAULT_SEED if request.seed is None else request.seed)
        # The line with %%tune is line 1 of the cell as the notebook numbers it.
        return read_cell(body, namespace, first_line=2, data_names=(*data.names, *data.val_names)), data

    def _hand_out(self, study: Study, out: str | None) -> None:
        """Store the study as ``out``, and as ``study`` unless that is something of the user's."""
        namespace = self.shell.user_ns
        if out is not None:
            namespace[out] = study
        if isinstance(namespace.get("study", study), Study):
            namespace["study"] = study

    def _attend(self, study: Study, request: TuneRequest) -> None:
        """Run the study if there is something to run, show it, and wait unless told not to."""
        attend(study, self._output(study, request.view, request.lang), background=request.background)

    def _output(self, study: Study, kind: ViewKind, lang: str | None) -> CellOutput:
        in_kernel = getattr(self.shell, "kernel", None) is not None
        return make_output(
            study,
            kind,
            in_kernel=in_kernel,
            contact_seconds=self.contact_seconds,
            texts=lambda: self._texts(study, lang),
            hinted=self._hinted,
            after_cell=self._after_cell if in_kernel else None,
        )

    def _after_cell(self, action: Callable[[], None]) -> Callable[[], None]:
        """Call ``action`` whenever a cell has ended; returns what ends that."""

        def act(_: object) -> None:
            action()

        self.shell.events.register("post_run_cell", act)
        return lambda: self.shell.events.unregister("post_run_cell", act)

    def _texts(self, study: Study | None = None, lang: str | None = None) -> Catalogue:
        """The texts to show: what this line asks for goes first, then what the study's cell asked for."""
        return spoken(lang, None if study is None else study.request.lang, self.lang)

    # -- verbs -----------------------------------------------------------------------------------

    def _list(self, given: Mapping[str, Any]) -> None:
        views, faults = [], []
        for name in self.book.names():
            try:
                views.append(replace(self.book.get(name).view, study=name))
            except TuneError as error:  # one damaged folder must not hide the other studies
                faults.append(f"{name}: {error}")
        display(studies_table(views, faults, self._texts(lang=given.get("lang"))).bundle(), raw=True)

    def _run(self, given: Mapping[str, Any]) -> None:
        if "replay" in given:
            self._replay(given)
            return
        if "model" in given:
            self._run_ready(given)
            return
        if "name" not in given and not self.book.live():
            raise StudyError(
                "%tune run: runs a study's last cell again, and there is no study in this kernel yet: run a cell with "
                "%%tune on top, or name a study. `%tune run --model cnn` searches a ready-made model, "
                "`%tune run --replay TABLE` runs a strategy on stored learning curves."
            )
        study = self.book.get(given.get("name"))
        if study.view.executor == "replay":
            raise StudyError(f"study {study.name} replays a table; go on with `%tune run --replay TABLE {study.name}`.")
        memory = self._cells.get(study.name) or cell_from_journal(study.view)
        # Without other ones a study is resumed up to the limits that it has by now, whatever its cell once said.
        as_it_is = bool(given.get("resume")) and not given.keys() & _LIMITS.keys()
        self._run_cell(memory.again(study.name, given), memory.body, changes=_LIMITS if as_it_is else {})

    def _resume(self, given: Mapping[str, Any]) -> None:
        study = None if "replay" in given else self._live(given)
        if study is not None and study.running:
            self._go_on(study, given)
        else:
            self._run({**given, "resume": True})

    def _live(self, given: Mapping[str, Any]) -> Study | None:
        """The study of this kernel that is meant, if there is one."""
        live = self.book.live()
        if "name" in given:
            return next((study for study in live if study.name == given["name"]), None)
        return self._named_or_running(given) if live else None

    def _status(self, given: Mapping[str, Any]) -> None:
        study = self._named_or_running(given)
        output = self._output(study, ViewKind(self.view), given.get("lang"))
        if study.running:
            output.open()
            output.follow()
        else:
            output.close()

    def _stop(self, given: Mapping[str, Any]) -> None:
        study = self._named_or_running(given)
        refuse_elsewhere(study, "stopped")
        study.stop()
        wait_quietly(study)
        sys.stdout.write(status_line(study.view, self._texts(study)) + "\n")

    def _plot(self, given: Mapping[str, Any]) -> None:
        study = self._named_or_running(given)
        show_picture(study, given, self._texts(study, given.get("lang")))

    def _show(self, given: Mapping[str, Any]) -> None:
        study = self.book.get(given.get("name"))
        if given.get("code"):
            sys.stdout.write(self._code_of(study))
        else:
            self._output(study, ViewKind.TEXT, given.get("lang")).close()

    def _report(self, given: Mapping[str, Any]) -> None:
        sys.stdout.write(self.write_report(self.book.get(given.get("name")), given) + "\n")

    def write_report(self, study: Study, given: Mapping[str, Any]) -> str:
        """Write a study's report as a ``%tune report`` line asks for, and say where it is."""
        return report_line(study, given, self._texts(study, given.get("lang")))

    def _form(self, given: Mapping[str, Any]) -> None:
        chosen, namespace = self.take_source(), self.shell.user_ns
        source = source_in(given["source"], namespace) if "source" in given else chosen
        show_form(self.shell, source, self.request_defaults(), self._texts(lang=given.get("lang")))

    def _code_of(self, study: Study) -> str:
        program: Any = study.program
        if program is None:
            memory = cell_from_journal(study.view)
            program = read_cell(memory.body, self.shell.user_ns)
        return str(program.code).rstrip() + "\n"

    def _named_or_running(self, given: Mapping[str, Any]) -> Study:
        """The named study; without a name the latest one that runs, else the latest one."""
        if "name" in given:
            return self.book.get(given["name"])
        running = [study for study in self.book.live() if study.running]
        latest = self.book.get(None) if self.book.live() else None
        return running[-1] if running and latest not in running else self.book.get(None)
