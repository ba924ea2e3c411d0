"""The operations that TensorFlow Lite Micro has, and the line of C++ that puts each into a program.

Source: ``MicroMutableOpResolver`` of github.com/tensorflow/tflite-micro (August 2026), without its operations
for signal processing, which no Keras layer becomes.
"""

from __future__ import annotations

from collections.abc import Iterable

from tunemagic.errors import ExportError

__all__ = ["resolver_methods"]

_METHODS = """\
Abs Add AddN ArgMax ArgMin AssignVariable AveragePool2D BatchMatMul BatchToSpaceNd BroadcastArgs BroadcastTo CallOnce
Cast Ceil Concatenation Conv2D Cos CumSum DepthToSpace DepthwiseConv2D Dequantize Div DynamicUpdateSlice
EmbeddingLookup Elu Equal Exp ExpandDims Fill Floor FloorDiv FloorMod FullyConnected Gather GatherNd Greater
GreaterEqual HardSwish If L2Normalization L2Pool2D LeakyRelu Less LessEqual Log LogicalAnd LogicalNot LogicalOr
Logistic LogSoftmax Maximum MaxPool2D MirrorPad Mean Minimum Mul Neg NotEqual Pack Pad PadV2 Prelu Quantize
ReadVariable ReduceAll ReduceMax ReduceMin Relu Relu6 Reshape ResizeBilinear ResizeNearestNeighbor ReverseV2 Round
Rsqrt SelectV2 Shape Sin Slice Softmax SpaceToBatchNd SpaceToDepth Split SplitV Squeeze Sqrt Square SquaredDifference
StridedSlice Sub Sum Svdf Tanh TransposeConv Transpose Unpack UnidirectionalSequenceLSTM VarHandle While ZerosLike
"""
_BY_NAME = {name.upper(): f"Add{name}" for name in _METHODS.split()}


def resolver_methods(operations: Iterable[str]) -> list[str]:
    """``["AddConv2D", ...]`` for TF Lite's names (``CONV_2D``), in order.

    Raises ExportError that names what TensorFlow Lite Micro does not have.
    """
    found = {name: _BY_NAME.get(name.replace("_", "")) for name in sorted(operations)}
    missing = [name for name, method in found.items() if method is None]
    if missing:
        raise ExportError(
            f"c: TensorFlow Lite Micro has no operation {', '.join(missing)}; replace the layer that uses it."
        )
    return [method for method in found.values() if method is not None]
