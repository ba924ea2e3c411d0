"""The pictures that the kernel computes, in the built panel, with the real infos of an invented search."""

from __future__ import annotations

import pytest

from tests.browser.gallery import KINDS, Gallery, gallery
from tests.browser.page import AXE, SCREENS
from tunemagic.i18n import ENGLISH, Language, catalogue
from tunemagic.space import Kind, Parameter, SearchSpace

pytestmark = pytest.mark.browser

SHOWN = ".tm-picture:visible"
HOSTILE = (
    "<img src=x onerror=window.pwned=1>",
    "\"'><svg onload=window.pwned=1>",
    "</title><script>window.pwned=1</script>",
    "javascript:window.pwned=1",
)


@pytest.fixture
def view():
    return gallery()


def opened(page, view, kind, **status):
    page.set_viewport_size({"width": 900, "height": 1400})  # the mouse reaches only what is on screen
    panel = Gallery(page)
    panel.tell(view, **status)
    panel.show(kind)
    return panel


def axis_box(page, name):
    # In one step: the axis is made anew with every frame that changes something.
    axis = page.get_by_role("slider", name=name, exact=True)
    return axis.evaluate("node => node.querySelector('.tm-hit').getBoundingClientRect().toJSON()")


def drag(page, name, low, high):
    """Brush from one position to another, both from 0 to 1, on the axis of this name."""
    box = axis_box(page, name)
    x = box["x"] + box["width"] / 2
    # The axis ends 8 pixels before its hit box does.
    y = [box["y"] + 8 + (1 - at) * (box["height"] - 16) for at in (low, high)]
    page.mouse.move(x, y[0])
    page.mouse.down()
    page.mouse.move(x, (y[0] + y[1]) / 2)
    page.mouse.move(x, y[1])
    page.mouse.up()


def said(page):
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.locator(f"{SHOWN} .tm-said").inner_text()


def sent_after(page, panel, verb):
    """Wait for the command, and its arguments."""
    page.wait_for_function("verb => fake.sent.some(one => one.verb === verb)", arg=verb, timeout=5000)
    return [args for one, args in panel.commands() if one == verb]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_picture_is_drawn_and_accessible_in_both_themes_and_at_both_widths(page, view, dark):
    theme = "dark" if dark else "light"
    page.set_viewport_size({"width": 480, "height": 900})
    panel = Gallery(page, dark=dark)
    panel.tell(view)
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.add_script_tag(path=AXE)
    # The panel around it has its own test.
    violations = (
        "async () => (await axe.run('.tm-view:not([hidden])')).violations.map(one => [one.id, one.nodes[0].html])"
    )
    for kind in KINDS:
        panel.show(kind)
        assert page.locator(f"{SHOWN} svg.tm-svg").get_attribute("aria-label") != ""
        assert page.locator(f"{SHOWN} .tm-empty").is_hidden()
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(violations) == []
        for width in (480,) if dark else (480, 1400):
            page.set_viewport_size({"width": width, "height": 900})
            panel.settle()
            assert int(page.locator(f"{SHOWN} svg.tm-svg").get_attribute("width")) > 0.9 * min(width - 40, 1060)
            page.locator(SHOWN).screenshot(path=SCREENS / f"picture_{kind}_{theme}_{width}.png")
        page.set_viewport_size({"width": 480, "height": 900})
        panel.settle()
    assert panel.errors == []


def test_pictures_speak_chinese(page, view):
    panel = Gallery(page)
    panel.tell(view, catalogue(Language.CHINESE))
    for kind in KINDS:
        panel.show(kind)
        assert "plot." not in page.locator(SHOWN).inner_text()
        page.locator(SHOWN).screenshot(path=SCREENS / f"picture_{kind}_chinese.png")
    assert panel.errors == []


