"""What is said of exported files, in Chinese: verdicts, reasons of limits, remarks, and why one could not be made."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

from tunemagic.events import Verdict
from tunemagic.export.gates import gate_of
from tunemagic.export.job import Attempt, Variant
from tunemagic.export.judging import Judge
from tunemagic.export.quantizer import Mixture, Weights
from tunemagic.export.score import AnswerKind, Answers
from tunemagic.export.task import Task
from tunemagic.export.verify import compare, judge
from tunemagic.i18n import Language, catalogue
from tunemagic.i18n.facts import LABELS, translate
from tunemagic.request import QuantMode, Target

EXPORT = Path(__file__).parents[2] / "tunemagic" / "export"
CHINESE = catalogue(Language.CHINESE)
KINDS = {kind: Answers(kind=kind) for kind in AnswerKind}
ENGLISH_WORDS = re.compile(r"[a-z']{2,} [a-z']{2,} [a-z']{2,}")


def said(keras, lite, y=None, *, kind=AnswerKind.CLASSES, mode=QuantMode.INT8, half=False):
    """The verdict's sentence, and the reason of its limits."""
    gate = gate_of(Target.TFLITE, mode, kind, half=half)
    _, message = judge(compare(keras, lite, y, answers=KINDS[kind], score=None, gate=gate), gate)
    return message, gate.reason


def outputs(columns=3, rows=200):
    return np.random.default_rng(0).random((rows, columns))


def test_a_verified_file_is_told_with_its_limit_and_why_it_is_that():
    keras = outputs()
    message, reason = said(keras, keras + 1e-6, mode=QuantMode.NONE)
    assert translate(message, CHINESE) == (
        "已在 200 个样本上验证：最大差 1e-06（限值 0.0001：同样的 float32 求和，只是次序不同），100.00% 的回答相同"
    )
    assert translate(reason, CHINESE) == "同样的 float32 求和，只是次序不同"


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("kind", AnswerKind)
@pytest.mark.parametrize("mode", QuantMode)
def test_the_reason_of_every_limit_is_known(mode, kind, half):
    keras = outputs()
    for sentence in (
        *said(keras, keras, kind=kind, mode=mode, half=half),
        said(keras, -keras, kind=kind, mode=mode)[0],
    ):
        assert ENGLISH_WORDS.search(translate(sentence, CHINESE)) is None


def test_several_problems_and_what_to_try_are_told_together(tmp_path):
    digit = np.arange(200) % 10
    keras, answers = np.eye(10)[digit], np.eye(10)[np.where(digit == 0, 0, (digit + 1) % 10)]
    task = Task(
        x=keras,
        y=digit,
        rows=np.arange(200),
        keras=keras,
        calibration=None,
        answers=KINDS[AnswerKind.CLASSES],
        score=None,
        half=False,
        aside=50,
        remarks=["compared on 200 of 250 samples"],
    )
    variant = Variant(target=Target.TFLITE, mode="int8")
    np.save(variant.outputs_in(tmp_path), answers)
    variant.path_in(tmp_path).write_bytes(b"file")
    facts = {"runtime": "", "microseconds": 1.0, "microseconds_least": 1.0, "seconds": 1.0, "operations": []}
    directory = tmp_path / "there"
    directory.mkdir()
    judged = Judge(task=task, folder=tmp_path, directory=directory, stem="digits", trial=None)
    result = judged.result(Attempt(variant=variant, facts={**facts, "remarks": []}))
    assert result.verdict is Verdict.NOT_VERIFIED
    assert translate(result.message, CHINESE) == (
        "未验证：输出相差最多 1（限值 0.5：权重和激活值保留 8 位，介于两个类别之间的样本变动最大）; "
        "误差占输出方差的 2（限值 0.25）; 只有 10.00% 的回答相同（应至少为 95.0%）; "
        "准确率从 1.0000 降到 0.1000（最多可降 0.02）; 准确率 0.1000 不比总是给出最常见的回答更好; 请试 --quant dynamic"
    )
    assert [translate(warning, CHINESE) for warning in result.warnings] == [
        "在 250 个样本中的 200 个上比较",
        "在评估数据的 50 个样本上校准，这些样本不参与比较",
    ]


def with_column(keras, at, column):
    changed = keras.copy()
    changed[:, at] = column
    return changed


