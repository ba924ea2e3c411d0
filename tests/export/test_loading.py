"""What is loaded is the model that was exported; what strangers wrote runs nothing and takes no kernel along."""

import io
import json
import os
import stat
import zipfile
from dataclasses import replace

import h5py
import keras
import numpy as np
import pytest

import tunemagic
from tunemagic import prep
from tunemagic.errors import DataError, ExportError
from tunemagic.export.describing import describe
from tunemagic.export.handover import hand_over, receive
from tunemagic.export.infer import keras_outputs
from tunemagic.export.source import Source
from tunemagic.export.targets import json_bundle, keras_file, saved_model
from tunemagic.prep import augment
from tunemagic.request import Target


@pytest.fixture(scope="module")
def sources(dense, augmented, digits, images, tmp_path_factory):
    """Models on the conversion process' side: ``sources(name)`` and the samples they are compared on."""

    def source(model, x):
        folder = tmp_path_factory.mktemp("source")
        hand_over(model, folder, x)
        received = receive(folder, keras_outputs(model, x), x, half=False)
        assert isinstance(received, Source)
        return received

    return {
        "dense": (dense, source(dense, digits.x_held[:40])),
        "augmented": (augmented, source(augmented, images[1][:40] * 16)),
    }


@pytest.fixture(scope="module")
def exported(sources, tmp_path_factory):
    """Folder with ``dense.keras``, ``dense-json``, ``augmented.keras`` ...; nothing of it is changed by tests."""
    folder = tmp_path_factory.mktemp("exported")
    for name, (_, source) in sources.items():
        for module, ending in ((keras_file, ".keras"), (json_bundle, "-json")):
            assert module.write(source, "none", folder / f"{name}{ending}") == []
    return folder


@pytest.mark.parametrize("name", ["dense", "augmented"])
@pytest.mark.parametrize("ending", [".keras", "-json"])
def test_a_keras_model_comes_back_compiled_and_with_all_its_layers(exported, sources, digits, name, ending):
    model, source = sources[name]
    loaded = tunemagic.load(exported / f"{name}{ending}")
    assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in model.layers]
    np.testing.assert_array_equal(keras_outputs(loaded, source.x), keras_outputs(model, source.x))
    y = digits.y_held[:40]
    assert loaded.evaluate(source.x, y, verbose=0) == model.evaluate(source.x, y, verbose=0)
    before = loaded.get_weights()
    loaded.fit(source.x, y, epochs=1, verbose=0)
    assert any((old != new).any() for old, new in zip(before, loaded.get_weights(), strict=True))


def test_a_functional_model_that_was_never_compiled_comes_back(source_of, tmp_path):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    source = source_of(model, np.ones((9, 3), "float32"))
    json_bundle.write(source, "none", tmp_path / "m-json")
    loaded = tunemagic.load(tmp_path / "m-json")
    np.testing.assert_array_equal(keras_outputs(loaded, source.x), keras_outputs(model, source.x))


def test_a_model_behind_a_preparation_comes_back_from_its_bundle(source_of, digits, tmp_path):
    x = np.where(digits.x[:200] > 0.9, np.nan, digits.x[:200])
    body = keras.Sequential([keras.layers.Dense(10, "softmax")])
    model = prep.recipe(scaler="zscore", missing="mean").fit(x, digits.y[:200]).wrap(body)
    source = source_of(model, x)
    json_bundle.write(source, "none", tmp_path / "m-json")
    loaded = tunemagic.load(tmp_path / "m-json")
    np.testing.assert_array_equal(keras_outputs(loaded, x), keras_outputs(model, x))
    saved_model.write(source, "none", tmp_path / "m-savedmodel")
    assert describe(tmp_path / "m-savedmodel", Target.SAVEDMODEL, trust=False)["inputs"] == ["inputs (any, 64) float32"]


