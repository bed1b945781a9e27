"""The model that is measured, and its files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from vision.domain.errors import ConfigError
from vision.inference.backends import choose_model
from vision.models.catalogue import ModelEntry, file_suffix, load_catalogue
from vision.models.folders import Folders
from vision.models.progress import NoProgress
from vision.models.store import LOADABLE, ModelFile, ModelStore

_VARIABLE = "VISION_MODELS_DIR"


@dataclass(frozen=True, slots=True)
class BenchModel:
    """A model of the catalogue with the file that an engine loads."""

    entry: ModelEntry
    file: ModelFile


def models_dir() -> Path:
    """Where models are looked for, as an absolute path."""
    named = os.environ.get(_VARIABLE)
    return Folders.of(Path(named) if named else None).models.resolve()


def model(name: str) -> BenchModel:
    """The model that a node with ``model.name: NAME`` loads on a CPU."""
    chosen = choose_model(name, _store(), NoProgress(), None)
    return BenchModel(chosen.entry, chosen.file)


def file_of(name: str, sha256: str) -> ModelFile:
    """The file of a model by its hash, as messages tell it.

    Raises:
        ConfigError: It is in none of the folders.
    """
    store = _store()
    for file in store.files(store.catalogue.model(name)):
        if file.sha256 == sha256 and file_suffix(file.path.name) in LOADABLE:
            return file
    raise ConfigError(f"no file of {name} has sha256 {sha256[:12]}: set {_VARIABLE} to its folder")


def weights_of(name: str) -> ModelFile:
    """PyTorch weights of a model, for programs that load those.

    Raises:
        ConfigError: There are none.
    """
    return _of_kind(name, ".pt")


def network_of(name: str) -> ModelFile:
    """As :func:`weights_of`, for an ONNX file."""
    return _of_kind(name, ".onnx")


def _of_kind(name: str, suffix: str) -> ModelFile:
    store = _store()
    for file in store.files(store.catalogue.model(name)):
        if file_suffix(file.path.name) == suffix and file.origin is not None:
            return file
    raise ConfigError(
        f"{name}: no {suffix} file of it in {store.folders.models}, which peers load: put it "
        "there, or name a model that has one with --peer-model"
    )


def _store() -> ModelStore:
    return ModelStore(load_catalogue(), Folders.of(models_dir()))
