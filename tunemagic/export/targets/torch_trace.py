"""The process that writes a Keras model as a PyTorch program: Keras computes with torch here, see serve.

``python -m tunemagic.export.targets.torch_trace``, started by torch_file. A job's folder holds
``model.keras``, the form for inference, and ``x.npy``; ``model.pt2`` comes to lie beside them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.export.infer import single_output
from tunemagic.export.serve import Report, serve
from tunemagic.export.text import error_text

__all__ = ["ABOUT", "MODEL", "PROGRAM", "SAMPLES", "work"]

MODEL, SAMPLES, ABOUT, PROGRAM = "model.keras", "x.npy", "about.json", "model.pt2"
# Keras converts every tensor before every operation, here always to what it is already; and the file
# names of this machine are nobody's business.
_CHECK = "aten._assert_tensor_metadata.default"
_CONVERSIONS = ("aten.to.dtype", "aten.to.dtype_layout", "aten.to.device")
_TRACES = ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn", "from_node")


def work(folder: Path, report: Report) -> None:
    """Trace what is in ``folder`` and report it."""
    import keras
    import torch

    try:
        model = keras.saving.load_model(folder / MODEL, compile=False, safe_mode=True)
        samples = np.load(folder / SAMPLES, allow_pickle=False)
        program = _program(_as_module(model), samples)
        extra = {ABOUT: (folder / ABOUT).read_text(encoding="utf-8")}
        torch.export.save(program, folder / PROGRAM, extra_files=extra)
    except Exception as error:  # Keras and torch raise anything on a layer that they can't trace
        report({"kind": "failed", "message": f"{type(error).__name__}: {error_text(error)}"})
    else:
        report({"kind": "done"})


def _program(module: Any, samples: NDArray[Any]) -> Any:
    """The module as an exported program with an open batch, without what tracing leaves behind."""
    import torch

    batch = {"x": {0: torch.export.Dim("batch")}}
    # Two samples: a size of one is taken for a constant (https://github.com/pytorch/pytorch/issues/176349).
    pair = torch.from_numpy(np.resize(samples, (2, *samples.shape[1:])))
    with torch.no_grad():
        program = torch.export.export(module, (pair,), dynamic_shapes=batch, strict=False)
    graph = program.graph_module.graph
    for node in list(graph.nodes):
        for key in _TRACES:
            node.meta.pop(key, None)
        if node.op == "call_function" and _changes_nothing(node):
            if node.users:
                node.replace_all_uses_with(node.args[0])
            graph.erase_node(node)
    program.graph_module.recompile()
    return program


def _changes_nothing(node: Any) -> bool:
    """Whether the answer of the operation is the very tensor that it is given, or is not used."""
    if str(node.target) == _CHECK:
        return True
    if str(node.target) not in _CONVERSIONS or any(user.op == "output" for user in node.users):
        return False
    given, answer = node.args[0].meta["val"], node.meta["val"]
    return bool(given.dtype == answer.dtype and given.device == answer.device)


def _as_module(model: Any) -> Any:
    """A ``torch.nn.Module`` whose parameters are called as the layers are: ``dense_1.kernel``.

    Its state is its own, so that the exported program names it so; Keras' module calls all of it
    ``_torch_params``. What Keras does not train (moving statistics) becomes a buffer.
    """
    import keras
    import torch

    class Module(torch.nn.Module):  # type: ignore[misc]  # torch has no types here
        def __init__(self) -> None:
            super().__init__()
            self.places = [(weight, *_place(self, weight)) for weight in model.weights]

        def forward(self, x: Any) -> Any:
            state = [(weight, getattr(owner, name)) for weight, owner, name in self.places]
            with keras.StatelessScope(state_mapping=state):
                return single_output(model(x, training=False))

    return Module()


def _place(module: Any, weight: Any) -> tuple[Any, str]:
    """The inner module that now holds the weight, and its name there."""
    import torch

    *outer, name = weight.path.replace(".", "_").split("/")
    for part in outer:
        part = part if part in module._modules or not hasattr(module, part) else f"{part}_"
        if part not in module._modules:
            module.add_module(part, torch.nn.Module())
        module = module._modules[part]
    while hasattr(module, name):
        name += "_"
    value = weight.value.detach().clone()
    if weight.trainable:
        module.register_parameter(name, torch.nn.Parameter(value))
    else:
        module.register_buffer(name, value)
    return module, name


def _import_slow_things() -> None:
    import keras  # noqa: F401
    import torch  # noqa: F401


if __name__ == "__main__":
    serve(work, prepare=_import_slow_things)
