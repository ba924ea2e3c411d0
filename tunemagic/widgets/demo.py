"""A model to try out: pick or draw a sample, and see what the Keras model and its TF Lite file say of it."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

import anywidget

from tunemagic.errors import ExportError, OptionError, TuneError
from tunemagic.events import ModelExported
from tunemagic.export.lite import LiteFile
from tunemagic.export.score import AnswerKind
from tunemagic.i18n import ENGLISH, Catalogue, catalogue, language_of
from tunemagic.paired import Paired
from tunemagic.widgets.page import tell_language
from tunemagic.widgets.panel import asset
from tunemagic.widgets.route import answer_while_busy

__all__ = ["Demo", "DemoAnswer", "DemoAsk", "DemoSetup", "demo"]

_TEXTS = "demo."
_INSTEAD = "or ask the model and a file in code: model.predict(x), tunemagic.load(path).predict(x)"


class DemoSetup(TypedDict):
    """What the page needs once: its texts, how samples look, which files there are, what the answers are called.

    ``labels`` are the names of the outputs. ``classes`` says that outputs are shares of one answer.
    """

    kind: Literal["setup"]
    texts: dict[str, str]
    look: dict[str, Any]
    count: int
    files: list[dict[str, Any]]
    labels: list[str]
    classes: bool


class DemoAsk(TypedDict):
    """A question: sample ``row``, the next ``wrong`` one or ``flip`` behind it, or ``values`` of the user's."""

    kind: Literal["ask"]
    id: int
    what: Literal["row", "wrong", "flip", "values"]
    mode: str
    row: int
    values: list[float]


class DemoAnswer(TypedDict):
    """The reply to question ``id``, or why there is none."""

    kind: Literal["answer"]
    id: int
    reply: dict[str, Any] | None
    error: str


class Demo(anywidget.AnyWidget):  # type: ignore[misc]  # mypy doesn't follow anywidget
    """Shows both answers to one sample. All data travels in messages: a trait would be stored in the notebook."""

    def __init__(self, paired: Paired, *, labels: Sequence[str] = (), texts: Catalogue | None = None) -> None:
        """Open it.

        Args:
            paired: The model and its files.
            labels: Names of the outputs; default: their numbers.
            texts: The language; None for that of the page.

        Raises:
            StudyError: The page's files were not built.
        """
        self._esm = asset("demo.js", instead=_INSTEAD)
        self._css = asset("demo.css", instead=_INSTEAD)
        self._paired = paired
        self._labels = [*labels, *map(str, range(len(labels), paired.outputs))][: paired.outputs]
        self._texts = texts
        self._lock = threading.Lock()
        super().__init__()

    def __repr__(self) -> str:
        return (self._texts or ENGLISH)("demo.title")  # what stands here where no widget can be shown

    def open(self) -> None:
        """Open the comm, with everything in place that answers it."""
        self.on_msg(self._receive)
        super().open()
        answer_while_busy(self.comm)

    def _receive(self, widget: Any, content: Any, buffers: Any) -> None:
        if not isinstance(content, Mapping):
            return
        match content.get("kind"):
            case "hello":
                tell_language(content.get("lang"))
                known = language_of(str(content.get("lang")))
                self.send(self._setup(self._texts or catalogue(known or ENGLISH.language)))
            case "ask":
                with self._lock:
                    self.send(self._answer(content))

    def _setup(self, texts: Catalogue) -> DemoSetup:
        paired = self._paired
        shown = {**ENGLISH.texts, **texts.texts}
        return DemoSetup(
            kind="setup",
            texts={key: text for key, text in shown.items() if key.startswith(_TEXTS)},
            look=dataclasses.asdict(paired.look),
            count=len(paired.x),
            files=[
                {"mode": mode, "name": file.name, "bytes": file.export.bytes} for mode, file in paired.files.items()
            ],
            labels=self._labels,
            classes=paired.answers.kind is not AnswerKind.NUMBERS,
        )

    def _answer(self, content: Mapping[str, Any]) -> DemoAnswer:
        key = content.get("id")
        answer = DemoAnswer(kind="answer", id=key if isinstance(key, int) else 0, reply=None, error="")
        try:
            reply = self._reply(content)
        except TuneError as error:
            answer["error"] = str(error)
        # A click must never stay without an answer.
        except Exception as error:
            answer["error"] = f"{type(error).__name__}: {error}"
        else:
            answer["reply"] = None if reply is None else dataclasses.asdict(reply)
        return answer

    def _reply(self, content: Mapping[str, Any]) -> Any:
        paired, mode = self._paired, str(content.get("mode"))
        if content.get("what") == "values":
            values = content.get("values")
            if not isinstance(values, list) or not all(isinstance(value, int | float) for value in values):
                raise OptionError("demo: expected a list of numbers.")
            return paired.values(mode, values)
        row = content.get("row")
        if not isinstance(row, int):
            raise OptionError(f"demo: expected the number of a sample; received {row!r}.")
        found: int | None = row
        if content.get("what") == "wrong":
            found = paired.next_wrong(row)
        elif content.get("what") == "flip":
            found = paired.next_flip(mode, row)
        return None if found is None else paired.row(mode, found)


def demo(
    model: Any,
    exports: Sequence[ModelExported],
    x: Any,
    y: Any = None,
    *,
    columns: Sequence[str] = (),
    labels: Sequence[str] = (),
    texts: Catalogue | None = None,
) -> Demo:
    """The widget for a Keras model and the TF Lite files that were made of it.

    Args:
        model: A Keras model with one input and one output.
        exports: What came of exports, such as ``result.event()`` of ``export_model``; the verified TF Lite
            files among them are offered, the last one of each mode.
        x: Held-out samples to pick from (sample, ...).
        y: Their targets, or None.
        columns: Names of a table's columns.
        labels: Names of the outputs.
        texts: The language; None for that of the page.

    Raises:
        ExportError: None of them can be opened: none is verified, or the files have changed since.
        DataError: There are no samples.
    """
    files, faults = [], []
    for export in exports:
        if export.target == "tflite" and export.verdict == "verified":
            try:
                files.append(LiteFile(export, x.shape[1:]))
            except ExportError as error:
                faults.append(str(error))
    if not files:
        raise ExportError(faults[0] if faults else "demo: expected a verified TF Lite file; received none.")
    return Demo(Paired(model, files, x, y, columns=columns), labels=labels, texts=texts)
