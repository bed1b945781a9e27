"""Which model is loaded, and why."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from vision.domain.errors import ArtefactError
from vision.inference.export import INSTALL
from vision.models.catalogue import ModelEntry
from vision.models.progress import TransferProgress
from vision.models.store import LOADABLE, WEIGHTS, ModelFile, ModelStore, pullable

_log = logging.getLogger(__name__)
AUTO = "auto"

Precision: TypeAlias = Literal["auto", "fp32", "int8"]

Exporter: TypeAlias = Callable[[ModelEntry], ModelFile]
"""Makes a loadable file of a model, pulling its weights if need be."""


@dataclass(frozen=True, slots=True)
class ChosenModel:
    """A model that can be loaded.

    Attributes:
        entry: Of the catalogue.
        file: The build that is there.
        reason: One line that says what was chosen and why.
        device: Where it is to run.
    """

    entry: ModelEntry
    file: ModelFile
    reason: str
    device: Literal["cpu", "cuda"] = "cpu"


def choose_model(
    name: str,
    store: ModelStore,
    progress: TransferProgress,
    exporter: Exporter | None,
    precision: Precision = "auto",
) -> ChosenModel:
    """The model called ``name``; ``auto`` takes the first of the catalogue's that can be had.

    Args:
        name: As in ``model.name``.
        store: The models of this machine.
        progress: Told of what is downloaded.
        exporter: Makes ONNX files from official weights; None when that is not installed.
        precision: As in ``model.precision``; whoever made a quantised build means it to be used.

    Raises:
        ConfigError: There is no model of that name.
        ArtefactError: It cannot be had, or a file of it has a hash nobody knows.
    """
    if precision == "int8":
        chosen = _quantised(name, store)
    elif name == AUTO:
        chosen = _automatic(store, progress, exporter, precision)
    else:
        entry = store.catalogue.model(name)
        file, how = _there_or_brought(entry, store, progress, exporter, precision)
        chosen = ChosenModel(entry, file, f"model {name}, as asked for: {how}")
    _log.info("inference.model_chosen %s", chosen.reason)
    return chosen


def obtain(
    entry: ModelEntry, store: ModelStore, progress: TransferProgress, exporter: Exporter | None
) -> ModelFile:
    """A loadable file of the model in floating point.

    Raises:
        ArtefactError: It cannot be had, or has a hash nobody knows.
    """
    file, _ = _there_or_brought(entry, store, progress, exporter, "fp32")
    return file


def _automatic(
    store: ModelStore, progress: TransferProgress, exporter: Exporter | None, precision: Precision
) -> ChosenModel:
    *preferred, last = (store.catalogue.models[name] for name in store.catalogue.auto)
    passed_over = ""
    for entry in preferred:
        # A file with an unknown hash ends it here: its owner means it to be used.
        present = _present(entry, store, precision)
        if present is not None:
            return ChosenModel(entry, present, f"model {entry.name}: {_is_there(present)}")
        try:
            file, how = _bring(entry, store, progress, exporter)
        except ArtefactError as error:
            passed_over += f"; passed over {error}"
        else:
            return ChosenModel(entry, file, f"model {entry.name}: {how}{passed_over}")
    file, how = _there_or_brought(last, store, progress, exporter, precision)
    return ChosenModel(last, file, f"model {last.name}, the embedded default: {how}{passed_over}")


def _quantised(name: str, store: ModelStore) -> ChosenModel:
    """A build in integers is made by the user, never on the way."""
    names = store.catalogue.auto if name == AUTO else (name,)
    for entry in map(store.catalogue.model, names):
        file = store.quantised(entry)
        if file is not None:
            return ChosenModel(entry, file, f"model {entry.name} in int8: {_is_there(file)}")
    raise ArtefactError(
        f"model.precision: no int8 build of {' or '.join(names)} is in {store.folders.models}: "
        f"make one with `vision models quantize {names[0]} FOLDER`, or set model.precision: auto"
    )


def _present(entry: ModelEntry, store: ModelStore, precision: Precision) -> ModelFile | None:
    quantised = store.quantised(entry) if precision == "auto" else None
    return quantised or store.loadable(entry)


def _there_or_brought(
    entry: ModelEntry,
    store: ModelStore,
    progress: TransferProgress,
    exporter: Exporter | None,
    precision: Precision,
) -> tuple[ModelFile, str]:
    """A loadable file of the model, and how it came to be there."""
    present = _present(entry, store, precision)
    if present is not None:
        return present, _is_there(present)
    return _bring(entry, store, progress, exporter)


def _bring(
    entry: ModelEntry, store: ModelStore, progress: TransferProgress, exporter: Exporter | None
) -> tuple[ModelFile, str]:
    if pullable(entry, LOADABLE):
        file = store.pull(entry, LOADABLE, progress)
        return file, f"pulled to {file.path}"
    if exporter is None:
        raise ArtefactError(
            f"{entry.name}: no model file in {store.folders.models}, and making one needs the "
            f"export extra: {INSTALL}"
        )
    file = exporter(entry)
    return file, f"exported to {file.path}"


def _is_there(file: ModelFile) -> str:
    return f"{file.path} is there ({file.origin})"


def choose_for_gpu(name: str, store: ModelStore, progress: TransferProgress) -> ChosenModel:
    """The model called ``name`` for a GPU; ``auto`` is the catalogue's first.

    An engine of TensorRT is taken if one was registered, else PyTorch weights, which are pulled
    if they are not there.

    Raises:
        ConfigError: There is no model of that name.
        ArtefactError: It cannot be had, or has a hash nobody knows.
    """
    entry = store.catalogue.model(store.catalogue.auto[0] if name == AUTO else name)
    file = store.tensorrt(entry) or store.weights(entry) or store.pull(entry, WEIGHTS, progress)
    reason = f"model {entry.name} on the GPU: {_is_there(file)}"
    chosen = ChosenModel(entry, file, reason, "cuda")
    _log.info("inference.model_chosen %s", chosen.reason)
    return chosen
