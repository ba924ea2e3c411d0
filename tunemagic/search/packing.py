"""Turn work, jobs and reports into bytes for a worker process, and back.

Code travels as what it means, not as memory: a cell as its text and the notebook names that it
uses, functions and classes of the notebook by value (cloudpickle), modules by their import name.
Arrays stay outside the bytes, as buffers (pickle protocol 5), so that all workers can share one
copy of them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import dis
import io
import linecache
import os
import pickle
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import CellType, CodeType, FunctionType
from typing import Any, cast

import cloudpickle

from tunemagic.errors import UnsendableError
from tunemagic.search.cell import BuilderProgram, CellProgram, program_from_builder, read_cell
from tunemagic.search.faults import describe_error, is_users_file
from tunemagic.search.hyperparameters import hyperparameters_from
from tunemagic.search.job import Report, TrialJob, TrialOutcome, TrialProgram, Work
from tunemagic.search.probe import line_finder
from tunemagic.search.settings import keras_settings, use_keras_settings

__all__ = [
    "PackedWork",
    "names_needed",
    "pack_job",
    "pack_report",
    "pack_work",
    "unpack_job",
    "unpack_report",
    "unpack_work",
]

_IN_BAND = 4096  # bytes; smaller arrays travel inside the pickle
_LOADS = {"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"}
_STORES = {"STORE_NAME", "STORE_GLOBAL"}
_OWN_NAMES = {"hp", "__name__", "__builtins__", "__annotations__"}  # every run of a cell gets its own
_LOOKUPS = {"globals", "eval", "exec"}  # with these, which names are used shows only when the code runs
_LOOKUP_REASON = "it finds names while it runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedWork:
    """A study's Work, ready to travel over a private pipe; never to be written to disk.

    ``content`` is a pickle, ``buffers`` the memory of its arrays in order (anything that has the
    buffer protocol; those that are read-only give read-only arrays), ``texts`` the lines of
    notebook cells by file name, which tracebacks and TensorFlow's AutoGraph read, ``settings``
    Keras' global settings in the notebook.
    """

    content: bytes
    buffers: Sequence[Any] = ()
    texts: Mapping[str, list[str]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


def pack_work(work: Work, *, with_modules: bool = False) -> PackedWork:
    """The work in a form that another process can unpack.

    With ``with_modules`` the modules beside the notebook travel by value where they can: for a
    process that may lack them, or have imported them before they were edited. Raises
    UnsendableError that names each object which can't be sent, and why.
    """
    needed = _objects_needed(work)
    objects = {name: value for name, (value, _) in needed.items()}
    if with_modules:
        # One that holds a lock or the like can't travel; perhaps it is there under its name.
        with contextlib.suppress(Exception), _own_modules_by_value():
            return _packed(work, objects)
    try:
        return _packed(work, objects)
    # Pickling runs __reduce__ methods of any library; whatever they raise means that it can't be sent.
    except Exception as error:
        whole = describe_error(error)
    faults: list[tuple[str, str]] = []
    for name, (value, required) in needed.items():
        found = _faults(name, value, set())
        if found and not required:
            del objects[name]  # the cell makes its own before it uses it
        elif found:
            faults += found
    if faults:
        raise UnsendableError(tuple(dict.fromkeys(faults)))
    try:
        return _packed(work, objects)
    # As above: together they fail although each alone does not.
    except Exception as error:
        raise UnsendableError((("the model code", describe_error(error) or whole),)) from error


def unpack_work(packed: PackedWork) -> Work:
    """The work, in the worker. Imports the modules that it names and the user's modules anew."""
    for name, lines in packed.texts.items():
        linecache.cache[name] = (sum(map(len, lines)), None, list(lines), name)
    use_keras_settings(packed.settings)
    program, objects, rest = pickle.loads(packed.content, buffers=packed.buffers)
    work: Work = rest
    return dataclasses.replace(work, program=_unpack_program(program, objects), measure=objects.get("--measure"))


def pack_job(job: TrialJob) -> bytes:
    """A job without its work, which the worker has already."""
    fields = {each.name: getattr(job, each.name) for each in dataclasses.fields(job)}
    del fields["work"]
    fields["hp"] = job.hp.get_config()
    return pickle.dumps(fields, protocol=5)