def test_a_picture_is_asked_for_only_while_it_is_in_view(page, view):
    panel = opened(page, view, "slice")
    panel.show("timeline")
    panel.show("slice")
    asks = [(one["topic"], one["on"]) for one in panel.sent() if one["kind"] == "ask"]
    pictures = [ask for ask in asks if ask[0] in KINDS]
    assert pictures == [
        ("slice", True),
        ("slice", False),
        ("timeline", True),
        ("timeline", False),
        ("slice", True),
    ]
    # A page that comes to the front again asks anew: the kernel may have forgotten it.
    asks = "() => fake.sent.filter(one => one.kind === 'ask')"
    before = len(page.evaluate(asks))
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    again = page.evaluate(asks)[before:]
    assert [(one["topic"], one["on"]) for one in again] == [("slice", True)]
    assert len({one["view"] for one in page.evaluate(asks)}) == 1


def test_a_brush_drawn_with_the_mouse_goes_to_python_and_narrows_the_space(page, view):
    panel = opened(page, view, "parallel")
    assert page.get_by_role("button", name=ENGLISH("plot.parallel.narrow")).is_disabled()
    drag(page, "units", 0.35, 0.8)
    inside = [one.number for one in view.trials if 32 + 0.35 * 224 <= one.values["units"] <= 32 + 0.8 * 224]
    assert sent_after(page, panel, "select") == [{"trials": inside}]
    assert said(page).endswith(f"{len(inside)} of 40 trials inside")
    drag(page, "activation", 0.4, 0.6)
    both = [number for number in inside if view.trials[number - 1].values["activation"] == "tanh"]
    page.wait_for_function("() => fake.sent.filter(one => one.verb === 'select').length === 2")
    assert panel.commands()[-1] == ("select", {"trials": both})
    page.get_by_role("button", name=ENGLISH("plot.parallel.narrow")).click()
    region = {"ranges": {"units": [128, 192]}, "fixed": {}, "choices": {"activation": ["tanh"]}}
    assert sent_after(page, panel, "space") == [region]
    page.locator(SHOWN).screenshot(path=SCREENS / "picture_parallel_brushed.png")
    # The middle of a brush moves it; a click beside it takes it away.
    drag(page, "units", 0.6, 0.7)
    assert "units 13" in said(page)
    drag(page, "units", 0.05, 0.05)
    assert "units" not in said(page)
    page.get_by_role("button", name=ENGLISH("plot.parallel.clear")).click()
    assert panel.commands()[-1] == ("select", {"trials": []})
    assert panel.errors == []


def test_a_brush_is_made_moved_sized_and_removed_with_keys(page, view):
    panel = opened(page, view, "parallel")
    axis = page.get_by_role("slider", name="units", exact=True)
    page.get_by_role("slider", name="lr", exact=True).focus()
    page.keyboard.press("ArrowRight")
    assert axis.evaluate("node => node.matches(':focus')")
    page.keyboard.press("ArrowUp")
    panel.settle()
    assert axis.get_attribute("aria-valuetext") == "144 … 256"
    assert axis.evaluate("node => node.matches(':focus')")
    for key in ("ArrowDown", "Shift+ArrowDown"):
        page.keyboard.press(key)
    panel.settle()
    assert axis.get_attribute("aria-valuetext") == "133 … 234"
    page.get_by_role("button", name=ENGLISH("plot.parallel.narrow")).click()
    assert sent_after(page, panel, "space") == [{"ranges": {"units": [160, 224]}, "fixed": {}, "choices": {}}]
    axis.focus()
    page.keyboard.press("Delete")
    panel.settle()
    assert axis.get_attribute("aria-valuetext") == ENGLISH("plot.parallel.all")
    assert page.get_by_role("button", name=ENGLISH("plot.parallel.narrow")).is_disabled()


def test_a_brush_survives_new_trials_and_escape_takes_the_one_being_drawn_back(page, view):
    panel = opened(page, view, "parallel")
    box = axis_box(page, "lr")
    x, y = box["x"] + box["width"] / 2, box["y"] + 40
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 60)
    panel.settle()
    panel.snapshot(gallery(trials=44))
    panel.view = gallery(trials=44)
    panel.deliver(panel._answer({"topic": "parallel", "options": {}}, {}))
    page.mouse.move(x, y + 90)
    panel.settle()
    assert "of 44 trials inside" in said(page)
    page.keyboard.press("Escape")
    panel.settle()
    page.mouse.up()
    assert said(page) == ""
    assert panel.errors == []


