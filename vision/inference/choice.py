"""Which model is loaded, and why."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from vision.artefacts.catalogue import ModelEntry
from vision.artefacts.progress import Progress
from vision.artefacts.store import LOADABLE, WEIGHTS, ModelFile, ModelStore, pullable
from vision.domain.errors import ArtefactError
from vision.inference.export import INSTALL

_log = logging.getLogger(__name__)
AUTO = "auto"

Exporter: TypeAlias = Callable[[ModelEntry], ModelFile]
"""Makes a loadable file of a model, pulling its weights if need be."""


@dataclass(frozen=True, slots=True)
class ChosenModel:
    """A model that can be loaded.

    Attributes:
        entry: Of the catalogue.
        file: The build that is there.
        reason: One line that says what was chosen and why.
    """

    entry: ModelEntry
    file: ModelFile
    reason: str


def choose_model(
    name: str, store: ModelStore, progress: Progress, exporter: Exporter | None
) -> ChosenModel:
    """The model called ``name``; ``auto`` takes the first of the catalogue's that can be had.

    Args:
        name: As in ``model.name``.
        store: The models of this machine.
        progress: Told of what is downloaded.
        exporter: Makes ONNX files from official weights; None when that is not installed.

    Raises:
        ConfigError: There is no model of that name.
        ArtefactError: It cannot be had, or a file of it has a hash nobody knows.
    """
    if name == AUTO:
        chosen = _automatic(store, progress, exporter)
    else:
        entry = store.catalogue.model(name)
        file, how = _obtain(entry, store, progress, exporter)
        chosen = ChosenModel(entry, file, f"model {name}, as asked for: {how}")
    _log.info("inference.model_chosen %s", chosen.reason)
    return chosen


def _automatic(store: ModelStore, progress: Progress, exporter: Exporter | None) -> ChosenModel:
    *preferred, last = (store.catalogue.models[name] for name in store.catalogue.auto)
    passed_over = ""
    for entry in preferred:
        # A file with an unknown hash ends it here: its owner means it to be used.
        present = store.loadable(entry)
        if present is not None:
            return ChosenModel(entry, present, f"model {entry.name}: {_is_there(present)}")
        try:
            file, how = _bring(entry, store, progress, exporter)
        except ArtefactError as error:
            passed_over += f"; passed over {error}"
        else:
            return ChosenModel(entry, file, f"model {entry.name}: {how}{passed_over}")
    file, how = _obtain(last, store, progress, exporter)
    return ChosenModel(last, file, f"model {last.name}, the embedded default: {how}{passed_over}")


def _obtain(
    entry: ModelEntry, store: ModelStore, progress: Progress, exporter: Exporter | None
) -> tuple[ModelFile, str]:
    """A loadable file of the model, and how it came to be there."""
    present = store.loadable(entry)
    if present is not None:
        return present, _is_there(present)
    return _bring(entry, store, progress, exporter)


def _bring(
    entry: ModelEntry, store: ModelStore, progress: Progress, exporter: Exporter | None
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


def choose_weights(name: str, store: ModelStore, progress: Progress) -> ChosenModel:
    """PyTorch weights of the model called ``name``, for a GPU; ``auto`` is the catalogue's first.

    Raises:
        ConfigError: There is no model of that name.
        ArtefactError: Its weights cannot be had, or have a hash nobody knows.
    """
    entry = store.catalogue.model(store.catalogue.auto[0] if name == AUTO else name)
    file = store.weights(entry) or store.pull(entry, WEIGHTS, progress)
    chosen = ChosenModel(entry, file, f"model {entry.name} on the GPU: {file.path} is there")
    _log.info("inference.model_chosen %s", chosen.reason)
    return chosen
