"""What YOLOv8's last convolutions say, and the boxes and scores it means.

Of thousands of anchors a few show something. Those are found by their best score; only of them
the box is worked out and the other scores are made, which networks as exported do for all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

_SIDES = 4
# Scores are compared twice: here roughly, so that rounding loses none, later exactly.
_LOGIT_SLACK = 1e-3


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the anchors lie in the input.

    Attributes:
        centres: ``float32`` (anchors, 2): x and y in pixels.
        strides: ``float32`` (anchors, 1): pixels from one to the next, the unit of distances.
    """

    centres: NDArray[np.float32]
    strides: NDArray[np.float32]

    @classmethod
    def of(cls, maps: Sequence[tuple[int, int]], size: tuple[int, int]) -> Grid:
        """Anchors in the middle of each cell of ``maps``, one map after the other.

        Args:
            maps: Height and width in cells of each map of features.
            size: Height and width of the input, pixels.
        """
        centres, strides = [], []
        for rows, columns in maps:
            stride = size[0] / rows
            y, x = np.indices((rows, columns), np.float32).reshape(2, -1) + np.float32(0.5)
            centres.append(np.stack((x, y), axis=1) * np.float32(stride))
            strides.append(np.full((rows * columns, 1), stride, np.float32))
        return cls(np.concatenate(centres), np.concatenate(strides))


@dataclass(frozen=True, slots=True)
class Candidates:
    """The most confident anchors of a picture, each with its best class only.

    Attributes:
        boxes: (4, count): centre x, centre y, width and height in pixels of the input.
        scores: (count,).
        class_ids: (count,).
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    class_ids: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Heads:
    """The raw result of one picture; its arrays may be views of the engine's memory.

    Attributes:
        best: (anchors,), the largest of each anchor's logits.
        logits: (anchors, classes): scores before the sigmoid.
        distances: (anchors, 4 * bins): how likely it is so many strides from the centre to the
            left, top, right and bottom side, before the softmax (Li et al., "Generalized Focal
            Loss", 2020).
        grid: Where the anchors lie.
    """

    best: NDArray[np.float32]
    logits: NDArray[np.float32]
    distances: NDArray[np.float32]
    grid: Grid

    def decoded(self, confidence: float) -> NDArray[np.float32]:
        """(4 + classes, found): the anchors of which some score may reach ``confidence``.

        Centre x, centre y, width and height in pixels of the input, then a score per class.
        """
        found = self._found(confidence)
        result = np.empty((_SIDES + self.logits.shape[1], len(found)), np.float32)
        with np.errstate(invalid="ignore", over="ignore"):
            result[:_SIDES] = self._boxes(found).T
            result[_SIDES:] = _sigmoid(self.logits[found]).T
        return result

    def candidates(self, confidence: float) -> Candidates:
        """The same anchors, each with its best class only."""
        found = self._found(confidence)
        with np.errstate(invalid="ignore", over="ignore"):
            return self._candidates(found)

    def _candidates(self, found: NDArray[np.intp]) -> Candidates:
        class_ids = self.logits[found].argmax(axis=1).astype(np.int32)
        return Candidates(self._boxes(found).T, _sigmoid(self.best[found]), class_ids)

    def _found(self, confidence: float) -> NDArray[np.intp]:
        # What is no number is found too, so that it can be counted.
        return np.flatnonzero(np.logical_not(self.best < _logit(confidence) - _LOGIT_SLACK))

    def _boxes(self, found: NDArray[np.intp]) -> NDArray[np.float32]:
        """(found, 4): centre x, centre y, width and height."""
        width = self.distances.shape[1] // _SIDES
        bins = self.distances[found].reshape(len(found), _SIDES, width)
        shares = np.exp(bins - bins.max(axis=2, keepdims=True))
        # Sum and weighted sum of the bins of each side, at once.
        sums = shares @ _weights(width)
        sides: NDArray[np.float32] = sums[..., 1] / sums[..., 0] * self.grid.strides[found]
        before, after = sides[:, :2], sides[:, 2:]
        centres = self.grid.centres[found] + (after - before) / 2
        return np.concatenate((centres, before + after), axis=1)


@cache
def _weights(bins: int) -> NDArray[np.float32]:
    """(bins, 2): ones, and how far each bin is from the centre in strides."""
    return np.stack((np.ones(bins), np.arange(bins)), axis=1).astype(np.float32)


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    scores: NDArray[np.float32] = np.reciprocal(1 + np.exp(-logits))
    return scores


def _logit(confidence: float) -> float:
    if 0 < confidence < 1:
        return math.log(confidence / (1 - confidence))
    return -math.inf if confidence <= 0 else math.inf
