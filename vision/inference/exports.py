"""What every way of making a build of a model shares: a program of its own, and the ledger."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from vision.domain.errors import ArtefactError
from vision.models.catalogue import ModelEntry
from vision.models.digest import parts_of, sha256_of
from vision.models.manifest import Export, Making, record_export
from vision.models.store import ModelFile, ModelStore


class Build:
    """A file in the making, in a temporary folder beside the place where it will be."""

    def __init__(self, entry: ModelEntry, folder: Path, name: str, work: Path) -> None:
        self._entry = entry
        self._folder = folder
        self.work = work
        """For what is needed on the way; it is deleted with all that is in it."""
        self.made = work / name
        """Where the file is to be put."""

    def as_file(self) -> ModelFile:
        """What was made, to be looked at."""
        return ModelFile(self._entry.name, self.made, sha256_of(self.made), "being made")

    def publish(self, source: ModelFile, making: Making, tool: str) -> ModelFile:
        """Put it into its place, once its hash is in the ledger."""
        export = Export(
            model=self._entry.name,
            file=self.made.name,
            sha256=sha256_of(self.made),
            source_sha256=source.sha256,
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            tool=tool,
            making=making,
        )
        record_export(self._folder, export)
        # The .xml last: it is what makes the pair visible.
        for part in reversed(parts_of(self.made)):
            part.replace(self._folder / part.name)
        target = self._folder / self.made.name
        return ModelFile(self._entry.name, target, export.sha256, export.origin)


@contextmanager
def new_build(entry: ModelEntry, store: ModelStore, suffix: str) -> Iterator[Build]:
    """A build of the model, which appears complete or not at all.

    Raises:
        ArtefactError: A file with an unknown hash is in the way, or it cannot be written.
    """
    folder = store.folders.for_new_models()
    target = folder / f"{entry.name}{suffix}"
    store.refuse_unknown(entry, target)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".") as work:
            yield Build(entry, folder, target.name, Path(work))
    except OSError as error:
        raise ArtefactError(f"{target}: cannot be written: {error.strerror}") from error


def run_program(
    program: Path, *arguments: Path, work: Path, environment: Mapping[str, str], what: str
) -> None:
    """Run a Python program of ours in the folder ``work``.

    Raises:
        ArtefactError: It failed; ``what`` begins the line, its last words end it.
    """
    # -P: the folder of the program is not to be searched for modules.
    process = subprocess.run(
        [sys.executable, "-P", str(program), *map(str, arguments)],
        cwd=work,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    if process.returncode:
        lines = [line for line in process.stderr.splitlines() if line.strip()]
        last = lines[-1].strip() if lines else f"exit code {process.returncode}"
        raise ArtefactError(f"{what} failed: {last}")


def tool_version(module: str) -> str:
    """The distribution a module comes from, with its version."""
    # Some modules are shipped by several distributions, of which one is installed.
    names = metadata.packages_distributions().get(module, [])
    return ", ".join(f"{name} {metadata.version(name)}" for name in sorted(set(names)))
