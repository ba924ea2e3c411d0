"""Two trials side by side: what differs in their values and metrics, both curves, and whether it is more than noise."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from tunemagic.analysis.curves import Limits, limits_of
from tunemagic.analysis.known import known_trial
from tunemagic.analysis.noise import Noise, noise_between
from tunemagic.analysis.wording import number_text, value_text
from tunemagic.errors import StudyError
from tunemagic.events import Direction, finite
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.space import Value
from tunemagic.trial import StudyView, TrialRecord, TrialState

__all__ = ["CompareInfo", "MetricPair", "Side", "ValuePair", "compare_info", "compare_verdict", "difference_texts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two trials. ``score`` of a running trial is that of its best epoch so far.

    ``curve`` is the objective in its best run, None where it was not finite; ``best_epoch`` counts
    from 1 in it.
    """

    trial: int
    state: TrialState
    score: float | None
    epochs_done: int
    best_epoch: int | None
    curve: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuePair:
    """A hyperparameter in which two trials differ; None where it was not active."""

    name: str
    first: Value | None
    second: Value | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPair:
    """A metric in which two trials differ; None where it has no value. ``difference`` is second minus first."""

    name: str
    first: float | None
    second: float | None
    difference: float | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CompareInfo:
    """What differs between two trials, and nothing else.

    ``better`` is the number of the trial with the better score, None when they are equal or one has
    none yet. ``noise`` is None while one has no score.
    """

    study: str
    objective: str
    direction: Direction
    first: Side
    second: Side
    values: tuple[ValuePair, ...]
    metrics: tuple[MetricPair, ...]
    better: int | None
    noise: Noise | None
    limits: Limits | None

    def __repr__(self) -> str:
        head = ("", f"trial {self.first.trial}", f"trial {self.second.trial}", "difference")
        rows = [head, *difference_texts(self)]
        widths = [max(len(row[index]) for row in rows) for index in range(len(head))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        return "\n".join([*map(str.rstrip, lines), *compare_verdict(self)])


def compare_info(view: StudyView, a: int, b: int) -> CompareInfo:
    """Trials ``a`` and ``b`` compared.

    Raises StudyError for an unknown number, twice the same one, and a trial that ended without a score.
    """
    trials = [known_trial(view, number, view.study) for number in (a, b)]
    if a == b:
        raise StudyError(f"received trial {a} twice; expected the numbers of two trials of study {view.study}.")
    first, second = (_with_score(view, trial) for trial in trials)
    sides = tuple(_side(view, trial) for trial in (first, second))
    better = None
    if first.score is not None and second.score is not None and first.score != second.score:
        better = a if view.direction.better(first.score, second.score) else b
    shown = [value for side in sides for value in side.curve if value is not None]
    return CompareInfo(
        study=view.study,
        objective=view.objective,
        direction=view.direction,
        first=sides[0],
        second=sides[1],
        values=_values(first, second),
        metrics=_metrics(first, second),
        better=better,
        noise=noise_between(view, first, second),
        limits=limits_of(shown, ()),
    )


def compare_verdict(info: CompareInfo, texts: Catalogue = ENGLISH) -> tuple[str, ...]:
    """In words which trial is better, and whether that is inside the noise; one line each."""
    lines = [
        texts("compare.running", trial=side.trial, epochs=side.epochs_done)
        for side in (info.first, info.second)
        if side.state in (TrialState.RUNNING, TrialState.INTERRUPTED)
    ]
    noise = info.noise
    if noise is None:
        return (*lines, texts("compare.no_score"))
    shown = {"difference": number_text(_short(abs(noise.difference))), "objective": info.objective}
    if noise.difference == 0:
        lines.append(texts("compare.equal", **shown))
    else:
        lead = info.direction.better(noise.means[1], noise.means[0])
        better = "compare.better" if _between_scores(info, noise) else "compare.better_means"
        lines.append(texts(better, trial=(info.second if lead else info.first).trial, **shown))
    if noise.margin is None:
        known = "compare.unknown_noise" if min(noise.runs) < 2 else "compare.no_spread"
        return (*lines, texts(known, study=info.study))
    verdict = "compare.inside" if noise.inside else "compare.outside"
    margin = number_text(_short(noise.margin))
    return (*lines, texts(verdict, margin=margin, source=texts(f"compare.source.{noise.source}")))


def _between_scores(info: CompareInfo, noise: Noise) -> bool:
    """Whether the noise's means are the scores of the table, not those of later trainings from other seeds."""
    scores = (info.first.score, info.second.score)
    return all(
        score is None or math.isclose(score, mean, rel_tol=1e-6)
        for score, mean in zip(scores, noise.means, strict=True)
    )


def difference_texts(info: CompareInfo) -> tuple[tuple[str, str, str, str], ...]:
    """Rows of a table: what, first, second, difference; the score first, then values, then metrics."""
    score = (info.objective, number_text(info.first.score), number_text(info.second.score), _signed(_score_gap(info)))
    values = [(pair.name, value_text(pair.first), value_text(pair.second), "") for pair in info.values]
    metrics = [
        (pair.name, number_text(pair.first), number_text(pair.second), _signed(pair.difference))
        for pair in info.metrics
        if pair.name != info.objective
    ]
    return (score, *values, *metrics)


def _score_gap(info: CompareInfo) -> float | None:
    if info.first.score is None or info.second.score is None:
        return None
    return info.second.score - info.first.score


def _signed(difference: float | None) -> str:
    if difference is None:
        return ""
    return f"{'+' if difference > 0 else ''}{number_text(_short(difference))}"


def _short(value: float) -> float:
    """To three digits: what is left of a difference of floats is no more exact."""
    return float(f"{value:.3g}")


def _with_score(view: StudyView, trial: TrialRecord) -> TrialRecord:
    """The trial; of one that runs, with the score of its best epoch so far."""
    if trial.score is not None:
        return trial
    if trial.state not in (TrialState.RUNNING, TrialState.INTERRUPTED):
        raise StudyError(
            f"trial {trial.number} {trial.state} without a score; expected two trials that have one. "
            f"`%tune why {trial.number}` says what happened."
        )
    best: tuple[float, int] | None = None
    for epoch, value in enumerate(map(finite, trial.curves.get(view.objective, ())), start=1):
        if value is not None and view.direction.better(value, None if best is None else best[0]):
            best = (value, epoch)
    return trial if best is None else replace(trial, score=best[0], best_epoch=best[1])


def _side(view: StudyView, trial: TrialRecord) -> Side:
    runs = trial.runs_curves
    run = runs[min(trial.best_run(view.direction), len(runs)) - 1]
    return Side(
        trial=trial.number,
        state=trial.state,
        score=trial.score,
        epochs_done=trial.epochs_done,
        best_epoch=trial.best_epoch,
        curve=tuple(map(finite, run.get(view.objective, ()))),
    )


def _values(first: TrialRecord, second: TrialRecord) -> tuple[ValuePair, ...]:
    names = dict.fromkeys([*first.values, *second.values])
    pairs = [ValuePair(name=name, first=first.values.get(name), second=second.values.get(name)) for name in names]
    # 1 and True are equal to Python, and not to a reader.
    return tuple(pair for pair in pairs if (type(pair.first), pair.first) != (type(pair.second), pair.second))


def _metrics(first: TrialRecord, second: TrialRecord) -> tuple[MetricPair, ...]:
    pairs = []
    for name in dict.fromkeys([*first.metrics, *second.metrics]):
        one, other = first.metrics.get(name), second.metrics.get(name)
        if one != other:
            gap = None if one is None or other is None else other - one
            pairs.append(MetricPair(name=name, first=one, second=other, difference=gap))
    return tuple(pairs)
