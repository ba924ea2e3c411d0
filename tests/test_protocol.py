"""The events, the view and the panel's messages mean the same in Python and in TypeScript."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden.make import unpacked
from tunemagic import __version__
from tunemagic.journal import read_journal
from tunemagic.trial import replay
from tunemagic.widgets.wire import PanelStatus, event_batch, snapshot, view_to_json

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden"
STATUS = PanelStatus(session="aaaa00000001", waiting=True, converting=None, read_only="")


def golden_events(name, folder):
    (folder / "journal.jsonl").write_bytes((GOLDEN / f"{name}.jsonl").read_bytes())
    return read_journal(folder).events


def golden_names():
    return sorted(path.stem for path in GOLDEN.glob("*.jsonl"))


def test_the_committed_typescript_types_are_what_the_generator_writes():
    script = ROOT / "scripts" / "gen_protocol.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_npm_package_has_the_version_of_the_python_package():
    package = json.loads((ROOT / "labextension" / "package.json").read_text(encoding="utf-8"))
    assert package["version"] == __version__


def test_every_kind_of_event_is_in_a_golden_journal():
    from tunemagic.events import event_types

    text = "".join((GOLDEN / f"{name}.jsonl").read_text(encoding="utf-8") for name in golden_names())
    assert [name for name in event_types() if f'"type":"{name}"' not in text] == []


def test_some_golden_journals_were_written_before_the_newer_fields():
    texts = {name: (GOLDEN / f"{name}.jsonl").read_text(encoding="utf-8") for name in golden_names()}
    earlier = ["exported", "failed", "finished", "not_finite", "resumed", "stopped"]
    assert [name for name, text in texts.items() if '"strategy_reason"' not in text] == earlier


@pytest.mark.parametrize("name", golden_names())
def test_a_golden_journal_gives_its_golden_view(name, tmp_path):
    expected = json.loads((GOLDEN / f"{name}.view.json").read_text(encoding="utf-8"))
    events = golden_events(name, tmp_path)
    view = replay(events)
    found = {
        "events": event_batch(events)["events"],
        "view": view_to_json(view),
        **unpacked(*snapshot(view, status=STATUS, age=0.5)),
    }
    assert json.loads(json.dumps(found, allow_nan=False)) == expected
