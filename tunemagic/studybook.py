"""All studies of this kernel: which one a cell means, whether it starts, goes on or is shown."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tunemagic import events as ev
from tunemagic.continuity import (
    DEFAULT_SEED,
    check_same,
    extends,
    fingerprint,
    first_limit,
    limits_again,
    package_versions,
    something_left,
    values_outside,
)
from tunemagic.errors import JournalError, OptionError, StorageError, StudyBusyError, StudyChangedError, StudyError
from tunemagic.export.measure import gauge_for
from tunemagic.journal import JOURNAL_FILE, Journal, JournalContent, lock_holder, read_journal
from tunemagic.ledger import Ledger
from tunemagic.planning import check_machine, executor_maker, plan
from tunemagic.request import DEVICE_VALUES, Objective, Pruner, Tuner, TuneRequest, check_study_name
from tunemagic.search.advice import cell_notes, epochs_vary, with_cell_epochs
from tunemagic.search.data import TrainingData
from tunemagic.search.estimate import check_defaults
from tunemagic.search.executors.base import Executor
from tunemagic.search.executors.replay import ReplayExecutor
from tunemagic.search.folds import check_folds
from tunemagic.search.hyperparameters import hyperparameters_of
from tunemagic.search.job import Measure, TrialProgram, Work
from tunemagic.search.probe import Discovery, discover
from tunemagic.search.pruning import choose_pruner
from tunemagic.search.replay import ReplayProgram, replay_data
from tunemagic.search.replay_table import ReplayTable
from tunemagic.search.steered_space import cell_definitions, kept_space
from tunemagic.study import MakeExecutor, Study, new_session
from tunemagic.text import counted
from tunemagic.trial import StudyState, StudyView

__all__ = ["DEFAULT_NAME", "StudyBook", "needs_run"]

DEFAULT_NAME = "study"


@dataclass(frozen=True, slots=True)
class _Cell:
    """What a cell brings to its study; ``marks`` is its fingerprint."""

    request: TuneRequest
    program: TrialProgram
    data: TrainingData
    marks: dict[str, str]
    make_executor: MakeExecutor
    measure: Measure | None = None
    found: Discovery | None = None

    def discover(self) -> Discovery:
        """Look at the model code, unless it is known what it holds; raises what ``probe.discover`` raises."""
        if self.found is not None:
            return self.found
        check_defaults(self.program, self.data, self.request.max_params)
        request = self.request
        gauge_for(request.device_mode, {})  # raises where nothing can be measured
        device = DEVICE_VALUES if request.measure is None or request.device_mode is not None else ()
        return discover(self.program, self.data, request.objective, request.objectives, self.measure, device)

    def study(self, name: str, directory: Path, ledger: Ledger, journal: Journal) -> Study:
        """A study of this cell over that journal."""
        return Study(
            name=name,
            directory=directory,
            request=self.request,
            ledger=ledger,
            journal=journal,
            program=self.program,
            data=self.data,
            make_executor=self.make_executor,
            measure=self.measure,
        )

    def refresh(self, study: Study) -> None:
        """Let a study of this kernel go on with this cell."""
        study.request, study.program, study.data = self.request, self.program, self.data
        study.make_executor, study.measure = self.make_executor, self.measure


class StudyBook:
    """The studies of one kernel, by name. ``root`` is the folder that holds their folders."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._studies: dict[str, Study] = {}
        self._latest: str | None = None
        self._listeners: list[Callable[[], None]] = []
        self._lock = threading.RLock()

    # -- looking ---------------------------------------------------------------------------------

    def names(self) -> list[str]:
        """Studies of this kernel in the order of their making, then those on disk by name."""
        with self._lock:
            live = list(self._studies)
        on_disk = sorted(path.parent.name for path in self.root.glob(f"*/{JOURNAL_FILE}"))
        return live + [name for name in on_disk if name not in live and not name.startswith(".") and "~" not in name]

    def get(self, name: str | None = None) -> Study:
        """The study with this name, the latest one for None; read from disk when need be.

        Raises StudyError when there is none.
        """
        with self._lock:
            wanted = self._latest if name is None else check_study_name(name)
            if wanted is None:
                raise StudyError("no study in this kernel yet; run a cell with %%tune on top, or name a study.")
            if wanted in self._studies:
                return self._studies[wanted]
        directory = self.root / wanted
        if not (directory / JOURNAL_FILE).exists():
            known = ", ".join(self.names()) or "none"
            raise StudyError(f"no study named {wanted!r} in {self.root}; known: {known}.")
        return self._read_only(wanted, directory)

    def stamp(self, name: str) -> tuple[int, int] | None:
        """Size and time of the journal on disk, another value once it has changed; None where there is none."""
        try:
            status = (self.root / check_study_name(name) / JOURNAL_FILE).stat()
        except (OSError, OptionError):
            return None
        return status.st_size, status.st_mtime_ns

    def live(self) -> list[Study]:
        """Studies that belong to this kernel."""
        with self._lock:
            return list(self._studies.values())

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` when a study is added or replaced; returns what ends that."""
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    def close(self) -> None:
        """Stop every running study and release every folder."""
        for study in self.live():
            study.close()

    # -- opening ---------------------------------------------------------------------------------

    def open(
        self,
        request: TuneRequest,
        program: TrialProgram,
        data: TrainingData,
        *,
        sources: Mapping[str, str] | None = None,
        cluster: Any = None,
        measure: Measure | None = None,
    ) -> Study:
        """The study that this cell means: new, gone on with, or as it is when nothing is left to do.

        It is not started. The caller starts it when ``needs_run(study)`` says so. ``sources``
        are the texts of notebook functions that the cell uses, ``cluster`` a Dask scheduler's
        address or client, ``measure`` gives further values. Raises StudyChangedError when the
        name belongs to a study made from something else, StudyBusyError when it runs with another
        cell or another process has it, and what ``discover`` raises for faults in the cell;
        nothing is written before the cell has been looked at.
        """
        check_machine(request)
        check_folds(data, request.folds)
        request = with_cell_epochs(request, program)
        marks = fingerprint(request, program, data, sources or {})
        return self._open(_Cell(request, program, data, marks, executor_maker(request, cluster), measure))

    def open_replay(self, request: TuneRequest, table: ReplayTable) -> Study:
        """The study that replays a table of learning curves; it goes on and is told apart like any other."""
        objective = Objective(name=table.objective, direction=table.direction)
        rows = len(table.rows)
        if (request.max_trials or 0) > rows:
            raise OptionError(
                f"--max-trials {request.max_trials}: the table {table.name} has {rows} configurations, each of which "
                f"is used once; expected at most {rows}."
            )
        limit = rows if request.max_trials is None and request.minutes is not None else request.max_trials
        request = replace(request, objective=objective, epochs=table.epochs, max_trials=limit)
        program, data = ReplayProgram(table), replay_data(table)
        marks = fingerprint(request, program, data, program.sources)
        found = Discovery(hyperparameters_of(table.space), table.space, table.objective, table.direction, None)
        return self._open(_Cell(request, program, data, marks, _replay_maker(table), found=found))

    def _open(self, cell: _Cell) -> Study:
        request, marks = cell.request, cell.marks
        name = self._name_for(request, marks)
        directory = self.root / name
        if directory.is_symlink():
            raise StorageError(
                f"study {name}: {directory} is a symbolic link; expected a folder. Choose another NAME, or remove "
                "the link."
            )
        live = self._live(name)
        if live is not None and live.running:
            return self._reattach(live, marks)
        if live is not None:
            live.check_unverified()
        if request.new:
            _refuse_if_busy(directory, live)
            return self._begin(name, directory, cell, live)
        content = live_content(live) if live is not None else _content_or_busy(directory)
        old = Ledger(None, content.events).view
        # A study without a single score is worth no question: a corrected cell just begins anew.
        worth_keeping = any(trial.score is not None for trial in old.trials) or old.fingerprint == marks
        if content.events and (request.resume or worth_keeping):
            check_same(name, old, marks, resume=request.resume)
            return self._continue(name, directory, cell, old, content.events)
        if request.resume and not content.events:
            raise StudyError(
                f"--resume: there is no study named {name!r} in {self.root}. Leave --resume away to start it."
            )
        return self._begin(name, directory, cell, live)

    def _name_for(self, request: TuneRequest, marks: Mapping[str, str]) -> str:
        if request.name is not None:
            return check_study_name(request.name)
        if request.resume:  # the cell may have changed, so its fingerprint does not tell which study is meant
            return self._latest or DEFAULT_NAME
        return self._free_name(marks)

    def _live(self, name: str) -> Study | None:
        """This kernel's study of that name, unless its folder was given free or failed: then the disk counts."""
        with self._lock:
            study = self._studies.get(name)
            if study is None or study.running or study.writable:
                return study
            del self._studies[name]
        study.close()
        return None

    def _free_name(self, marks: Mapping[str, str]) -> str:
        """``study``, or the first of ``study-2`` ... that is free or was made by the same cell."""
        number = 1
        while True:
            name = DEFAULT_NAME if number == 1 else f"{DEFAULT_NAME}-{number}"
            live = self._studies.get(name)
            try:
                events = live_content(live).events if live is not None else read_journal(self.root / name).events
            except JournalError:  # damaged, but somebody's: it is neither ours nor free
                number += 1
                continue
            if not events or dict(Ledger(None, events).view.fingerprint) == marks:
                return name
            number += 1

    @staticmethod
    def _reattach(live: Study, marks: Mapping[str, str]) -> Study:
        if dict(live.view.fingerprint) != marks:
            raise StudyBusyError(
                f"study {live.name} is running with another cell, data or options. Stop it with `%tune stop`, or "
                "give this cell a NAME of its own."
            )
        return live

    def _begin(self, name: str, directory: Path, cell: _Cell, live: Study | None) -> Study:
        request, program, data = cell.request, cell.program, cell.data
        found = cell.discover()
        planned = plan(request, found.space, epochs_vary=epochs_vary(program))
        if live is not None:
            live.close()
        if (directory / JOURNAL_FILE).exists():
            aside = _set_aside(directory)
            if live is not None:
                live.moved_to(aside)
        journal = Journal(directory)
        if journal.content.events:
            journal.close()
            raise StudyBusyError(f"study {name} was just started by another process; run the cell again.")
        ledger = Ledger(journal)
        try:
            ledger.record(
                ev.StudyStarted(
                    study=name,
                    session=new_session(),
                    space=found.space.to_json(),
                    objective=found.objective,
                    direction=found.direction,
                    strategy=str(planned.tuner),
                    strategy_reason=planned.tuner_reason,
                    pruner=str(planned.pruner),
                    pruner_reason=planned.pruner_reason,
                    objectives=[{"name": name, "direction": str(way)} for name, way in found.objectives],
                    repeats=request.repeats,
                    folds=request.folds or 0,
                    model_limits=request.model_limits,
                    seed=DEFAULT_SEED if request.seed is None else request.seed,
                    max_trials=first_limit(request, planned.tuner),
                    minutes=request.minutes,
                    epochs=request.epochs,
                    keep=request.keep,
                    max_failures=request.max_failures,
                    code=getattr(program, "source", ""),
                    data=data.description,
                    fingerprint=cell.marks,
                    versions=package_versions(),
                )
            )
            for warning in (*data.warnings, *planned.notes, *cell_notes(program, data)):
                ledger.record(ev.StudyNoted(text=warning))
        except BaseException:
            journal.close()
            raise
        return self._add(cell.study(name, directory, ledger, journal))

    def _continue(self, name: str, directory: Path, cell: _Cell, old: StudyView, events: tuple[ev.Event, ...]) -> Study:
        request, program, data, marks = cell.request, cell.program, cell.data, cell.marks
        max_trials, minutes = limits_again(request, old, events)
        same = dict(old.fingerprint) == marks
        wanted = something_left(old, max_trials, minutes, same=same)
        asked = None if request.max_trials is None else max_trials
        if same and not wanted and asked is not None and asked not in (old.max_trials, old.ended_trials):
            raise StudyError(
                f"study {name} has {counted(old.ended_trials, 'trial')}, so --max-trials {asked} leaves none to run. "
                "Give a larger number."
            )
        if not same and not wanted:
            raise StudyChangedError(
                f"study {name} is complete within its limits; raise --max-trials or --minutes to go on with the "
                "changed cell, or use --new."
            )
        space = cell.discover().space if wanted else old.space
        defined = cell_definitions(events)
        space = kept_space(space, old.space, defined, same=same)
        steered = {p.name for p in old.space.parameters if p in space.parameters and p not in defined.values()}
        scored = [trial for trial in old.trials if trial.score is not None]
        faults = values_outside(space, scored, anything=steered)
        if wanted and not same and not extends(space, old.space) and faults:
            raise StudyChangedError(
                f"study {name}: its trials do not fit the cell any more: {faults[0]}. Use --new or another NAME."
            )
        live = self._studies.get(name)
        if live is not None:
            cell.refresh(live)
            study = live
        else:
            journal = Journal(directory)
            ledger = Ledger(journal, journal.content.events)
            study = cell.study(name, directory, ledger, journal)
            if journal.content.torn:
                ledger.record(ev.StudyNoted(text="the last line of the journal was torn by a crash; it was set aside"))
        if wanted:
            pruner, pruner_reason = _pruner_again(request, old)
            study.record(
                ev.StudyResumed(
                    session=new_session(),
                    max_trials=max_trials,
                    minutes=minutes,
                    epochs=request.epochs,
                    code=getattr(program, "source", ""),
                    data=data.description,
                    fingerprint=marks,
                    keep=request.keep,
                    max_failures=request.max_failures,
                    pruner=pruner,
                    pruner_reason=pruner_reason,
                    model_limits=request.model_limits,
                )
            )
            if not extends(old.space, space):
                study.record(ev.SpaceChanged(space=space.to_json(), reason="the cell has changed"))
        return self._add(study)

    def _read_only(self, name: str, directory: Path) -> Study:
        content = read_journal(directory)
        holder = lock_holder(directory)
        ledger = Ledger(None, content.events)
        if holder is None and ledger.view.under_way:
            ledger.show(
                ev.StudyNoted(text="its kernel died while it ran; run its cell again, or `%tune resume`, to go on")
            )
        reason = (
            f"study {name} is read-only here: process {holder.get('pid')} has it open"
            if holder is not None
            else f"study {name} was read from disk; `%tune resume {name}`, or its cell, goes on with it"
        )
        view = ledger.view
        request = TuneRequest(name=name, tuner=Tuner(view.strategy or Tuner.RANDOM), epochs=max(view.epochs, 1))
        return Study(
            name=name,
            directory=directory,
            request=request,
            ledger=ledger,
            journal=None,
            read_only_reason=reason,
            interrupted=holder is None and view.under_way,
        )

    def _add(self, study: Study) -> Study:
        with self._lock:
            self._studies[study.name] = study
            self._latest = study.name
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener()
        return study


def _pruner_again(request: TuneRequest, old: StudyView) -> tuple[str | None, str | None]:
    """The pruner that is asked for now and why, for a study that had another one; else None."""
    if request.pruner in (Pruner.AUTO, old.pruner):
        return None, None
    pruner, reason = choose_pruner(request, Tuner(old.strategy))
    return str(pruner), reason


def _replay_maker(table: ReplayTable) -> MakeExecutor:
    def make(work: Work, view: StudyView) -> tuple[Executor, str]:
        return ReplayExecutor(table, earlier=view.trials), f"nothing is trained: curves come from {table.name}"

    return make


def needs_run(study: Study) -> bool:
    """Whether an opened study has trials to run."""
    return study.view.state is StudyState.RUNNING and not study.running


def live_content(study: Study) -> JournalContent:
    """A live study's events in the form that a journal on disk has."""
    return JournalContent(tuple(study.events_after(0)), 0, b"")


def _refuse_if_busy(directory: Path, live: Study | None) -> None:
    """Raise StudyBusyError when another process has the study open."""
    if live is None and lock_holder(directory) is not None:
        Journal(directory).close()


def _content_or_busy(directory: Path) -> JournalContent:
    _refuse_if_busy(directory, None)
    return read_journal(directory)


def _set_aside(directory: Path) -> Path:
    """Rename the folder to ``name~1``, ``name~2`` ...: nothing finished is ever deleted.

    Raises StorageError when that is not allowed.
    """
    number = 1
    while (target := directory.with_name(f"{directory.name}~{number}")).exists():
        number += 1
    try:
        directory.rename(target)
    except OSError as error:
        raise StorageError(
            f"can't rename {directory} to {target.name}: {error.strerror}. Choose another NAME, or another folder with "
            "`%config TuneMagics.directory`."
        ) from error
    return target
