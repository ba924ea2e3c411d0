"""The verbs of ``%tune`` that steer a search."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from IPython.display import display

from tunemagic.analysis.wording import range_text
from tunemagic.errors import StudyError
from tunemagic.i18n import Catalogue
from tunemagic.i18n.facts import translate
from tunemagic.magics.defaults import SearchDefaults
from tunemagic.magics.language import asked_language
from tunemagic.magics.tables import Table, status_line
from tunemagic.search.steered_space import moved_ends, off_the_steps
from tunemagic.steerable import budget_text
from tunemagic.study import Study
from tunemagic.trial import StudyState, TrialState

__all__ = ["SteeringVerbs", "refuse_elsewhere"]


class SteeringVerbs(SearchDefaults):
    """Each method is a verb: it calls the study and shows what came of it in a line or a table."""

    shell: Any

    @abstractmethod
    def _named_or_running(self, given: Mapping[str, Any]) -> Study: ...

    @abstractmethod
    def _texts(self, study: Study | None = None, lang: str | None = None) -> Catalogue: ...

    @abstractmethod
    def _status(self, given: Mapping[str, Any]) -> None: ...

    def _pause(self, given: Mapping[str, Any]) -> None:
        study = self._steered(given, "paused")
        study.pause()
        self._say(status_line(study.view, self._texts(study)))

    def _go_on(self, study: Study, given: Mapping[str, Any]) -> None:
        """``resume`` of a study that is under way. Raises StudyError for options, which only a new start can take."""
        paused = study.view.state is StudyState.PAUSED
        if set(given) - {"name", "lang"}:
            state = "is paused and goes on as it is" if paused else "is running already"
            raise StudyError(
                f"study {study.name} {state}; received options. Change its limits with "
                f"`%tune budget {study.name} -n 3`."
            )
        texts = self._texts(study, given.get("lang"))
        if paused:
            study.resume()
            self._say(status_line(study.view, texts))
        else:
            self._say(texts("verb.running_already", study=study.name))

    def _skip(self, given: Mapping[str, Any]) -> None:
        study = self._steered(given, "skipped")
        number = given.get("trial")
        running = [trial.number for trial in study.view.trials if trial.state is TrialState.RUNNING]
        study.skip(number)
        named = ", ".join(map(str, running if number is None else [number]))
        self._say(self._texts(study)("output.skipping", study=study.name, trials=named))

    def _try(self, given: Mapping[str, Any]) -> None:
        study = self._steered(given, "steered")
        before = study.view
        point = study.try_(**given["values"])
        texts = self._texts(study)
        wanted = {name: value for name, value in point.items() if name in given["values"]}
        defaults = {name: value for name, value in point.items() if name not in wanted}
        # The trial of the default values goes before all others.
        ahead = len(before.queued) + (not before.trials)
        key = "verb.queued_after" if ahead else "verb.queued"
        message = texts(key, study=study.name, values=_listed(wanted), count=ahead)
        if defaults:
            message += texts("verb.defaults", values=_listed(defaults))
        same = next((trial.number for trial in before.trials if trial.values == point), None)
        if same is not None:
            message += texts("verb.tried_already", trial=same)
        elif point in before.queued:
            message += texts("verb.waits_already")
        if not study.running:
            message += texts("verb.queued_for_later", study=study.name)
        self._say("\n".join([message, *_between_steps(study, point, texts)]))

    def _space(self, given: Mapping[str, Any]) -> None:
        study = self._named_or_running(given)
        changes = {key: given[key] for key in ("ranges", "fixed", "choices", "reset") if key in given}
        texts = self._texts(study, given.get("lang"))
        notes = []
        if changes:
            notes.append(translate(self._steered(given, "steered").narrow(**changes), texts))
            moved = moved_ends(study.view.space, given.get("ranges", {}))
            for name, asked, now, step in moved:
                notes.append(texts("verb.moved", name=name, given=f"{asked:g}", now=f"{now:g}", step=f"{step:g}"))
            notes += _between_steps(study, given.get("fixed", {}), texts)
        display(_space_table(study, notes, texts).bundle(), raw=True)

    def _budget(self, given: Mapping[str, Any]) -> None:
        study = self._steered(given, "steered")
        changes = {key: given[key] for key in ("max_trials", "minutes", "workers") if key in given}
        study.set_budget(**changes)
        texts = self._texts(study)
        self._say(texts("verb.budget", study=study.name, text=budget_text(study.view, texts)))

    def _panel(self, given: Mapping[str, Any]) -> None:
        """Without a notebook there is no panel, so the status is shown."""
        if getattr(self.shell, "kernel", None) is None:
            self._status(given)
            return
        from tunemagic.widgets.panel import TunePanel

        study = self._named_or_running(given)
        display(TunePanel.shown_for(study) or TunePanel(study, waiting=False, lang=asked_language(study.request.lang)))

    def _steered(self, given: Mapping[str, Any], done: str) -> Study:
        study = self._named_or_running(given)
        refuse_elsewhere(study, done)
        return study

    def _say(self, line: str) -> None:
        sys.stdout.write(line + "\n")


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _between_steps(study: Study, values: Mapping[str, Any], texts: Catalogue) -> list[str]:
    """A line for each value that the strategy itself would not propose."""
    return [
        texts("verb.off_step", name=name, value=values[name], step=f"{step:g}")
        for name, step in off_the_steps(study.cell_space, values)
    ]


def _space_table(study: Study, notes: Sequence[str], texts: Catalogue) -> Table:
    """What is searched now, and in a column of its own what the cell says where that differs."""
    now, cell = study.view.space.parameters, study.cell_space.parameters
    columns = ["name", "range", "default"]
    rows = [[p.name, range_text(p, texts), str(p.default)] for p in now]
    if now != cell:
        columns.append("cell")
        for row, parameter, own in zip(rows, now, cell, strict=True):
            row.append("" if parameter == own else range_text(own, texts))
    return Table(
        caption=texts("verb.space_caption", study=study.name),
        columns=tuple(texts(f"verb.space_{column}") for column in columns),
        rows=tuple(map(tuple, rows)),
        notes=tuple(notes),
    )


def refuse_elsewhere(study: Study, done: str) -> None:
    """Raise StudyError for a study that another process runs, or that nobody has gone on with yet."""
    if study.read_only_reason:
        where = "after that" if "from disk" in study.read_only_reason else "there"
        raise StudyError(f"{study.read_only_reason}; it can only be {done} {where}.")
