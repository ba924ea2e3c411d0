"""``%tune plot``: a picture of a study, shown as PNG with its sentence, and written to a file on request."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from IPython.display import display

from tunemagic.i18n import Catalogue
from tunemagic.study import Study

__all__ = ["show_picture"]


def show_picture(study: Study, given: Mapping[str, Any], texts: Catalogue) -> None:
    """Draw ``given["kind"]`` of the study. Raises OptionError for a name that it doesn't have."""
    from tunemagic.plots import plot

    options = {name: given[name] for name in ("x", "y", "of") if name in given}
    picture = plot(study, given["kind"], texts=texts, **options)
    saved = picture.save(given["out"]) if "out" in given else None
    display(picture)
    if saved is not None:
        sys.stdout.write(texts("plot.saved", path=saved) + "\n")
