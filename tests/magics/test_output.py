import threading
from dataclasses import replace

import pytest
from IPython.utils.capture import capture_output

from tunemagic.errors import StudyError
from tunemagic.magics.output import CellOutput
from tunemagic.request import ViewKind
from tunemagic.trial import StudyState, StudyView, TrialRecord, TrialState

pytestmark = pytest.mark.usefixtures("shell")

RECORD = {"text/plain": "record", "text/html": "<p>record</p>"}


class FakeStudy:
    name = "digits"

    def __init__(self):
        self.view = StudyView(study="digits", state=StudyState.RUNNING, max_trials=5)
        self.ended = threading.Event()

    def wait(self, timeout=None):
        return self.ended.wait(timeout)

    def end_trial(self):
        number = len(self.view.trials) + 1
        trial = TrialRecord(
            number=number, attempt=1, values={}, state=TrialState.COMPLETED, epochs=1, why="", started=0.0
        )
        self.view = replace(self.view, trials=(*self.view.trials, trial))


class FakePanel:
    def __init__(self):
        self.first_contact = threading.Event()
        self.detached = threading.Event()
        self.waiting = False
        self.closed = False

    def close(self):
        self.closed = True

    def _repr_mimebundle_(self, **more):
        return {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "panel"}


class Screen:
    """A CellOutput, its study, panel and clock, and what it published."""

    def __init__(self, kind=ViewKind.FULL, in_kernel=True, make_record=lambda view: RECORD, make_panel=None, **more):
        self.study = FakeStudy()
        self.panel = FakePanel()
        self.time = 100.0
        self.kinds = []
        self.output = CellOutput(
            self.study,
            kind,
            in_kernel=in_kernel,
            contact_seconds=3.0,
            make_panel=make_panel or (lambda study, kind: self.kinds.append(kind) or self.panel),
            make_record=make_record,
            now=lambda: self.time,
            **more,
        )


@pytest.fixture
def published():
    """Everything published, as (text, display id or None, is an update); terminal text as it is."""

    class Published:
        def __init__(self, captured):
            self._captured = captured

        def list(self):
            return [
                (each.data["text/plain"], (each.transient or {}).get("display_id"), each.update)
                for each in self._captured.outputs
            ]

        def texts(self):
            return [text for text, _, _ in self.list()]

    with capture_output() as captured:
        yield Published(captured)


def followers():
    return [thread for thread in threading.enumerate() if thread.name == "tunemagic-output-digits"]


def join_followers():
    for thread in followers():
        thread.join()


LINE = "digits: trial 0/5 · no score yet · 0:00 elapsed"
AFTER = "digits: trial 1/5 · no score yet · 0:00 elapsed · about 0:00 left"


def test_the_record_replaces_the_panel_under_the_same_display_id(published):
    screen = Screen()
    screen.output.open()
    screen.output.close()
    (panel, first, updated), (record, second, replaced) = published.list()
    assert (panel, updated, record, replaced) == ("panel", False, "record", True)
    assert first == second is not None


@pytest.mark.parametrize("kind", [ViewKind.FULL, ViewKind.COMPACT])
def test_the_panel_is_made_in_the_wanted_size(kind, published):
    screen = Screen(kind)
    screen.output.open()
    assert screen.kinds == [kind]


def test_a_panel_that_was_seen_stays(published):
    screen = Screen()
    screen.output.open()
    screen.panel.first_contact.set()
    screen.time += 1000
    screen.output.tick()
    assert published.texts() == ["panel"]
    assert not screen.panel.closed


def test_a_panel_that_nobody_shows_gives_way_to_text_and_a_hint(published):
    screen = Screen()
    screen.output.open()
    screen.time += 2.9
    screen.output.tick()
    assert published.texts() == ["panel"]
    screen.time += 0.2
    screen.output.tick()
    panel, text = published.list()
    assert text[1:] == (panel[1], True)
    first, hint = text[0].splitlines()
    assert first == LINE
    assert hint.startswith("No front end showed the live panel within 3 s, so this is the text view.")
    assert "`pip install tunemagic` in the environment that runs JupyterLab or Notebook" in hint
    assert not screen.panel.closed
    screen.output.close()
    assert published.list()[-1] == ("record", panel[1], True)


