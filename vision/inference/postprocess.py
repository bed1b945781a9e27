"""From the raw result of YOLOv8 to detections."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.domain.detections import Detections
from vision.inference.heads import Candidates, Heads
from vision.inference.letterbox import Letterbox

# Suppression takes quadratic time; what is past this many candidates is noise.
_MAX_CANDIDATES = 30_000
# A sigmoid ends at 1; half and single precision, and steps of int8, may overshoot by so much.
_MOST_SCORE = np.float32(1.005)
# Pixels of the input: no box of any picture is so large or so far off.
_FARTHEST = np.float32(1e6)


@dataclass(frozen=True, slots=True)
class DetectionFilter:
    """What of the raw result becomes a detection.

    Attributes:
        confidence: Least score.
        iou: Overlap past which the weaker of two boxes with one label is dropped.
        max_detections: Most detections of a frame.
        class_ids: Classes to report; None for all.
        multi_label: Let one anchor answer for each class above ``confidence``, as accuracy
            is measured for COCO; live, it answers for its best class only.
    """

    confidence: float
    iou: float
    max_detections: int
    class_ids: tuple[int, ...] | None = None
    multi_label: bool = False


class Postprocessor:
    """Decodes the results of one model; its calls keep no state."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        """``labels`` are the model's; classes with the same label suppress each other."""
        order = {label: number for number, label in enumerate(dict.fromkeys(labels))}
        self._label_of = np.array([order[label] for label in labels], np.int32)

    def __call__(
        self,
        raw: NDArray[np.float32] | Heads | Candidates,
        letterbox: Letterbox,
        selection: DetectionFilter,
    ) -> Detections:
        """Decode one frame.

        Args:
            raw: (4 + classes, anchors): centre x, centre y, width and height in pixels of the
                input, then a score per class; or the heads that it is made of. Not kept. Or
                candidates, of which each answers for its best class whatever the selection says.
            letterbox: Where the picture lies in the input.
            selection: What to keep.
        """
        if isinstance(raw, Heads):
            look = raw.decoded if selection.multi_label else raw.candidates
            raw = look(selection.confidence)
        if isinstance(raw, Candidates):
            boxes, class_ids, scores = _wanted(raw, selection)
        else:
            anchors, class_ids, scores = _candidates(raw[4:], selection)
            boxes = raw[:4, anchors]
        sound = _sound(boxes, scores)
        discarded = len(scores) - int(np.count_nonzero(sound))
        if discarded:
            boxes, class_ids, scores = boxes[:, sound], class_ids[sound], scores[sound]
        if not len(scores):
            return Detections.empty(discarded)
        # What single precision leaves above 1.
        scores = np.minimum(scores, np.float32(1))
        centre_x, centre_y, width, height = boxes
        left, top = centre_x - width / 2, centre_y - height / 2
        kept = self._suppress(
            np.stack((left, top, width, height), axis=1), scores, class_ids, selection
        )
        xyxy = np.stack((left, top, left + width, top + height), axis=1)[kept]
        shares = letterbox.to_shares(xyxy)
        # A box wholly in the grey has no area left; it shows nothing of the picture.
        real = np.logical_and(shares[:, 2] > shares[:, 0], shares[:, 3] > shares[:, 1])
        kept = kept[real]
        return Detections(shares[real], scores[kept], class_ids[kept], discarded)

    def _suppress(
        self,
        xywh: NDArray[np.float32],
        scores: NDArray[np.float32],
        class_ids: NDArray[np.int32],
        selection: DetectionFilter,
    ) -> NDArray[np.intp]:
        """Indices of the boxes that stay, most confident first."""
        kept = cv2.dnn.NMSBoxesBatched(
            xywh.astype(np.float64),  # type: ignore[arg-type]  # the stub knows no arrays
            scores,  # type: ignore[arg-type]  # as above
            self._label_of[class_ids],  # type: ignore[arg-type]  # as above
            score_threshold=0.0,
            nms_threshold=selection.iou,
        )
        indices = np.asarray(kept, np.intp)
        order = np.argsort(-scores[indices], kind="stable")
        return indices[order][: selection.max_detections]


def _wanted(
    candidates: Candidates, selection: DetectionFilter
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.float32]]:
    """Box, class and score of those that are confident enough and wanted."""
    wanted = _reaches(candidates.scores, selection.confidence)
    if selection.class_ids is not None:
        wanted &= np.isin(candidates.class_ids, selection.class_ids)
    kept = _strongest(np.flatnonzero(wanted), candidates.scores)
    return candidates.boxes[:, kept], candidates.class_ids[kept], candidates.scores[kept]


def _candidates(
    scores: NDArray[np.float32], selection: DetectionFilter
) -> tuple[NDArray[np.intp], NDArray[np.int32], NDArray[np.float32]]:
    """Anchor, class and score of all that is confident enough and wanted."""
    if selection.multi_label:
        class_ids, anchors = np.nonzero(_reaches(scores, selection.confidence))
    else:
        anchors = np.flatnonzero(_reaches(scores.max(axis=0), selection.confidence))
        class_ids = scores[:, anchors].argmax(axis=0)
    if selection.class_ids is not None:
        wanted = np.isin(class_ids, selection.class_ids)
        anchors, class_ids = anchors[wanted], class_ids[wanted]
    values = scores[class_ids, anchors]
    kept = _strongest(np.arange(len(values)), values)
    return anchors[kept], class_ids[kept].astype(np.int32), values[kept]


def _reaches(scores: NDArray[np.float32], confidence: float) -> NDArray[np.bool_]:
    """Which are confident enough; what is no number is let through, to be counted."""
    return np.logical_not(scores < confidence)


def _sound(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which of the boxes (4, N) lie anywhere near the picture and have a score that can be one."""
    near = (np.abs(boxes) <= _FARTHEST).all(axis=0)
    return np.logical_and(near, scores <= _MOST_SCORE)


def _strongest(found: NDArray[np.intp], scores: NDArray[np.float32]) -> NDArray[np.intp]:
    """Those of ``found``, indices of ``scores``, among which suppression is worth its time."""
    if len(found) <= _MAX_CANDIDATES:
        return found
    return found[np.argpartition(-scores[found], _MAX_CANDIDATES)[:_MAX_CANDIDATES]]
