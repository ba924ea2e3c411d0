"""Artefacts in their place: what they are called, and how they get there whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from tunemagic.durable import place_folder, write_atomic
from tunemagic.errors import ExportError
from tunemagic.events import Verdict
from tunemagic.export import metadata
from tunemagic.export.targets.kinds import KINDS
from tunemagic.request import QuantMode, Target

__all__ = ["artefact_name", "check_free", "fingerprint", "place", "split_target", "usable_folder", "usable_stem"]

_CHUNK = 1 << 20
_GZIP = 31  # zlib's number for a gzip header around its largest window


def artefact_name(target: Target, stem: str, mode: str, verdict: Verdict = Verdict.VERIFIED) -> str:
    """``digits.tflite``, ``digits.int8.tflite``, ``digits-savedmodel``, ``digits.not-verified.onnx``."""
    parts = [stem, *([] if mode == QuantMode.NONE else [mode])]
    if verdict is not Verdict.VERIFIED:
        parts.append("not-verified")
    return ".".join(parts) + KINDS[target].ending


def split_target(path: str | Path, stem: str, jobs: Sequence[tuple[str, str]] | None = None) -> tuple[Path, str]:
    """Folder and stem of the artefacts: ``out/small.int8.tflite`` -> out, small; a folder keeps the given stem.

    What is taken off the name is how names of the ``jobs``, (target, mode), end; None stands for all there are.
    """
    target = Path(os.path.expanduser(path))
    if str(path).endswith("/") or target.is_dir():
        return target, stem
    pairs = [(kind, mode) for kind in KINDS for mode in QuantMode] if jobs is None else jobs
    made = [(Target(kind), mode) for kind, mode in pairs if kind in set(KINDS)]
    endings = {end for kind, mode in made for end in (KINDS[kind].ending, artefact_name(kind, "", mode))}
    found = [end for end in endings if target.name.endswith(end)]
    return target.parent, target.name.removesuffix(max(found, key=len, default=""))


def usable_stem(stem: str) -> str:
    """The stem, when no artefact made of it can land outside the folder. Raises ExportError."""
    if (
        not stem
        or stem.startswith(".")
        or not stem.isprintable()
        or len(stem.encode()) > 150
        or set(stem) & set('/\\:*?"<>|')
    ):
        raise ExportError(
            f"file name: expected 1 to 150 printable characters without slashes, not beginning with a dot; "
            f"received {ascii(stem)[:60]}."
        )
    return stem


def usable_folder(directory: str | Path) -> Path:
    """The folder, made when missing, in which a file was written and removed as a proof. Raises ExportError."""
    folder = Path(directory)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(tempfile.NamedTemporaryFile(prefix=".tunemagic-", dir=folder)):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ExportError(f"can't write into {folder}: {reason}. Name another folder for the file.") from error
    return folder


def check_free(path: Path, study: str | None = None) -> None:
    """Raises ExportError when there is something of that name; our TF Lite file of the same study may be made again."""
    if (path.exists() or path.is_symlink()) and not _is_our_file(path, study):
        raise ExportError(f"{path} exists; add --force (Python: force=True) to replace it, or name another path.")


def _is_our_file(path: Path, study: str | None) -> bool:
    try:
        said = metadata.read(path) if path.is_file() else {}
    except ExportError:
        return False
    return bool(said) and said.get("study") == study


def place(made: Path, path: Path) -> None:
    """Put the artefact ``made`` at ``path``: seen there whole or not at all, durable, an older one replaced.

    Raises OSError; an older one is then as it was.
    """
    if made.is_dir():
        place_folder(made, path)
    else:
        write_atomic(path, made.read_bytes(), mode=0o644)


def fingerprint(artefact: Path) -> tuple[int, int, str]:
    """Bytes, bytes after gzip -9, and SHA-256 of a file, or of a folder's names and contents in order of name."""
    size = packed = 0
    digest, packer = hashlib.sha256(), zlib.compressobj(9, wbits=_GZIP)
    for name, file in _files(artefact):
        digest.update(name)
        packed += len(packer.compress(name))
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                digest.update(chunk)
                packed += len(packer.compress(chunk))
    return size, packed + len(packer.flush()), digest.hexdigest()


def _files(artefact: Path) -> Iterator[tuple[bytes, Path]]:
    """The files in the artefact and what is hashed of their names: of a single file's nothing."""
    if not artefact.is_dir():
        yield b"", artefact
        return
    for file in sorted(path for path in artefact.rglob("*") if path.is_file()):
        yield file.relative_to(artefact).as_posix().encode() + b"\0", file
