"""The panel widget in a real kernel: clicks while a cell runs, with the ipykernels in use."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OLDER = "7.3.0"

SETUP = """
import time
from tests.widgets.fakes import ToldStudy
from tunemagic.widgets.panel import TunePanel

study = ToldStudy()
study.start()
panel = TunePanel(study)
fired = []
ip = get_ipython()
"""
# The cell is busy in Python all the time, as when it waits for a study.
BUSY = """
for event in ("pre_execute", "post_execute"):
    ip.events.register(event, lambda event=event: fired.append(event))
deadline = time.monotonic() + 60
while not {condition} and time.monotonic() < deadline:
    time.sleep(0.01)
during = list(fired)
print("answered" if {condition} else "too late")
"""

pytestmark = [pytest.mark.kernel, pytest.mark.slow]


@pytest.fixture(scope="module")
def older_ipykernel():
    """A folder with ipykernel 7.3 that goes before the installed one."""
    folder = ROOT / "build" / f"ipykernel-{OLDER}"
    if not (folder / "ipykernel").is_dir():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
        subprocess.run([*command, f"ipykernel=={OLDER}"], check=True)
    return str(folder)


class Kernel:
    """A kernel and what a front end says to it."""

    def __init__(self, manager, client):
        self.manager = manager
        self.client = client
        self.subshell = None

    def run(self, code):
        """Standard output of a cell. Fails when the cell does."""
        key = self.client.execute(code)
        return self.output_of(key)

    def output_of(self, key):
        reply = self.reply(key)
        assert reply["content"]["status"] == "ok", reply["content"]
        text = ""
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != key:
                continue
            if message["msg_type"] == "stream":
                text += message["content"]["text"]
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return text

    def reply(self, key):
        while True:
            message = self.client.get_shell_msg(timeout=120)
            if message["parent_header"].get("msg_id") == key:
                return message

    def open_subshell(self):
        """JupyterLab makes one for comms."""
        message = self.client.session.msg("create_subshell_request", {})
        self.client.control_channel.send(message)
        self.subshell = self.client.get_control_msg(timeout=60)["content"]["subshell_id"]

    def say(self, model_id, content):
        """A custom message of the panel, through the subshell."""
        data = {"method": "custom", "content": content}
        message = self.client.session.msg("comm_msg", {"comm_id": model_id, "data": data})
        message["header"]["subshell_id"] = self.subshell
        self.client.shell_channel.send(message)

    def panel_message(self, kind):
        """The next custom message of this kind from any panel."""
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            content = message["content"].get("data", {}).get("content", {}) if message["msg_type"] == "comm_msg" else {}
            if content.get("kind") == kind:
                return content


@pytest.fixture(params=["installed", OLDER])
def kernel(request, tmp_path):
    from jupyter_client.manager import KernelManager

    path = [str(ROOT)]
    if request.param == OLDER:
        path.insert(0, request.getfixturevalue("older_ipykernel"))
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path), "IPYTHONDIR": str(tmp_path)}
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env=env, cwd=str(tmp_path))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)
        one = Kernel(manager, client)
        if request.param == OLDER:
            assert one.run("import ipykernel; print(ipykernel.__version__)").strip() == OLDER
        one.open_subshell()
        yield one
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_click_is_handled_while_the_cell_runs_and_leaves_the_cell_alone(kernel):
    model_id = kernel.run(SETUP + "print(panel.model_id)").strip()
    session = kernel.run("print(study.session)").strip()
    busy = kernel.client.execute(BUSY.format(condition="study.stopped.is_set()"))
    command = {"kind": "command", "id": uuid.uuid4().hex, "study": "digits", "session": session, "verb": "stop"}
    kernel.say(model_id, {**command, "args": {}})
    assert kernel.output_of(busy).strip() == "answered"
    assert kernel.run("print(during)").strip() == "[]"


def test_the_first_contact_is_seen_by_the_cell_that_runs(kernel):
    model_id = kernel.run(SETUP + "print(panel.model_id)").strip()
    busy = kernel.client.execute(BUSY.format(condition="panel.first_contact.is_set()"))
    kernel.say(model_id, {"kind": "hello", "have": 0})
    assert kernel.output_of(busy).strip() == "answered"
    kernel.say(model_id, {"kind": "hello", "have": 0})  # the first snapshot may have come before the cell's end
    assert kernel.panel_message("snapshot")["seq"] > 0


def test_one_study_has_one_full_panel_and_detach_reaches_all(kernel):
    lines = kernel.run(
        SETUP
        + """
small = TunePanel(study, compact=True)
print(TunePanel.shown_for(study) is panel)
panel._channel.receive({"kind": "command", "id": "1", "study": "digits", "session": study.session, "verb": "detach"})
print(panel.detached.is_set(), small.detached.is_set(), panel.waiting, small.waiting)
panel.close()
panel.close()
print(TunePanel.shown_for(study), study.listeners)
"""
    )
    assert lines.splitlines() == ["True", "True True False False", "None 1"]
