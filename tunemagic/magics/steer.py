"""The verbs of ``%tune`` that steer a search."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from IPython.display import display

from tunemagic.errors import StudyError
from tunemagic.i18n import Catalogue
from tunemagic.i18n.facts import translate
from tunemagic.magics.defaults import SearchDefaults
from tunemagic.magics.language import asked_language
from tunemagic.magics.tables import Table, status_line
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
        point = study.try_(**given["values"])
        texts, defaults = (
            self._texts(study),
            {name: value for name, value in point.items() if name not in given["values"]},
        )
        shown = ", ".join(f"{name}={value}" for name, value in point.items() if name in given["values"])
        message = texts("verb.queued", study=study.name, values=shown)
        if defaults:
            message += texts("verb.defaults", values=", ".join(f"{name}={value}" for name, value in defaults.items()))
        if not study.running:
            message += texts("verb.queued_for_later", study=study.name)
        self._say(message)

    def _space(self, given: Mapping[str, Any]) -> None:
        study = self._named_or_running(given)
        changes = {key: given[key] for key in ("ranges", "fixed", "choices") if key in given}
        texts = self._texts(study)
        notes = () if not changes else (translate(self._steered(given, "steered").narrow(**changes), texts),)
        table = Table(
            caption=texts("verb.space_caption", study=study.name),
            columns=(texts("verb.space_name"), texts("verb.space_range"), texts("verb.space_default")),
            rows=tuple((p.name, p.describe(), str(p.default)) for p in study.view.space.parameters),
            notes=notes,
        )
        display(table.bundle(), raw=True)

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


def refuse_elsewhere(study: Study, done: str) -> None:
    """Raise StudyError for a study that another process runs."""
    if study.read_only_reason:
        raise StudyError(f"{study.read_only_reason}; it can only be {done} there.")
