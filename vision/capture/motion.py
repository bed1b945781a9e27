"""Movement in a camera's picture, found in thumbnails at a cost that can be ignored.

What moves is what differs from a background that follows the picture within seconds, in a
spot of several cells, once the brightness that the whole picture gained or lost is taken off.
The background is an exponential mean (C. Wren et al., "Pfinder", IEEE PAMI 19(7), 1997), and
so is the noise of each cell: coded pictures flicker at edges and key frames, not everywhere.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vision.capture.thumbnail import Grey

# What stands still becomes background within a few of these.
_BACKGROUND_S = 4.0
_NOISE_S = 15.0
# So many mean deviations are more than noise does in several cells at a time.
_NOISE_FACTOR = 6.0
# Where people walk all day is no noise: this many thresholds are the most one look teaches.
_MOST_LEARNED = 1.5
# Of nine cells in a square: single ones flicker, and a person far away is two of them wide.
_SPOT_CELLS = 5
# A light was switched or the camera turned: all of it is new, and nothing of it moves.
_NEW_SCENE_SHARE = 0.5
# Every third cell in each direction is enough to take a median of.
_SAMPLE = 3


class MotionDetector:
    """Compares each thumbnail with what the scene looked like lately; one thread."""

    def __init__(self, threshold: float) -> None:
        """Call it movement where the picture differs by more than ``threshold`` levels of grey."""
        self.retune(threshold)
        self._background: NDArray[np.float32] = np.empty((0, 0), np.float32)
        self._noise = np.empty_like(self._background)
        self._seen_ns = 0

    def retune(self, threshold: float) -> None:
        """Ask for more than ``threshold`` levels of grey from now on; what was learned stays."""
        self._threshold = np.float32(threshold)

    def moves(self, thumbnail: Grey, mono_ns: int) -> bool:
        """Whether something moves in the picture that arrived at ``mono_ns``.

        A first picture, one of another size, and one in which most is new count as movement:
        nobody has looked at such a scene yet.
        """
        passed_s, self._seen_ns = (mono_ns - self._seen_ns) / 1e9, mono_ns
        if self._background.shape != thumbnail.shape:
            self._background = thumbnail.astype(np.float32)
            self._noise = np.zeros_like(self._background)
            return True
        change = thumbnail - self._background
        self._background += change * _weight(passed_s, _BACKGROUND_S)
        change -= _median(change[::_SAMPLE, ::_SAMPLE].ravel())
        np.abs(change, out=change)
        moved = change > np.maximum(self._noise * np.float32(_NOISE_FACTOR), self._threshold)
        self._learn_noise(change, passed_s)
        if np.count_nonzero(moved) > _NEW_SCENE_SHARE * moved.size:
            self._background[:] = thumbnail
            return True
        return _has_spot(moved)

    def _learn_noise(self, change: NDArray[np.float32], passed_s: float) -> None:
        """Follow the mean deviation of each cell; ``change`` is spent."""
        np.minimum(change, np.float32(_MOST_LEARNED) * self._threshold, out=change)
        change -= self._noise
        change *= _weight(passed_s, _NOISE_S)
        self._noise += change


def _weight(passed_s: float, constant_s: float) -> np.float32:
    """Of a new value in an exponential mean, ``passed_s`` seconds after the last one."""
    return np.float32(-math.expm1(-max(0.0, passed_s) / constant_s))


def _median(values: NDArray[np.float32]) -> np.float32:
    """As ``numpy.median``, which takes most of its time to look for what is not a number."""
    middle = len(values) // 2
    return np.float32(np.partition(values, middle)[middle])


def _has_spot(moved: NDArray[np.bool_]) -> bool:
    """Whether enough cells of any square of three by three are set."""
    if np.count_nonzero(moved) < _SPOT_CELLS:
        return False
    cells = moved.view(np.uint8)
    rows = cells[:-2] + cells[1:-1] + cells[2:]
    spots = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return bool(spots.max(initial=0) >= _SPOT_CELLS)