def test_what_is_wrong_with_one_output_is_known():
    keras = outputs() * [1, 1, 1000]
    yes_no = outputs(10) * np.where(np.arange(10) == 1, 0.55, 1)
    tipped = np.where((yes_no[:, 0] > 0.4) & (yes_no[:, 0] < 0.5), 0.51, yes_no[:, 0])
    numbers = {"kind": AnswerKind.NUMBERS}
    noise = 0.16 * np.sign(np.random.default_rng(1).normal(size=200))
    told = [
        said(keras, with_column(keras, 1, 0.5), **numbers)[0],
        said(keras, with_column(keras, 1, keras[::-1, 1]), **numbers)[0],
        said(keras, with_column(keras, 1, keras[:, 1] + noise), **numbers)[0],
        said(yes_no, with_column(yes_no, 1, np.minimum(yes_no[:, 1], 0.49)), kind=AnswerKind.YES_NO)[0],
        said(yes_no, with_column(yes_no, 0, tipped), kind=AnswerKind.YES_NO)[0],
    ]
    assert [re.sub(r"\d+\.\d+", "N", translate(message, CHINESE)) for message in told] == [
        "未验证：第 2 个输出（共 3 个）对所有样本都是同一个数，而 Keras 模型的不是",
        "未验证：第 2 个输出（共 3 个）相差最多 N（按其自身范围，限值 N：权重和激活值保留 8 位）",
        "未验证：第 2 个输出（共 3 个）的误差占其方差的 N（限值 N）",
        "未验证：第 2 个输出（共 10 个）从不回答“是”，而 Keras 模型在 12 个样本上回答“是”",
        "未验证：第 1 个输出（共 10 个）只有 N% 的回答相同（应至少为 N%）",
    ]


def test_a_comparison_that_shows_nothing_is_told_so():
    keras = outputs()
    same = np.repeat(keras[:1], 200, axis=0)
    broken = keras.copy()
    broken[0, 0] = np.nan
    wrong = (keras.argmax(1) + 1) % 3
    told = [said(keras[:7], keras[:7]), said(same, same), said(keras, keras, wrong), said(keras, broken)]
    assert [translate(message, CHINESE) for message, _ in told] == [
        "未验证：只有 7 个样本可供比较（应至少有 8 个）",
        "未验证：Keras 模型对所有样本的回答都相同，因此比较不能说明什么",
        "未验证：Keras 模型本身只有随机水平（准确率 0.0000），因此一致不能说明什么：请先训练它",
        "未验证：文件的回答中有 NaN 或无穷大",
    ]


@pytest.mark.parametrize(("four", "eight"), [(0, 2), (1, 2), (6, 1), (2, 0)])
def test_which_weights_have_four_bits_is_known(four, eight):
    def weights(count):
        return tuple(Weights(name=f"dense_{number}/MatMul", count=64, scopes=()) for number in range(count))

    remark = Mixture(content=b"", four=weights(four), eight=weights(eight)).remark()
    assert re.findall(r"[a-zA-Z]+", re.sub(r"dense_\d/MatMul", "", translate(remark, CHINESE))) == []