def test_layers_of_tunemagic_load_again(digits, images, tmp_path):
    layers = [
        keras.Input((8, 8, 1)),
        augment.images(shift=0.1, zoom=0.1),
        keras.layers.Flatten(),
        keras.layers.Dense(10, "softmax"),
    ]
    model = keras.Sequential(layers)
    model.save(tmp_path / "m.keras")
    loaded = tunemagic.load(str(tmp_path / "m.keras"))
    np.testing.assert_array_equal(keras_outputs(loaded, images[1][:9]), keras_outputs(model, images[1][:9]))


def test_a_model_without_a_config_is_refused_by_name_but_not_as_operations(dense, digits, tmp_path):
    class Doubling(keras.layers.Layer):
        def call(self, x):
            return 2 * x

    x = digits.x_held[:20]
    model = keras.Sequential([keras.Input((64,)), dense, Doubling()])
    (tmp_path / "job").mkdir()
    hand_over(model, tmp_path / "job", x)
    source = receive(tmp_path / "job", keras_outputs(model, x), x, half=False)
    for module, target in ((keras_file, "keras"), (json_bundle, "json")):
        with pytest.raises(ExportError, match=f"^{target}: Doubling exists in this notebook only"):
            module.write(source, "none", tmp_path / target)
        assert not (tmp_path / target).exists()
    assert saved_model.write(source, "none", tmp_path / "m-savedmodel") == []
    np.testing.assert_allclose(
        saved_model.run(tmp_path / "m-savedmodel", x).outputs, keras_outputs(model, x), atol=1e-6
    )
    assert describe(tmp_path / "m-savedmodel", Target.SAVEDMODEL, trust=False)["inputs"] == ["inputs (any, 64) float32"]


def test_a_loss_of_the_notebook_s_own_is_left_out_with_a_remark(digits, tmp_path):
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(3)])
    model.compile("adam", loss=lambda y, p: (y - p) ** 2)
    x = digits.x_held[:20]
    hand_over(model, tmp_path, x)
    source = receive(tmp_path, keras_outputs(model, x), x, half=False)
    remark = "without loss, metrics and optimizer: compile the model before training or evaluating it"
    assert keras_file.write(source, "none", tmp_path / "m.keras") == [remark]
    assert not tunemagic.load(tmp_path / "m.keras").compiled


def test_a_file_of_another_runtime_answers_in_a_process_of_its_own(dense, dense_files, digits):
    path = dense_files[0] / "digits.tflite"
    loaded = tunemagic.load(path)
    assert [loaded.path, len(loaded.inputs), len(loaded.outputs)] == [path, 1, 1]
    assert loaded.inputs[0].endswith("(any, 64) float32")
    assert "(any, 64) float32" in repr(loaded)
    assert "(any, 64) float32" in loaded._repr_html_()
    x = digits.x_held[:40]
    np.testing.assert_allclose(loaded.predict(x.astype("float64")), keras_outputs(dense, x), atol=1e-5)
    assert loaded.predict(x, batch_size=8, verbose=0).dtype == np.float32
    with pytest.raises(ExportError, match=r"digits.tflite: "):
        loaded.predict(x[:, :3])
    for wrong in ([[1, 2], [3]], ["a"], np.zeros((0, 64)), 3):
        with pytest.raises(DataError, match=r"^predict: received"):
            loaded.predict(wrong)


def test_a_saved_model_tells_its_ends_and_its_facts(sources, tmp_path):
    _, source = sources["dense"]
    saved_model.write(replace(source, about={"study": "digits"}), "none", tmp_path / "m")
    assert describe(tmp_path / "m", Target.SAVEDMODEL, trust=False) == {
        "inputs": ["inputs (any, 64) float32"],
        "outputs": ["outputs (any, 10) float32"],
        "about": {"study": "digits"},
    }


# -- hostile files ---------------------------------------------------------------------------------


@pytest.fixture
def unsafe_mode():
    """What a user may have called for a file of their own."""
    from keras.src.backend.common import global_state

    keras.config.enable_unsafe_deserialization()
    yield
    global_state.set_global_attribute("safe_mode_saving", None)