def test_a_front_end_that_comes_late_gets_the_panel_back(published):
    screen = Screen()
    screen.output.open()
    screen.time += 4
    screen.output.tick()
    screen.panel.first_contact.set()
    screen.output.tick()
    screen.time += 4
    screen.output.tick()
    panel, text, back = published.list()
    assert back == ("panel", panel[1], True)
    assert "No front end" in text[0]


def test_a_compact_panel_is_closed_with_its_cell_and_a_full_one_is_kept(published):
    for kind, closed in ((ViewKind.COMPACT, True), (ViewKind.FULL, False)):
        screen = Screen(kind)
        screen.output.open()
        screen.output.close()
        assert screen.panel.closed is closed


def test_text_is_rewritten_at_most_once_a_second_and_only_when_it_changed(published):
    screen = Screen(ViewKind.TEXT)
    screen.output.open()
    screen.study.end_trial()
    screen.output.tick()
    assert published.texts() == [LINE]
    screen.time += 1.0
    screen.output.tick()
    screen.time += 1.0
    screen.output.tick()
    assert published.texts() == [LINE, AFTER]
    assert [updated for _, _, updated in published.list()] == [False, True]


def test_a_panel_that_cant_be_made_gives_way_to_text(published):
    def fail(study, kind):
        raise StudyError("the panel was not built.")

    Screen(make_panel=fail).output.open()
    assert published.texts() == [f"{LINE}\nthe panel was not built."]


def test_detach_is_offered_while_a_cell_waits(published):
    screen = Screen()
    screen.panel.detached.set()  # from an earlier wait on the same panel
    screen.output.open()
    assert screen.panel.waiting
    assert not screen.output.detached()
    screen.output.follow()
    assert not screen.panel.waiting
    screen.study.ended.set()
    join_followers()


def test_view_none_shows_nothing(published):
    screen = Screen(ViewKind.NONE)
    screen.output.open()
    screen.output.tick()
    screen.output.follow()
    screen.output.close()
    assert published.list() == []


def test_the_record_comes_once(published):
    screen = Screen()
    screen.output.open()
    screen.output.close()
    screen.output.close()
    screen.output.tick()
    assert published.texts() == ["panel", "record"]


def test_an_ended_study_gets_its_record_without_a_panel(published):
    screen = Screen()
    screen.output.close()
    assert published.texts() == ["record"]


def test_a_terminal_gets_one_line_for_each_ended_trial_and_the_record(published):
    screen = Screen(in_kernel=False)
    screen.output.open()
    for _ in range(3):
        screen.time += 5
        screen.output.tick()
    screen.study.end_trial()
    screen.time += 5
    screen.output.tick()
    screen.output.close()
    assert published.texts() == [LINE, AFTER, "record"]
    assert not any(updated for _, _, updated in published.list())


def test_detach_is_known_when_the_panel_says_so(published):
    screen = Screen()
    screen.output.open()
    assert not screen.output.detached()
    screen.panel.detached.set()
    assert screen.output.detached()


def test_a_followed_study_gets_its_record_when_it_ends(published):
    made = threading.Event()

    def make_record(view):
        made.set()
        return RECORD

    screen = Screen(make_record=make_record)
    screen.output.open()
    screen.output.follow()
    screen.study.ended.set()
    assert made.wait(10)
    join_followers()
    assert published.texts() == ["panel", "record"]


def test_following_in_a_terminal_prints_nothing(published):
    screen = Screen(in_kernel=False)
    screen.study.ended.set()
    screen.output.follow()
    assert published.list() == []
    assert followers() == []


def test_a_kernel_is_told_once_how_to_get_the_panel(published):
    hinted = threading.Event()
    for _ in range(2):
        screen = Screen(hinted=hinted)
        screen.output.open()
        screen.time += 4
        screen.output.tick()
    assert ["No front end" in text for text in published.texts()] == [False, True, False, False]


def test_the_record_of_a_study_behind_the_notebook_comes_again_from_the_cell_that_ends_after_it(published):
    watchers = []

    def after_cell(action):
        watchers.append(action)
        return watchers.clear

    screen = Screen(after_cell=after_cell)
    screen.output.open()
    screen.output.follow()
    watchers[0]()  # a cell ends while the search runs
    assert published.texts() == ["panel"]
    screen.study.ended.set()
    join_followers()
    watchers[0]()
    assert published.texts() == ["panel", "record", "record"]
    assert watchers == []
