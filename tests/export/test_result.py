"""A result in a cell's output: one line that says what came of it."""

from pathlib import Path

from tunemagic.events import Verdict
from tunemagic.export.loaded import LoadedFile
from tunemagic.export.result import ExportResult
from tunemagic.request import Target


def test_a_result_is_one_line():
    made = ExportResult(
        target=Target.TFLITE, mode="int8", path=Path("a/<b>.tflite"), verdict=Verdict.VERIFIED, message="said",
        bytes=12345, score_name="accuracy", score_before=0.9531, score_after=0.95, flips=(1, 2),
    )  # fmt: skip
    failed = ExportResult(target=Target.ONNX, mode="none", path=None, verdict=Verdict.FAILED, message="no\nlayer")
    assert repr((made, failed)) == (
        "(<tflite int8, verified, 12,345 bytes, accuracy 0.9531 -> 0.95, a/<b>.tflite>, <onnx, failed, no layer>)"
    )
    assert made._repr_html_() == (
        '<span title="said"><strong>tflite int8</strong>: verified, 12,345 bytes, accuracy 0.9531 -&gt; 0.95, '
        "a/&lt;b&gt;.tflite</span>"
    )


def test_a_loaded_file_tells_its_format_once():
    about = {"format": 1, "study": "digits"}
    loaded = LoadedFile(path=Path("d.tflite"), target=Target.TFLITE, inputs=(), outputs=(), about=about)
    assert repr(loaded).splitlines() == ["d.tflite", "format  tflite", "study   digits"]