def unpack_job(packed: bytes, work: Work) -> TrialJob:
    """The job, in the worker; its ``hp`` names the user's line in its errors."""
    fields = pickle.loads(packed)
    hp = hyperparameters_from(fields.pop("hp"))
    hp.line_of = line_finder(work.program)
    return TrialJob(work=work, hp=hp, **fields)


def pack_report(report: Report) -> bytes:
    """A report for the way back."""
    if isinstance(report, TrialOutcome) and report.hp is not None:
        report = dataclasses.replace(report, hp=report.hp.get_config())
    return pickle.dumps(report, protocol=5)


def unpack_report(packed: bytes) -> Report:
    """The report, in the kernel."""
    report = cast(Report, pickle.loads(packed))
    if isinstance(report, TrialOutcome) and report.hp is not None:
        return dataclasses.replace(report, hp=hyperparameters_from(report.hp))
    return report


# -- what the work needs --------------------------------------------------------------------------


def names_needed(code: CodeType) -> dict[str, bool]:
    """The global names that a cell's code reads, and whether it surely reads the notebook's.

    False for a name that the cell assigns before it uses it: the notebook's object of that name
    may be needed on some path only, so it is sent when it can be.
    """
    needed: dict[str, bool] = {}
    stored: set[str] = set()
    for instruction in dis.get_instructions(code):
        if instruction.opname in _STORES:
            stored.add(instruction.argval)
        elif instruction.opname in _LOADS:
            needed.setdefault(instruction.argval, instruction.argval not in stored)
    for name in _names_inside(code):
        needed.setdefault(name, name not in stored)
    return {name: required for name, required in needed.items() if name not in _OWN_NAMES}


def _names_inside(code: CodeType) -> Iterator[str]:
    """Global names that functions, classes and comprehensions inside the code read."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from (each.argval for each in dis.get_instructions(constant) if each.opname in _LOADS)
            yield from _names_inside(constant)


def _objects_needed(work: Work) -> dict[str, tuple[Any, bool]]:
    """Everything that has to travel by a name for the user, and whether it can't be left out."""
    needed: dict[str, tuple[Any, bool]] = {}
    match work.program:
        case CellProgram() as cell:
            names = names_needed(cell.compiled)
            for name in sorted(_LOOKUPS & set(names) - set(cell.namespace)):
                raise UnsendableError(((f"{name}()", _LOOKUP_REASON),))
            found = {name: required for name, required in names.items() if name in cell.namespace}
            needed |= {name: (cell.namespace[name], required) for name, required in found.items()}
        case BuilderProgram() as program:
            needed[_builder_name(program)] = (program.builder, True)
        case other:
            needed["program"] = (other, True)
    if work.measure is not None:
        needed["--measure"] = (work.measure, True)
    for name, part in zip((*work.data.names, *work.data.val_names), _data_parts(work), strict=False):
        if _stays_here(part):
            needed[name] = (part, True)
    return needed


def _data_parts(work: Work) -> tuple[Any, ...]:
    """The data in the order of its names."""
    data = work.data
    train = (data.x, data.y) if len(data.names) > 1 else (data.x,)
    return (*train, data.val_x, data.val_y)


def _builder_name(program: BuilderProgram) -> str:
    return getattr(program.builder, "__name__", type(program.builder).__name__)


# -- pickling -------------------------------------------------------------------------------------


