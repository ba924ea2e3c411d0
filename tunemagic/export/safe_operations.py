"""The operations that a stranger's SavedModel may have: they compute in memory and reach nothing outside of it.

An operation that is not listed may read or write files (PrintV2 and ImmutableConst do), open connections or run Python,
so a graph with one needs trust.
"""

from __future__ import annotations

__all__ = ["CALLS", "SAFE", "SAVING"]

CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
# What fills variables from the folder's own checkpoint, in the functions that only the loader calls.
SAVING = frozenset({"MergeV2Checkpoints", "RestoreV2", "SaveV2", "ShardedFilename"})

# fmt: off
SAFE = frozenset({
    # Arithmetic
    "Abs", "AccumulateNV2", "Acos", "Acosh", "Add", "AddN", "AddV2", "All", "Angle", "Any", "ApproximateEqual",
    "ArgMax", "ArgMin", "Asin", "Asinh", "Atan", "Atan2", "Atanh", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3",
    "BesselI0", "BesselI0e", "BesselI1", "BesselI1e", "BesselJ0", "BesselJ1", "BesselK0", "BesselK0e", "BesselK1",
    "BesselK1e", "BesselY0", "BesselY1", "Betainc", "Bincount", "BitwiseAnd", "BitwiseOr", "BitwiseXor",
    "Bucketize", "Cast", "Ceil", "ClipByValue", "Complex", "ComplexAbs", "Conj", "Cos", "Cosh", "Cross", "Cumprod",
    "Cumsum", "CumulativeLogsumexp", "Dawsn", "DenseBincount", "Digamma", "Div", "DivNoNan", "Equal", "Erf", "Erfc",
    "Erfinv", "EuclideanNorm", "Exp", "Expint", "Expm1", "Floor", "FloorDiv", "FloorMod", "FresnelCos",
    "FresnelSin", "Greater", "GreaterEqual", "HistogramFixedWidth", "Igamma", "Igammac", "Imag", "Inv", "Invert",
    "IsFinite", "IsInf", "IsNan", "LeftShift", "Less", "LessEqual", "Lgamma", "LinSpace", "Log", "Log1p",
    "LogicalAnd", "LogicalNot", "LogicalOr", "MatMul", "Max", "Maximum", "Mean", "Min", "Minimum", "Mod", "Mul",
    "MulNoNan", "Ndtri", "Neg", "NextAfter", "NotEqual", "Polygamma", "PopulationCount", "Pow", "Prod", "Range",
    "Real", "RealDiv", "Reciprocal", "RightShift", "Rint", "Round", "Rsqrt", "SegmentMax", "SegmentMaxV2",
    "SegmentMean", "SegmentMin", "SegmentMinV2", "SegmentProd", "SegmentProdV2", "SegmentSum", "SegmentSumV2",
    "Select", "SelectV2", "Sigmoid", "Sign", "Sin", "Sinh", "SparseMatMul", "SparseSegmentMean",
    "SparseSegmentMeanWithNumSegments", "SparseSegmentSqrtN", "SparseSegmentSqrtNWithNumSegments",
    "SparseSegmentSum", "SparseSegmentSumWithNumSegments", "Spence", "Sqrt", "Square", "SquaredDifference", "Sub",
    "Sum", "Tan", "Tanh", "TruncateDiv", "TruncateMod", "UnsortedSegmentMax", "UnsortedSegmentMin",
    "UnsortedSegmentProd", "UnsortedSegmentSum", "Xdivy", "Xlog1py", "Xlogy", "Zeta",
    # Arrays
    "BatchToSpace", "BatchToSpaceND", "Bitcast", "BroadcastArgs", "BroadcastGradientArgs", "BroadcastTo",
    "CheckNumerics", "CheckNumericsV2", "Concat", "ConcatOffset", "ConcatV2", "ConjugateTranspose", "Const",
    "DeepCopy", "DepthToSpace", "Diag", "DiagPart", "DynamicPartition", "DynamicStitch", "EditDistance", "Empty",
    "EnsureShape", "ExpandDims", "ExtractImagePatches", "ExtractVolumePatches", "Fill", "Fingerprint", "Gather",
    "GatherNd", "GatherV2", "GuaranteeConst", "Identity", "IdentityN", "InvertPermutation", "ListDiff",
    "LowerBound", "MatrixBandPart", "MatrixDiag", "MatrixDiagPart", "MatrixDiagPartV2", "MatrixDiagPartV3",
    "MatrixDiagV2", "MatrixDiagV3", "MatrixSetDiag", "MatrixSetDiagV2", "MatrixSetDiagV3", "MirrorPad", "OneHot",
    "OnesLike", "Pack", "Pad", "PadV2", "ParallelConcat", "ParallelDynamicStitch", "Placeholder", "PlaceholderV2",
    "PlaceholderWithDefault", "PreventGradient", "Rank", "Reshape", "Reverse", "ReverseSequence", "ReverseV2",
    "Roll", "ScatterNd", "ScatterNdNonAliasingAdd", "Shape", "ShapeN", "Size", "Slice", "Snapshot", "SpaceToBatch",
    "SpaceToBatchND", "SpaceToDepth", "Split", "SplitV", "Squeeze", "StopGradient", "StridedSlice",
    "TensorScatterAdd", "TensorScatterMax", "TensorScatterMin", "TensorScatterSub", "TensorScatterUpdate",
    "TensorStridedSliceUpdate", "Tile", "Transpose", "Unique", "UniqueV2", "UniqueWithCounts", "UniqueWithCountsV2",
    "Unpack", "UnravelIndex", "UpperBound", "Where", "ZerosLike",
    # Layers
    "ApproxTopK", "AvgPool", "AvgPool3D", "BatchNormWithGlobalNormalization", "BiasAdd", "BiasAddV1", "BlockLSTM",
    "BlockLSTMV2", "Conv", "Conv2D", "Conv2DBackpropInput", "Conv2DBackpropInputV2", "Conv3D",
    "Conv3DBackpropInputV2", "CTCBeamSearchDecoder", "CTCGreedyDecoder", "DataFormatDimMap", "DataFormatVecPermute",
    "DepthwiseConv2dNative", "DepthwiseConv2dNativeBackpropInput", "Dequantize", "Dilation2D", "Elu",
    "FakeQuantWithMinMaxArgs", "FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel", "FractionalAvgPool",
    "FractionalMaxPool", "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "GRUBlockCell", "InTopK",
    "InTopKV2", "L2Loss", "LeakyRelu", "LogSoftmax", "LRN", "LSTMBlockCell", "MaxPool", "MaxPool3D", "MaxPoolV2",
    "MaxPoolWithArgmax", "NthElement", "QuantizeAndDequantize", "QuantizeAndDequantizeV2",
    "QuantizeAndDequantizeV3", "QuantizeAndDequantizeV4", "QuantizeV2", "Relu", "Relu6", "Selu", "Softmax",
    "SoftmaxCrossEntropyWithLogits", "Softplus", "Softsign", "SparseSoftmaxCrossEntropyWithLogits", "TopK",
    "TopKV2",
    # Images and sounds
    "AdjustContrast", "AdjustContrastv2", "AdjustHue", "AdjustSaturation", "AudioSpectrogram",
    "CombinedNonMaxSuppression", "CropAndResize", "DecodeAndCropJpeg", "DecodeBmp", "DecodeGif", "DecodeImage",
    "DecodeJpeg", "DecodePng", "DecodeWav", "EncodeJpeg", "EncodePng", "ExtractGlimpseV2", "ExtractJpegShape",
    "HSVToRGB", "ImageProjectiveTransformV2", "ImageProjectiveTransformV3", "Mfcc", "NonMaxSuppression",
    "NonMaxSuppressionV2", "NonMaxSuppressionV3", "NonMaxSuppressionV4", "NonMaxSuppressionV5",
    "NonMaxSuppressionWithOverlaps", "RandomCrop", "ResizeArea", "ResizeBicubic", "ResizeBilinear",
    "ResizeNearestNeighbor", "RGBToHSV", "SampleDistortedBoundingBoxV2", "ScaleAndTranslate",
    "StatelessSampleDistortedBoundingBox",
    # Texts
    "AsString", "DecodeBase64", "DecodeCSV", "DecodePaddedRaw", "DecodeRaw", "EncodeBase64", "ParseExample",
    "ParseExampleV2", "ParseSingleExample", "ReduceJoin", "RegexFullMatch", "RegexReplace", "StaticRegexFullMatch",
    "StaticRegexReplace", "StringFormat", "StringJoin", "StringLength", "StringLower", "StringNGrams",
    "StringSplit", "StringSplitV2", "StringStrip", "StringToHashBucket", "StringToHashBucketFast",
    "StringToHashBucketStrong", "StringToNumber", "StringUpper", "Substr", "UnicodeDecode",
    "UnicodeDecodeWithOffsets", "UnicodeEncode", "UnicodeScript", "UnicodeTranscode", "UnsortedSegmentJoin",
    # Linear algebra and spectra
    "BandedTriangularSolve", "Cholesky", "Eig", "Einsum", "FFT", "FFT2D", "FFT3D", "FFTND", "IFFT", "IFFT2D",
    "IFFT3D", "IFFTND", "IRFFT", "IRFFT2D", "IRFFT3D", "IRFFTND", "LogMatrixDeterminant", "Lu", "MatrixDeterminant",
    "MatrixExponential", "MatrixInverse", "MatrixLogarithm", "MatrixSolve", "MatrixSolveLs", "MatrixSquareRoot",
    "MatrixTriangularSolve", "Qr", "RFFT", "RFFT2D", "RFFT3D", "RFFTND", "SelfAdjointEigV2", "Svd",
    "TridiagonalMatMul", "TridiagonalSolve",
    # Random numbers
    "Multinomial", "ParameterizedTruncatedNormal", "RandomGamma", "RandomPoissonV2", "RandomShuffle",
    "RandomStandardNormal", "RandomUniform", "RandomUniformInt", "RngReadAndSkip", "RngSkip",
    "StatefulRandomBinomial", "StatefulStandardNormalV2", "StatefulTruncatedNormal", "StatefulUniform",
    "StatefulUniformFullInt", "StatefulUniformInt", "StatelessMultinomial", "StatelessParameterizedTruncatedNormal",
    "StatelessRandomBinomial", "StatelessRandomGammaV2", "StatelessRandomGammaV3", "StatelessRandomGetAlg",
    "StatelessRandomGetKeyCounter", "StatelessRandomGetKeyCounterAlg", "StatelessRandomNormal",
    "StatelessRandomNormalV2", "StatelessRandomPoisson", "StatelessRandomUniform", "StatelessRandomUniformFullInt",
    "StatelessRandomUniformFullIntV2", "StatelessRandomUniformInt", "StatelessRandomUniformIntV2",
    "StatelessRandomUniformV2", "StatelessShuffle", "StatelessTruncatedNormal", "StatelessTruncatedNormalV2",
    "TruncatedNormal",
    # Lists, sparse and ragged arrays
    "DenseToDenseSetOperation", "DenseToSparseSetOperation", "EmptyTensorList", "RaggedBincount", "RaggedCross",
    "RaggedFillEmptyRows", "RaggedGather", "RaggedRange", "RaggedTensorFromVariant", "RaggedTensorToSparse",
    "RaggedTensorToTensor", "RaggedTensorToVariant", "SetSize", "SparseAdd", "SparseBincount", "SparseConcat",
    "SparseCross", "SparseCrossHashed", "SparseCrossV2", "SparseDenseCwiseAdd", "SparseDenseCwiseDiv",
    "SparseDenseCwiseMul", "SparseFillEmptyRows", "SparseReduceMax", "SparseReduceMaxSparse", "SparseReduceSum",
    "SparseReduceSumSparse", "SparseReorder", "SparseReshape", "SparseSlice", "SparseSoftmax",
    "SparseSparseMaximum", "SparseSparseMinimum", "SparseSplit", "SparseTensorDenseAdd", "SparseTensorDenseMatMul",
    "SparseToDense", "SparseToSparseSetOperation", "TensorArrayCloseV3", "TensorArrayConcatV3",
    "TensorArrayGatherV3", "TensorArrayReadV3", "TensorArrayScatterV3", "TensorArraySizeV3", "TensorArraySplitV3",
    "TensorArrayV3", "TensorArrayWriteV3", "TensorListConcat", "TensorListConcatLists", "TensorListConcatV2",
    "TensorListElementShape", "TensorListFromTensor", "TensorListGather", "TensorListGetItem", "TensorListLength",
    "TensorListPopBack", "TensorListPushBack", "TensorListPushBackBatch", "TensorListReserve", "TensorListResize",
    "TensorListScatter", "TensorListScatterIntoExistingList", "TensorListScatterV2", "TensorListSetItem",
    "TensorListSplit", "TensorListStack",
    # Variables and tables that live in memory
    "AnonymousHashTable", "AnonymousMutableDenseHashTable", "AnonymousMutableHashTable",
    "AnonymousMutableHashTableOfTensors", "AssignAddVariableOp", "AssignSubVariableOp", "AssignVariableOp",
    "DestroyResourceOp", "DisableCopyOnRead", "HashTableV2", "InitializeTableV2", "LookupTableExportV2",
    "LookupTableFindV2", "LookupTableImportV2", "LookupTableInsertV2", "LookupTableRemoveV2", "LookupTableSizeV2",
    "MutableDenseHashTableV2", "MutableHashTableOfTensorsV2", "MutableHashTableV2", "ReadVariableOp",
    "ResourceGather", "ResourceGatherNd", "ResourceScatterAdd", "ResourceScatterDiv", "ResourceScatterMax",
    "ResourceScatterMin", "ResourceScatterMul", "ResourceScatterNdAdd", "ResourceScatterNdSub",
    "ResourceScatterNdUpdate", "ResourceScatterSub", "ResourceScatterUpdate", "ResourceStridedSliceAssign",
    "VarHandleOp", "VariableShape", "VarIsInitializedOp",
    # Control
    "Assert", "Case", "ControlTrigger", "Enter", "Exit", "FakeParam", "If", "LoopCond", "Merge", "NextIteration",
    "NoOp", "PartitionedCall", "StatefulPartitionedCall", "StatelessCase", "StatelessIf", "StatelessWhile",
    "Switch", "ToBool", "While",
})
# fmt: on
