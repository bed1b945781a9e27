"""YOLOv8 the plain way: what our pipeline is compared with. Shares no code with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.inference.openvino_runtime import ov


@dataclass(frozen=True)
class ReferenceBox:
    """One object; ``box`` is left, top, right, bottom in pixels of the source picture."""

    class_id: int
    confidence: float
    box: tuple[float, float, float, float]


def detect(
    model: Path, photograph: Path, confidence: float = 0.25, iou: float = 0.7
) -> list[ReferenceBox]:
    """Detect in a photograph with a float network whose input is open, most confident first."""
    picture = cv2.imread(str(photograph))
    assert picture is not None
    height, width = picture.shape[:2]
    ratio = 640 / max(height, width)
    new_height, new_width = round(height * ratio), round(width * ratio)
    resized = cv2.resize(picture, (new_width, new_height), interpolation=cv2.INTER_LINEAR)
    canvas = np.full((_grid(new_height), _grid(new_width), 3), 114, np.uint8)
    top, left = (canvas.shape[0] - new_height) // 2, (canvas.shape[1] - new_width) // 2
    canvas[top : top + new_height, left : left + new_width] = resized
    planes = canvas[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 255
    output = _network(model)(planes)[0][0].T
    boxes = []
    for row in output[output[:, 4:].max(axis=1) >= confidence]:
        x, y, box_width, box_height = row[:4]
        corners = (x - box_width / 2, y - box_height / 2, x + box_width / 2, y + box_height / 2)
        shifted = [float(value) for value in np.subtract(corners, (left, top, left, top)) / ratio]
        clipped = np.clip(shifted, 0, (width, height, width, height)).tolist()
        boxes.append(ReferenceBox(int(row[4:].argmax()), float(row[4:].max()), tuple(clipped)))
    return _suppress(boxes, iou)


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


def _suppress(boxes: list[ReferenceBox], iou: float) -> list[ReferenceBox]:
    kept: list[ReferenceBox] = []
    for box in sorted(boxes, key=lambda item: -item.confidence):
        rivals = [rival for rival in kept if rival.class_id == box.class_id]
        if all(overlap(box.box, rival.box) <= iou for rival in rivals):
            kept.append(box)
    return kept


def _grid(side: int) -> int:
    return int(np.ceil(side / 32)) * 32


def _network(model: Path) -> Any:
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(planes: NDArray[np.float32]) -> Any:
        return compiled(planes)

    return run
