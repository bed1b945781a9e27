"""Photographs on their way through the pipeline, one at a time or many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import av
import cv2
import numpy as np

from tests.support.networks import Answers
from vision.capture.scale import Scaler
from vision.domain.detections import Detections
from vision.domain.errors import InferenceError
from vision.domain.frame import Image
from vision.frames.fit import fit_size
from vision.inference.openvino_backend import OpenVinoBackend
from vision.inference.postprocess import Postprocessor, Selection

Reader: TypeAlias = Callable[[Path, int], tuple[Image, tuple[int, int]]]
"""Gives the scaled picture of a file, and the width and height of the source."""

Seen: TypeAlias = tuple[Detections, tuple[int, int]]


def as_captured(path: Path, long_side: int) -> tuple[Image, tuple[int, int]]:
    """Decoded and scaled as the frames of a camera are."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    return Scaler(long_side).scale(frame).copy(), (frame.width, frame.height)


def as_trained(path: Path, long_side: int) -> tuple[Image, tuple[int, int]]:
    """Decoded and scaled by OpenCV, as for the training of YOLOv8."""
    source = cv2.imread(str(path))
    assert source is not None
    height, width = source.shape[:2]
    scaled = cv2.resize(source, fit_size(width, height, long_side))
    return np.asarray(cv2.cvtColor(scaled, cv2.COLOR_BGR2RGB), np.uint8), (width, height)


def look_at(
    backend: OpenVinoBackend, paths: Sequence[Path], selection: Selection, read: Reader
) -> dict[Path, Seen]:
    """What the model sees in each photograph, with as many under way as the engine takes."""
    postprocess = Postprocessor(backend.model.labels)
    answers = Answers(backend)
    under_way: dict[int, tuple[Path, tuple[int, int]]] = {}
    seen: dict[Path, Seen] = {}

    def collect() -> None:
        for answer in answers.next():
            path, size = under_way.pop(answer.ticket)
            assert not isinstance(answer.results, InferenceError)
            (result,) = answer.results
            seen[path] = postprocess(result.output, result.letterbox, selection), size
            answer.release()

    for path in paths:
        picture, size = read(path, backend.input_size)
        while not backend.free():
            collect()
        under_way[backend.submit([picture])] = path, size
    while under_way:
        collect()
    return seen