def test_a_brush_without_a_trial_says_so_and_may_narrow_all_the_same(page, view):
    opened(page, view, "parallel")
    drag(page, "lr", 0.12, 0.18)
    assert said(page).endswith(ENGLISH("plot.parallel.none_inside"))
    assert page.get_by_role("button", name=ENGLISH("plot.parallel.narrow")).is_enabled()


def test_a_search_that_is_over_offers_no_steering_but_brushes(page, view):
    opened(page, view, "parallel", read_only="The study runs in another kernel.")
    drag(page, "lr", 0.2, 0.7)
    for name in ("narrow", "select", "compose"):
        assert page.get_by_role("button", name=ENGLISH(f"plot.parallel.{name}")).is_disabled()
    assert "trials inside" in said(page)


def test_a_trial_is_composed_by_clicks_and_keys_and_tried(page, view):
    panel = opened(page, view, "parallel")
    best = dict(view.best_trial.values)
    page.get_by_role("button", name=ENGLISH("plot.parallel.compose")).click()
    panel.settle()
    drag(page, "units", 0.14, 0.14)
    drag(page, "activation", 0.9, 0.5)
    page.get_by_role("slider", name="optimizer", exact=True).focus()
    page.keyboard.press("ArrowDown" if best["optimizer"] == "sgd" else "ArrowUp")
    panel.settle()
    assert "units 64 · activation tanh" in said(page)
    page.locator(SHOWN).screenshot(path=SCREENS / "picture_parallel_composed.png")
    page.get_by_role("button", name=ENGLISH("plot.parallel.try")).click()
    wanted = {**best, "units": 64, "activation": "tanh", "optimizer": "adam" if best["optimizer"] == "sgd" else "sgd"}
    wanted.pop("momentum", None)
    if wanted["optimizer"] == "sgd":
        wanted["momentum"] = best.get("momentum", 0.9)
    assert sent_after(page, panel, "try") == [{"values": wanted}]
    assert not any(verb == "select" for verb, _ in panel.commands())
    page.get_by_role("button", name=ENGLISH("plot.parallel.edit")).click()
    assert page.get_by_label("units", exact=True).and_(page.locator("input, select")).input_value() == "64"
    page.get_by_role("slider", name="units", exact=True).focus()
    page.keyboard.press("Escape")
    panel.settle()
    assert page.get_by_role("button", name=ENGLISH("plot.parallel.narrow")).is_visible()


def test_menus_of_a_contour_ask_for_other_hyperparameters(page, view):
    panel = opened(page, view, "contour")
    menus = [page.get_by_role("combobox", name=ENGLISH(f"plot.{key}"), exact=True) for key in "xy"]
    chosen = [menu.input_value() for menu in menus]
    assert sorted(menus[0].locator("option").all_inner_texts()) == sorted(one.name for one in view.space.parameters)
    menus[0].select_option("momentum")
    [ask] = panel.answer()
    assert ask["options"] == {"x": "momentum", "y": chosen[1]}
    assert page.locator(f"{SHOWN} svg.tm-svg").get_attribute("aria-label").count("momentum") == 1
    # The same twice is no plane: the other one gives way.
    menus[1].select_option("momentum")
    [ask] = panel.answer()
    assert ask["options"]["y"] == "momentum"
    assert ask["options"]["x"] != "momentum"
    assert [one["on"] for one in panel.sent() if one.get("topic") == "contour"] == [True, True, False, True, False]
    assert panel.errors == []


