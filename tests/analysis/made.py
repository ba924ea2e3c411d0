"""Small studies made by hand: trials with values and scores, without any search."""

from tunemagic.events import Direction
from tunemagic.space import Condition, Kind, Parameter, Sampling, SearchSpace
from tunemagic.trial import StudyView, TrialRecord, TrialState

UNITS = Parameter(name="units", kind=Kind.INT, default=0, low=0, high=100)
RATE = Parameter(name="rate", kind=Kind.FLOAT, default=0.01, low=1e-4, high=1.0, sampling=Sampling.LOG)
ACT = Parameter(name="act", kind=Kind.CHOICE, default="relu", choices=("relu", "tanh", "gelu"))
DEEP = Parameter(name="deep", kind=Kind.BOOLEAN, default=False, choices=(False, True))
SECOND = Parameter(
    name="second", kind=Kind.INT, default=0, low=0, high=10, conditions=(Condition(parent="deep", values=(True,)),)
)


def trial(number, values=(), score=None, state=TrialState.COMPLETED, **more):
    return TrialRecord(
        **{
            "number": number,
            "attempt": 1,
            "values": dict(values),
            "state": state,
            "epochs": 3,
            "why": "",
            "started": 0.0,
            "score": score,
            **more,
        }
    )


def study(*trials, space=(), direction=Direction.MAX, **more):
    view = StudyView(
        study="digits", objective="score", direction=direction, space=SearchSpace(tuple(space)), trials=trials, **more
    )
    ranking = view.ranking()
    return StudyView(
        **{
            **{name: getattr(view, name) for name in StudyView.__dataclass_fields__},
            "best": ranking[0].number if ranking else None,
        }
    )
