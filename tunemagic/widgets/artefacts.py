"""What a panel may ask about exports: what there is to export to, and an artefact's bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tunemagic.analysis.exports import export_key
from tunemagic.errors import ExportError
from tunemagic.events import ModelExported
from tunemagic.export.modes import MILDEST_FIRST, check_quantizer
from tunemagic.export.place import fingerprint
from tunemagic.export.targets.kinds import KINDS
from tunemagic.i18n import Catalogue
from tunemagic.request import QuantMode, Target
from tunemagic.text import one_line
from tunemagic.trial import StudyView

__all__ = ["MOST_BYTES", "artefact", "export_of", "targets_info"]

MOST_BYTES = 50_000_000  # what travels to the page in one message


def targets_info() -> dict[str, Any]:
    """What the panel's menu offers: ``{"exports": [{"target", "mode", "missing"}, ...]}``.

    ``missing`` is the line that installs what is not there, or "". Only looks whether packages can be found.
    """
    exports = [
        {
            "target": str(Target.TFLITE),
            "mode": str(mode),
            "missing": _missing(lambda mode=mode: check_quantizer([mode])),
        }
        for mode in MILDEST_FIRST
    ]
    for target, kind in KINDS.items():
        if target is not Target.TFLITE:
            needs = _missing(lambda kind=kind, target=target: kind.check_packages(target))
            exports.append({"target": str(target), "mode": str(QuantMode.NONE), "missing": needs})
    written = [target for target in Target if target not in KINDS]  # scripts and cards need no package
    exports += [{"target": str(target), "mode": str(QuantMode.NONE), "missing": ""} for target in written]
    return {"exports": exports}


def _missing(check: Callable[..., object]) -> str:
    try:
        check()
    except ExportError as error:
        return str(error)
    return ""


def export_of(view: StudyView, key: object) -> ModelExported:
    """The export of this key. Raises ExportError when there is none."""
    for export in view.exports:
        if export_key(export) == key:
            return export
    raise ExportError(f"expected an artefact of study {view.study}; received {one_line(repr(key), 60)}.")


def artefact(export: ModelExported, texts: Catalogue) -> tuple[str, bytes]:
    """The artefact's name and bytes; a folder as a zip made in memory.

    Raises ExportError when it was not written, is gone, was changed since, or is too large.
    """
    path = Path(export.path)
    if not export.path or not path.exists():
        raise ExportError(texts("panel.export.gone", file=path.name or export.target))
    if (export.bytes or 0) > MOST_BYTES:
        raise ExportError(texts("panel.export.too_large", file=path.name, megabytes=MOST_BYTES // 1_000_000))
    try:
        # A journal may come from elsewhere: its path must not fetch something else of this machine.
        if fingerprint(path)[2] != export.sha256:
            raise ExportError(texts("panel.export.changed", file=path.name))
        return (f"{path.name}.zip", _zipped(path)) if path.is_dir() else (path.name, path.read_bytes())
    except OSError as error:
        raise ExportError(f"{path.name}: {error.strerror or error}.") from error


def _zipped(folder: Path) -> bytes:
    """The folder's plain files; links are left out, since they may lead anywhere."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and not file.is_symlink():
                archive.write(file, file.relative_to(folder.parent))
    return buffer.getvalue()
