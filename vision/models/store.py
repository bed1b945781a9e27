"""Which models are there, and whether they are what the catalogue or the ledger says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vision.domain.errors import ArtefactError
from vision.models.catalogue import INT8_SUFFIX, Artefact, Catalogue, ModelEntry, file_suffix
from vision.models.digest import parts_of, sha256_of, short
from vision.models.folders import Folders
from vision.models.manifest import read_exports
from vision.models.progress import TransferProgress
from vision.models.pull import pull

# What the CPU's engine loads, most preferred first; the same quantised; what can be exported and
# what a GPU loads; what TensorRT made of a model for one kind of GPU.
LOADABLE = (".xml", ".onnx")
QUANTISED = (INT8_SUFFIX,)
WEIGHTS = (".pt",)
TENSORRT = (".engine",)
# How a file is made anew that cannot be pulled.
_REMEDIES = {INT8_SUFFIX: ("quantize {} FOLDER",), ".engine": ("register {} FILE",)}
_ALL = (*LOADABLE, *QUANTISED, *WEIGHTS, *TENSORRT)


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of a model that lies on this machine.

    Attributes:
        model: Name in the catalogue.
        path: Where it is.
        sha256: Of the file as it is now.
        origin: What is known of that hash; None when nothing is, and it must not be loaded.
    """

    model: str
    path: Path
    sha256: str
    origin: str | None

    @property
    def size(self) -> int:
        """Bytes on disk, of both files of an OpenVINO model."""
        return sum(part.stat().st_size for part in parts_of(self.path))


class ModelStore:
    """The models of the catalogue in the folders of this machine."""

    def __init__(self, catalogue: Catalogue, folders: Folders) -> None:
        self.catalogue = catalogue
        self.folders = folders

    def loadable(self, entry: ModelEntry) -> ModelFile | None:
        """The file an engine is to load, None when there is none.

        Raises:
            ArtefactError: There is one, but nobody knows its hash.
        """
        return self._first(entry, LOADABLE)

    def quantised(self, entry: ModelEntry) -> ModelFile | None:
        """As :meth:`loadable`, for the build in integers."""
        return self._first(entry, QUANTISED)

    def weights(self, entry: ModelEntry) -> ModelFile | None:
        """As :meth:`loadable`, for weights that can be exported."""
        return self._first(entry, WEIGHTS)

    def tensorrt(self, entry: ModelEntry) -> ModelFile | None:
        """As :meth:`loadable`, for an engine of TensorRT."""
        return self._first(entry, TENSORRT)

    def files(self, entry: ModelEntry) -> list[ModelFile]:
        """All files of the model that are there, with known hash or not."""
        return [
            self._inspect(entry, folder, name)
            for folder in self.folders.model_folders
            for name in self._names(entry, folder, _ALL)
        ]

    def pull(
        self, entry: ModelEntry, suffixes: tuple[str, ...], progress: TransferProgress
    ) -> ModelFile:
        """A file of the model with one of ``suffixes``, pulled from its sources.

        Raises:
            ArtefactError: It cannot be had.
        """
        for artefact in pullable(entry, suffixes):
            path = pull(artefact, self.folders.for_new_models(), self.folders, progress)
            return ModelFile(entry.name, path, artefact.sha256, _known_as(artefact))
        wanted = " or ".join(suffixes)
        raise ArtefactError(f"{entry.name}: the catalogue names no source for a {wanted} file")

    def refuse_unknown(self, entry: ModelEntry, path: Path) -> None:
        """Make sure that ``path`` is free or holds a known build, which can be made again.

        Raises:
            ArtefactError: A file is there whose hash nobody knows.
        """
        if path.is_file():
            file = self._inspect(entry, path.parent, path.name)
            if file.origin is None:
                raise unknown_hash(entry, file)

    def _first(self, entry: ModelEntry, suffixes: tuple[str, ...]) -> ModelFile | None:
        for folder in self.folders.model_folders:
            for name in self._names(entry, folder, suffixes):
                file = self._inspect(entry, folder, name)
                if file.origin is None:
                    raise unknown_hash(entry, file)
                return file
        return None

    def _names(self, entry: ModelEntry, folder: Path, suffixes: tuple[str, ...]) -> list[str]:
        """Files in ``folder`` that claim to be the model, in the order of ``suffixes``."""
        names = {f"{entry.name}{suffix}" for suffix in suffixes}
        names |= {artefact.file for artefact in entry.artefacts}
        present = [
            name for name in names if file_suffix(name) in suffixes and (folder / name).is_file()
        ]
        return sorted(present, key=lambda name: (suffixes.index(file_suffix(name)), name))

    def _inspect(self, entry: ModelEntry, folder: Path, name: str) -> ModelFile:
        path = folder / name
        sha256 = sha256_of(path)
        return ModelFile(entry.name, path, sha256, self._origin(entry, folder, name, sha256))

    def _origin(self, entry: ModelEntry, folder: Path, name: str, sha256: str) -> str | None:
        for artefact in entry.artefacts:
            if artefact.file == name and artefact.sha256 == sha256:
                return _known_as(artefact)
        for export in read_exports(folder):
            if (export.model, export.file, export.sha256) == (entry.name, name, sha256):
                return export.origin
        return None


def pullable(entry: ModelEntry, suffixes: tuple[str, ...]) -> list[Artefact]:
    """The artefacts of the model that have a source and one of ``suffixes``."""
    return [item for item in entry.artefacts if item.sources and file_suffix(item.file) in suffixes]


def unknown_hash(entry: ModelEntry, file: ModelFile) -> ArtefactError:
    """The error that says that ``file`` is not a build of the model that is known."""
    known = [short(item.sha256) for item in entry.artefacts if item.file == file.path.name]
    expected = f"expected {' or '.join(known)}" if known else "no such file is in the catalogue"
    remedies = _REMEDIES.get(file_suffix(file.path.name), ("pull {}", "export {}"))
    run = " or ".join(f"`vision models {remedy.format(entry.name)}`" for remedy in remedies)
    return ArtefactError(
        f"{file.path}: sha256 is {short(file.sha256)}, {expected}: remove the file, then run {run}"
    )


def _known_as(artefact: Artefact) -> str:
    return artefact.note or "catalogue"
