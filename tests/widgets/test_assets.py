"""Files that the front end's build makes."""

import pytest

from tunemagic.errors import StudyError
from tunemagic.widgets import demo
from tunemagic.widgets.panel import asset


def test_a_file_that_was_not_built_is_told_with_what_else_its_own_line_offers(monkeypatch, tmp_path):
    monkeypatch.setattr("tunemagic.widgets.panel._STATIC", tmp_path)
    with pytest.raises(StudyError, match=r"none\.js is missing\. Run `make build`, or use --view text\.$"):
        asset("none.js", instead="or use --view text")
    asset.cache_clear()
    with pytest.raises(StudyError, match=r"demo\.js is missing\. Run `make build`, or ask .*model\.predict\(x\)"):
        demo.Demo(None)
    asset.cache_clear()