def rewritten(path, target, **changed):
    """The archive with other members: ``config=bytes``, ``weights=bytes``; dicts are changed into JSON."""
    names = {"config.json": "config", "model.weights.h5": "weights"}
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = changed.get(names.get(name, name), old.read(name))
            new.writestr(name, json.dumps(content) if isinstance(content, dict) else content)
    return target


def config_of(path):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("config.json"))


def test_code_in_a_file_does_not_run_whatever_keras_is_set_to(exported, tmp_path, unsafe_mode):
    ran = str(tmp_path / "ran")
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Lambda(lambda z: (open(ran, "w").close(), z)[1], output_shape=(3,))]  # noqa: PLW1514
    )
    model.save(tmp_path / "evil.keras")
    with pytest.raises(ExportError, match=r"^evil.keras: it holds Python code \(a Lambda\)"):
        tunemagic.load(tmp_path / "evil.keras")
    assert not os.path.exists(ran)
    trusted = tunemagic.load(tmp_path / "evil.keras", trust=True)  # the other way round it is the user's wish
    trusted(np.zeros((1, 3)))
    assert os.path.exists(ran)


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ({"module": "os", "class_name": "system", "config": "touch ran"}, "os.system"),
        ({"module": None, "class_name": "Popen", "config": {}}, "Popen"),
        ({"module": "keras.utils", "class_name": "function", "config": "get_file"}, "keras.utils.get_file"),
        ({"module": "keras", "class_name": "function", "config": "utils.plot_model"}, "keras.utils.plot_model"),
        ({"module": "keras", "class_name": "function", "config": "version"}, "keras.version"),
        (
            {"module": "keras", "class_name": "function", "config": "f.g", "registered_name": "tunemagic>RandomImages"},
            "keras.f.g",
        ),
        ({"module": "keras.layers", "class_name": "function", "config": "TFSMLayer"}, "Python code"),
        ({"module": "keras", "class_name": "layers.TFSMLayer", "config": {}}, "keras.layers.TFSMLayer"),
        ({"module": "keras.models", "class_name": "load_model", "config": {}}, "keras.models.load_model"),
        ({"module": "keras.layers", "class_name": "Lambda", "config": {}}, "Python code"),
        ({"module": "keras.src.utils.file_utils", "class_name": "File", "config": {}}, "file_utils.File"),
        ({"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "/tmp"}}, "Python code"),
        ({"module": "tunemagic.durable", "class_name": "write_atomic", "config": {}}, "tunemagic.durable"),
        ({"class_name": "function", "config": "system", "registered_name": "os>system"}, "os>system"),
    ],
)
def test_a_config_may_name_nothing_but_parts_of_models(exported, tmp_path, unsafe_mode, monkeypatch, part, why):
    monkeypatch.chdir(tmp_path)
    config = config_of(exported / "dense.keras")
    config["config"]["layers"][-1]["config"]["activation"] = {"registered_name": None, **part}
    with pytest.raises(ExportError, match=rf"^evil.keras: .*{why}"):
        tunemagic.load(rewritten(exported / "dense.keras", tmp_path / "evil.keras", config=config))
    assert os.listdir(tmp_path) == ["evil.keras"]


def test_a_layer_of_the_user_s_own_loads_where_its_class_is_known(digits, tmp_path):
    class Scaled(keras.layers.Dense):
        def call(self, x):
            return 2 * super().call(x)

    model = keras.Sequential([keras.Input((64,)), Scaled(3)])
    model.save(tmp_path / "m.keras")
    with pytest.raises(ExportError, match=r"^m.keras: it needs .*Scaled, which is no part of Keras"):
        tunemagic.load(tmp_path / "m.keras")
    with keras.saving.custom_object_scope({"Scaled": Scaled}):
        loaded = tunemagic.load(tmp_path / "m.keras")
    x = digits.x_held[:9]
    np.testing.assert_array_equal(keras_outputs(loaded, x), keras_outputs(model, x))


