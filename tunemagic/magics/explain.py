"""``%tune explain``: what a model's answers rest on, of a study's best model or of one in a variable."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from IPython.display import display

from tunemagic.errors import DataError, OptionError
from tunemagic.explainer import explain_model
from tunemagic.i18n import Catalogue
from tunemagic.magics.attend import wait_for_results
from tunemagic.magics.defaults import SearchDefaults
from tunemagic.magics.objects import arrays_in, is_model
from tunemagic.magics.tokens import quoted
from tunemagic.search.arrays import column_names
from tunemagic.study import Study
from tunemagic.studybook import StudyBook

__all__ = ["ExplainingVerb"]


class ExplainingVerb(SearchDefaults):
    """The verb ``explain``."""

    shell: Any
    book: StudyBook

    @abstractmethod
    def _texts(self, study: Study | None = None, lang: str | None = None) -> Catalogue: ...

    def _explain(self, given: Mapping[str, Any]) -> None:
        from tunemagic.plots import explanation_picture

        options: dict[str, Any] = {"how": given.get("how"), "samples": given.get("sample")}
        if "columns" in given:
            options["columns"] = _names(given["columns"], self.shell.user_ns)
        data = arrays_in("explain", given["data"], self.shell.user_ns) if "data" in given else None
        source = self._explained(given.get("name"))
        if isinstance(source, Study):
            texts = self._texts(source, given.get("lang"))
            wait_for_results(source, texts)
            picture = source.explain(data=data, lang=texts.language, **options)
        else:
            if data is None:
                raise DataError("%tune explain: a model that was not tuned here needs data; add --data x_test,y_test.")
            x, y = data if isinstance(data, tuple) else (data, None)
            info = explain_model(source, x, y, name=given["name"], **options)
            picture = explanation_picture(info, self._texts(lang=given.get("lang")))
        saved = picture.save(given["out"]) if "out" in given else None
        display(picture)
        sys.stdout.write(picture.text + "\n")
        if saved is not None:
            sys.stdout.write(self._texts(lang=given.get("lang"))("plot.saved", path=saved) + "\n")

    def _explained(self, name: str | None) -> Any:
        """The study that is meant, or the Keras model in a variable of this name."""
        value = self.shell.user_ns.get(name)
        if name is None or name in self.book.names() or value is None:
            return self.book.get(name)
        if isinstance(value, Study) or is_model(value):
            return value
        raise OptionError(
            f"%tune explain: {quoted(name)} is a {type(value).__name__}; expected a study, or a variable with a "
            "Keras model."
        )


def _names(variable: str, namespace: Mapping[str, Any]) -> tuple[str, ...]:
    """Column names: those of a table in this variable, or the texts in it."""
    value = arrays_in("explain", (variable,), namespace)
    return column_names(value) or tuple(map(str, value))
