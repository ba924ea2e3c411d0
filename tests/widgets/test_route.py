"""The corrections of ipykernel's comms, on comms with and without the names they change."""

from __future__ import annotations

from tunemagic.widgets.route import answer_while_busy


class PlainComm:
    """Neither of the names: another kernel."""


class RoutedComm:
    """Both names, as in ipykernel 7.4."""

    def __init__(self):
        self.heard = []
        self._msg_callback = self.heard.append

    def _reply_subshell_for(self, data, default):
        return "the busy main shell"

    def handle_msg(self, msg):
        raise AssertionError("fires pre_execute and post_execute")


def test_messages_go_to_the_subshell_that_they_were_sent_to():
    comm = RoutedComm()
    answer_while_busy(comm)
    assert comm._reply_subshell_for({"any": "data"}, "subshell 3") == "subshell 3"


def test_messages_reach_the_callback_of_the_moment_directly():
    comm = RoutedComm()
    answer_while_busy(comm)
    comm.handle_msg({"content": 1})
    comm._msg_callback = None
    comm.handle_msg({"content": 2})
    assert comm.heard == [{"content": 1}]


def test_a_comm_without_these_names_is_left_alone():
    comm = PlainComm()
    answer_while_busy(comm)
    assert vars(comm) == {}
