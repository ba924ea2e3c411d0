"""Run a study for a cell: show it, wait for it, and say how it ended."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

from tunemagic.errors import StudyError, TuneError
from tunemagic.events import EndReason
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.magics.language import asked_language
from tunemagic.magics.output import CellOutput, Panel
from tunemagic.magics.waiting import Interrupts, WaitEnd, wait_for
from tunemagic.request import ViewKind
from tunemagic.study import Study
from tunemagic.studybook import needs_run
from tunemagic.trial import StudyState

__all__ = ["attend", "make_output", "wait_for_results", "wait_quietly"]


def make_output(
    study: Study,
    kind: ViewKind,
    *,
    in_kernel: bool,
    contact_seconds: float,
    texts: Callable[[], Catalogue] = lambda: ENGLISH,
    hinted: threading.Event | None = None,
    after_cell: Callable[[Callable[[], None]], Callable[[], None]] | None = None,
) -> CellOutput:
    """The study's place in the output of the cell that runs now; the arguments are those of CellOutput."""
    from tunemagic.record import record_bundle

    return CellOutput(
        study,
        kind,
        in_kernel=in_kernel,
        contact_seconds=contact_seconds,
        make_panel=_panel_of,
        make_record=lambda view: record_bundle(view, texts()),
        texts=texts,
        hinted=hinted,
        after_cell=after_cell,
    )


def attend(study: Study, output: CellOutput, *, background: bool) -> None:
    """Run the study if there is something to run, show it, and wait unless told not to.

    Raises StudyError when a study that was waited for broke or found nothing.
    """
    if not study.running and not needs_run(study):
        output.close()
        return
    with Interrupts() as interrupts:
        output.open()
        if not study.running:
            _start(study, output)
        if background:
            output.follow()
            return
        end = wait_for(study, interrupts, detached=output.detached, tick=output.tick)
        if end is WaitEnd.ENDED:
            output.close()
        else:
            output.follow()
    if end is WaitEnd.GIVEN_UP:
        sys.stdout.write(output.texts("output.still_stopping", study=study.name) + "\n")
    elif end is WaitEnd.ENDED:
        _raise_if_failed(study)


def _start(study: Study, output: CellOutput) -> None:
    """Start the study; where it can't be, what is shown becomes its record, and the error goes on."""
    try:
        study.start()
    except TuneError:
        output.close()
        raise


def wait_for_results(study: Study, texts: Catalogue) -> None:
    """Say so and wait while the study runs. Raises StudyError when it is paused."""
    if study.running and study.view.state is not StudyState.PAUSED:
        sys.stdout.write(texts("verb.waiting", study=study.name) + "\n")
        sys.stdout.flush()
    study.wait_for_results()


def wait_quietly(study: Study) -> None:
    """Wait in short steps: an endless wait can't be interrupted on every system."""
    while not study.wait(0.1):
        pass


def _panel_of(study: Study, kind: ViewKind) -> Panel:
    """The study's open panel, which the side panel shows too, or a new one."""
    from tunemagic.widgets.panel import TunePanel

    shown = TunePanel.shown_for(study) if kind is ViewKind.FULL else None
    panel: Panel = shown or TunePanel(study, compact=kind is ViewKind.COMPACT, lang=asked_language(study.request.lang))
    return panel


def _raise_if_failed(study: Study) -> None:
    """A study that broke or gave nothing makes its cell fail, so that Run All stops there."""
    view = study.view
    if view.end_reason is EndReason.ERROR:
        raise StudyError(f"study {study.name}: {view.end_message}")
    if view.best is None and view.end_reason is not EndReason.STOPPED:
        last = next((trial.reason for trial in reversed(view.trials) if trial.reason), "")
        more = "" if not last or last in view.end_message else f"; the last trial: {last}"
        raise StudyError(f"study {study.name} found no model: {view.end_message}{more}")
