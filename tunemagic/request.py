"""What the user asked for, checked, without behaviour."""

from __future__ import annotations

import keyword
import math
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from tunemagic.errors import OptionError
from tunemagic.events import Direction

__all__ = [
    "DEFAULT_EPOCHS",
    "DEFAULT_KEEP",
    "DEFAULT_MAX_FAILURES",
    "DEFAULT_TRIALS",
    "DEVICE_VALUES",
    "Lang",
    "Objective",
    "Pruner",
    "QuantMode",
    "Target",
    "TuneRequest",
    "Tuner",
    "ValKind",
    "ValSplit",
    "ViewKind",
    "check_study_name",
    "export_label",
]

DEFAULT_TRIALS = 20
DEFAULT_EPOCHS = 10
DEFAULT_KEEP = 3
DEFAULT_MAX_FAILURES = 3
DEVICE_VALUES = ("size_kb", "latency_ms")  # what is measured of a model as a TF Lite file
_NAME = re.compile(r"\w[\w .-]{0,63}")


class Tuner(StrEnum):
    """The search strategies on offer."""

    AUTO = "auto"  # a rule picks one and says why
    RANDOM = "random"
    GRID = "grid"
    BAYESIAN = "bayesian"
    HYPERBAND = "hyperband"
    TPE = "tpe"
    GP = "gp"
    QMC = "qmc"
    CMAES = "cmaes"
    BOHB = "bohb"  # Hyperband whose new configurations come from TPE


class Pruner(StrEnum):
    """Ways to end hopeless trials early, from their values after each epoch."""

    AUTO = "auto"
    NONE = "none"
    MEDIAN = "median"
    ASHA = "asha"


class ViewKind(StrEnum):
    """What the cell shows while a study runs."""

    FULL = "full"
    COMPACT = "compact"
    TEXT = "text"
    NONE = "none"


class Lang(StrEnum):
    """The language of records, tables and the panel."""

    AUTO = "auto"  # the page's, else the machine's
    EN = "en"
    ZH = "zh"


class QuantMode(StrEnum):
    """Ways to quantise a TF Lite file."""

    NONE = "none"
    DYNAMIC = "dynamic"
    FLOAT16 = "float16"
    INT8 = "int8"
    INT16X8 = "int16x8"  # advanced: activations in 16 bits; slow
    INT4 = "int4"
    MIXED = "mixed"  # 8 bits, and 4 where that hardly moves the answers


class Target(StrEnum):
    """What a model can be exported as."""

    KERAS = "keras"  # one .keras file
    JSON = "json"  # a folder with model.json and model.weights.h5
    SAVEDMODEL = "savedmodel"  # a folder with a serving signature
    TFLITE = "tflite"
    ONNX = "onnx"
    TORCH = "torch"
    OPENVINO = "openvino"  # a folder with model.xml and model.bin
    C = "c"  # a folder with C sources for a microcontroller
    CAFFE = "caffe"  # a folder with deploy.prototxt and model.caffemodel
    CODE = "code"  # a script of plain Keras that trains the winner again
    CARD = "card"  # a model card


def export_label(target: str, mode: str) -> str:
    """What messages about an artefact begin with: a TF Lite file by its mode, all else by its target."""
    return mode if target == Target.TFLITE else str(target)


