"""Hashes of files: what makes an artefact the one that was meant.

An OpenVINO model is two files. Its hash is that of the ``.xml`` followed by the ``.bin``
beside it, so that neither can be exchanged alone: ``cat model.xml model.bin | sha256sum``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from vision.domain.errors import ArtefactError

_CHUNK_BYTES = 1 << 20
_SHORT = 12


def parts_of(path: Path) -> tuple[Path, ...]:
    """The files that make up the artefact at ``path``."""
    return (path, path.with_suffix(".bin")) if path.suffix == ".xml" else (path,)


def sha256_of(path: Path) -> str:
    """The SHA-256 of the artefact at ``path`` in hex.

    Raises:
        ArtefactError: It cannot be read.
    """
    digest = hashlib.sha256()
    for part in parts_of(path):
        try:
            with part.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    digest.update(chunk)
        except OSError as error:
            raise _unreadable(part, error) from error
    return digest.hexdigest()


def read_verified(path: Path, sha256: str) -> tuple[bytes, ...]:
    """The contents of the artefact's files, which are what was hashed.

    Raises:
        ArtefactError: It cannot be read, or is another than the one named.
    """
    digest = hashlib.sha256()
    contents = []
    for part in parts_of(path):
        try:
            content = part.read_bytes()
        except OSError as error:
            raise _unreadable(part, error) from error
        digest.update(content)
        contents.append(content)
    if digest.hexdigest() != sha256:
        raise ArtefactError(
            f"{path}: sha256 is {short(digest.hexdigest())}, expected {short(sha256)}: "
            "the file was changed: remove it and pull or export it again"
        )
    return tuple(contents)


def short(sha256: str) -> str:
    """Enough of a hash to tell builds apart."""
    return sha256[:_SHORT]


def _unreadable(path: Path, error: OSError) -> ArtefactError:
    return ArtefactError(f"{path}: cannot be read: {error.strerror}: check the file and its mode")
