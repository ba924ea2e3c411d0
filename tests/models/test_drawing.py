"""models.show: the graph, the places of its boxes, and the picture."""

import itertools
import re
from xml.etree import ElementTree

import keras
import numpy as np
import pytest

from tunemagic import models
from tunemagic.errors import ModelError, OptionError
from tunemagic.models.graph import Box, graph_of
from tunemagic.models.layout import laid_out

HOSTILE = '<script>alert("x")<script>&'


@pytest.fixture(scope="module")
def branched():
    """Two inputs, a skip connection, a model inside, two outputs, hostile names."""
    image, meta = keras.Input((8, 8, 3)), keras.Input((5,), name=HOSTILE)
    first = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    second = keras.layers.BatchNormalization(trainable=False)(keras.layers.Conv2D(4, 3, padding="same")(first))
    inner = keras.Sequential([keras.Input((8, 8, 4)), keras.layers.Flatten(), keras.layers.Dense(2)], name="inner")
    joined = keras.layers.Concatenate()([inner(keras.layers.Add()([first, second])), meta])
    heads = [keras.layers.Dense(1, name="price")(joined), keras.layers.Dense(3, "softmax", name="kind")(joined)]
    return keras.Model([image, meta], heads, name="branched")


def test_the_graph_tells_layers_shapes_weights_and_joints(branched):
    graph = graph_of(branched)
    assert (graph.name, graph.weights, graph.built, graph.ordered) == ("branched", branched.count_params(), True, True)
    names = [box.kind for box in graph.boxes]
    convolution, again = (number for number, kind in enumerate(names) if kind == "Conv2D")
    assert graph.boxes[convolution] == Box(
        kind="Conv2D",
        name="",
        settings="4 · 3×3 · relu",
        shape="(8, 8, 4)",
        weights=112,
        trainable=True,
        inputs=(names.index("InputLayer"),),
    )
    assert graph.boxes[again].inputs == (convolution,)
    assert graph.boxes[names.index("BatchNormalization")].trainable is False
    assert graph.boxes[names.index("Add")].inputs == (convolution, names.index("BatchNormalization"))
    inside = graph.boxes[names.index("Sequential")]
    assert (inside.name, inside.inside, inside.weights) == ("inner", 2, 514)
    assert {box.name for box in graph.boxes} == {"", HOSTILE, "inner", "price", "kind"}
    assert all(origin < number for number, box in enumerate(graph.boxes) for origin in box.inputs)


def test_a_sequential_model_is_a_chain_also_before_it_is_built():
    model = keras.Sequential([keras.layers.Dense(3, "tanh"), keras.layers.Dropout(0.2)], name="waiting")
    graph = graph_of(model)
    assert [(box.settings, box.inputs) for box in graph.boxes] == [("3 · tanh", ()), ("0.2", (0,))]
    assert not graph.built
    assert repr(models.show(model)).endswith(
        "\nnot built yet: shapes and weights show after model.build or the first batch"
    )
    model.build((None, 2))
    assert [box.shape for box in graph_of(model).boxes] == ["(2)", "(3)", "(3)"]


def test_a_large_number_of_units_is_written_out():
    graph = graph_of(keras.Sequential([keras.layers.Dense(1_234_567)]))
    assert [box.settings for box in graph.boxes] == ["1,234,567"]


def test_of_a_model_with_its_own_class_the_layers_are_shown():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = keras.layers.Dense(3)

        def call(self, x):
            return self.inner(x)

    own = Own()
    own(np.zeros((1, 2)))
    graph = graph_of(own)
    assert [(box.kind, box.weights, box.inputs) for box in graph.boxes] == [("Dense", 9, ())]
    assert not graph.ordered


# -- places ------------------------------------------------------------------------------------------

CHAIN = [(), *((number,) for number in range(29))]
SKIPS = [(), (0,), (1,), (0, 2), (3,), (4,), (3, 5), (0, 6)]
BRANCHES = [(), (0,), (0,), (0,), (1, 2, 3), (), (4, 5)]


