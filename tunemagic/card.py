"""The model card of a study: what a reader has to know before using its best model.

After Mitchell et al. 2019, "Model Cards for Model Reporting" (arXiv 1810.03993). What only a person can say is left
open and marked so.
"""

from __future__ import annotations

import datetime
import math
import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from tunemagic.analysis.cells import exports_cells, trials_cells
from tunemagic.analysis.findings import finding_texts
from tunemagic.analysis.summary import summary_info
from tunemagic.analysis.verification import verification_info, verification_verdict
from tunemagic.analysis.wording import number_text, range_text, value_text, verified_text
from tunemagic.datasets.card import Card
from tunemagic.datasets.dataset import Dataset
from tunemagic.durable import sha256_of, write_atomic
from tunemagic.errors import ExportError
from tunemagic.events import Direction, ModelExported, Verdict, finite
from tunemagic.export.result import ExportResult
from tunemagic.markdown import code_block, escaped, table
from tunemagic.prep.targets import class_labels
from tunemagic.request import Target
from tunemagic.search.data import TrainingData
from tunemagic.text import counted, one_line
from tunemagic.trial import StudyView, TrialRecord

__all__ = ["HasView", "card_text", "write_card"]

_READABLE = 0o644
_TO_FILL_IN = (
    ("Intended use", "What is the model for, and who is to use it?"),
    ("Out of scope", "What must it not be used for?"),
    ("Limits", "On which inputs is it known, or likely, to be wrong? Which groups are rare in the data?"),
    ("Contact", "Who answers questions about it?"),
)
_TOLD = ("data", "versions")  # in sections of their own
_LOADING = {
    Target.KERAS: "model = tunemagic.load({path!r})      # or keras.saving.load_model",
    Target.JSON: "model = tunemagic.load({path!r})",
    Target.SAVEDMODEL: "serve = tf.saved_model.load({path!r}).signatures['serving_default']",
    Target.TFLITE: "interpreter = Interpreter({path!r})   # from ai_edge_litert.interpreter",
    Target.ONNX: "session = onnxruntime.InferenceSession({path!r})",
    Target.TORCH: "module = torch.export.load({path!r}).module()",
    Target.OPENVINO: "model = openvino.Core().compile_model({path!r} + '/model.xml', 'CPU')",
    Target.CAFFE: "net = cv2.dnn.readNetFromCaffe({path!r} + '/deploy.prototxt', {path!r} + '/model.caffemodel')",
}


class HasView(Protocol):
    """A study."""

    @property
    def view(self) -> StudyView:
        """Its state now."""
        ...


def write_card(study: HasView | Any, path: str | Path, *, force: bool = False) -> ExportResult:
    """Write the model card of a study's best model as Markdown.

    Args:
        study: The study. One that runs is told as it stands now.
        path: The file, such as ``digits.card.md``.
        force: Whether a file of that name is replaced.

    Raises:
        ExportError: It is no study, has no trial with a score, or the file exists or can't be written.
    """
    view = getattr(study, "view", None)
    if not isinstance(view, StudyView):
        raise ExportError(f"card: a card tells of a study; received a {type(study).__name__}.")
    if view.best_trial is None:
        raise ExportError(f"card: study {view.study} has no trial with a score yet.")
    target = Path(path)
    if target.exists() and not force:
        raise ExportError(f"card: {target} exists already; add --force to replace it, or -o PATH for another file.")
    data, program = getattr(study, "data", None), getattr(study, "program", None)
    place = partial(_place, folder=target.absolute().parent)
    content = card_text(view, data=data, dataset=_dataset(program, data), place=place).encode("utf-8")
    try:
        write_atomic(target, content, mode=_READABLE)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ExportError(f"card: {target} can't be written: {why}. Use -o PATH for another place.") from error
    left = ", ".join(title.lower() for title, _ in _TO_FILL_IN)
    return ExportResult(
        target=Target.CARD,
        mode="none",
        path=target,
        verdict=Verdict.VERIFIED,
        message=f"written from the study's journal; {left} are left for you to fill in",
        trial=view.best,
        bytes=len(content),
        sha256=sha256_of(content),
    )


