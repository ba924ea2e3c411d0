"""Caffe's message types, as far as a chain of layers needs them.

Names, types and numbers of the fields are those of ``src/caffe/proto/caffe.proto`` of github.com/BVLC/caffe.
"""

from __future__ import annotations

import functools
from typing import Any

__all__ = ["message_class"]

# ``name=number:type``, with * when repeated.
_MESSAGES = {
    "BlobShape": "dim=1:int64*",
    "BlobProto": "data=5:float* shape=7:BlobShape",
    "InputParameter": "shape=1:BlobShape*",
    "ConvolutionParameter": (
        "num_output=1:uint32 bias_term=2:bool group=5:uint32 pad_h=9:uint32 pad_w=10:uint32 kernel_h=11:uint32"
        " kernel_w=12:uint32 stride_h=13:uint32 stride_w=14:uint32 dilation=18:uint32*"
    ),
    "PoolingParameter": (
        "pool=1:PoolMethod kernel_h=5:uint32 kernel_w=6:uint32 stride_h=7:uint32 stride_w=8:uint32 pad_h=9:uint32"
        " pad_w=10:uint32 global_pooling=12:bool"
    ),
    "InnerProductParameter": "num_output=1:uint32 bias_term=2:bool",
    "BatchNormParameter": "use_global_stats=1:bool eps=3:float",
    "ScaleParameter": "bias_term=4:bool",
    "ReLUParameter": "negative_slope=1:float",
    "ELUParameter": "alpha=1:float",
    "PowerParameter": "power=1:float scale=2:float shift=3:float",
    "ReshapeParameter": "shape=1:BlobShape",
    "SliceParameter": "slice_point=2:uint32* axis=3:int32",
    "LayerParameter": (
        "name=1:string type=2:string bottom=3:string* top=4:string* blobs=7:BlobProto*"
        " convolution_param=106:ConvolutionParameter inner_product_param=117:InnerProductParameter"
        " pooling_param=121:PoolingParameter power_param=122:PowerParameter relu_param=123:ReLUParameter"
        " slice_param=126:SliceParameter reshape_param=133:ReshapeParameter batch_norm_param=139:BatchNormParameter"
        " elu_param=140:ELUParameter scale_param=142:ScaleParameter input_param=143:InputParameter"
    ),
    "NetParameter": "name=1:string layer=100:LayerParameter*",
}
_ENUMS = {"PoolMethod": ("MAX", "AVE")}
_PACKAGE = "caffe"


@functools.cache
def message_class(name: str) -> Any:
    """The class of that message, as protoc would have made it."""
    from google.protobuf import message_factory

    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{_PACKAGE}.{name}"))


@functools.cache
def _pool() -> Any:
    """A pool of its own: another package may bring the whole of caffe.proto."""
    from google.protobuf import descriptor_pb2, descriptor_pool

    file = descriptor_pb2.FileDescriptorProto(name="tunemagic_caffe.proto", package=_PACKAGE, syntax="proto2")
    for name, values in _ENUMS.items():
        enum = file.enum_type.add(name=name)
        for number, value in enumerate(values):
            enum.value.add(name=value, number=number)
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field in fields.split():
            _add_field(message, field)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _add_field(message: Any, text: str) -> None:
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto

    name, _, rest = text.partition("=")
    number, _, kind = rest.partition(":")
    repeated, kind = kind.endswith("*"), kind.rstrip("*")
    field = message.field.add(name=name, number=int(number))
    field.label = FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL
    if kind in _MESSAGES or kind in _ENUMS:
        field.type = FieldDescriptorProto.TYPE_ENUM if kind in _ENUMS else FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".{_PACKAGE}.{kind}"
    else:
        field.type = getattr(FieldDescriptorProto, f"TYPE_{kind.upper()}")
        field.options.packed = repeated and kind != "string" and name in {"dim", "data"}
