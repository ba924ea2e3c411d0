import signal
import threading

import pytest

from tunemagic.magics.waiting import Interrupts, WaitEnd, on_thread, wait_for


class ScriptedStudy:
    """Ends after the scripted steps; each step is run by one call of wait."""

    def __init__(self, *steps, end_on_stop=False):
        self.steps = list(steps)
        self.stops = 0
        self.end_on_stop = end_on_stop

    def wait(self, timeout=None):
        assert timeout <= 0.1
        if self.end_on_stop and self.stops:
            return True
        if not self.steps:
            return True
        self.steps.pop(0)()
        return False

    def stop(self):
        self.stops += 1


def press():
    signal.raise_signal(signal.SIGINT)


def nothing():
    pass


def wait(study, detached=lambda: False, tick=nothing):
    with Interrupts() as interrupts:
        return wait_for(study, interrupts, detached=detached, tick=tick)


def test_waiting_ends_when_the_study_has_ended():
    study = ScriptedStudy(nothing, nothing)
    assert wait(study) is WaitEnd.ENDED
    assert study.stops == 0


def test_an_ended_study_is_not_waited_for():
    ticks = []
    assert wait(ScriptedStudy(), tick=lambda: ticks.append(1)) is WaitEnd.ENDED
    assert ticks == []


def test_interrupt_stops_the_study_once_and_waits_for_its_end():
    study = ScriptedStudy(nothing, press, nothing, nothing)
    assert wait(study) is WaitEnd.ENDED
    assert study.stops == 1


def test_a_second_interrupt_gives_up_waiting_without_an_exception():
    study = ScriptedStudy(press, nothing, press, nothing, nothing)
    assert wait(study) is WaitEnd.GIVEN_UP
    assert study.stops == 1
    assert len(study.steps) == 2


def test_detach_ends_waiting_and_leaves_the_study_running():
    flag = threading.Event()
    study = ScriptedStudy(nothing, flag.set, nothing)
    assert wait(study, detached=flag.is_set) is WaitEnd.DETACHED
    assert study.stops == 0


def test_the_screen_gets_its_turn_while_waiting():
    ticks = []
    wait(ScriptedStudy(nothing, nothing, nothing), tick=lambda: ticks.append(1))
    assert len(ticks) == 3


def test_a_press_inside_the_block_is_counted_wherever_it_strikes():
    with Interrupts() as interrupts:
        press()
        press()
    assert interrupts.count == 2


def test_after_the_block_interrupt_raises_again():
    with Interrupts():
        pass
    with pytest.raises(KeyboardInterrupt):
        press()


def test_the_handler_is_put_back_when_the_block_fails():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(RuntimeError), Interrupts():
        raise RuntimeError
    assert signal.getsignal(signal.SIGINT) is before


def test_in_another_thread_the_main_threads_handler_is_left_alone():
    before = signal.getsignal(signal.SIGINT)
    ends = []
    thread = threading.Thread(target=lambda: ends.append(wait(ScriptedStudy(nothing))))
    thread.start()
    thread.join()
    assert ends == [WaitEnd.ENDED]
    assert signal.getsignal(signal.SIGINT) is before


# -- work on a thread ------------------------------------------------------------------------------


def test_what_a_thread_emits_is_taken_in_order_on_this_one():
    taken = []
    with Interrupts() as interrupts:
        done = on_thread(
            lambda emit, stop: [emit(number) for number in range(3)],
            take=lambda number: taken.append((number, threading.current_thread())),
            interrupts=interrupts,
        )
    assert done
    assert taken == [(number, threading.current_thread()) for number in range(3)]


def test_interrupt_lets_the_work_stop_and_keeps_what_was_emitted():
    taken = []

    def work(emit, stop):
        emit("first")
        press()
        assert stop.wait(60)
        emit("last")
        raise ValueError("stopped")

    with Interrupts() as interrupts, pytest.raises(ValueError, match="stopped"):
        on_thread(work, take=taken.append, interrupts=interrupts)
    assert taken == ["first", "last"]


def test_interrupt_pressed_again_gives_up_waiting():
    free = threading.Event()

    def work(emit, stop):
        press()
        assert stop.wait(60)
        press()
        assert free.wait(60)

    with Interrupts() as interrupts:
        assert not on_thread(work, take=print, interrupts=interrupts)
    free.set()


def test_work_is_stopped_when_what_it_emits_cant_be_shown():
    stopped = threading.Event()

    def work(emit, stop):
        emit(1)
        assert stop.wait(60)
        stopped.set()

    with Interrupts() as interrupts, pytest.raises(ZeroDivisionError):
        on_thread(work, take=lambda number: number / 0, interrupts=interrupts)
    assert stopped.wait(60)