def _dataset(program: Any, data: TrainingData | None) -> Card | None:
    """The card of the one data set in the notebook whose rows these can be."""
    if data is None or not data.is_arrays:
        return None
    columns = math.prod(data.x.shape[1:])
    found = {
        value.card.name: value.card
        for value in dict(getattr(program, "namespace", {})).values()
        if isinstance(value, Dataset) and value.card.columns == columns
    }
    cards = [card for card in found.values() if len(data.x) <= card.rows + card.test_rows]
    return cards[0] if len(cards) == 1 else None


def _place(path: str, folder: Path) -> str:
    """Where a file lies as seen from the card's folder; its name alone where the way would tell of other folders."""
    file, here = Path(path).absolute(), Path.cwd()
    if file.is_relative_to(folder) or (file.is_relative_to(here) and folder.is_relative_to(here)):
        return Path(os.path.relpath(file, folder)).as_posix()
    return file.name


def _name(path: str) -> str:
    return Path(path).name


def card_text(
    view: StudyView,
    *,
    data: TrainingData | None = None,
    dataset: Card | None = None,
    place: Callable[[str], str] = _name,
) -> str:
    """The card in Markdown; ``dataset`` is the card of the data set, where it is one of ``tunemagic.datasets``.

    ``place`` gives the text for the path of an exported file; default: its name.
    Whatever comes from the notebook is escaped. Raises ExportError without a best trial.
    """
    best = view.best_trial
    if best is None:
        raise ExportError(f"card: study {view.study} has no trial with a score yet.")
    info = summary_info(view)
    verified = verification_info(view)
    sections: list[tuple[str, Iterable[str]]] = [
        ("Model", _pairs(_model_facts(view, best, data))),
        *((title, [f"> **To be filled in:** {question}"]) for title, question in _TO_FILL_IN[:3]),
        ("Data", _pairs(_data_facts(view, data, dataset))),
        (
            "Scores",
            [*_pairs(_scores(view, best)), *([] if verified is None else _items(verification_verdict(verified)))],
        ),
        ("Hyperparameters", _hyperparameters(view, best)),
        ("Search", [escaped(info.headline), "", *_pairs(pair for pair in info.settings if pair[0] not in _TOLD)]),
        ("Best trials", _best_trials(view)),
        ("Diagnosis", _findings(view)),
        ("Files", _files(view.exports, place)),
        ("Loading", _loading(view, place)),
        ("Code", code_block(view.code, "python") if view.code.strip() else []),
        ("Contact", [f"> **To be filled in:** {_TO_FILL_IN[3][1]}"]),
    ]
    lines = [f"# {escaped(view.study)}", ""]
    for title, content in sections:
        body = list(content)
        lines += [f"## {title}", "", *body, ""] if body else []
    return "\n".join(lines)


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[str]:
    return [f"- **{escaped(label)}:** {escaped(text)}" for label, text in pairs if text]


def _items(texts: Sequence[str]) -> list[str]:
    return [f"- {escaped(text)}" for text in texts]


def _model_facts(view: StudyView, best: TrialRecord, data: TrainingData | None) -> list[tuple[str, str]]:
    weights = best.metrics.get("parameters")
    made = datetime.datetime.fromtimestamp(view.started_at, datetime.UTC) if view.started_at else None
    takes = "" if data is None or not data.is_arrays else f"samples {data.x.shape[1:]} of {data.x.dtype}"
    return [
        ("kind", "neural network, made with Keras"),
        ("weights", "" if weights is None else f"{int(weights):,}"),
        ("takes", takes),
        ("chosen from", f"{counted(view.ended_trials, 'trial')}; this is trial {best.number}"),
        ("made", "" if made is None else f"{made:%Y-%m-%d}"),
        ("versions", ", ".join(f"{name} {version}" for name, version in view.versions.items())),
    ]


