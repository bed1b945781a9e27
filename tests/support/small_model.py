"""A folder with a small network in place of YOLOv8n, for the program as a process.

What the program does around the engine is the same with any network. A small one makes tests
quick on any machine and needs no weights; one with more to compute is an overload on any.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.support.networks import save
from vision.inference.openvino_runtime import ov
from vision.models.catalogue import load_catalogue
from vision.models.manifest import Export, record_export

_STRIDE = 32
_MODEL = "yolov8n"


def small_model(folder: Path, *, channels: int = 0) -> Path:
    """Make ``folder`` a models folder with a network that takes any size and sees nothing.

    ``channels`` is how many a convolution in front has, which makes it as slow as wanted. It is
    recorded as ``vision models export`` records what it makes.
    """
    folder.mkdir(exist_ok=True)
    labels = len(load_catalogue().models[_MODEL].labels)
    picture = ov.opset15.parameter([-1, 3, -1, -1], ov.Type.f32, "images")
    features = picture
    if channels:
        for before, after in ((3, channels), (channels, channels), (channels, 3)):
            kernel = np.full((after, before, 3, 3), 1 / (9 * before), np.float32)
            features = ov.opset15.convolution(features, kernel, [1, 1], [1, 1], [1, 1], [1, 1])
    pooled = ov.opset15.avg_pool(
        features, [_STRIDE] * 2, [0, 0], [0, 0], [_STRIDE] * 2, exclude_pad=True
    )
    # Four numbers of a box and a score per label; none is high enough to be a detection.
    mixture = np.full((4 + labels, 3, 1, 1), 1e-3, np.float32)
    mixed = ov.opset15.convolution(pooled, mixture, [1, 1], [0, 0], [0, 0], [1, 1])
    output = ov.opset15.reshape(mixed, np.array([0, 4 + labels, -1]), special_zero=True)
    made = save(ov.Model([output], [picture], _MODEL), folder / f"{_MODEL}.xml")
    record_export(
        folder,
        Export(
            model=_MODEL,
            file=made.path.name,
            sha256=made.sha256,
            source_sha256="0" * 64,
            made="2026-01-01T00:00:00Z",
            tool="tests.support.small_model",
        ),
    )
    return folder