@pytest.mark.parametrize(
    "inputs", [CHAIN, SKIPS, BRANCHES, [()], []], ids=["chain", "skips", "branches", "one", "none"]
)
def test_boxes_stand_below_their_inputs_and_nothing_overlaps(inputs):
    sizes = [(60.0 + 40 * (number % 3), 24.0 + 17 * (number % 2)) for number in range(len(inputs))]
    layout = laid_out(sizes, inputs)
    assert [(place.width, place.height) for place in layout.boxes] == sizes
    for box, parents in enumerate(inputs):
        tops = [layout.boxes[parent].y + layout.boxes[parent].height / 2 for parent in parents]
        assert all(layout.boxes[box].y - layout.boxes[box].height / 2 > top for top in tops)
    lanes = [place for line in layout.lines for place in line[1:-1]]
    for one, other in itertools.combinations([*layout.boxes, *lanes], 2):
        apart = (
            abs(one.x - other.x) >= (one.width + other.width) / 2
            or abs(one.y - other.y) >= (one.height + other.height) / 2
        )
        assert apart
    for place in [*layout.boxes, *lanes]:
        assert place.width / 2 <= place.x + 0.01
        assert place.x + place.width / 2 <= layout.width + 0.01
        assert place.y + place.height / 2 <= layout.height + 0.01


def test_a_chain_stands_in_one_column_also_beside_lines_that_skip_it():
    for inputs in (CHAIN, SKIPS):
        layout = laid_out([(90.0, 30.0)] * len(inputs), inputs)
        assert np.ptp([place.x for place in layout.boxes]) < 12


# -- picture -----------------------------------------------------------------------------------------


def test_the_picture_is_well_formed_and_hostile_names_stay_text(branched):
    drawing = models.show(branched)
    root = ElementTree.fromstring(drawing.svg)
    texts = ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == f"branched · {branched.count_params():,} weights · 16 of them not trained"
    assert any(text.startswith(HOSTILE[:20]) for text in texts)
    assert "Conv2D4 · 3×3 · relu" in texts
    assert "inner · (2) · 514 weights · 2 layers inside" in texts
    assert "<script" not in drawing._repr_html_()


def test_the_picture_takes_its_colours_from_the_page_and_has_no_ids(branched):
    svg = models.show(branched).svg
    assert re.findall(r"#[0-9a-fA-F]{3,6}\b|\bid=", svg) == []
    assert "var(--jp-ui-font-color1, currentColor)" in svg


def test_a_long_name_is_cut_in_the_box_and_whole_in_its_hint():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="n" * 90)])
    svg = models.show(model).svg
    assert f"<title>Dense · {'n' * 90} · 3 · (3)</title>" in svg
    assert f"{'n' * 21}… · (3) · 9 weights" in svg


def test_numbers_are_not_cut_for_a_long_name():
    wide = keras.layers.Dense(1234, name="expanded_convolution_depthwise")
    svg = models.show(keras.Sequential([keras.Input((16, 16, 320)), wide])).svg
    assert ">expanded_co… · (16, 16, 1234) · 396,114 weights<" in svg


def test_a_template_is_told_how_a_model_of_a_search_is_drawn():
    with pytest.raises(ModelError) as caught:
        models.show(models.linear(np.eye(4), np.arange(4) % 2))
    assert str(caught.value) == (
        "expected a Keras model to draw; received a Template. Of a search: models.show(study.best_model)."
    )


def test_elsewhere_it_is_a_table(branched):
    lines = repr(models.show(branched)).splitlines()
    assert lines[1].split() == ["layer", "settings", "output", "weights", "from"]
    graph = graph_of(branched)
    kinds = [box.kind for box in graph.boxes]
    [added] = [line for line in lines if " Add " in line]
    origins = sorted((kinds.index("Conv2D") + 1, kinds.index("BatchNormalization") + 1))
    assert added.endswith(f"  {origins[0]}, {origins[1]}")


def test_it_speaks_chinese():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)], name="小模型")
    assert "小模型 · 9 个权重" in models.show(model, lang="zh").svg


def test_what_can_not_be_drawn_is_told():
    with pytest.raises(ModelError) as caught:
        models.show([1, 2])
    assert (
        str(caught.value)
        == "expected a Keras model to draw; received a list. Of a search: models.show(study.best_model)."
    )
    with pytest.raises(OptionError) as caught:
        models.show(keras.Sequential(), lang="fr")
    assert str(caught.value) == "lang: received 'fr'; expected 'en' or 'zh'."
