"""YOLOv8 around an engine, as the custom logic of a pipeline that brings none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_PAD_VALUE = 114
_CONFIDENCE, _IOU = 0.25, 0.7

Engine = Callable[[Sequence[NDArray[np.float32]]], Sequence[NDArray[np.float32]]]
"""Inputs (1, 3, height, width) to raw results (84, anchors), one for one."""


class Yolo:
    """Letterbox, engine, threshold and suppression for BGR pictures."""

    def __init__(self, engine: Engine, height: int, width: int) -> None:
        self._engine, self._size = engine, (height, width)

    def __call__(self, pictures: Sequence[NDArray[np.uint8]]) -> list[Any]:
        """Boxes, scores and classes of each picture, in pixels of the input."""
        raw = self._engine([self._prepared(picture) for picture in pictures])
        return [_detections(result) for result in raw]

    def _prepared(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        height, width = picture.shape[:2]
        scale = min(self._size[0] / height, self._size[1] / width)
        fitted = round(width * scale), round(height * scale)
        if fitted != (width, height):
            picture = np.asarray(cv2.resize(picture, fitted), np.uint8)
        rows, columns = self._size[0] - fitted[1], self._size[1] - fitted[0]
        top, left = rows // 2, columns // 2
        edges = (top, rows - top, left, columns - left)
        padded = cv2.copyMakeBorder(
            picture, *edges, cv2.BORDER_CONSTANT, value=(_PAD_VALUE, _PAD_VALUE, _PAD_VALUE)
        )
        return np.asarray(cv2.dnn.blobFromImage(padded, 1 / 255, swapRB=True), np.float32)


def _detections(raw: NDArray[np.float32]) -> tuple[Any, Any, Any]:
    best = raw[4:].max(axis=0)
    anchors = np.flatnonzero(best >= _CONFIDENCE)
    scores, classes = best[anchors], raw[4:, anchors].argmax(axis=0)
    boxes = raw[:4, anchors].T.copy()
    boxes[:, :2] -= boxes[:, 2:] / 2
    kept = cv2.dnn.NMSBoxesBatched(
        boxes.tolist(), scores.tolist(), classes.tolist(), _CONFIDENCE, _IOU
    )
    chosen = np.asarray(kept, np.intp).reshape(-1)
    return boxes[chosen], scores[chosen], classes[chosen]
