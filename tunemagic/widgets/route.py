"""Two corrections to ipykernel's comms, without which a busy kernel can't be stopped by a click.

The only place that touches ipykernel's private names. Each correction looks whether the name is
there, so an ipykernel without it (6.x, 7.3) is left as it is.
"""

from __future__ import annotations

from typing import Any

__all__ = ["answer_while_busy"]


def answer_while_busy(comm: Any) -> None:
    """Let this comm's messages be handled while a cell runs, without side effects on that cell.

    1. ipykernel 7.4 sends what a front end says to the subshell that spoke to the comm last,
       which is the busy main shell for a comm that a cell has made. Messages shall go where the
       front end has sent them: JupyterLab has a subshell for comms.
    2. ipykernel fires ``pre_execute`` and ``post_execute`` around every comm message. Fired while
       a cell runs, matplotlib's inline backend flushes and closes the figure that this cell is
       drawing, so our handler is called without them.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = _as_sent
    if hasattr(comm, "handle_msg") and hasattr(comm, "_msg_callback"):

        def handle_msg(msg: dict[str, Any]) -> None:
            if comm._msg_callback is not None:
                comm._msg_callback(msg)

        comm.handle_msg = handle_msg


def _as_sent(data: Any, default: Any) -> Any:
    """The subshell that the message's own header names."""
    return default