@pytest.mark.parametrize(
    ("sentence", "chinese"),
    [
        ("int8: converter crashed (SIGKILL: the memory may have run out)", "int8: 转换器崩溃（SIGKILL：内存可能耗尽）"),
        ("none: LiteRT runtime crashed (SIGSEGV)", "none: LiteRT 运行时崩溃（SIGSEGV）"),
        (
            "onnx: its runtime did not finish within 0.5 s and was ended",
            "onnx: 其运行时在 0.5 秒内没有完成，已被终止",
        ),
        (
            "the start of the conversion process ended with status 1: ImportError: no; yes, before any mode was tried",
            "转换进程启动时以退出码 1 结束：ImportError: no; yes，还没有试过任何模式",
        ),
        (
            "torch: the process that computes with torch ended with status 1",
            "torch: 用 torch 计算的进程以退出码 1 结束",
        ),
        (
            'onnx: the package tf2onnx is not installed. Run: %pip install "tunemagic[onnx]"',
            'onnx: 未安装软件包 tf2onnx。请运行：%pip install "tunemagic[onnx]"',
        ),
        (
            "keras: stores numbers in float32 only; received mode int8. Use none, or tflite.",
            "keras: 只能以 float32 存储数值; 收到模式 int8。请使用 none，或 tflite。",
        ),
        (
            "int8: the converter refused the model: operation tf.Betainc in layer strange has no TF Lite form; "
            "replace the layer that uses it.",
            "int8: 转换器拒绝了模型：层 strange 中的算子 tf.Betainc 没有 TF Lite 形式; 请替换用到它的层。",
        ),
        (
            "float16: the converter refused the model: operation tf.Betainc in layer strange has no TF Lite form; "
            "replace the layer that uses it, or keep the operation with --flex.",
            "float16: 转换器拒绝了模型：层 strange 中的算子 tf.Betainc 没有 TF Lite 形式; "
            "请替换用到它的层，或用 --flex 保留该算子。",
        ),
        (
            "caffe: layer gru (GRU) has no form in Caffe. Caffe takes chains of Dense, Conv2D, pooling, "
            "BatchNormalization and activations; use onnx or tflite for others.",
            "caffe: 层 gru (GRU) 没有 Caffe 形式。Caffe 只接受由 Dense、Conv2D、池化、BatchNormalization 和激活函数"
            "组成的链；其他请使用 onnx 或 tflite。",
        ),
        (
            "traced in this kernel, because a Lambda layer can't be rebuilt outside it",
            "在此内核中追踪计算图，因为以下部分无法在其外重建：Lambda 层",
        ),
        (
            "traced in this kernel, because Twice, a Lambda layer, Gate can't be rebuilt outside it",
            "在此内核中追踪计算图，因为以下部分无法在其外重建：Twice, Lambda 层, Gate",
        ),
        (
            "caffe: a Lambda layer, Gate has no form in Caffe; use layers of Keras, or export onnx.",
            "caffe: 没有 Caffe 形式：Lambda 层, Gate; 请使用 Keras 的层，或导出 onnx。",
        ),
        (
            "padded: kernel widened by weights of zero, because Caffe pads both sides alike",
            "padded: 卷积核用零权重加宽，因为 Caffe 两侧的填充总是相同",
        ),
        (
            "the start of the conversion process did not finish within 180 s and was ended, before any mode was tried",
            "转换进程在 180 秒内没有启动，已被终止，还没有试过任何模式",
        ),
        (
            "not verified: no runtime here has FlexTan; run the file where the Flex delegate is linked in "
            "(Android, iOS, C++), and compare its answers there",
            "未验证：此处的运行时均不支持 FlexTan; "
            "请在链接了 Flex 委托的环境（Android、iOS、C++）中运行文件，并在那里比较其回答",
        ),
        (
            "verified: without tunemagic it builds the same model (largest difference 0 on 16 samples, limit 1e-05), "
            "and trained for an epoch on the same data",
            "已验证：不用 tunemagic 也能构建同样的模型（在 16 个样本上最大差 0，限值 1e-05），"
            "并在同样的数据上训练了一轮",
        ),
        (
            "its training settings are those of compile; data is given by --data PATH",
            "其训练设置是 compile 的设置; 数据由 --data PATH 给出",
        ),
        *(
            (exception, exception)
            for exception in (
                "float16: ValueError: units must be positive",
                "RuntimeError: crashed",
                "ValueError: expected images",
            )
        ),
    ],
)
def test_what_keeps_a_file_from_being_made_is_told(sentence, chinese):
    assert translate(sentence, CHINESE) == chinese


def test_sentences_begin_with_any_target_or_mode():
    assert {*Target, *QuantMode} == LABELS


# Said only of files that come from elsewhere, or when a conversion is not begun at all, or looked at above.
NEVER_JOURNALED = re.compile(
    "one input and one output|weights in other files|model.cc|model.h|can't start a process|conversion was stopped"
    "|computes with torch 7$|^7, or keep the operation"
)
CALLS = {"ExportError", "refuse"}


def filled(node):
    """The sentences that this expression gives, with a 7 for whatever is put in; int8 before a colon at the start."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr():
            text = "".join(part.value if isinstance(part, ast.Constant) else "7" for part in node.values)
            return [re.sub("^7(?=: )", "int8", text)]
        case ast.IfExp():
            return [*filled(node.body), *filled(node.orelse)]
        case ast.List():
            return [text for element in node.elts for text in filled(element)]
    return []


def sentences(path):
    """What is raised there, and every remark that it returns or collects."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[first, *_]) if name in CALLS:
                yield from filled(first)
            case ast.Call(func=ast.Attribute(value=value, attr="append"), args=[first]) if "remarks" in ast.unparse(
                value
            ):
                yield from filled(first)
            case ast.Return(value=ast.List() as value):
                yield from filled(value)


def journaled(path):
    return [text for text in sentences(path) if not NEVER_JOURNALED.search(text)]


@pytest.mark.parametrize(
    "path",
    [
        *(EXPORT / f"{name}.py" for name in ("convert", "kernels", "quantizer", "runtime")),
        *(path for path in sorted((EXPORT / "targets").rglob("*.py")) if journaled(path)),
    ],
    ids=lambda path: path.stem,
)
def test_all_that_making_and_running_a_file_says_is_known(path):
    told = journaled(path)
    assert told
    assert [text for text in told if ENGLISH_WORDS.search(translate(text, CHINESE))] == []