class ValKind(StrEnum):
    """Where the validation data comes from."""

    FRACTION = "fraction"  # a seeded shuffle, stratified for class targets
    LAST = "last"  # the last part, for series
    NAMES = "names"  # variables of the notebook


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A metric's name as Keras logs it, and its direction where the user stated one."""

    name: str
    direction: Direction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValSplit:
    """How to get validation data: ``fraction`` for the first two kinds, ``names`` for the third."""

    kind: ValKind
    fraction: float = 0.0
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind is not ValKind.NAMES and not 0.0 < self.fraction < 1.0:
            raise OptionError(f"--val: expected a fraction between 0 and 1; received {self.fraction:g}. Try --val 0.2.")


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneRequest:
    """One search as asked for. None means "not said": the study fills in its default.

    ``name`` None lets the study be named after the notebook's first free ``study``, ``study-2`` ...
    ``objectives`` are further objectives beside ``objective``, for a Pareto search. ``workers`` 0
    means in the kernel, None one isolated worker when the cell can be sent to it; ``cluster`` is
    a Dask scheduler's address or the name of a variable that holds a client. ``measure`` names a
    function of the notebook that takes a trained model and returns further values by name.
    ``max_kb`` and ``max_ms`` are limits on the model as a TF Lite file whose numbers are stored as
    ``quant`` says: its size in units of 1000 bytes, and the time for one sample.
    Raises OptionError on a number out of range or options that exclude each other.
    """

    name: str | None = None
    new: bool = False
    resume: bool = False
    seed: int | None = None
    out: str | None = None
    tuner: Tuner = Tuner.AUTO
    pruner: Pruner = Pruner.AUTO
    objective: Objective | None = None
    objectives: tuple[Objective, ...] = ()
    max_trials: int | None = None
    minutes: float | None = None
    epochs: int = DEFAULT_EPOCHS
    repeats: int = 1
    folds: int | None = None
    workers: int | None = None
    cluster: str | None = None
    memory_gb: float | None = None
    max_params: int | None = None
    max_kb: float | None = None
    max_ms: float | None = None
    quant: QuantMode | None = None
    measure: str | None = None
    data: tuple[str, ...] | None = None
    val: ValSplit | None = None
    keep: int = DEFAULT_KEEP
    max_failures: int = DEFAULT_MAX_FAILURES
    background: bool = False
    dry_run: bool = False
    view: ViewKind = ViewKind.FULL
    lang: Lang = Lang.AUTO

    def __post_init__(self) -> None:
        if self.name is not None:
            check_study_name(self.name)
        if self.new and self.resume:
            raise OptionError("--new and --resume exclude each other: --new starts afresh, --resume goes on.")
        if self.out is not None and (not self.out.isidentifier() or keyword.iskeyword(self.out)):
            raise OptionError(f"--out: expected a Python variable name; received {self.out!r}.")
        _at_least("--max-trials", self.max_trials, 1)
        _at_least("--epochs", self.epochs, 1)
        _at_least("--keep", self.keep, 1)
        _at_least("--seed", self.seed, 0)
        _at_least("max_failures", self.max_failures, 1)
        _at_least("--repeats", self.repeats, 1)
        _at_least("--folds", self.folds, 2)
        _at_least("--workers", self.workers, 0)
        _at_least("--max-params", self.max_params, 1)
        if self.folds is not None and self.val is not None:
            raise OptionError("--folds and --val exclude each other: each fold is the validation data once.")
        if self.cluster is not None and self.workers == 0:
            raise OptionError("--cluster and --workers 0 exclude each other: 0 means in the kernel.")
        if self.cluster is not None and self.memory_gb is not None:
            raise OptionError(
                "--cluster and --memory-gb exclude each other: a Dask worker's memory is limited where it is started."
            )
        names = [each.name for each in (self.objective, *self.objectives) if each is not None]
        if len(set(names)) < len(names):
            raise OptionError(f"--objective: received {', '.join(names)}; expected each name once.")
        _above_zero("--memory-gb", self.memory_gb)
        _above_zero("--minutes", self.minutes)
        if self.quant is QuantMode.MIXED:
            raise OptionError(
                "--quant mixed: which weights get 4 bits is known only when they are trained; expected another mode to "
                "measure models by, such as int8 or int4."
            )
        _above_zero("--max-kb", self.max_kb)
        _above_zero("--max-ms", self.max_ms)

    @property
    def model_limits(self) -> str:
        """The limits on each model as options of a magic line, with the mode that they hold for; empty without any."""
        on_file = (self.max_kb, self.max_ms) != (None, None)
        given = {
            "--max-params": self.max_params,
            "--max-kb": None if self.max_kb is None else f"{self.max_kb:.15g}",
            "--max-ms": None if self.max_ms is None else f"{self.max_ms:.15g}",
            "--quant": self.quant if on_file else None,
        }
        return " ".join(f"{option} {value}" for option, value in given.items() if value is not None)

    @property
    def device_mode(self) -> QuantMode | None:
        """The mode of the TF Lite file that each model is measured as; None when none is measured.

        An objective of such a name is the user's own where ``measure`` gives further values.
        """
        names = {each.name for each in self.objectives} & set(DEVICE_VALUES) if self.measure is None else set()
        if self.quant is None and self.max_kb is None and self.max_ms is None and not names:
            return None
        return self.quant or QuantMode.NONE


def _above_zero(option: str, value: float | None) -> None:
    if value is not None and not 0 < value < math.inf:
        raise OptionError(f"{option}: expected a number above 0; received {value:g}.")


def _at_least(option: str, value: int | None, least: int) -> None:
    if value is not None and value < least:
        raise OptionError(f"{option}: expected a whole number of at least {least}; received {value}.")


def check_study_name(name: str) -> str:
    """The name in NFC, when it is fit to be a folder's name.

    Letters, digits, ``_``, blank, dot and dash; begins with a letter or digit; at most 64
    characters. Raises OptionError for anything else, so no name reaches outside the study root.
    """
    normal = unicodedata.normalize("NFC", name)
    if not _NAME.fullmatch(normal) or normal.endswith((" ", ".")) or len(normal.encode()) > 200:
        shown = ascii(name if len(name) <= 40 else name[:40] + "...")
        raise OptionError(
            f"study name: received {shown}; expected 1 to 64 letters, digits, '_', '-', '.' or blanks, "
            "beginning with a letter or digit. Try digits-1."
        )
    return normal
