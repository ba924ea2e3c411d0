"""What a click in a panel asks for, done with the study; each answer names the magic line that does the same."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from tunemagic.analysis.magic_lines import magic_line
from tunemagic.errors import OptionError, TuneError
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.steerable import budget_text
from tunemagic.trial import StudyView
from tunemagic.widgets.artefacts import artefact, export_of
from tunemagic.widgets.conversions import Conversions, ExportedStudy, exports_of
from tunemagic.widgets.insert import insert_cell
from tunemagic.widgets.wire import Acknowledgement, Conversion

__all__ = ["Commands", "Insert", "SteeredStudy"]

_VERBS = (
    *("stop", "detach", "convert", "cancel", "download", "pause", "resume", "skip", "try", "space", "budget"),
    *("select", "cell"),
)
_SPACE = ("ranges", "fixed", "choices")
_BUDGET = ("max_trials", "minutes", "workers")

Insert = Callable[[str, Callable[[], None], Callable[[], None]], None]


class SteeredStudy(ExportedStudy, Protocol):
    """What commands need of a study: see Study. Everything may be called from any thread."""

    read_only_reason: str

    @property
    def session(self) -> str:
        """The id of the current start or resume."""

    @property
    def view(self) -> StudyView:
        """The state now; an immutable value."""

    def stop(self) -> None:
        """End the search soon; return at once."""

    def skip(self, number: int | None = None) -> None:
        """End a running trial soon, or all of them."""

    def pause(self) -> None:
        """Let trials wait after their running epochs."""

    def resume(self) -> None:
        """End a pause."""

    def try_(self, /, **values: Any) -> Mapping[str, Any]:
        """Try these values next."""

    def narrow(
        self,
        *,
        ranges: Mapping[str, Any] | None = None,
        fixed: Mapping[str, Any] | None = None,
        choices: Mapping[str, Any] | None = None,
    ) -> str:
        """Change what is searched; what that means for the strategy."""

    def set_budget(
        self, *, max_trials: int | None = None, minutes: float | None = None, workers: int | None = None
    ) -> str:
        """Change limits and workers."""

    def select(self, trials: Sequence[int]) -> None:
        """Choose trials by number."""


class Commands:
    """Does what panels ask, and gives every command its answer.

    Stop, detach, skip and select act at once on the thread that brings them. What waits for the
    search (pause, resume, try, space, budget) or for the disk is done one after the other on a thread
    of its own, so that a stop is never held up. ``converting`` says what is exported now.

    Args:
        study: What is steered.
        answer: Takes the answers and their buffers, on any thread.
        on_change: Called on any thread when ``converting`` is another one.
        detach: Called when the user wants the waiting cell back.
        insert: Puts code into a new cell of the notebook; its second argument is called once a
            page does, the third where none can.
    """

    def __init__(
        self,
        study: SteeredStudy,
        answer: Callable[[Acknowledgement, Sequence[bytes]], None],
        *,
        on_change: Callable[[], None],
        detach: Callable[[], None],
        insert: Insert | None = None,
    ) -> None:
        self.texts: Catalogue = ENGLISH
        self._study = study
        self._answer_with = answer
        self._detach = detach
        self._insert = insert or (lambda code, taken, failed: insert_cell(code, taken=taken, failed=failed))
        self._closed = False
        self._conversions = Conversions(study, on_change)
        self._hands = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix=f"tunemagic-steer-{study.name}")

    @property
    def converting(self) -> Conversion | None:
        """The export that is running."""
        return self._conversions.progress

    def close(self) -> None:
        """What waits is not done any more; each gets its answer when its turn comes."""
        self._closed = True
        self._hands.shutdown(wait=False)

    def do(self, content: Mapping[str, Any]) -> None:
        """Do what a command message says."""
        key, verb, args = str(content.get("id")), content.get("verb"), content.get("args")
        args = args if isinstance(args, Mapping) else {}
        refusal = self._refusal(content)
        if refusal:
            self._answer(key, refusal, ok=False)
        elif verb == "select":  # only looks at what there is
            self._try_to(key, verb, args, self._select)
        elif verb == "cell":
            self._cell(key, args)
        elif verb == "download":
            self._hand_over(content, self._download, key, args)
        elif self._study.read_only_reason:
            self._answer(key, self._study.read_only_reason, ok=False)
        elif verb == "convert":
            self._convert(key, args)
        elif verb in ("stop", "cancel", "detach", "skip"):
            act = {"stop": self._stop, "cancel": self._cancel, "detach": self._let_go, "skip": self._skip}[verb]
            self._try_to(key, verb, args, act)
        elif verb in ("pause", "resume", "try", "space", "budget"):
            action = {
                "pause": self._pause,
                "resume": self._resume,
                "try": self._try,
                "space": self._space,
                "budget": self._budget,
            }[verb]
            self._hand_over(content, self._in_turn, content, key, verb, args, action)
        else:
            self._answer(key, self._unknown(_VERBS, verb), ok=False)

    def _hand_over(self, content: Mapping[str, Any], action: Callable[..., None], *args: Any) -> None:
        """Let the thread that waits do this."""
        try:
            self._hands.submit(action, *args)
        except RuntimeError:  # closed just now
            self._answer(str(content.get("id")), self._refusal(content), ok=False)

    def _refusal(self, content: Mapping[str, Any]) -> str:
        """Why this command is not meant for the study any more, or an empty text."""
        if self._closed:
            return self.texts("verb.panel_closed")
        stale = content.get("study") != self._study.name or content.get("session") != self._study.session
        return self.texts("verb.restarted") if stale else ""

    def _in_turn(
        self,
        content: Mapping[str, Any],
        key: str,
        verb: str,
        args: Mapping[str, Any],
        action: Callable[[Mapping[str, Any]], str],
    ) -> None:
        """Do what has waited for others, unless the panel or the study has ended meanwhile."""
        refusal = self._refusal(content) or self._study.read_only_reason
        if refusal:
            self._answer(key, refusal, ok=False)
        else:
            self._try_to(key, verb, args, action)

    def _try_to(self, key: str, verb: str, args: Mapping[str, Any], action: Callable[[Mapping[str, Any]], str]) -> None:
        try:
            message = action(args)
            line = magic_line(self._study.name, verb, args)
        except TuneError as error:
            self._answer(key, str(error), ok=False)
        # A click must never end in a traceback in some cell's output, nor stay without an answer.
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
            self._answer(key, self.texts("verb.click_failed", fault=fault), ok=False)
        else:
            self._answer(key, message, line=line)

    def _answer(
        self,
        key: str,
        message: str = "",
        *,
        ok: bool = True,
        done: bool = True,
        line: str = "",
        buffers: Sequence[bytes] = (),
    ) -> None:
        self._answer_with(Acknowledgement(kind="ack", id=key, ok=ok, done=done, message=message, line=line), buffers)

    def _unknown(self, names: Sequence[str], found: object) -> str:
        return self.texts("verb.expected_one", names=", ".join(names), found=repr(found))

    # -- verbs, each gives what to say -----------------------------------------------------------

    def _stop(self, args: Mapping[str, Any]) -> str:
        self._study.stop()
        return ""

    def _let_go(self, args: Mapping[str, Any]) -> str:
        self._detach()
        return ""

    def _skip(self, args: Mapping[str, Any]) -> str:
        self._study.skip(args.get("trial"))
        return ""

    def _pause(self, args: Mapping[str, Any]) -> str:
        self._study.pause()
        return ""

    def _resume(self, args: Mapping[str, Any]) -> str:
        self._study.resume()
        return ""

    def _try(self, args: Mapping[str, Any]) -> str:
        self._study.try_(**_by_name(args, "values"))
        return ""

    def _space(self, args: Mapping[str, Any]) -> str:
        return self._study.narrow(**{key: _by_name(args, key) for key in _SPACE if key in args})

    def _budget(self, args: Mapping[str, Any]) -> str:
        self._study.set_budget(**{key: args[key] for key in _BUDGET if key in args})
        return budget_text(self._study.view, self.texts)

    def _select(self, args: Mapping[str, Any]) -> str:
        trials = args.get("trials")
        if not isinstance(trials, list):
            raise OptionError(f"select: expected a list of trials; received {trials!r}.")
        self._study.select(trials)
        return self.texts("panel.selected", count=len(trials))

    def _cell(self, key: str, args: Mapping[str, Any]) -> None:
        code = args.get("code")
        if not isinstance(code, str):
            self._answer(key, f"cell: expected code; received {code!r}.", ok=False)
            return
        self._insert(
            code,
            lambda: self._answer(key),
            lambda: self._answer(key, self.texts("panel.no_extension"), ok=False),
        )

    # -- exports -------------------------------------------------------------------------------------

    def _convert(self, key: str, args: Mapping[str, Any]) -> None:
        try:
            exports = exports_of(args, self.texts)
        except OptionError as error:
            self._answer(key, str(error), ok=False)
            return
        line = magic_line(self._study.name, "convert", args)

        def done(fault: BaseException | None) -> None:
            self._answer(key, self._said(fault), ok=fault is None, line="" if fault else line)

        # Before it starts: the answer that it has ended must not overtake this one.
        if self.converting is not None:
            self._answer(key, self.texts("verb.converting"), ok=False)
            return
        self._answer(key, done=False, line=line)
        if not self._conversions.start(exports, done):
            self._answer(key, self.texts("verb.converting"), ok=False)

    def _said(self, fault: BaseException | None) -> str:
        if fault is None:
            return ""
        if isinstance(fault, TuneError):
            return str(fault)
        return self.texts("verb.conversion_failed", fault=f"{type(fault).__name__}: {fault}")

    def _cancel(self, args: Mapping[str, Any]) -> str:
        return "" if self._conversions.stop() else self.texts("verb.nothing_converted")

    def _download(self, key: str, args: Mapping[str, Any]) -> None:
        try:
            name, content = artefact(export_of(self._study.view, args.get("export")), self.texts)
        except TuneError as error:
            self._answer(key, str(error), ok=False)
        except Exception as error:  # a click must never stay without an answer
            self._answer(key, self.texts("verb.click_failed", fault=f"{type(error).__name__}: {error}"), ok=False)
        else:
            self._answer(key, name, buffers=(content,))


def _by_name(args: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """What stands there, by name. Raises OptionError for anything else."""
    found = args.get(key)
    if not isinstance(found, Mapping):
        raise OptionError(f"{key}: expected values by name; received {found!r}.")
    return found
