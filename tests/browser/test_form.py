"""The form and "Tune this cell" in JupyterLab: from a plain cell to a search that runs."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import open_notebook
from tests.browser.search import on_disk, start

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PLAIN = """
model = keras.Sequential([keras.layers.Dense(16, "relu"), keras.layers.Dense(10, "softmax")])
model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
"""
SOURCES = "() => jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.sharedModel.getSource())"


def add_plain_cell(notebook) -> None:
    """A cell with an ordinary model, as the active one; it is not run."""
    notebook.page.evaluate(
        """source => {
            const { content } = jupyterapp.shell.currentWidget;
            const { sharedModel } = content.model;
            sharedModel.insertCell(sharedModel.cells.length, { cell_type: 'code', source });
            content.activeCellIndex = sharedModel.cells.length - 1;
        }""",
        PLAIN.strip(),
    )


def sources(notebook) -> list[str]:
    return [source for source in notebook.page.evaluate(SOURCES) if source]


def test_the_form_begins_with_the_cell_and_its_buttons_insert_and_run_what_it_shows(lab):
    page = lab.page
    add_plain_cell(lab)
    lab.run_from_palette("Tune: new tuning cell")
    form = page.locator(".tunemagic-form")
    preview = form.locator("pre")
    expect(form.get_by_label("Model code")).to_have_value(PLAIN.strip())
    expect(preview).to_contain_text("units = 16  #@tune int(4, 64, step=4)")
    expect(form.get_by_label("Inputs", exact=True).locator("option:checked")).to_have_text(
        "x_train  (1797, 64) float32"
    )
    form.get_by_label("Name").fill("formed")
    form.get_by_label("Trials").fill("two")
    expect(form.get_by_role("status")).to_contain_text("--max-trials: received 'two'; expected a whole number.")
    expect(form.get_by_role("button", name="Insert cell")).to_be_disabled()
    form.get_by_label("Trials").fill("2")
    form.get_by_label("Epochs").fill("2")
    form.get_by_label("high").first.fill("32")
    expect(preview).to_contain_text("%%tune formed --objective val_accuracy --max-trials 2 --epochs 2")
    expect(preview).to_contain_text("units = 16  #@tune int(4, 32, step=4)")
    lab.screenshot("lab-form-light")
    assert lab.violations(".tunemagic-form") == []
    form.get_by_role("button", name="Insert cell").click()
    page.wait_for_function(f"() => ({SOURCES})().filter(Boolean).length === 3")
    written = sources(lab)
    assert written[1] == "%tune form"
    assert written[2] == preview.inner_text().rstrip("\n")
    form.get_by_role("button", name="Run").focus()
    page.keyboard.press("Enter")
    page.wait_for_function(f"() => ({SOURCES})().filter(Boolean).length === 4")
    expect(page.locator(".jp-OutputArea-output img").last).to_be_visible()
    assert on_disk(lab.server.folder, "formed").state == "finished"
    page.set_viewport_size({"width": 480, "height": 900})
    try:
        page.evaluate("() => { jupyterapp.shell.collapseLeft(); jupyterapp.shell.collapseRight(); }")
        form.scroll_into_view_if_needed()
        assert form.evaluate("node => node.scrollWidth - node.clientWidth") <= 1
        lab.screenshot("lab-form-narrow-light")
    finally:
        page.set_viewport_size({"width": 1400, "height": 900})


def test_tune_this_cell_puts_ranges_behind_the_literals_and_can_be_undone(lab):
    add_plain_cell(lab)
    lab.execute("tunemagic:tune-cell")
    lab.page.wait_for_function(f"() => ({SOURCES})().some(source => source.startsWith('%%tune'))")
    (tuned,) = sources(lab)
    assert tuned.split("\n")[:3] == [
        "%%tune --objective val_accuracy",
        "units = 16  #@tune int(4, 64, step=4)",
        'activation = "relu"  #@tune choice("relu", "gelu", "elu", "tanh")',
    ]
    lab.screenshot("lab-tune-this-cell-light")
    lab.page.evaluate("() => { jupyterapp.shell.currentWidget.content.activeCell.editor.undo(); }")
    assert sources(lab) == [PLAIN.strip()]
    start(lab, "x = 1").wait()
    lab.execute("tunemagic:tune-cell")
    expect(lab.page.locator(".Toastify__toast")).to_contain_text("there is no Keras model in this cell")
    lab.page.locator(".jp-Notification-Toast-Close").first.click()
    lab.execute("tunemagic:pause")
    expect(lab.page.locator(".Toastify__toast").last).to_contain_text("there is nothing to pause")
    lab.page.locator(".jp-Notification-Toast-Close").first.click()


def test_a_click_loads_tunemagic_and_the_launcher_makes_a_notebook_with_the_form(browser, lab_server):
    with open_notebook(browser, lab_server, "bare.ipynb", [PLAIN.strip()]) as notebook:
        notebook.execute("tunemagic:tune-cell")
        toast = notebook.page.locator(".Toastify__toast")
        expect(toast).to_contain_text("tunemagic is not loaded in this notebook: run %load_ext tunemagic first.")
        toast.get_by_role("button", name="Load it").click()
        notebook.page.wait_for_function(f"() => ({SOURCES})()[0] === '%load_ext tunemagic'")
        notebook.await_cell(0)
        notebook.execute("tunemagic:tune-cell")
        notebook.page.wait_for_function(f"() => ({SOURCES})()[1].startsWith('%%tune')")
        notebook.execute("launcher:create")
        notebook.page.locator(".jp-LauncherCard", has_text="Tune: new tuning cell").click()
        form = notebook.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .tunemagic-form")
        expect(form.get_by_role("status")).to_contain_text("the cell is empty")
        assert sources(notebook) == ["%load_ext tunemagic", "%tune form"]
        notebook.screenshot("lab-launcher-form-light")
        assert notebook.errors == []


def test_form_commands_and_side_panel_speak_chinese_where_jupyterlab_does(lab):
    page = lab.page
    lab.set_setting("@jupyterlab/translation-extension:plugin", "locale", "zh_CN")
    try:
        lab.reload()
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        lab.execute("tunemagic:show-panel")
        expect(page.get_by_role("region", name="调参")).to_be_visible()
        add_plain_cell(lab)
        assert page.evaluate("() => jupyterapp.commands.label('tunemagic:new-cell')") == "调参：新建调参单元格"
        lab.execute("tunemagic:new-cell")
        form = page.locator(".tunemagic-form")
        expect(form.get_by_label("模型代码")).to_have_value(PLAIN.strip())
        expect(form.get_by_role("button", name="插入单元格")).to_be_enabled()
        lab.screenshot("lab-form-chinese-light")
    finally:
        lab.set_setting("@jupyterlab/translation-extension:plugin", "locale", "default")
        lab.reload()
