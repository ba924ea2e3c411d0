"""The verbs of ``%tune`` that judge trials: check, why, compare, best."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from IPython.display import display

from tunemagic.analysis.compare import CompareInfo, compare_verdict, difference_texts
from tunemagic.analysis.finding import Findings
from tunemagic.analysis.held_out import HeldOutInfo, held_out_rows, held_out_verdict
from tunemagic.analysis.known import known_trial
from tunemagic.analysis.summary import numbered
from tunemagic.analysis.verification import VerificationInfo, trials_to_verify, verification_verdict
from tunemagic.analysis.why import explain_trial
from tunemagic.analysis.wording import number_text, seconds_text
from tunemagic.checkup import diagnose_training, is_history
from tunemagic.errors import OptionError, StudyError
from tunemagic.i18n import Catalogue
from tunemagic.judged import check_repeats
from tunemagic.magics.attend import wait_for_results
from tunemagic.magics.defaults import SearchDefaults
from tunemagic.magics.objects import arrays_in
from tunemagic.magics.steer import refuse_elsewhere
from tunemagic.magics.tables import Table, best_table
from tunemagic.magics.tokens import quoted
from tunemagic.prep import DataReport
from tunemagic.prep.checking import check_parts
from tunemagic.prep.samples import Part, read_part
from tunemagic.study import Study
from tunemagic.studybook import StudyBook
from tunemagic.text import did_you_mean
from tunemagic.trial import StudyView, TrialRecord

__all__ = ["JudgingVerbs"]


class JudgingVerbs(SearchDefaults):
    """Each method is a verb: it calls the study and shows what came of it."""

    shell: Any
    book: StudyBook

    @abstractmethod
    def _named_or_running(self, given: Mapping[str, Any]) -> Study: ...

    @abstractmethod
    def _texts(self, study: Study | None = None, lang: str | None = None) -> Catalogue: ...

    def _check(self, given: Mapping[str, Any]) -> None:
        found = self._checked(given)
        texts = self._texts(found if isinstance(found, Study) else None, given.get("lang"))
        findings = found.diagnose() if isinstance(found, Study) else found
        display({"text/plain": findings.text(texts), "text/html": findings.html(texts)}, raw=True)

    def _checked(self, given: Mapping[str, Any]) -> Study | Findings | DataReport:
        """The study that is meant, or what is found in a History in a variable, or in data alone."""
        name, namespace = given.get("target"), self.shell.user_ns
        if name is None and ("data" in given or "val" in given):
            return _check_data(given, namespace)
        value = namespace.get(name)
        if name is None or name in self.book.names():
            return self._named_or_running({} if name is None else {"name": name})
        if isinstance(value, Study):
            return value
        if not is_history(value):
            known = [
                *self.book.names(),
                *(each for each in namespace if not each.startswith("_") and is_history(namespace[each])),
            ]
            what = "is no study and no variable" if name not in namespace else f"is a {type(value).__name__}"
            raise OptionError(
                f"%tune check: {quoted(name)} {what}; expected a study, or a variable with what fit returned."
                f"{did_you_mean(name, known)}"
            )
        data = {key: arrays_in("check", given[key], namespace) for key in ("data", "val") if key in given}
        return diagnose_training(value, **data)

    def _why(self, given: Mapping[str, Any]) -> None:
        study = self._named_or_running(given)
        number = given["trial"]
        known_trial(study.view, number, study.name)
        texts = self._texts(study, given.get("lang"))
        rows = explain_trial(study.view, number, study.log(number), texts)
        caption = texts("table.why_caption", study=study.view.study, trial=number)
        display(Table(caption=caption, columns=("", texts("table.what_happened")), rows=tuple(rows)).bundle(), raw=True)

    def _compare(self, given: Mapping[str, Any]) -> None:
        from tunemagic.plots import compare_picture

        study = self._named_or_running(given)
        info = study.compare(given["first"], given["second"])
        texts = self._texts(study, given.get("lang"))
        display(_compare_table(info, texts).bundle(), raw=True)
        if info.first.curve or info.second.curve:
            display(compare_picture(info, texts))

    def _best(self, given: Mapping[str, Any]) -> None:
        study = self.book.get(given.get("name"))
        texts = self._texts(study, given.get("lang"))
        wait_for_results(study, texts)
        study.best_trial  # noqa: B018 - raises when no trial has a score
        if "out" in given:
            self.shell.user_ns[given["out"]] = study.best_model
        if "verify" in given:
            refuse_elsewhere(study, "verified")
            check_repeats(given["verify"])
        tested = self._tested(study, given["test"]) if "test" in given else None
        display(best_table(study.view, texts).bundle(), raw=True)
        if tested is not None:
            display(_held_out_table(tested, texts).bundle(), raw=True)
        if "verify" in given:
            self._verify(study, given["verify"], texts)

    def _tested(self, study: Study, names: tuple[str, ...]) -> HeldOutInfo:
        part = arrays_in("best --test", names, self.shell.user_ns)
        return study.test(*part) if isinstance(part, tuple) else study.test(part)

    def _verify(self, study: Study, repeats: int, texts: Catalogue) -> None:
        chosen = trials_to_verify(study.view)
        numbers = numbered((trial.number for trial, _ in chosen), texts)
        count, scores = repeats * len(chosen), list[int]()

        def tell(trial: int, score: float) -> None:
            scores.append(trial)
            line = texts(
                "compare.verify.training", done=len(scores), count=count, trial=trial, score=number_text(score)
            )
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

        if repeats > 1:
            line = texts("compare.verify.starting", study=study.name, count=count, trials=numbers)
            seconds = _training_seconds(study.view, repeats, [trial for trial, _ in chosen])
            takes = line if seconds is None else texts("compare.verify.takes", line=line, time=seconds_text(seconds))
            sys.stdout.write(takes + "\n")
        try:
            info = study.verify(repeats, on_training=tell)
        except KeyboardInterrupt:
            kept = [trial for trial in dict.fromkeys(scores) if scores.count(trial) == repeats]
            what = (
                f"the new scores of trial {', '.join(map(str, kept))} are kept" if kept else "no trial has all of its"
            )
            raise StudyError(
                f"interrupted after {len(scores)} of {count} trainings; {what}"
                f"{'' if kept else ' new scores, so none is kept'}. The study itself is as it was."
            ) from None
        display(_verification_table(info, texts).bundle(), raw=True)


def _training_seconds(view: StudyView, repeats: int, trials: Sequence[TrialRecord]) -> float | None:
    """Roughly how long it takes to train these again, as long as they took in the search; None when unknown."""
    known = [trial.seconds for trial in trials if trial.seconds is not None]
    if not known or not trials:
        return None
    return sum(known) / len(known) / view.repeats * repeats * len(trials) / max(1, view.workers)


def _check_data(given: Mapping[str, Any], namespace: Mapping[str, Any]) -> DataReport:
    if "data" not in given:
        raise OptionError("%tune check: received --val without --data; expected both, as in --data x_train,y_train.")
    train, *held_out = (_part(given[key], namespace) for key in ("data", "val") if key in given)
    return check_parts(train, held_out[0] if held_out else None)


def _part(names: tuple[str, ...], namespace: Mapping[str, Any]) -> Part:
    values = arrays_in("check", names, namespace)
    x, y = values if len(names) == 2 else (values, None)
    return read_part(x, y, (names[0], names[-1]))


def _compare_table(info: CompareInfo, texts: Catalogue) -> Table:
    first, second = info.first.trial, info.second.trial
    return Table(
        caption=texts("compare.caption", study=info.study, first=first, second=second),
        columns=(
            texts("compare.column.what"),
            *(texts("compare.column.trial", trial=number) for number in (first, second)),
            texts("compare.column.difference"),
        ),
        rows=difference_texts(info),
        notes=compare_verdict(info, texts),
    )


def _held_out_table(info: HeldOutInfo, texts: Catalogue) -> Table:
    columns = ("part", "samples", "score", "range")
    return Table(
        caption=texts("held_out.caption", study=info.study, trial=info.trial, metric=info.metric),
        columns=tuple(texts(f"held_out.column.{name}") for name in columns),
        rows=held_out_rows(info, texts),
        notes=held_out_verdict(info, texts),
    )


def _verification_table(info: VerificationInfo, texts: Catalogue) -> Table:
    columns = ("name", "role", "score", "verified", "mean", "spread")
    return Table(
        caption=texts(
            "compare.verify.caption", study=info.study, objective=info.objective, runs=len(info.rows[0].scores)
        ),
        columns=tuple(texts(f"compare.column.{name}") for name in columns),
        rows=tuple(
            (
                str(row.trial),
                texts(f"compare.verify.{row.role}"),
                number_text(row.score),
                ", ".join(map(number_text, row.scores)),
                number_text(row.mean),
                number_text(float(f"{row.spread:.2g}")),
            )
            for row in info.rows
        ),
        notes=verification_verdict(info, texts),
    )
