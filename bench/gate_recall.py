"""Recall of the motion gate: new objects that the model finds, and whether it got to see them."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.gate_pictures import PACE_FPS, paced_pictures, paced_thumbnails
from vision.capture.counters import CaptureCounters
from vision.capture.gate import MotionGate
from vision.capture.scale import Scaler
from vision.config.camera import MotionSettings
from vision.config.settings import Settings
from vision.domain.detections import Detections
from vision.domain.errors import InferenceError
from vision.inference.detection_filters import detection_filter_for_all
from vision.inference.postprocess import Postprocessor
from vision.models.progress import NoProgress
from vision.runtime.components.model_loading import load_model, model_for

# A clip with people in it all the time says little of a gate: so each cell of a grid is also
# looked at by itself, the rest of the picture standing still.
_GRIDS = ((1, 1), (4, 3))
_SAME_OBJECT_IOU = 0.3
_MEMORY_FRAMES = 2 * PACE_FPS
_GRACE_FRAMES = 2
# Of its area, for an object to count as one of the cell.
_INSIDE = 0.8

Boxes = NDArray[np.float32]


def recall(clip: Path, model: str) -> dict[str, Any]:
    """Frames with a new object, and how many of them the gate let pass, by grid and label."""
    thumbnails = np.array(list(paced_thumbnails(clip, PACE_FPS)))
    found, labels = detect(clip, model, PACE_FPS)
    people = tuple(labels.index(label) for label in ("person",) if label in labels)
    figures: dict[str, Any] = {"clip": clip.name, "frames": len(found)}
    for columns, rows in _GRIDS:
        totals = {"people": np.zeros(3, int), "all labels": np.zeros(3, int)}
        shut = 0
        for view, inside in views(thumbnails, found, columns, rows):
            admitted = _admitted(view)
            shut += admitted.count(False)
            for name, total in totals.items():
                kept = people if name == "people" else range(len(labels))
                boxes = [xyxy[np.isin(ids, kept)] for xyxy, ids in inside]
                np.add(total, _count(boxes, admitted), out=total)
        figures[f"{columns}x{rows}"] = {
            "held_back": round(shut / len(found) / columns / rows, 3),
            **{
                name: dict(
                    zip(("new", "passed_at_once", "passed_in_time"), map(int, total), strict=True)
                )
                for name, total in totals.items()
            },
        }
    return figures


def _count(boxes: Sequence[Boxes], admitted: Sequence[bool]) -> NDArray[np.int_]:
    """Frames with a new object, those that passed, those that passed or were soon followed."""
    counted = np.zeros(3, int)
    # The gate is open at the first frame, and what is there then is new to nobody.
    for number in range(1, len(boxes)):
        before = np.concatenate(boxes[max(0, number - _MEMORY_FRAMES) : number])
        if not has_new(boxes[number], before):
            continue
        soon = admitted[number : number + 1 + _GRACE_FRAMES]
        counted += (1, admitted[number], any(soon))
    return counted


def has_new(boxes: Boxes, before: Boxes) -> bool:
    """Whether one of ``boxes`` overlaps with none of those ``before``."""
    if not len(boxes) or not len(before):
        return len(boxes) > 0
    least = np.maximum(boxes[:, None, :2], before[None, :, :2])
    most = np.minimum(boxes[:, None, 2:], before[None, :, 2:])
    common = np.clip(most - least, 0, None).prod(2)
    union = _area(boxes)[:, None] + _area(before)[None] - common
    return bool(((common / union).max(1) < _SAME_OBJECT_IOU).any())


def _area(boxes: Boxes) -> Boxes:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).prod(1), np.float32)


def _admitted(thumbnails: NDArray[np.uint8]) -> list[bool]:
    gate = MotionGate(MotionSettings(enabled=True, refresh_s=3600), CaptureCounters())
    return [
        gate.admit(thumbnail, number * 1_000_000_000 // PACE_FPS)
        for number, thumbnail in enumerate(thumbnails)
    ]


def views(
    thumbnails: NDArray[np.uint8], found: Sequence[Detections], columns: int, rows: int
) -> Iterator[tuple[NDArray[np.uint8], list[tuple[Boxes, NDArray[np.int32]]]]]:
    """Each cell of the grid with the clip in it and the clip's usual picture around it."""
    usual = np.median(thumbnails, axis=0).astype(np.uint8)
    height, width = usual.shape
    for column, row in itertools.product(range(columns), range(rows)):
        left, right = column / columns, (column + 1) / columns
        top, bottom = row / rows, (row + 1) / rows
        part = (
            slice(None),
            slice(round(top * height), round(bottom * height)),
            slice(round(left * width), round(right * width)),
        )
        view = np.repeat(usual[None], len(thumbnails), axis=0)
        view[part] = thumbnails[part]
        inside = []
        for seen in found:
            clipped = np.clip(seen.xyxy, (left, top, left, top), (right, bottom, right, bottom))
            kept = _area(clipped) >= _INSIDE * _area(seen.xyxy)
            inside.append((seen.xyxy[kept], seen.class_id[kept]))
        yield view, inside


def detect(clip: Path, name: str, fps: int) -> tuple[list[Detections], tuple[str, ...]]:
    """What the model finds in frames of a clip, so many a second."""
    models = os.environ.get("VISION_MODELS_DIR")
    settings = Settings.model_validate({"model": {"name": name}, "models_dir": models})
    answered = threading.Event()
    found: list[Detections] = []
    with ThreadPoolExecutor(1) as compiler:
        backend = load_model(settings, model_for(settings, NoProgress()), compiler)
        try:
            backend.notify(answered.set)
            scaler, read = Scaler(backend.input_size), Postprocessor(backend.model.labels)
            selection = detection_filter_for_all(settings.model)
            for picture in paced_pictures(clip, fps):
                backend.submit([scaler.scale(picture)])
                while not (answers := backend.finished()):
                    answered.wait(1.0)
                    answered.clear()
                for answer in answers:
                    if isinstance(answer.results, InferenceError):
                        raise answer.results
                    found += [read(raw.output, raw.letterbox, selection) for raw in answer.results]
                    answer.release()
        finally:
            backend.close()
    return found, backend.model.labels
