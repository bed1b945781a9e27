"""Taking up a file that was made on this machine by a tool of others."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from vision.domain.errors import ArtefactError, ConfigError
from vision.models.catalogue import ModelEntry
from vision.models.digest import sha256_of
from vision.models.manifest import Export, record_export
from vision.models.store import TENSORRT, ModelFile, ModelStore


def register(entry: ModelEntry, file: Path, store: ModelStore) -> ModelFile:
    """Copy an engine of TensorRT to the models and note its hash: from then on it is known.

    Such a file holds code for the GPU, so that only its owner can say that it is right. One that
    was registered before is replaced.

    Raises:
        ConfigError: It is no such file.
        ArtefactError: It cannot be read, or not be written to the models; or a file that nobody
            registered is in the way.
    """
    if not file.is_file():
        raise ConfigError(f"{file}: is no file")
    if file.suffix.lower() in (".onnx", ".pt", ".xml"):
        raise ConfigError(
            f"{file}: is not an engine of TensorRT: build one with trtexec --saveEngine=FILE"
        )
    folder = store.folders.for_new_models()
    target = folder / f"{entry.name}{TENSORRT[0]}"
    store.refuse_unknown(entry, target)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(file, part)
            sha256 = sha256_of(part)
            made = datetime.now(UTC).isoformat(timespec="seconds")
            export = Export(entry.name, target.name, sha256, sha256, made, "TensorRT", "registered")
            record_export(folder, export)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        place = error.filename or target
        raise ArtefactError(f"{place}: cannot be copied: {error.strerror}") from error
    return ModelFile(entry.name, target, sha256, export.origin)
