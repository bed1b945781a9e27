"""A build of a model in integers of eight bits, with the ``quantize`` extra."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from vision.domain.errors import ArtefactError, ConfigError
from vision.domain.frame import Image
from vision.frames.planar import size_of
from vision.inference.exports import new_build, run_program, tool_version
from vision.inference.letterbox import Letterbox, tight_canvas
from vision.inference.openvino_runtime import ov, read_model
from vision.models.catalogue import ModelEntry
from vision.models.digest import parts_of, read_verified
from vision.models.store import QUANTISED, ModelFile, ModelStore

LEAST_PICTURES = 16
"""With fewer the ranges of activations are guesses; a hundred and more are good."""
_INSTALL = "pip install 'ariia-vision[quantize]'"
_PROGRAM = Path(__file__).with_name("quantize_program.py")


def check_can_quantize() -> None:
    """Make sure that the extra is installed.

    Raises:
        ConfigError: It is not.
    """
    if importlib.util.find_spec("nncf") is None:
        raise ConfigError(f"quantising needs the extra quantize: {_INSTALL}")


def quantize_model(
    entry: ModelEntry, source: ModelFile, store: ModelStore, pictures: Iterable[Image]
) -> ModelFile:
    """Make a build of ``source`` in integers, calibrated on pictures the model will look at.

    Args:
        entry: Of the catalogue.
        source: The build in floating point.
        store: Where the new build goes; it appears complete and checked or not at all.
        pictures: Scaled as frames are; copies are kept until it ends.

    Raises:
        ConfigError: The extra is not installed, or there are too few pictures.
        ArtefactError: The source is not what it is said to be, or quantising failed.
    """
    check_can_quantize()
    with new_build(entry, store, *QUANTISED) as build:
        # A copy of the very bytes that were hashed.
        copy = build.work / f"source{source.path.suffix}"
        contents = read_verified(source.path, source.sha256)
        for part, content in zip(parts_of(copy), contents, strict=True):
            part.write_bytes(content)
        folder = build.work / "pictures"
        folder.mkdir()
        count = _write(entry, pictures, folder)
        if count < LEAST_PICTURES:
            raise ConfigError(
                f"{count} pictures are too few to calibrate on: {LEAST_PICTURES} are the least, "
                "a hundred and more are good"
            )
        run_program(
            _PROGRAM,
            copy,
            build.made,
            folder,
            work=build.work,
            environment={},
            what=f"{entry.name}: quantising",
        )
        if not build.made.is_file():
            raise ArtefactError(f"{entry.name}: quantising made no {build.made.name}")
        read_model(ov.Core(), build.as_file(), entry)
        return build.publish(source, "quantised", tool_version("nncf"))


def _write(entry: ModelEntry, pictures: Iterable[Image], folder: Path) -> int:
    """Write each picture as the engine would see it, and say how many there are."""
    count = 0
    for count, picture in enumerate(pictures, 1):
        size = size_of(picture)
        canvas_size = tight_canvas(size) if entry.input == "dynamic" else entry.input
        canvas = np.empty((*canvas_size, 3), np.uint8)
        Letterbox.centred(size, canvas_size).fill(canvas, picture)
        np.save(folder / f"{count:05}.npy", canvas)
    return count
