"""From the settings to an engine with its model loaded."""

from __future__ import annotations

from concurrent.futures import Executor
from functools import partial

from vision.artefacts.catalogue import load_catalogue
from vision.artefacts.folders import Folders
from vision.artefacts.progress import Progress
from vision.artefacts.store import ModelStore
from vision.config.settings import Settings
from vision.inference.backend import Backend
from vision.inference.choice import ChosenModel, choose_model, choose_weights
from vision.inference.export import can_export, export_model
from vision.inference.openvino_backend import OpenVinoBackend
from vision.inference.torch_backend import TorchBackend, wants_gpu


def model_for(settings: Settings, progress: Progress) -> ChosenModel:
    """The model the settings ask for, pulled or exported if it is not there.

    Raises:
        ConfigError: There is no model of that name.
        ArtefactError: It cannot be had, or is not the one named.
    """
    store = ModelStore(load_catalogue(), Folders.of(settings.models_dir))
    if wants_gpu(settings.model.device):
        return choose_weights(settings.model.name, store, progress)
    exporter = partial(export_model, store=store, progress=progress) if can_export() else None
    return choose_model(settings.model.name, store, progress, exporter)


def load_model(settings: Settings, chosen: ChosenModel, executor: Executor) -> Backend:
    """An engine with ``chosen`` loaded; ``executor``, of one worker, is its to use."""
    if wants_gpu(settings.model.device):
        return TorchBackend(
            chosen.file,
            chosen.entry,
            settings.model,
            settings.inference,
            device="cuda",
            engine=executor,
        )
    return OpenVinoBackend(
        chosen.file, chosen.entry, settings.model, settings.inference, compiler=executor
    )
