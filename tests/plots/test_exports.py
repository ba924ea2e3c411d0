"""The plane of exported files and the confusion of one, as paint."""

from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from tunemagic.analysis.pictures import Axis, ConfusionInfo, ExportPoint, ExportsInfo, Tick
from tunemagic.plots import draw_confusion, draw_exports

KB = Axis(name="kB", low=10, high=100, ticks=(Tick(at=0.0, text="10"), Tick(at=1.0, text="100")))
ACCURACY = Axis(name="accuracy", low=0.9, high=1.0, ticks=(Tick(at=0.5, text="0.95"),))


def point(name, x, y, *, target="tflite", mode="none", verified=True):
    return ExportPoint(key=f"1 {target} {mode}", name=name, target=target, mode=mode, x=x, y=y, verified=verified)


def axes():
    return Figure().subplots()


def test_the_mark_tells_target_mode_and_verdict():
    points = (
        point("tflite", 1.0, 0.9),
        point("int8", 0.0, 0.5, mode="int8"),
        point("onnx", 0.9, 0.9, target="onnx"),
        point("int4 $x$", 0.1, 0.0, mode="int4", verified=False),
    )
    drawn = axes()
    draw_exports(ExportsInfo(across="size", x=KB, y=ACCURACY, points=points, before=0.9), drawn)
    line, *marks = drawn.lines
    assert (line.get_linestyle(), list(line.get_ydata())) == ("--", [0.9, 0.9])
    shown = [(one.get_marker(), to_hex(one.get_color()), to_hex(one.get_markerfacecolor())) for one in marks]
    assert shown == [
        ("o", "#0072b2", "#0072b2"),
        ("o", "#00694c", "#00694c"),
        ("D", "#0072b2", "#0072b2"),
        ("o", "#8a8f98", "#ffffff"),
    ]
    assert [text.get_text() for text in drawn.texts] == ["int4 $x$ ↓", "int8", "onnx", "tflite"]
    legend = [text.get_text() for text in drawn.get_legend().get_texts()]
    assert legend == ["TF Lite", "other targets", "not verified"]
    assert (drawn.get_xlabel(), drawn.get_ylabel()) == ("size (kB)", "accuracy")


def test_answers_are_counted_in_cells_right_ones_blue_wrong_ones_orange():
    drawn = axes()
    draw_confusion(ConfusionInfo(names=("int8",), name="int8", counts=((9, 1), (0, 10))), drawn)
    assert [text.get_text() for text in drawn.texts] == ["9", "1", "10"]
    (image,) = drawn.images
    (first, wrong), (none, whole) = [[to_hex(cell) for cell in row] for row in image.get_array()]
    assert none == "#ffffff"
    assert [int(colour[5:], 16) > int(colour[1:3], 16) for colour in (first, wrong, whole)] == [True, False, True]
    assert [label.get_text() for label in drawn.get_yticklabels()] == ["0", "1"]
    assert drawn.get_ylim() == (2, 0)  # truth down


def test_of_many_classes_some_are_named_and_none_numbered():
    drawn = axes()
    counts = tuple(tuple(int(row == column) for column in range(60)) for row in range(60))
    draw_confusion(ConfusionInfo(names=("int8",), name="int8", counts=counts), drawn)
    assert list(drawn.texts) == []
    assert [label.get_text() for label in drawn.get_xticklabels()][:3] == ["0", "3", "6"]


def test_without_files_one_sentence_stands_there():
    plane, cells = axes(), axes()
    draw_exports(ExportsInfo(across="size", x=None, y=None, points=(), before=None), plane)
    draw_confusion(ConfusionInfo(names=(), name="", counts=()), cells)
    said = [[text.get_text() for text in drawn.texts] for drawn in (plane, cells)]
    assert said == [
        ["No exported file has a score yet."],
        ["No exported file of a classifier was compared with targets yet."],
    ]
