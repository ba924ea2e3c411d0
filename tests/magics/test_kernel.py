"""The magics in a real kernel without a front end, driven as front ends drive it."""

import ast
import contextlib
import queue
import sys

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

SETUP = """
from sklearn.datasets import load_digits
x_train, y_train = load_digits(return_X_y=True)
x_train = (x_train / 16.0).astype("float32")
%load_ext tunemagic
"""
BODY = """
import keras
units = hp.Int("units", 8, 64, step=8)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(units, "relu"), keras.layers.Dense(10, "softmax")])
model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
"""
LONG = "-n 500 --epochs 500"
QUICK = "-n 500 --epochs 2"
SHORT = "-n 2 --epochs 1"


class Kernel:
    """One kernel and a client of it."""

    def __init__(self, manager, client):
        self.manager = manager
        self.client = client

    def start(self, source):
        """Send a cell; messages are then read by ``until``."""
        return self.client.execute(source)

    def until(self, request, wanted):
        """The messages of this request up to the first one that is wanted."""
        seen = []
        while True:
            message = self.client.get_iopub_msg(timeout=120)
            if message["parent_header"].get("msg_id") == request:
                seen.append(message)
                if wanted(message):
                    return seen

    def until_idle(self, request):
        """All messages of this request, and its reply."""
        seen = self.until(request, is_idle)
        while True:
            reply = self.client.get_shell_msg(timeout=120)
            if reply["parent_header"]["msg_id"] == request:
                return seen, reply["content"]

    def run(self, source):
        """Run a cell to its end."""
        return self.until_idle(self.start(source))

    def value(self, expression):
        """The repr of an expression in the kernel."""
        seen, reply = self.run(expression)
        assert reply["status"] == "ok", reply
        return next(m["content"]["data"]["text/plain"] for m in seen if m["msg_type"] == "execute_result")


class FrontEnd:
    """What a browser does for one panel: its messages travel in a subshell, as JupyterLab sends them."""

    def __init__(self, kernel, model):
        self.client = kernel.client
        self.model = model
        session = self.client.session
        self.client.control_channel.send(session.msg("create_subshell_request", {}))
        reply = self.client.get_control_msg(timeout=60)
        self.subshell = reply["content"]["subshell_id"]

    def say(self, **content):
        """Send a panel message to the kernel."""
        data = {"method": "custom", "content": content}
        message = self.client.session.msg("comm_msg", {"comm_id": self.model, "data": data})
        message["header"]["subshell_id"] = self.subshell
        self.client.shell_channel.send(message)

    def greet(self):
        """Say hello, again after a second without an answer as the panel does, and get the snapshot."""
        while True:
            self.say(kind="hello", have=0)
            with contextlib.suppress(queue.Empty):
                while True:
                    message = self.client.get_iopub_msg(timeout=1)
                    if message["msg_type"] == "comm_msg" and message["content"]["comm_id"] == self.model:
                        content = message["content"]["data"].get("content", {})
                        if content.get("kind") == "snapshot":
                            return content


def panel_of(messages):
    """The model id of the panel that a cell shows."""
    kind = "application/vnd.jupyter.widget-view+json"
    return next(m["content"]["data"][kind]["model_id"] for m in messages if is_panel(m))


def is_panel(message):
    kind = "application/vnd.jupyter.widget-view+json"
    return message["msg_type"] == "display_data" and kind in message["content"]["data"]


def is_idle(message):
    return message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"


def is_text_view(message):
    """Whether the panel gave way to text."""
    return message["msg_type"] == "update_display_data" and set(message["content"]["data"]) == {"text/plain"}


def is_record(message):
    return message["msg_type"] == "update_display_data" and "text/html" in message["content"]["data"]


def stream(messages, name):
    return "".join(m["content"]["text"] for m in messages if m["msg_type"] == "stream" and m["content"]["name"] == name)


