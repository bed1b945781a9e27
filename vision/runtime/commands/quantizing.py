"""From files and cameras of the user to a quantised build of a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from vision.capture.calibration_images import calibration_images, recorded
from vision.config.settings import Settings
from vision.domain.errors import ConfigError, SourceError
from vision.domain.frame import Image
from vision.inference.backends import obtain
from vision.inference.export import can_export, export_model
from vision.inference.quantize import check_can_quantize, quantize_model
from vision.models.catalogue import ModelEntry
from vision.models.progress import TransferProgress
from vision.models.store import ModelFile, ModelStore
from vision.runtime.ingest.process import camera_address
from vision.runtime.processes.secret_files import secret_files

# Enough for the ranges of activations, few enough to keep in mind and to wait for.
_MOST_PICTURES = 300


def quantize(
    entry: ModelEntry,
    store: ModelStore,
    settings: Settings,
    progress: TransferProgress,
    *,
    paths: Sequence[Path],
    cameras: Sequence[str],
    record_s: float,
) -> ModelFile:
    """Make a build of ``entry`` in integers, calibrated on pictures of the user.

    The build in floating point is pulled or exported if it is not there.

    Args:
        entry: Of the catalogue.
        store: The models of this machine.
        settings: Of these, ``model.input_size`` and the cameras with their secrets.
        progress: Told of what is downloaded.
        paths: Folders of pictures, pictures and clips.
        cameras: Cameras of the settings, from each of which frames are taken.
        record_s: For how long, for each camera.

    Raises:
        ConfigError: There are no pictures, or there is no such camera or extra.
        ArtefactError: The model cannot be had, or quantising failed.
        SourceError: A camera delivers nothing.
    """
    check_can_quantize()
    for name in cameras:
        if name not in settings.cameras:
            known = ", ".join(settings.cameras) or "none"
            raise ConfigError(f"--camera {name}: is not one of the cameras: {known}")
    if not (paths or cameras):
        raise ConfigError("name a folder of pictures, a clip or a --camera to calibrate on")
    exporter = partial(export_model, store=store, progress=progress) if can_export() else None
    source = obtain(entry, store, progress, exporter)
    long_side = settings.model.input_size if entry.input == "dynamic" else max(entry.input)
    pictures = _pictures(settings, paths, cameras, long_side, record_s)
    return quantize_model(entry, source, store, pictures)


def _pictures(
    settings: Settings,
    paths: Sequence[Path],
    cameras: Sequence[str],
    long_side: int,
    record_s: float,
) -> Iterator[Image]:
    """As many of each source, so that none of them is all that counts."""
    limit = max(1, _MOST_PICTURES // (len(paths) + len(cameras)))
    for path in paths:
        yield from calibration_images(path, long_side, limit)
    secrets = secret_files(settings.secrets_dir)
    for name in cameras:
        address = camera_address(name, settings.cameras[name], secrets)
        try:
            yield from recorded(address, long_side, limit, record_s)
        except SourceError as error:
            raise SourceError(error.code, f"camera {name}: {error.reason}") from None
