"""Mean average precision as COCO defines it, on pictures with YOLO-format labels."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from vision.domain.detections import Detections

_MAX_DETECTIONS = 300


def mean_average_precision(
    seen: Mapping[Path, tuple[Detections, tuple[int, int]]], labels: Path, classes: int
) -> float:
    """Precision over IoU 0.5 to 0.95, all sizes, up to 300 detections a picture.

    COCO's own evaluator is used. That of Ultralytics interpolates precision differently and
    gives 0.2 points less here; its training pictures' crowd regions are left out of the
    labels, so none are ignored.

    Args:
        seen: Of each picture, what was seen and its width and height in pixels.
        labels: Folder of text files named as the pictures: class, centre, size, as shares.
        classes: How many there are.
    """
    pictures: list[dict[str, Any]] = []
    truth: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for number, (path, (detections, (width, height))) in enumerate(seen.items()):
        pictures.append({"id": number, "width": width, "height": height})
        for class_id, x, y, w, h in _read_labels(labels / f"{path.stem}.txt"):
            truth.append(
                {
                    "id": len(truth) + 1,
                    "image_id": number,
                    "category_id": int(class_id),
                    "bbox": [(x - w / 2) * width, (y - h / 2) * height, w * width, h * height],
                    "area": w * width * h * height,
                    "iscrowd": 0,
                }
            )
        scale = np.array([width, height, width, height])
        for box, score, class_id in zip(
            detections.xyxy * scale, detections.confidence, detections.class_id, strict=True
        ):
            left, top, right, bottom = box.tolist()
            found.append(
                {
                    "image_id": number,
                    "category_id": int(class_id),
                    "bbox": [left, top, right - left, bottom - top],
                    "score": float(score),
                }
            )
    # The evaluator prints its progress.
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": pictures,
            "annotations": truth,
            "categories": [{"id": number} for number in range(classes)],
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(found), "bbox")
        evaluation.params.maxDets = [_MAX_DETECTIONS]
        evaluation.evaluate()
        evaluation.accumulate()
    # (IoU, recall, class, area, max detections); -1 where a class does not occur.
    precision = evaluation.eval["precision"][:, :, :, 0, 0]
    return float(precision[precision > -1].mean())


def _read_labels(path: Path) -> list[list[float]]:
    lines = path.read_text().splitlines() if path.exists() else []
    return [[float(word) for word in line.split()] for line in lines]