def test_another_name_does_not_make_a_part_of_keras_of_a_class(exported, tmp_path):
    config = config_of(exported / "dense.keras")
    config["config"]["layers"][-1]["registered_name"] = "tunemagic>RandomImages"
    with pytest.raises(ExportError, match=r"evil.keras: its model can't be built"):
        tunemagic.load(rewritten(exported / "dense.keras", tmp_path / "evil.keras", config=config))


def member(name, *, mode=0o644):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK if mode == 0o777 else stat.S_IFREG | mode) << 16
    return info


@pytest.mark.parametrize(
    ("info", "why"),
    [
        (member("assets/../../evil"), "points outside"),
        (member("/etc/evil"), "points outside"),
        (member("assets/link", mode=0o777), "points outside"),
        (member("C:evil"), "points outside"),
        (member("sitecustomize.py"), "expected a .keras file as Keras 3 writes it"),
        (member("config.json"), "expected each name once"),
    ],
)
def test_an_archive_may_hold_what_keras_writes_only(exported, tmp_path, info, why):
    path = rewritten(exported / "dense.keras", tmp_path / "evil.keras")
    with zipfile.ZipFile(path, "a") as archive:
        if info.filename == "config.json":
            with pytest.warns(UserWarning, match="Duplicate name"):
                archive.writestr(info, "/etc/passwd")
        else:
            archive.writestr(info, "/etc/passwd")
    with pytest.raises(ExportError, match=f"^evil.keras: .*{why}"):
        tunemagic.load(path)
    assert os.listdir(tmp_path) == ["evil.keras"]


def test_a_bomb_is_not_unpacked(exported, tmp_path):
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps(config_of(exported / "dense.keras")))
        archive.writestr("model.weights.h5", bytes(64 << 20))
    with pytest.raises(ExportError, match=r"bomb.keras: member 'model.weights.h5' declares 67,108,864 bytes and holds"):
        tunemagic.load(path)


def test_many_small_bombs_are_not_unpacked_either(exported, tmp_path):
    path = tmp_path / "bombs.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps(config_of(exported / "dense.keras")))
        archive.writestr("model.weights.h5", b"")
        for number in range(5):
            archive.writestr(f"assets/{number}", bytes(8 << 20))
    with pytest.raises(ExportError, match=r"bombs.keras: its members declare 41,94\d,\d{3} bytes in all"):
        tunemagic.load(path)


def test_a_config_that_is_too_deep_for_python_is_refused(exported, tmp_path):
    text = json.dumps(config_of(exported / "dense.keras") | {"more": 0})
    for depth in (250, 700):
        config = text.replace('"more": 0', f'"more": {"[" * depth}{"]" * depth}')
        with pytest.raises(ExportError, match=r"^deep.keras: its config is nested deeper than 200 levels"):
            tunemagic.load(rewritten(exported / "dense.keras", tmp_path / "deep.keras", **{"config": config}))