@pytest.fixture(scope="module")
def shared_kernel(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        manager, client = start_new_kernel(
            kernel_name="python3", cwd=str(tmp_path_factory.mktemp("work")), startup_timeout=120
        )
    kernel = Kernel(manager, client)
    kernel.run(SETUP)
    yield kernel
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(shared_kernel):
    yield shared_kernel
    shared_kernel.manager.interrupt_kernel()  # a test that failed may have left its cell running
    shared_kernel.run("for study in get_ipython().magics_manager.registry['TuneMagics'].book.live(): study.stop()")
    with contextlib.suppress(queue.Empty):
        while True:
            shared_kernel.client.get_iopub_msg(timeout=0.2)


def test_the_panel_gives_way_to_text_and_interrupt_stops_cleanly(kernel):
    request = kernel.start(f"%%tune interrupted {QUICK}{BODY}")
    before = kernel.until(request, lambda m: is_text_view(m) and "best val_loss" in m["content"]["data"]["text/plain"])
    hint = before[-1]["content"]["data"]["text/plain"].splitlines()[1]
    assert hint.startswith("No front end showed the live panel within 3 s")
    assert f"(this kernel's is {sys.prefix})" in hint
    kernel.manager.interrupt_kernel()
    after, reply = kernel.until_idle(request)
    assert reply["status"] == "ok"
    assert [m for m in after if m["msg_type"] == "error"] == []
    assert stream(after, "stderr") == ""
    record = [m for m in after if is_record(m)]
    assert len(record) == 1
    shown = next(m for m in before if m["msg_type"] == "display_data")
    assert record[0]["content"]["transient"] == shown["content"]["transient"]
    assert "stopped" in record[0]["content"]["data"]["text/plain"]
    assert kernel.value("study.running, str(study.view.state)") == "(False, 'stopped')"
    assert kernel.value("study.best_model.predict(x_train[:2], verbose=0).shape") == "(2, 10)"


def test_after_an_interrupt_the_same_cell_goes_on(kernel):
    source = f"%%tune again {LONG}{BODY}"
    for _ in range(2):
        request = kernel.start(source)
        kernel.until(request, is_text_view)
        kernel.manager.interrupt_kernel()
        _, reply = kernel.until_idle(request)
        assert reply["status"] == "ok"
    assert kernel.value("study.name, [t.number for t in study.view.trials][:2]") == "('again', [1, 2])"


def test_a_second_interrupt_gives_up_waiting_without_a_traceback(kernel):
    kernel.run("import threading; gate = threading.Event()")
    body = BODY + (
        "class Gate(keras.callbacks.Callback):\n"
        "    def on_epoch_end(self, epoch, logs=None):\n"
        "        print('at the gate', flush=True)\n"
        "        gate.wait(60)\n"
        "callbacks = [Gate()]\n"
    )
    request = kernel.start(f"%%tune stuck --view text {LONG}{body}")
    kernel.until(request, lambda m: m["msg_type"] == "stream" and "at the gate" in m["content"]["text"])
    kernel.manager.interrupt_kernel()
    # The first press is taken before the second one comes: two signals at once may arrive as one.
    with pytest.raises(queue.Empty):
        kernel.client.get_shell_msg(timeout=1)
    kernel.manager.interrupt_kernel()
    seen, reply = kernel.until_idle(request)
    assert reply["status"] == "ok"
    assert [m for m in seen if m["msg_type"] == "error"] == []
    assert stream(seen, "stdout").endswith("stuck is still stopping; `%tune status stuck` shows it.\n")
    kernel.start("gate.set()")
    kernel.until(request, is_record)
    assert kernel.value("str(study.view.state)") == "'stopped'"


def test_detach_returns_the_cell_and_stop_ends_the_study(kernel):
    request = kernel.start(f"%%tune watched {LONG}{BODY}")
    front_end = FrontEnd(kernel, panel_of(kernel.until(request, is_panel)))
    status = front_end.greet()["status"]
    assert status["waiting"]
    command = {"kind": "command", "study": "watched", "session": status["session"], "args": {}}
    front_end.say(id="1", verb="detach", **command)
    seen, reply = kernel.until_idle(request)
    assert reply["status"] == "ok"
    assert [m for m in seen if is_record(m) or is_text_view(m)] == []
    assert kernel.value("study.running") == "True"
    front_end.say(id="2", verb="stop", **command)
    kernel.until(request, is_record)
    assert kernel.value("str(study.view.state)") == "'stopped'"


def test_stop_in_the_panel_ends_the_cell_with_its_record(kernel):
    request = kernel.start(f"%%tune pressed {LONG}{BODY}")
    front_end = FrontEnd(kernel, panel_of(kernel.until(request, is_panel)))
    session = front_end.greet()["status"]["session"]
    front_end.say(kind="command", id="1", study="pressed", session=session, verb="stop", args={})
    seen, reply = kernel.until_idle(request)
    assert reply["status"] == "ok"
    assert len([m for m in seen if is_record(m)]) == 1
    assert kernel.value("study.running, str(study.view.state)") == "(False, 'stopped')"


def test_a_background_study_gets_its_record_when_it_ends(kernel):
    request = kernel.start(f"%%tune behind --background {LONG}{BODY}")
    seen, reply = kernel.until_idle(request)
    assert reply["status"] == "ok"
    assert [m for m in seen if is_record(m)] == []
    kernel.until(request, is_text_view)
    kernel.start("%tune stop behind")
    kernel.until(request, is_record)
    assert kernel.value("study.running") == "False"


def test_other_cells_stay_clean_while_a_study_runs_behind(kernel):
    kernel.run(f"%%tune quiet --background {LONG}{BODY}")
    seen, _ = kernel.run("import time\nfor _ in range(20): time.sleep(0.1)\nprint('mine')")
    assert stream(seen, "stdout") == "mine\n"
    assert {m["msg_type"] for m in seen} <= {"status", "execute_input", "stream"}


def test_a_background_study_is_steered_by_lines_and_its_journal_tells_it_again(kernel):
    kernel.run(f"%%tune steered --background --view none --tuner random --pruner none {QUICK}{BODY}")
    seen, _ = kernel.run("%tune pause")
    assert "paused" in stream(seen, "stdout")
    begun = int(kernel.value("len(study.view.trials)"))
    kernel.run("%tune try units=24 steered")
    kernel.run("%tune space --fix units=88")
    seen, _ = kernel.run(f"%tune budget steered -n {begun + 2} -w 1")
    assert f"after {begun + 2} trials" in stream(seen, "stdout")
    assert kernel.value("str(study.view.state), study.running") == "('paused', True)"
    kernel.run("%tune resume steered")
    assert kernel.value("study.wait(120)") == "True"
    found = kernel.value("[trial.values['units'] for trial in study.view.trials], study.view.end_message")
    values, message = ast.literal_eval(found)
    assert (values[begun:], message) == ([24, 88], f"all {begun + 2} trials done")
    kernel.run("from tunemagic.journal import read_journal\nfrom tunemagic.trial import replay")
    assert kernel.value("replay(read_journal(study.directory).events) == study.view") == "True"


def test_trials_run_in_a_process_of_their_own_unless_told_otherwise(kernel):
    kernel.run("import os")
    _, reply = kernel.run(f"%%tune isolated --view text {SHORT}{BODY}print('process', os.getpid())\n")
    assert reply["status"] == "ok"
    found = kernel.value("study.view.executor, study.view.executor_reason, study.view.workers")
    reason = "a crash of the model does not take the kernel along"
    assert ast.literal_eval(found) == ("process", reason, 1)
    logs = ast.literal_eval(kernel.value("[study.log(number) for number in (1, 2)]"))
    processes = {line for log in logs for line in log.splitlines() if line.startswith("process ")}
    assert len(processes) == 1  # the worker trains one trial after the other
    assert processes != {f"process {kernel.value('os.getpid()')}"}


def test_a_cell_with_something_that_can_not_be_sent_runs_in_the_kernel_and_says_why(kernel):
    kernel.run("import threading\nmine = threading.Lock()")
    _, reply = kernel.run(f"%%tune kept --view text {SHORT}{BODY}with mine:\n    pass\n")
    assert reply["status"] == "ok"
    found = kernel.value("str(study.view.state), study.view.executor, study.view.executor_reason")
    reason = "`mine` (cannot pickle '_thread.lock' object) can't be sent to a worker"
    assert ast.literal_eval(found) == ("finished", "inline", reason)


def test_a_mistake_is_one_line_on_stderr_and_an_error_reply(kernel):
    seen, reply = kernel.run(f"%%tune --max-tri 3{BODY}")
    assert reply["status"] == "error"
    assert [m["msg_type"] for m in seen if m["msg_type"] not in ("status", "execute_input")] == ["stream"]
    assert stream(seen, "stderr") == (
        "UsageError: %%tune: received '--max-tri', an unknown option. Did you mean --max-trials? "
        "%%tune -h lists all options.\n"
    )


def test_completion_is_answered_by_the_kernel(kernel):
    code = "%%tune --tuner ba"
    reply = kernel.client.complete(code, len(code), reply=True, timeout=60)["content"]
    assert reply["matches"] == ["bayesian"]
    assert (reply["cursor_start"], reply["cursor_end"]) == (15, 17)


def test_a_saved_notebook_holds_the_record(tmp_path):
    cells = [SETUP, f"%%tune digits -n 2 --epochs 1{BODY}", "print(study.best_model.count_params() > 0)"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    (output,) = notebook.cells[1].outputs
    assert output.output_type == "display_data"
    assert set(output.data) == {"text/plain", "text/html"}
    assert "data:image/png;base64," in output.data["text/html"]
    assert notebook.cells[2].outputs[0].text == "True\n"
    nbformat.validate(notebook)
