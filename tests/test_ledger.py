"""The ledger: journal first, then the view, then the listeners, in one order and with one clock."""

import threading

import pytest

from tunemagic import events as ev
from tunemagic.errors import StorageError
from tunemagic.journal import Journal, read_journal
from tunemagic.ledger import Ledger
from tunemagic.trial import StudyState, replay


class Times:
    """A clock that stands still until it is told to move."""

    def __init__(self, now=0.0):
        self.now = now

    def __call__(self):
        return self.now


class FullDisk:
    """A journal that takes a number of events and then no more."""

    def __init__(self, room):
        self.room = room
        self.lines = []

    def append(self, event):
        if len(self.lines) == self.room:
            raise StorageError("the disk is full")
        self.lines.append(event)


def note(text):
    return ev.StudyNoted(text=text)


def ending():
    return ev.StudyEnded(reason=ev.EndReason.ERROR, message="the disk is full")


def test_events_are_stamped_with_seq_time_and_seconds_of_searching():
    clock, wall = Times(100.0), Times(1_760_000_000.0)
    ledger = Ledger(None, clock=clock, wall_clock=wall)
    first = ledger.record(note("before the search"))
    ledger.start_clock()
    clock.now, wall.now = 102.5, 1_760_000_002.5
    second = ledger.record(note("in the search"))
    assert [first, second] == [
        ev.StudyNoted(seq=1, at=1_760_000_000.0, elapsed=0.0, text="before the search"),
        ev.StudyNoted(seq=2, at=1_760_000_002.5, elapsed=2.5, text="in the search"),
    ]
    assert ledger.events_after(0) == [first, second]
    assert ledger.view == replay([first, second])


def test_time_counts_only_while_the_clock_runs():
    clock = Times(10.0)
    ledger = Ledger(None, clock=clock)
    ledger.start_clock()
    clock.now = 13.0
    ledger.stop_clock()
    clock.now = 1000.0
    assert ledger.elapsed == 3.0
    ledger.start_clock()
    clock.now = 1001.5
    assert ledger.elapsed == 4.5
    assert ledger.record(note("")).elapsed == 4.5


def test_elapsed_goes_on_from_the_last_session():
    clock = Times(5000.0)
    earlier = ev.StudyNoted(seq=1, at=1.0, elapsed=60.0, text="")
    ledger = Ledger(None, (earlier,), clock=clock)
    assert ledger.elapsed == 60.0
    ledger.start_clock()
    clock.now = 5002.0
    assert ledger.record(note("")) == ev.StudyNoted(seq=2, at=ledger.events_after(1)[0].at, elapsed=62.0, text="")


def test_a_clock_that_another_thread_stops_meanwhile_still_tells_the_seconds():
    reading = threading.Event()

    def clock():
        if reading.is_set() and threading.current_thread() is not stopping:
            reading.clear()
            stopping.start()
            stopping.join(0.1)  # it waits for the one who reads
        return 103.0 if started else 100.0

    started = []
    ledger = Ledger(None, clock=clock)
    stopping = threading.Thread(target=ledger.stop_clock)
    ledger.start_clock()
    started.append(True)
    reading.set()
    assert ledger.elapsed == 3.0
    stopping.join(30)
    assert ledger.elapsed == 3.0


def test_a_wall_clock_that_jumps_back_changes_neither_order_nor_elapsed(tmp_path):
    clock, wall = Times(0.0), Times(1_760_000_000.0)
    journal = Journal(tmp_path / "s")
    ledger = Ledger(journal, clock=clock, wall_clock=wall)
    ledger.start_clock()
    for second, jump in enumerate([0.0, -86_400.0, 3600.0], start=1):
        clock.now = float(second)
        wall.now += jump
        ledger.record(note(f"{jump}"))
    journal.close()
    stamps = [(event.seq, event.at, event.elapsed) for event in read_journal(tmp_path / "s").events]
    assert stamps == [(1, 1_760_000_000.0, 1.0), (2, 1_759_913_600.0, 2.0), (3, 1_759_917_200.0, 3.0)]


def test_an_event_is_in_the_journal_and_in_the_view_before_a_listener_hears_of_it(tmp_path):
    journal = Journal(tmp_path / "s")
    ledger = Ledger(journal)
    heard = []

    def listener(event):
        heard.append((event, read_journal(tmp_path / "s").events[-1], ledger.view.notes))

    ledger.subscribe(listener)
    stamped = ledger.record(note("hello"))
    journal.close()
    assert heard == [(stamped, stamped, ("hello",))]


def test_listeners_are_called_in_order_until_they_unsubscribe():
    ledger = Ledger(None)
    heard = []
    leave = ledger.subscribe(lambda event: heard.append(("a", event.seq)))
    ledger.subscribe(lambda event: heard.append(("b", event.seq)))
    ledger.record(note(""))
    leave()
    leave()
    ledger.record(note(""))
    assert heard == [("a", 1), ("b", 1), ("b", 2)]


def test_a_listener_may_unsubscribe_while_it_is_called():
    ledger = Ledger(None)
    heard = []

    def once(event):
        heard.append(event.seq)
        leave()

    leave = ledger.subscribe(once)
    ledger.subscribe(lambda event: heard.append(-event.seq))
    ledger.record(note(""))
    ledger.record(note(""))
    assert heard == [1, -1, -2]


def test_events_after_gives_what_a_screen_has_missed():
    ledger = Ledger(None)
    events = [ledger.record(note(str(number))) for number in range(4)]
    found = {seq: ledger.events_after(seq) for seq in (-1, 0, 2, 4, 9)}
    assert found == {-1: events, 0: events, 2: events[2:], 4: [], 9: []}


def test_an_event_that_cannot_be_written_has_not_happened():
    journal = FullDisk(room=1)
    ledger = Ledger(journal)
    first = ledger.record(note("fits"))
    heard = []
    ledger.subscribe(heard.append)
    with pytest.raises(StorageError, match="the disk is full"):
        ledger.record(note("does not fit"))
    assert (ledger.events_after(0), ledger.view, heard) == ([first], replay([first]), [])


def test_after_an_event_was_only_shown_nothing_is_written_any_more():
    journal = FullDisk(room=9)
    ledger = Ledger(journal)
    heard = []
    ledger.subscribe(heard.append)
    first = ledger.record(note("written"))
    shown = ledger.show(ending())
    later = ledger.record(note("after the end"))
    assert journal.lines == [first]
    assert heard == [first, shown, later]
    assert [event.seq for event in ledger.events_after(0)] == [1, 2, 3]
    assert (ledger.view.state, ledger.view.end_message) == (StudyState.FAILED, "the disk is full")


def test_threads_that_record_at_once_get_one_order(tmp_path):
    journal = Journal(tmp_path / "s")
    ledger = Ledger(journal)
    heard = []
    ledger.subscribe(lambda event: heard.append(event.seq))
    ready = threading.Barrier(4)

    def work(name):
        ready.wait()
        for number in range(25):
            ledger.record(note(f"{name} {number}"))

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    assert heard == list(range(1, 101))
    assert list(read_journal(tmp_path / "s").events) == ledger.events_after(0)
    own = {name: [text for text in ledger.view.notes if text.startswith(name)] for name in "abcd"}
    assert own == {name: [f"{name} {number}" for number in range(25)] for name in "abcd"}
