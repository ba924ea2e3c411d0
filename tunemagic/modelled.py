"""What a study gives: its best values, its models with their weights, exported files."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunemagic import events as ev
from tunemagic.errors import StorageError, StudyError
from tunemagic.part import StudyPart
from tunemagic.randomness import seeded
from tunemagic.search.borrowed import borrowed_by
from tunemagic.search.cell import TrialSetup
from tunemagic.search.data import TrainingData, held_out_arrays
from tunemagic.search.folds import Fold, joined
from tunemagic.search.hyperparameters import new_hyperparameters
from tunemagic.search.job import TrialProgram
from tunemagic.search.parts import fold_of, run_on
from tunemagic.search.seeds import own_names, run_seed, trial_seed
from tunemagic.search.settings import used_settings
from tunemagic.search.train import build_weights
from tunemagic.search.weights import WeightsFolder, load_weights
from tunemagic.space import Value
from tunemagic.trial import TrialRecord

if TYPE_CHECKING:
    from tunemagic.flips import FlipsInfo
    from tunemagic.script import Winner

__all__ = ["Modelled"]


class Modelled(StudyPart):
    """The part of a Study that gives models. All of it may be called from any thread."""

    directory: Path
    program: TrialProgram | None
    data: TrainingData | None
    _weights: WeightsFolder
    _settings: Mapping[str, Any]
    _best_lock: threading.Lock
    _best: tuple[int, int, Any] | None  # trial, attempt and model

    @property
    def best_trial(self) -> TrialRecord:
        """The best trial; waits for a running study. Raises StudyError for a paused one, and without any score."""
        self.wait_for_results()
        best = self.view.best_trial
        if best is None:
            raise StudyError(f"study {self.name} has no trial with a score yet.")
        return best

    @property
    def best_values(self) -> Mapping[str, Value]:
        """The best trial's hyperparameter values; waits for a running study."""
        return dict(self.best_trial.values)

    @property
    def best_model(self) -> Any:
        """The best trial's Keras model, compiled, with the weights of its best epoch.

        Waits for a running study. When the best weights file is damaged, the next best trial's
        model is given, and a note says so. Raises StudyError when none can be given.
        """
        self.best_trial  # noqa: B018 - waits, and raises when there is nothing to give
        with self._best_lock:
            for trial in self.view.ranking():
                if trial.weights is None:
                    continue
                if self._best is None or self._best[:2] != (trial.number, trial.attempt):
                    try:
                        self._best = (trial.number, trial.attempt, self.build_model(trial.number))
                    except StorageError as error:
                        if self.writable:
                            self._ledger.record(ev.StudyNoted(text=f"trial {trial.number} is passed over: {error}"))
                        continue
                return self._best[2]
        raise StudyError(f"study {self.name} has no weights on disk that can be used. Run it again with --new.")

    def build_model(self, number: int) -> Any:
        """The user's model with this trial's values and kept weights.

        Raises StudyError without a cell, StorageError when the weights are gone or altered.
        """
        return self._rebuild(number)[0]

    def _rebuild(self, number: int) -> tuple[Any, TrainingData]:
        """A fresh model of this trial and the data as the trial's cell left it."""
        setup, data = self._rebuild_setup(number)
        return setup.model, data

    def _rebuild_setup(self, number: int) -> tuple[TrialSetup, TrainingData]:
        """All that the trial's cell built, with the kept weights, and the data as it left it."""
        trial = self.view.trial(number)
        if self.program is None or self.data is None:
            raise StudyError(
                f"study {self.name} was read from disk; `%tune resume {self.name}`, or its cell, gives its models."
            )
        if trial.weights is None:
            raise StorageError(f"the weights of trial {number} were not kept. Raise --keep to keep more.")
        hp = new_hyperparameters()
        hp.values = dict(trial.values)
        setup, data, _ = self._built(trial, hp)
        return setup, data

    def _built(self, trial: TrialRecord, hp: Any) -> tuple[TrialSetup, TrainingData, Fold | None]:
        """What the cell makes of these values, with the trial's weights; the data and the fold as it left them."""
        if self.program is None or self.data is None or trial.weights is None:
            raise StudyError(f"study {self.name} was read from disk; its cell gives its models.")
        # As in the trial: what the cell draws at random, such as fixed features, belongs to the weights.
        run = trial.best_run(self.view.direction)
        seed = run_seed(trial_seed(self.view.seed, trial.number), run)
        fold = fold_of(self.data, self.view.folds, run, seed=self.view.seed)
        with used_settings(self._settings), seeded(seed), own_names(borrowed_by(self.program).names()):
            setup, data, fold = run_on(self.program, hp, self.data, fold)
            build_weights(setup.model, data)
        load_weights(setup.model, self._weights.path(trial.weights), trial.weights.sha256)
        return setup, data, fold

    def winner(self) -> Winner:
        """What a script of the best trial is written from; built afresh, waits for a running study.

        Raises StudyError without a cell or a trial that has weights.
        """
        from tunemagic.script import CallRecorder, Winner

        trial = self.view.trial(self._best_number())
        program, given = self.program, self.data
        if program is None or given is None:
            raise StudyError(f"study {self.name} was read from disk; its cell gives its models.")
        hp = new_hyperparameters()
        hp.values = dict(trial.values)
        recorder = CallRecorder(hp)
        setup, data, fold = self._built(trial, recorder)
        return Winner(
            name=self.name,
            view=self.view,
            trial=trial,
            program=program,
            given=given,
            setup=setup,
            data=data if fold is None else joined(data),
            fold=fold,
            seed=run_seed(trial_seed(self.view.seed, trial.number), trial.best_run(self.view.direction)),
            answers=recorder.answers,
        )

    def _best_afresh(self) -> tuple[int, Any, TrainingData]:
        """The best trial that has weights, its model and its data.

        Fresh from the weights on disk: the user may have trained the best model further.
        """
        number = self._best_number()
        return number, *self._rebuild(number)

    def _best_number(self) -> int:
        """The number of the best trial that has weights which can be used."""
        self.best_model  # noqa: B018 - waits, and passes over others
        return self.best_trial.number if self._best is None else self._best[0]

    def pair(self, export: ev.ModelExported) -> tuple[Any, Any, Any, tuple[str, ...]]:
        """The model that an artefact was made of, the validation inputs and targets, and names of their columns.

        Raises StudyError or StorageError when the model can't be had.
        """
        from tunemagic.export import EVALUATION_SAMPLES

        if export.trial is None:
            raise StudyError("this artefact belongs to no trial, so there is no model to compare it with.")
        model, data = self._rebuild(export.trial)
        return model, *held_out_arrays(data, EVALUATION_SAMPLES), data.columns

    def flips(self, export: ev.ModelExported) -> FlipsInfo:
        """The first validation samples that a TF Lite file answers otherwise than the model it was made of.

        Raises ExportError when the file was changed, StudyError or StorageError when its model can't be had.
        """
        from tunemagic.flips import flips_info

        return flips_info(export, *self.pair(export))
