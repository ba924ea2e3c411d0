"""What training the best values again from other seeds showed: mean, spread, and whether the gain is more than luck."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from enum import StrEnum

from tunemagic.analysis.noise import Noise, NoiseSource, pooled_spread, welch
from tunemagic.analysis.wording import number_text, verified_text
from tunemagic.events import Direction
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.space import Value
from tunemagic.trial import StudyView, TrialRecord

__all__ = [
    "VerificationInfo",
    "VerifiedRole",
    "VerifiedRow",
    "trials_to_verify",
    "verification_info",
    "verification_verdict",
]


class VerifiedRole(StrEnum):
    """Why a trial is among those that are trained again."""

    BEST = "best"
    RUNNER_UP = "runner_up"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRow:
    """A trial's score in the search, and those of its new trainings with their mean and standard deviation."""

    trial: int
    role: VerifiedRole
    score: float
    scores: tuple[float, ...]
    mean: float
    spread: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class VerificationInfo:
    """The best trial first. ``gains[i]`` is the noise between trial ``rows[i + 1]`` and the best one."""

    study: str
    objective: str
    direction: Direction
    rows: tuple[VerifiedRow, ...]
    gains: tuple[Noise, ...]

    def __repr__(self) -> str:
        said = [
            f"trial {row.trial} ({ENGLISH(f'compare.verify.{row.role}')}): {verified_text(row.scores)}"
            for row in self.rows
        ]
        return "\n".join([*said, *verification_verdict(self)])


def trials_to_verify(view: StudyView) -> tuple[tuple[TrialRecord, VerifiedRole], ...]:
    """The best trial, the next best one of other values, and one with the default values of the space.

    A trial stands there once; there may be no trial with the default values. Empty without a scored trial.
    """
    ranking = view.ranking()
    if not ranking:
        return ()
    best = ranking[0]
    chosen = [(best, VerifiedRole.BEST)]
    others = [trial for trial in ranking[1:] if trial.values != best.values]
    default = next((trial for trial in view.trials if trial.score is not None and _is_default(view, trial)), None)
    if others and (default is None or others[0].values != default.values):
        chosen.append((others[0], VerifiedRole.RUNNER_UP))
    if default is not None and default.values != best.values:
        chosen.append((default, VerifiedRole.DEFAULT))
    return tuple(chosen)


def _is_default(view: StudyView, trial: TrialRecord) -> bool:
    """Whether the trial has the default of each of its parameters; of one that was named later it had none."""
    defaults: dict[str, Value] = {}
    for parameter in view.space.parameters:
        if parameter.active(defaults):
            defaults[parameter.name] = parameter.default
    return all(name in defaults and defaults[name] == value for name, value in trial.values.items())


def verification_info(view: StudyView) -> VerificationInfo | None:
    """What is known of the best trial and its rivals from training them again; None while the best was not."""
    rows = [
        VerifiedRow(
            trial=trial.number,
            role=role,
            score=trial.score or 0.0,
            scores=trial.verified,
            mean=statistics.fmean(trial.verified),
            spread=statistics.stdev(trial.verified),
        )
        for trial, role in trials_to_verify(view)
        if len(trial.verified) > 1
    ]
    if not rows or rows[0].role is not VerifiedRole.BEST:
        return None
    (best, *others), pooled = rows, pooled_spread(view)
    return VerificationInfo(
        study=view.study,
        objective=view.objective,
        direction=view.direction,
        rows=tuple(rows),
        gains=tuple(welch(other.scores, best.scores, NoiseSource.VERIFIED, pooled) for other in others),
    )


def verification_verdict(info: VerificationInfo, texts: Catalogue = ENGLISH) -> tuple[str, ...]:
    """For each rival whether the best trial's gain is inside the noise, in words."""
    best, *others = info.rows
    if not others:
        return (texts("compare.verify.alone"),)
    return tuple(
        _gain_text(info.direction, best, other, noise, texts) for other, noise in zip(others, info.gains, strict=True)
    )


def _gain_text(direction: Direction, best: VerifiedRow, other: VerifiedRow, noise: Noise, texts: Catalogue) -> str:
    gains = noise.difference if direction is Direction.MAX else -noise.difference
    how = "unknown" if noise.margin is None else "worse" if gains < 0 else "inside" if noise.inside else "outside"
    return texts(
        f"compare.verify.{how}",
        trial=best.trial,
        other=other.trial,
        difference=number_text(float(f"{abs(gains):.3g}")),
        margin=number_text(float(f"{noise.margin or 0.0:.3g}")),
    )
