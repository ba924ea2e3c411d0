"""Tab completion on the lines of our magics: options, choices, verbs, studies and variables.

Everything offered comes from the parsers, so a new option is completed without a change here.
Other matchers are silenced on these lines only.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

from tunemagic.analysis.pictures import PictureKind
from tunemagic.export.choose import ALL
from tunemagic.magics.lines import export_parser, tune_parser
from tunemagic.magics.objects import is_model
from tunemagic.magics.options import AUTO, LineParser
from tunemagic.magics.verbs import VERBS
from tunemagic.request import Target
from tunemagic.search.replay import table_names

__all__ = ["LineCompleter"]

_OURS = re.compile(r"\s*(%%tune|%tune|%tflite)\s+(.*)", re.DOTALL)
_METRICS = ("val_loss", "val_accuracy")
_VARIABLES = {"data", "val", "test", "rep", "out", "cluster", "columns"}
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, type)


class LineCompleter:
    """The matcher of one shell. ``attach`` puts it in, ``detach`` takes it out.

    Args:
        shell: The IPython shell.
        study_names: Called for the names of known studies.
    """

    def __init__(self, shell: Any, study_names: Callable[[], Iterable[str]]) -> None:
        self._shell = shell
        self._study_names = study_names
        self._parsers: Mapping[str, LineParser] = {"%%tune": tune_parser(), "%tflite": export_parser()}

    def attach(self) -> None:
        """Let the shell's completer ask us."""
        self._shell.Completer.custom_matchers.append(self.matches)

    def detach(self) -> None:
        """Undo attach. May be called again."""
        matchers = self._shell.Completer.custom_matchers
        matchers[:] = [matcher for matcher in matchers if matcher != self.matches]

    @context_matcher(identifier="tunemagic")  # type: ignore[untyped-decorator]  # mypy doesn't follow IPython
    def matches(self, context: CompletionContext) -> SimpleMatcherResult:
        """What may stand at the cursor, when the cursor is on a line of ours."""
        found = _OURS.fullmatch(context.text_until_cursor)
        # A cell magic is one only at the top of its cell.
        if found is None or (found[1] == "%%tune" and _text_above(context).strip()):
            return SimpleMatcherResult(completions=[], suppress=False)
        before, fragment = _split_at_cursor(found[2])
        names = [name for name in self._candidates(found[1], before) if name.startswith(fragment)]
        return SimpleMatcherResult(
            completions=[SimpleCompletion(name, type="param") for name in names],
            matched_fragment=fragment,
            suppress=True,
            ordered=True,
        )

    def _candidates(self, magic: str, before: list[str]) -> list[str]:
        """All that may follow these words, best first."""
        if magic == "%tune":
            if not before:
                return list(VERBS)
            verb = VERBS.get(before[0])
            return [] if verb is None else self._arguments(verb.parser, before[1:])
        return self._arguments(self._parsers[magic], before)

    def _arguments(self, parser: LineParser, before: list[str]) -> list[str]:
        actions = parser.actions()
        options = {string: action for action in actions for string in action.option_strings}
        last = options.get(before[-1]) if before else None
        if last is not None and last.nargs != 0:
            return self._values(last)
        used = {options[word].dest for word in before if word in options} - parser.repeatable
        free = [string for string, action in options.items() if action.dest not in used]
        if any(action.dest == "kind" for action in actions) and not set(before) & set(PictureKind):
            return list(map(str, PictureKind))
        names = self._sources(parser) if _takes_name(actions, before) else []
        return [*names, *sorted(free, key=lambda string: string[:2] != "--")]

    def _values(self, action: argparse.Action) -> list[str]:
        if action.choices is not None:
            return [str(choice) for choice in action.choices]
        match action.dest:
            case "objective":
                return list(_METRICS)
            case "workers":
                return [AUTO, *map(str, range((os.cpu_count() or 1) + 1))]
            case "replay":
                return list(table_names())
            case "to":
                return [*map(str, Target), ALL]
            case "measure":
                return self._variables(lambda value: isinstance(value, _FUNCTIONS))
        return self._data() if action.dest in _VARIABLES else []

    def _sources(self, parser: LineParser) -> list[str]:
        if parser is VERBS["form"].parser:
            return self._variables(lambda value: isinstance(value, (str, *_FUNCTIONS)))
        studies = [shlex.quote(name) for name in self._study_names()]
        if parser in (VERBS["explain"].parser, VERBS["export"].parser):
            return [*studies, *self._variables(is_model)]
        if parser is VERBS["lr"].parser:
            return [*studies, *self._variables(lambda value: is_model(value) or isinstance(value, (str, *_FUNCTIONS)))]
        return studies if parser is not self._parsers["%tflite"] else [*studies, *self._data()]

    def _data(self) -> list[str]:
        """Names of the notebook's variables that can hold data or a model."""
        return self._variables(lambda value: not isinstance(value, (types.ModuleType, *_FUNCTIONS)))

    def _variables(self, fits: Callable[[Any], bool]) -> list[str]:
        hidden = self._shell.user_ns_hidden
        return sorted(
            name
            for name, value in self._shell.user_ns.items()
            if not name.startswith("_") and name not in hidden and fits(value)
        )


def _takes_name(actions: Sequence[argparse.Action], before: Sequence[str]) -> bool:
    """Whether a study's name may come next: not before a number that the verb asks for."""
    positional = [action for action in actions if not action.option_strings]
    needs_number = any(action.dest == "trial" and action.required for action in positional)
    return bool(positional) and not (needs_number and not any(word.isdecimal() for word in before))


def _text_above(context: CompletionContext) -> str:
    return "\n".join(context.full_text.split("\n")[: context.cursor_line])


def _split_at_cursor(rest: str) -> tuple[list[str], str]:
    """Finished words, and the piece of the last word that is being typed.

    ``--data x,y`` is typed piece by piece, and ``--tuner=gr`` is two words.
    """
    words = rest.split()
    current = words.pop() if words and not rest[-1].isspace() else ""
    if current.startswith("--") and "=" in current:
        option, _, current = current.partition("=")
        words.append(option)
    return words, re.split(r"[,:]", current)[-1]