class _StaysHere(Exception):
    """Met while pickling: an object that can be pickled, but would not be the same in a worker."""


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Refuses what does not survive the journey, remembers where functions come from."""

    def __init__(self, file: io.BytesIO, buffers: list[pickle.PickleBuffer]) -> None:
        def keep_in_band(buffer: pickle.PickleBuffer) -> bool:
            if buffer.raw().nbytes < _IN_BAND:
                return True
            buffers.append(buffer)
            return False

        super().__init__(file, protocol=5, buffer_callback=keep_in_band)
        self.filenames: set[str] = set()

    def reducer_override(self, obj: Any) -> Any:
        reason = _stays_here(obj)
        if reason:
            raise _StaysHere(reason)
        if isinstance(obj, FunctionType):
            self.filenames.add(obj.__code__.co_filename)
        return super().reducer_override(obj)


def _stays_here(obj: Any) -> str:
    """Why this object may not travel, or nothing. Asked for every object, so it is quick."""
    if isinstance(obj, type):
        return ""
    keras, tensorflow = sys.modules.get("keras"), sys.modules.get("tensorflow")
    # A copy would lose custom objects, its place in the graph and what it shares with other models.
    if keras is not None and isinstance(obj, keras.layers.Layer):
        return "a Keras model" if isinstance(obj, keras.Model) else "a Keras layer"
    # Datasets are C++ objects whose functions can't leave the process.
    if tensorflow is not None and isinstance(obj, tensorflow.data.Dataset):
        return "a tf.data dataset"
    return ""


def _dumps(value: Any) -> tuple[bytes, list[pickle.PickleBuffer], set[str]]:
    file = io.BytesIO()
    buffers: list[pickle.PickleBuffer] = []
    pickler = _Pickler(file, buffers)
    pickler.dump(value)
    return file.getvalue(), buffers, pickler.filenames


def _packed(work: Work, objects: Mapping[str, Any]) -> PackedWork:
    # One pickle for all, so that what two names share is still shared in the worker.
    rest = dataclasses.replace(work, program=cast(TrialProgram, None), measure=None)
    content, buffers, filenames = _dumps((_pack_program(work.program), objects, rest))
    made_up = [name for name in sorted(filenames) if not os.path.exists(name)]
    texts = {name: lines for name in made_up if (lines := linecache.getlines(name))}
    return PackedWork(content=content, buffers=tuple(buffers), texts=texts, settings=keras_settings())


@contextlib.contextmanager
def _own_modules_by_value() -> Iterator[None]:
    """Let cloudpickle send the modules beside the notebook as what they are, not by their names."""
    folder = os.path.realpath(os.getcwd()) + os.sep
    registered = cloudpickle.list_registry_pickle_by_value()
    own = []
    try:
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None) or ""
            # A module may call itself otherwise than it is found; the user may have registered some.
            known = name == getattr(module, "__name__", "") and name not in (*registered, "__main__")
            if known and os.path.realpath(file).startswith(folder) and is_users_file(file):
                cloudpickle.register_pickle_by_value(module)
                own.append(module)
        yield
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)


def _pack_program(program: TrialProgram) -> dict[str, Any]:
    """What makes the same program out of the objects again."""
    match program:
        case CellProgram():
            names = ("source", "filename", "first_line", "data_names")
            return {"cell": {name: getattr(program, name) for name in names}}
        case BuilderProgram():
            return {"builder": _builder_name(program)}
        case _:
            return {"other": "program"}


def _unpack_program(packed: Mapping[str, Any], objects: Mapping[str, Any]) -> TrialProgram:
    match packed:
        case {"cell": cell}:
            return read_cell(cell.pop("source"), {"__name__": "__main__", **objects}, **cell)
        case {"builder": name}:
            return program_from_builder(objects[name])
        case _:
            return cast(TrialProgram, objects["program"])


# -- telling what can't be sent -------------------------------------------------------------------


def _faults(name: str, value: Any, seen: set[int]) -> list[tuple[str, str]]:
    """The object, or those that a function of the notebook uses, that can't be sent, and why."""
    if id(value) in seen:
        return []
    seen.add(id(value))
    try:
        _dumps(value)
    except _StaysHere as error:
        reason = _stays_here(value) or f"it holds {error}"
    # Any library's __reduce__ may raise anything; the text is shown to the user.
    except Exception as error:
        reason = describe_error(error).partition(": ")[2] or type(error).__name__
    else:
        return []
    inner = [fault for used, thing in _used_by(value) for fault in _faults(used, thing, seen)]
    return inner or [(name, reason)]


def _used_by(value: Any) -> list[tuple[str, Any]]:
    """Names that a function, or the methods of a class, take from their globals and closures."""
    members = list(vars(value).values()) if isinstance(value, type) else [value]
    used: list[tuple[str, Any]] = []
    for function in members:
        if not isinstance(function, FunctionType):
            continue
        names = {each.argval for each in dis.get_instructions(function.__code__) if each.opname in _LOADS}
        names |= set(_names_inside(function.__code__))
        used += [(name, function.__globals__[name]) for name in sorted(names) if name in function.__globals__]
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        used += [(name, cell.cell_contents) for name, cell in cells if cell != CellType()]
    return used