def test_points_are_read_out_under_the_pointer_and_by_keys(page, view):
    panel = opened(page, view, "pareto")
    ring = page.locator(f"{SHOWN} .tm-ring")
    ring.focus()
    first = said(page)
    page.keyboard.press("ArrowRight")
    assert said(page) != first
    assert ring.get_attribute("aria-label") == said(page)
    assert "val_accuracy 0." in said(page)
    number = said(page).split(" · ")[0].removeprefix("trial ")
    page.keyboard.press("Enter")
    panel.settle()
    assert page.locator(".tm-fold[aria-expanded='true']").inner_text().strip() == number
    ring.focus()
    page.keyboard.press("Escape")
    assert said(page) == ""
    box = page.locator(f"{SHOWN} svg.tm-svg").bounding_box()
    page.mouse.move(box["x"] + float(ring.get_attribute("cx")), box["y"] + float(ring.get_attribute("cy")) + 2)
    assert said(page) == ring.get_attribute("aria-label")
    assert panel.errors == []


def test_a_line_under_the_pointer_is_read_out(page, view):
    opened(page, view, "parallel")
    lr, units = axis_box(page, "lr"), axis_box(page, "units")
    best = view.best_trial
    # Halfway between two axes the best trial's line is at the mean of its places.
    places = page.evaluate(
        "() => document.querySelector('.tm-best-line').getAttribute('d').match(/[\\d.]+/g).slice(0, 5).map(Number)"
    )
    height = (places[1] + places[-1]) / 2
    svg = page.locator(f"{SHOWN} svg.tm-svg").bounding_box()
    page.mouse.move((lr["x"] + units["x"]) / 2 + lr["width"] / 2, svg["y"] + height)
    assert said(page).startswith(f"trial {best.number} · val_accuracy {best.score:.4g} ±")


@pytest.mark.parametrize("trials", [0, 1])
def test_too_few_trials_make_a_sentence_instead_of_a_picture(page, trials):
    panel = Gallery(page)
    panel.tell(gallery(trials=trials, running=False))
    texts = {}
    for kind in KINDS:
        panel.show(kind)
        texts[kind] = page.locator(f"{SHOWN} .tm-empty").text_content()
    few = ENGLISH("plot.importance.few", needed=14, count=trials)
    if trials == 1:
        assert texts == {kind: few if kind == "importance" else "" for kind in KINDS}
    else:
        nothing = ENGLISH("plot.empty")
        others = {"timeline": ENGLISH("plot.timeline.few"), "spread": ENGLISH("plot.spread.few")}
        assert texts == {kind: nothing for kind in KINDS} | {"importance": few} | others
    assert panel.errors == []


def test_what_the_kernel_cannot_compute_is_said_in_its_words(page, view):
    panel = Gallery(page)
    panel.tell(view)
    page.get_by_role("tab", name=ENGLISH("panel.view.contour"), exact=True).click()
    assert page.locator(f"{SHOWN} .tm-empty").inner_text() == ENGLISH("plot.waiting")
    reply = {"kind": "answer", "v": 1, "topic": "contour", "options": {}, "seq": 1, "info": None}
    panel.deliver({**reply, "error": "contour: <b>no</b> such thing."})
    panel.settle()
    assert page.locator(f"{SHOWN} .tm-empty").inner_text() == "contour: <b>no</b> such thing."


def test_hostile_names_and_choices_stay_text(page):
    space = SearchSpace(
        (
            *(Parameter(name=name, kind=Kind.FLOAT, default=0.1, low=0.0, high=1.0) for name in HOSTILE[:2]),
            Parameter(name=HOSTILE[2], kind=Kind.CHOICE, default=HOSTILE[3], choices=HOSTILE),
        )
    )
    page.set_viewport_size({"width": 900, "height": 1400})
    panel = Gallery(page)
    panel.tell(gallery(space=space))
    for kind in KINDS:
        panel.show(kind)
        assert page.locator(f"{SHOWN} svg.tm-svg").count() == 1
        assert page.locator(f"{SHOWN} :is(img, script, title script, [onload], [onerror])").count() == 0
    panel.show("parallel")
    drag(page, HOSTILE[2], 0.2, 0.5)
    assert sent_after(page, panel, "select") != []
    assert page.evaluate("() => window.pwned") is None
    assert panel.errors == []
