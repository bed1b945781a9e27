"""From the settings to an engine with its model loaded."""

from __future__ import annotations

from concurrent.futures import Executor
from functools import partial

from vision.config.settings import Settings
from vision.inference.backend import Backend
from vision.inference.backends import ChosenModel, choose_for_gpu, choose_model
from vision.inference.export import can_export, export_model
from vision.inference.gpu.backend import GpuBackend
from vision.inference.gpu.device import choose_device
from vision.inference.openvino_backend import OpenVinoBackend
from vision.models.catalogue import load_catalogue
from vision.models.folders import Folders
from vision.models.progress import TransferProgress
from vision.models.store import ModelStore


def picture_size(settings: Settings) -> int:
    """Longest side, in pixels, that the model of the settings wants pictures to have.

    A model chosen by ``auto`` that takes one size only is not known here. Its pictures are
    scaled once more by the inference worker when ``model.input_size`` is another.
    """
    entry = load_catalogue().models.get(settings.model.name)
    if entry is None or entry.input == "dynamic":
        return settings.model.input_size
    return max(entry.input)


def model_for(settings: Settings, progress: TransferProgress) -> ChosenModel:
    """The model the settings ask for, pulled or exported if it is not there, and its device.

    Raises:
        ConfigError: There is no model of that name, or no GPU though there must be one.
        ArtefactError: It cannot be had, or is not the one named.
    """
    store = ModelStore(load_catalogue(), Folders.of(settings.models_dir))
    model = settings.model
    if choose_device(model) == "cuda":
        return choose_for_gpu(model.name, store, progress)
    exporter = partial(export_model, store=store, progress=progress) if can_export() else None
    return choose_model(model.name, store, progress, exporter, model.precision)


def load_model(settings: Settings, chosen: ChosenModel, executor: Executor) -> Backend:
    """An engine with ``chosen`` loaded on its device; the workers of ``executor`` are its to use."""
    if chosen.device == "cuda":
        return GpuBackend(
            chosen.file,
            chosen.entry,
            settings.model,
            settings.inference,
            device=chosen.device,
            engine=executor,
        )
    return OpenVinoBackend(
        chosen.file, chosen.entry, settings.model, settings.inference, compiler=executor
    )


def workers_for(chosen: ChosenModel) -> int:
    """How many workers the executor is to have that :func:`load_model` is given."""
    return GpuBackend.capacity if chosen.device == "cuda" else 1
