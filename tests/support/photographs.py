"""Photographs on their way through the pipeline, one at a time or many."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import av

from tests.support.networks import ResultWaiter
from vision.capture.scale import Scaler
from vision.domain.detections import Detections
from vision.domain.errors import InferenceError
from vision.domain.frame import Image
from vision.inference.openvino_backend import OpenVinoBackend
from vision.inference.postprocess import DetectionFilter, Postprocessor

Seen: TypeAlias = tuple[Detections, tuple[int, int]]


def as_captured(path: Path, long_side: int) -> tuple[Image, tuple[int, int]]:
    """Decoded and scaled as the frames of a camera are."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    return Scaler(long_side).scale(frame), (frame.width, frame.height)


def look_at(
    backend: OpenVinoBackend, paths: Sequence[Path], selection: DetectionFilter
) -> dict[Path, Seen]:
    """What the model sees in each photograph, with as many under way as the engine takes."""
    postprocess = Postprocessor(backend.model.labels)
    answers = ResultWaiter(backend)
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
        picture, size = as_captured(path, backend.input_size)
        while not backend.free():
            collect()
        under_way[backend.submit([picture])] = path, size
    while under_way:
        collect()
    return seen
