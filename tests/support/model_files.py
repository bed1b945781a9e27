"""Catalogues, model files and wheels made up on the spot."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

from vision.models.catalogue import Artefact, Catalogue, ModelEntry, Source, WheelSource
from vision.models.folders import Folders
from vision.models.store import ModelStore


def sha256(content: bytes) -> str:
    """The hash of ``content`` in hex."""
    return hashlib.sha256(content).hexdigest()


def artefact(file: str, content: bytes, *sources: Source) -> Artefact:
    """What a catalogue says of a file with ``content``."""
    return Artefact(file, sha256(content), len(content), sources, "made up")


def entry(name: str, *artefacts: Artefact) -> ModelEntry:
    """A model of one class."""
    return ModelEntry(name, "made up", "CC0-1.0", ("thing",), "dynamic", "yolov8", artefacts)


def store(folder: Path, *entries: ModelEntry) -> ModelStore:
    """A store whose folders are in ``folder``; the last entry is the embedded default."""
    names = tuple(item.name for item in entries)
    catalogue = Catalogue(1, names, {item.name: item for item in entries}, {})
    return ModelStore(catalogue, Folders(folder / "models", folder / "cache"))


def put(folder: Path, name: str, content: bytes) -> Path:
    """A file with ``content``, its folder made as needed."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    return path


def make_wheel(folder: Path, package: str, version: str, members: dict[str, bytes]) -> Path:
    """A wheel (PEP 427) of ``package`` that pip accepts."""
    stem = f"{package.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    files = {
        **members,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{name},sha256={_urlsafe(content)},{len(content)}" for name, content in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    wheel = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return wheel


def wheel_source(wheel: Path, package: str, version: str, member: str) -> WheelSource:
    """The source that names ``member`` of ``wheel``."""
    content = wheel.read_bytes()
    return WheelSource(package, version, sha256(content), len(content), member)


def _urlsafe(content: bytes) -> str:
    digest = hashlib.sha256(content).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
