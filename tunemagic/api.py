"""The magics' twins for scripts and other notebooks: ``tune`` and ``tflite`` as functions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tunemagic.errors import DataError, ExportError, OptionError
from tunemagic.events import Direction
from tunemagic.request import (
    DEFAULT_EPOCHS,
    DEFAULT_KEEP,
    DEFAULT_MAX_FAILURES,
    Objective,
    Pruner,
    QuantMode,
    Tuner,
    TuneRequest,
    ValKind,
    ValSplit,
)

if TYPE_CHECKING:
    from tunemagic.analysis.finding import Findings
    from tunemagic.export.result import ExportResult
    from tunemagic.plots import Picture
    from tunemagic.study import Study
    from tunemagic.studybook import StudyBook

__all__ = ["diagnose", "explain", "tflite", "tune"]

Word = TypeVar("Word", bound=StrEnum)


def tune(
    build: Callable[[Any], Any] | Any,
    *,
    data: tuple[Any, Any] | Any,
    val: float | tuple[Any, Any] | None = None,
    name: str | None = None,
    objective: str | Sequence[str] | None = None,
    tuner: str = Tuner.AUTO,
    pruner: str = Pruner.AUTO,
    max_trials: int | None = None,
    minutes: float | None = None,
    epochs: int = DEFAULT_EPOCHS,
    repeats: int = 1,
    folds: int | None = None,
    workers: int | None = None,
    cluster: Any = None,
    memory_gb: float | None = None,
    max_params: int | None = None,
    max_kb: float | None = None,
    max_ms: float | None = None,
    quant: str | None = None,
    measure: Callable[[Any], Mapping[str, float]] | None = None,
    keep: int = DEFAULT_KEEP,
    max_failures: int = DEFAULT_MAX_FAILURES,
    seed: int | None = None,
    new: bool = False,
    resume: bool = False,
    wait: bool = True,
    directory: str | Path = ".tunemagic",
) -> Study:
    """Search the best hyperparameters of the model that ``build(hp)`` returns.

    Calling it again with the same arguments goes on with the study of this name, or gives it back
    when nothing is left to do. Ctrl-C ends the search and keeps everything.

    Args:
        build: A function of ``hp`` that returns a compiled Keras model, or a HyperModel.
        data: Arrays ``(x, y)`` with samples along the first axis, or ``x`` alone.
        val: A share of the data (default 0.2, shuffled) or arrays ``(x, y)``.
        name: The study's name, which is also its folder's.
        objective: ``"val_accuracy"`` or ``"my_metric:max"``; default ``"val_loss"``. Several for a
            Pareto search: the first one ranks the trials and chooses the best epoch.
        tuner: ``auto``, ``random``, ``grid``, ``bayesian``, ``hyperband``, ``tpe``, ``gp``, ``qmc``,
            ``cmaes`` or ``bohb``.
        pruner: ``auto``, ``none``, ``median`` or ``asha``: ends hopeless trials early.
        max_trials: Number of trials.
        minutes: End after this time; the first limit reached counts.
        epochs: Epochs of a trial.
        repeats: Train each trial this often with other seeds; its score is the mean.
        folds: Train each trial on this many splits of the data (in place of ``val``).
        workers: Trials at a time, each in a process of its own; 0 in this process. Default: one
            isolated worker when all that the builder needs can be sent to it.
        cluster: A Dask scheduler's address, client or cluster that trials run on.
        memory_gb: End a worker that uses more memory than this (GiB).
        max_params: Skip models with more weights than this.
        max_kb: Skip models whose TF Lite file is larger than this many kB (1000 bytes), before they are trained.
        max_ms: Skip models whose least time for one sample in LiteRT, on one thread, is more milliseconds.
        quant: How that file stores numbers: ``none`` (the default), ``dynamic``, ``float16`` or ``int8``.
            Its ``size_kb`` and ``latency_ms`` can be further objectives.
        measure: A function of the trained model that returns further values by name. They can be
            objectives; ``parameters`` is always measured.
        keep: How many of the best weights are kept on disk.
        max_failures: End after this many failed trials in a row.
        seed: Seed of the search, the split and the weights.
        new: Start afresh; an earlier study of this name is set aside.
        resume: Go on although the builder has changed.
        wait: Wait for the end; otherwise return while the search runs in a thread.
        directory: The folder that holds the studies' folders.

    Raises:
        TuneError: An argument, the data or the model can't be used; nothing was written then.
    """
    from tunemagic.continuity import DEFAULT_SEED
    from tunemagic.search.cell import program_from_builder
    from tunemagic.search.data import data_from_arrays
    from tunemagic.studybook import needs_run

    texts = [objective] if isinstance(objective, str) else list(objective or ())
    objectives = [_objective(text) for text in texts]
    request = TuneRequest(
        name=name,
        new=new,
        resume=resume,
        seed=seed,
        tuner=_word(Tuner, tuner, "tuner"),
        pruner=_word(Pruner, pruner, "pruner"),
        objective=objectives[0] if objectives else None,
        objectives=tuple(objectives[1:]),
        repeats=repeats,
        folds=folds,
        workers=workers,
        cluster=None if cluster is None else str(cluster),
        memory_gb=memory_gb,
        max_params=max_params,
        max_kb=max_kb,
        max_ms=max_ms,
        quant=None if quant is None else _word(QuantMode, quant, "quant"),
        max_trials=max_trials,
        minutes=minutes,
        epochs=epochs,
        val=ValSplit(kind=ValKind.FRACTION, fraction=val) if isinstance(val, float) else None,
        keep=keep,
        max_failures=max_failures,
        background=not wait,
    )
    x, y = data if isinstance(data, tuple) else (data, None)
    split = request.val if val is None or isinstance(val, float) else _pair(val)
    training = data_from_arrays(x, y, split, seed=DEFAULT_SEED if seed is None else seed)
    program = program_from_builder(build)
    study = _book(Path(directory).absolute()).open(
        request, program, training, sources=program.sources, cluster=cluster, measure=measure
    )
    if needs_run(study):
        study.start()
    if wait:
        _wait(study)
    return study


def tflite(
    model: Any,
    modes: Sequence[str] | str = QuantMode.NONE,
    *,
    data: tuple[Any, Any] | Any = None,
    representative: Any = None,
    path: str | Path | None = None,
    max_kb: float | None = None,
    max_ms: float | None = None,
    force: bool = False,
    flex: bool = False,
) -> tuple[ExportResult, ...]:
    """Convert a study's best model or any Keras model to TF Lite files, run and compare each.

    Args:
        model: A Study or a built Keras model.
        modes: One or several of ``none``, ``dynamic``, ``float16``, ``int8``, ``int16x8``, ``int4``, ``mixed``;
            ``all`` of them; or ``best``: all are made and stay, the answer is the best one within the limits.
        data: Held-out ``(x, y)`` or ``x``; a study has its own.
        representative: Inputs that int8, int16x8 and mixed look at.
        path: Where the file goes; default: the study's folder, or the model's name here.
        max_kb: The limit of size for ``best``, in kB (1000 bytes).
        max_ms: The limit of the least time for one sample for ``best``, in milliseconds.
        force: Replace files that tunemagic did not write.
        flex: Let operations without a TF Lite form stay TensorFlow's own; such a file can't be verified.

    Raises:
        TuneError: The model, the data or the folder can't be used, or no file keeps to the limits.
    """
    from tunemagic.events import Direction
    from tunemagic.export.best import choose
    from tunemagic.export.modes import every_mode
    from tunemagic.study import Study

    options = {"data": data, "representative": representative, "path": path, "force": force, "flex": flex}
    if modes != "best":
        if (max_kb, max_ms) != (None, None):
            raise OptionError('max_kb and max_ms are limits for modes="best"; add it, or leave them out.')
        given = [modes] if isinstance(modes, str) else modes
        wanted = every_mode() if modes == "all" else [_word(QuantMode, mode, "modes") for mode in given]
        return _converted(model, wanted, **options)
    results = _converted(model, every_mode(), **options)
    higher = model.view.direction is Direction.MAX if isinstance(model, Study) else None
    choice = choose(results, max_kb=max_kb, max_ms=max_ms, higher_is_better=higher)
    if choice.result is None:
        raise ExportError(choice.sentence())
    return (choice.result,)


def _converted(
    model: Any, wanted: Sequence[QuantMode], *, data: Any, path: str | Path | None, **options: Any
) -> tuple[ExportResult, ...]:
    from tunemagic.export import convert_tflite, split_target
    from tunemagic.study import Study

    if isinstance(model, Study):
        return model.export_tflite(wanted, data=data, path=path, **options)
    if data is None:
        raise DataError(
            "data: a model that was not tuned here needs data to be compared on; pass data=(x_test, y_test)."
        )
    x, y = data if isinstance(data, tuple) else (data, None)
    folder, stem = split_target(
        f"{model.name}.tflite" if path is None else path, model.name, [("tflite", mode) for mode in wanted]
    )
    return convert_tflite(
        model,
        wanted,
        x_eval=x,
        y_eval=y,
        directory=folder,
        stem=stem,
        **options,
    )


def diagnose(
    what: Study | Any,
    *,
    data: Any = None,
    val: Any = None,
    classes: int | None = None,
    batch_size: int | None = None,
    seconds: float | None = None,
) -> Findings:
    """What is wrong with a model and what to try: of a study, or of one training with ``model.fit``.

    Args:
        what: A Study, what ``fit`` returned, its dict of lists, or the model that was fitted.
        data: What was trained on, ``(x, y)`` or a dataset; a study has its own. With it, leaks and
            units that never answer are found as well.
        val: What was validated on, the same.
        classes: Number of classes, where there is no data to count them in.
        batch_size: That of ``fit`` where it was given one.
        seconds: How long ``fit`` took; without it that is estimated from a few batches.

    Raises:
        TuneError: There is no curve to look at, the data has no targets, or ``val`` stands alone.
    """
    from tunemagic.checkup import diagnose_training
    from tunemagic.study import Study

    if isinstance(what, Study):
        return what.diagnose()
    return diagnose_training(what, data=data, val=val, classes=classes, batch_size=batch_size, seconds=seconds)


def explain(
    what: Study | Any,
    how: str | None = None,
    *,
    data: Any = None,
    samples: int | Sequence[int] | None = None,
    columns: Sequence[str] | None = None,
    baseline: Any = None,
    repeats: int = 10,
    seed: int = 0,
    lang: str = "en",
) -> Picture:
    """What a model's answers rest on, as a picture; its ``info`` holds the numbers.

    Args:
        what: A Study, for its best model, or a built Keras model with one input and one output.
        how: ``permutation`` (how much worse the score gets when a column is shuffled), ``gradients``
            (integrated gradients: what each number of a sample adds to the answer) or ``saliency``
            (how strongly the answer reacts to it). Default: ``permutation`` for tables unless
            ``samples`` are chosen, and ``gradients`` for everything else.
        data: Held-out ``(x, y)``; of a study the validation part is the default.
        samples: Rows to explain, at most 8. Default: the first ones of up to four different answers.
        columns: Names of the columns; a table has its own.
        baseline: The sample that stands for "nothing". Default: zeros for images, else the mean of ``x``.
        repeats: How often each column is shuffled.
        seed: Seed of the shuffles.
        lang: ``en`` or ``zh``.

    Raises:
        DataError: The data does not fit, or the answers are neither classes nor one number.
        OptionError: ``how`` is unknown, a sample is out of range, or gradients can't be taken.
    """
    from tunemagic.explained import texts_in
    from tunemagic.explainer import explain_model
    from tunemagic.plots import explanation_picture
    from tunemagic.study import Study

    options: dict[str, Any] = {"how": how, "samples": samples, "columns": columns, "baseline": baseline}
    if isinstance(what, Study):
        return what.explain(data=data, repeats=repeats, seed=seed, lang=lang, **options)
    if data is None:
        raise DataError(
            "data: a model that was not tuned here needs data to be explained on; pass data=(x_test, y_test)."
        )
    texts = texts_in(lang, "explain")
    x, y = data if isinstance(data, tuple) else (data, None)
    return explanation_picture(explain_model(what, x, y, repeats=repeats, seed=seed, **options), texts)


@functools.cache
def _book(root: Path) -> StudyBook:
    """One book for each folder, so that a second call finds the first one's study."""
    from tunemagic.studybook import StudyBook

    return StudyBook(root)


def _wait(study: Study) -> None:
    """Wait for the study; Ctrl-C asks it to stop, a second Ctrl-C raises KeyboardInterrupt."""
    try:
        while not study.wait(0.1):
            pass
    except KeyboardInterrupt:
        study.stop()
        while not study.wait(0.1):
            pass


def _word(words: type[Word], text: str, argument: str) -> Word:
    try:
        return words(text)
    except ValueError:
        raise OptionError(f"{argument}: expected one of {', '.join(words)}; received {text!r}.") from None


def _pair(val: Any) -> tuple[Any, Any]:
    if not isinstance(val, tuple) or len(val) != 2:
        raise OptionError(f"val: expected a share such as 0.2, or (x, y); received {type(val).__name__}.")
    return val


def _objective(text: str) -> Objective:
    name, colon, direction = text.rpartition(":")
    return Objective(name=name, direction=_word(Direction, direction, "objective")) if colon else Objective(name=text)