def weights(fill):
    """A weights file that ``fill(file)`` wrote."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        fill(file)
    return buffer.getvalue()


def giant(file):
    file.create_dataset("layers/dense/vars/0", (1 << 20, 1 << 20), "f4", chunks=(1024, 1024), fillvalue=0)


def linked(file):
    file["layers"] = h5py.ExternalLink("/etc/passwd", "/")


def elsewhere(file):
    file.create_dataset("x", (4,), "u1", external=[("/etc/passwd", 0, 4)])


def objects(file):
    file.create_dataset("x", data=["a", "b"], dtype=h5py.string_dtype())


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (weights(giant), "declare 4,398,046,511,104 bytes"),
        (weights(linked), "a link to elsewhere"),
        (weights(elsewhere), "lies in another file"),
        (weights(objects), "expected numbers"),
        (b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 8, "evil-json: "),
        (weights(lambda file: None), "Keras can't read it|has 4,810 weights, the file holds 0"),
    ],
)
def test_weights_may_be_plain_numbers_of_their_own_only(exported, tmp_path, content, why):
    folder = tmp_path / "evil-json"
    folder.mkdir()
    (folder / "model.json").write_bytes((exported / "dense-json" / "model.json").read_bytes())
    (folder / "model.weights.h5").write_bytes(content)
    with pytest.raises(ExportError, match=f"^evil-json: .*{why}" if why != "evil-json: " else why):
        tunemagic.load(folder)


def test_a_model_with_more_weights_than_its_file_is_not_built(exported, tmp_path):
    config = config_of(exported / "dense.keras")
    config["config"]["layers"][-1]["config"]["units"] = 10**12
    with pytest.raises(ExportError, match=r"evil.keras: its model has [\d,]+ weights, the file holds"):
        tunemagic.load(rewritten(exported / "dense.keras", tmp_path / "evil.keras", config=config))


def test_what_is_no_model_is_told_in_one_line(exported, dense_files, tmp_path):
    png = b"\x89PNG\r\n\x1a\n" + bytes(100)
    keras_bytes = (exported / "dense.keras").read_bytes()
    tflite = (dense_files[0] / "digits.tflite").read_bytes()
    (tmp_path / "empty-folder").mkdir()
    os.mkfifo(tmp_path / "pipe.keras")
    with zipfile.ZipFile(tmp_path / "photos.keras", "w") as archive:
        archive.writestr("a.txt", "a")
    for name, content, why in [
        ("image.tflite", png, "is a PNG image"),
        ("text.keras", b"hello, world", "is no .keras file"),
        ("cut.tflite", tflite[:6], "is no .tflite file"),
        ("half.tflite", tflite[: len(tflite) // 2], "half.tflite: "),
        ("spoilt.tflite", tflite[:64] + b"\xff" * 4000 + tflite[4064:], "spoilt.tflite: "),
        ("none.tflite", b"", "is empty"),
        ("half.keras", keras_bytes[: len(keras_bytes) // 2], "is a damaged archive"),
        ("spoilt.keras", keras_bytes.replace(b"sequential", b"sequentiam"), "spoilt.keras: "),
        ("old.h5", b"\x89HDF\r\n\x1a\n", "an old format"),
        ("model.pkl", b"\x80\x04\x95", "a pickle"),
        ("noise.onnx", bytes(range(256)), "noise.onnx: "),
        ("photos.keras", None, "zip archive without a model"),
        ("pipe.keras", None, "neither a file nor a folder"),
        ("empty-folder", None, "holds no model"),
        ("missing.keras", None, "there is no file or folder"),
        ("image.tflite/inside.keras", None, "can't be read: Not a directory"),
        ("nul\0.keras", None, "can't be read"),
    ]:
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(ExportError) as caught:
            tunemagic.load(tmp_path / name)
        assert why in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_saved_model_that_reaches_files_or_a_torch_archive_needs_trust(tmp_path):
    import tensorflow as tf

    ran = str(tmp_path / "ran")

    def tell(lines):
        tf.print("evil", output_stream=f"file://{ran}")

    def record(lines):
        tf.raw_ops.DatasetToTFRecord(input_dataset=lines._variant_tensor, filename=ran, compression_type="")

    escapes = {
        "WriteFile": lambda lines: tf.io.write_file(ran, "evil"),
        "PrintV2": tell,
        "DatasetToTFRecord": record,
        "TextLineDataset": lambda lines: lines.reduce(np.int64(0), lambda count, _: count + 1),
        "ReadFile": lambda lines: tf.io.read_file("/etc/passwd"),
        "ImmutableConst": lambda lines: tf.raw_ops.ImmutableConst(dtype=tf.uint8, shape=(1,), memory_region_name=ran),
    }

    def served(escape):
        def serve(inputs):
            escape(tf.data.TextLineDataset("/etc/passwd"))
            return {"outputs": inputs}

        return tf.function(serve, input_signature=[tf.TensorSpec((None, 3))], autograph=False)

    for name, escape in escapes.items():
        module = tf.Module()
        module.serve = served(escape)
        tf.saved_model.save(module, str(tmp_path / name), signatures={"serving_default": module.serve})
        # In this process, which has TensorFlow already; load asks the opener's.
        with pytest.raises(ExportError, match=rf"operations that may read or write files.*\b{name}\b"):
            describe(tmp_path / name, Target.SAVEDMODEL, trust=False)
    assert describe(tmp_path / name, Target.SAVEDMODEL, trust=True)["outputs"] == ["outputs (any, 3) float32"]
    assert not os.path.exists(ran)
    with zipfile.ZipFile(tmp_path / "m.pt2", "w") as archive:
        archive.writestr("m/archive_format", "pt2")
    with pytest.raises(ExportError, match=r"m.pt2: torch falls back to pickle"):
        tunemagic.load(tmp_path / "m.pt2")


def test_what_fills_the_variables_of_a_saved_model_may_do_only_that(tmp_path):
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    module = tf.Module()
    module.weight = tf.Variable([1.0, 2.0])
    module.serve = tf.function(lambda inputs: inputs * module.weight, input_signature=[tf.TensorSpec((None, 2))])
    tf.saved_model.save(module, str(tmp_path / "m"), signatures={"serving_default": module.serve})
    assert describe(tmp_path / "m", Target.SAVEDMODEL, trust=False)["inputs"] == ["inputs (any, 2) float32"]
    saved = saved_model_pb2.SavedModel.FromString((tmp_path / "m" / "saved_model.pb").read_bytes())

    def refused(change):
        other = saved_model_pb2.SavedModel()
        other.CopyFrom(saved)
        change(other, other.meta_graphs[0])
        (tmp_path / "m" / "saved_model.pb").write_bytes(other.SerializeToString())
        with pytest.raises(ExportError, match=r"load\(path, trust=True\)") as caught:
            describe(tmp_path / "m", Target.SAVEDMODEL, trust=False)
        return str(caught.value)

    def write_instead(_, graph):
        node = graph.graph_def.node.add(name="evil", op="WriteFile")
        graph.saver_def.restore_op_name = node.name

    def saving(graph):
        return next(f for f in graph.graph_def.library.function if any(node.op == "SaveV2" for node in f.node_def))

    def print_too(_, graph):
        saving(graph).node_def.add(name="evil", op="PrintV2")

    def offer_it(_, graph):
        graph.object_graph_def.concrete_functions[saving(graph).signature.name].SetInParent()

    def swap_it_in(_, graph):
        saving(graph).attr["api_implements"].s = b"lstm"

    assert "WriteFile" in refused(write_instead)
    assert "(PrintV2)" in refused(print_too)
    assert "SaveV2" in refused(offer_it)
    assert "SaveV2" in refused(swap_it_in)
    assert "TensorFlow 1" in refused(lambda _, graph: graph.ClearField("object_graph_def"))
    assert "2 graph(s)" in refused(lambda other, _: other.meta_graphs.add())


def test_ordinary_saved_models_need_no_trust(source_of, digits, tmp_path):
    """Loops, tables of texts and layers that are random in training, as Keras and TensorFlow write them."""
    import tensorflow as tf

    layers = keras.layers
    loop = keras.Sequential([keras.Input((8, 8)), layers.LSTM(2, dropout=0.1), layers.Dropout(0.1), layers.Dense(3)])
    texts = keras.Sequential(
        [
            keras.Input((1,), dtype="string"),
            layers.TextVectorization(vocabulary=["a", "b"], output_sequence_length=4),
            layers.Embedding(8, 3, mask_zero=True),
            layers.GlobalAveragePooling1D(),
        ]
    )
    loop.export(tmp_path / "loop", verbose=False)
    tf.saved_model.save(texts, str(tmp_path / "texts"))
    saved_model.write(source_of(loop, digits.x_held[:9].reshape(-1, 8, 8)), "none", tmp_path / "ours")
    for name in ("loop", "texts", "ours"):
        assert len(describe(tmp_path / name, Target.SAVEDMODEL, trust=False)["outputs"]) == 1
