"""What the side panel's commands ask of the kernel, answered one by one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from tunemagic.analysis.magic_lines import magic_line
from tunemagic.analysis.studies import compare_studies_info
from tunemagic.errors import StudyError, TuneError
from tunemagic.events import PROTOCOL_VERSION
from tunemagic.i18n import Catalogue, Language, catalogue
from tunemagic.i18n.facts import translate
from tunemagic.search.suggest import suggest_cell
from tunemagic.text import one_line
from tunemagic.widgets.page import page_language
from tunemagic.widgets.wire import SideReply

__all__ = ["Desk"]

_VERBS = ("pause", "resume", "stop", "skip", "report")


class Desk:
    """Answers requests.

    Args:
        find: Gives the study of a name, also from disk; raises StudyError when there is none.
        namespace: The notebook's variables.
        report: Writes a study's report and says where.
    """

    def __init__(
        self,
        find: Callable[[str], Any],
        *,
        namespace: Mapping[str, Any] | None = None,
        report: Callable[[Any], str] | None = None,
    ) -> None:
        self.source = ""
        self._find = find
        self._namespace = {} if namespace is None else namespace
        self._report = report

    def answer(self, data: Mapping[str, Any]) -> SideReply | None:
        """The reply to a request; None when there is none to send. Whatever fails becomes its message."""
        reply = SideReply(
            kind="reply", v=PROTOCOL_VERSION, id=str(data.get("id")), ok=True, message="", code="", comparison=None
        )
        try:
            match data.get("kind"):
                case "show":
                    self._find(_text(data, "study"))
                    return None
                case "suggest":
                    reply["code"] = suggest_cell(_text(data, "code"), self._taken())
                case "source":
                    self.source = _text(data, "code")
                case "steer":
                    reply["message"] = self._steer(_text(data, "study"), _text(data, "verb"))
                case "compare":
                    left, right = (self._find(str(name)).view for name in data.get("studies", ()))
                    reply["comparison"] = dataclasses.asdict(compare_studies_info(left, right))
                case _:
                    return None
        except TuneError as error:
            reply |= {"ok": False, "message": translate(one_line(str(error)), _texts())}
        # A click in a page must never end in a traceback in some cell's output.
        except Exception as error:
            reply |= {"ok": False, "message": one_line(f"{type(error).__name__}: {error}", 300)}
        return reply

    def take_source(self) -> str:
        """The cell that the next form begins with, once; "" when there is none."""
        source, self.source = self.source, ""
        return source

    def _taken(self) -> list[str]:
        """Names of the notebook that a new variable must leave alone: functions, data, modules."""
        plain = (bool, int, float, str)
        return [name for name, value in dict(self._namespace).items() if not isinstance(value, plain)]

    def _steer(self, name: str, verb: str) -> str:
        """Do it, and give what to say: the magic line that does the same, or the report's path."""
        texts = _texts()
        if verb not in _VERBS:
            raise StudyError(texts("verb.expected_one", names=", ".join(_VERBS), found=repr(verb[:40])))
        study = self._find(name)
        if verb == "report":
            if self._report is None:
                raise StudyError(texts("verb.no_reports"))
            return self._report(study)
        if study.read_only_reason:
            raise StudyError(texts("verb.read_only", reason=translate(study.read_only_reason, texts)))
        if not study.view.under_way:
            state = texts(f"state.{study.view.state}")
            raise StudyError(texts("verb.not_under_way", study=name, state=state, verb=verb))
        getattr(study, verb)()
        return magic_line(name, verb, {})


def _texts() -> Catalogue:
    """The texts of the language of the page that asks."""
    return catalogue(page_language() or Language.ENGLISH)


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str):
        raise StudyError(f"expected {key} as a text; received {type(value).__name__}.")
    return value