def _data_facts(view: StudyView, data: TrainingData | None, dataset: Card | None) -> list[tuple[str, str]]:
    facts = [("given", view.data), ("values the model takes", _span(data))]
    labels = None if data is None or not data.is_arrays else class_labels(data.y)
    if labels is not None:
        import numpy as np

        names, counts = np.unique(labels, return_counts=True)
        shown = ", ".join(f"{name} ({count})" for name, count in list(zip(names, counts, strict=True))[:20])
        facts.append(("classes in the training part", f"{len(names)}: {shown}{', …' if len(names) > 20 else ''}"))
    if data is not None and data.columns:
        facts.append(("columns", ", ".join(map(str, data.columns))))
    facts.append(("fingerprint", view.fingerprint.get("data", "" if data is None else data.digest)))
    if dataset is not None:
        facts += [
            ("data set", f"{dataset.name} ({dataset.rows:,} rows)"),
            ("licence", dataset.licence),
            ("source", dataset.source),
            ("note on the raw data set", dataset.note),
        ]
    return [*facts, *(("doubt", warning) for warning in ([] if data is None else data.warnings))]


def _span(data: TrainingData | None) -> str:
    """The least and the largest of the training part's inputs."""
    import numpy as np

    if data is None or not data.is_arrays or data.x.dtype.kind not in "fiub":
        return ""
    known = data.x[np.isfinite(data.x)]
    return f"from {float(known.min()):.6g} to {float(known.max()):.6g} in the training part" if known.size else ""


def _scores(view: StudyView, best: TrialRecord) -> list[tuple[str, str]]:
    place = f"best of {best.epochs} epochs, on the validation part that the search chose by"
    pairs = [(view.objective, f"{number_text(best.score)} ({place})")]
    pairs += [
        (name, number_text(value)) for name, value in best.metrics.items() if name not in (view.objective, "parameters")
    ]
    if best.verified:
        pairs.append(
            (f"{view.objective} from other seeds", f"{verified_text(best.verified)}, {len(best.verified)} times")
        )
    elif view.runs == 1:
        pairs.append(("noise", "not measured: one training from one seed; %tune best --verify 5 measures it"))
    return pairs


def _hyperparameters(view: StudyView, best: TrialRecord) -> list[str]:
    ranges = {parameter.name: range_text(parameter) for parameter in view.space.parameters}
    rows = [(name, value_text(value), ranges.get(name, "")) for name, value in best.values.items()]
    return table(("name", "value", "searched"), rows) if rows else []


def _best_trials(view: StudyView) -> list[str]:
    cells = trials_cells(view, view.ranking()[:5], "")
    return table(cells.columns, cells.rows)


def _findings(view: StudyView) -> list[str]:
    lines: list[str] = []
    for finding in finding_texts(view.findings):
        lines += [f"- **{escaped(finding.title)}** {escaped(finding.text)}".rstrip()]
    return lines


def _files(exports: Sequence[ModelExported], place: Callable[[str], str]) -> list[str]:
    cells = exports_cells(exports)
    if cells is None:
        return []
    rows = [
        (*row[:-1], one_line(place(each.path)) if each.path else row[-1])
        for row, each in zip(cells.rows, exports, strict=True)
    ]
    return [escaped(cells.caption), "", *table(cells.columns, rows), "", *_items(cells.remarks)]


def _loading(view: StudyView, place: Callable[[str], str]) -> list[str]:
    """A line for each target: of the best trial's verified files the one with the best score, then the smallest."""
    verified = [each for each in view.exports if each.verdict is Verdict.VERIFIED and each.path]
    own = [each for each in verified if each.trial == view.best] or verified
    chosen: dict[str, ModelExported] = {}
    for each in sorted(own, key=partial(_order, view=view)):
        if each.target in _LOADING:
            chosen.setdefault(each.target, each)
    lines = [_LOADING[Target(target)].format(path=place(each.path)) for target, each in chosen.items()]
    return code_block("\n".join(lines), "python") if lines else []


def _order(export: ModelExported, view: StudyView) -> tuple[float, int]:
    """Better ones first. Files are only as good as their scores by the study's own objective tell."""
    compared = export.score_name == view.objective.removeprefix("val_")
    score = finite(export.score_after) if compared else None
    sign = -1 if view.direction is Direction.MAX else 1
    return math.inf if score is None else sign * score, export.bytes or 0
