"""A frozen picture: the camera goes on sending, and shows nothing new.

Two pictures in a row that are the same say little: an encoder leaves out what changes less
than its quantisation, and a still scene at night then decodes to the same bytes until the
next key frame. And a sensor that hangs in front of a working encoder gives pictures that
differ, as each key frame is refined by those after it. What tells them apart is novelty: an
encoder that is fed the same picture runs through the same few results over and over, while
noise makes each key frame a picture that has not been there before (measured: adr/0011).
"""

from __future__ import annotations

from collections import deque

import numpy as np

from vision.capture.thumbnail import Grey

# Results that an encoder alternates between when nothing changes: 10 at most were measured.
_REMEMBERED = 16
# More than this, in levels of grey, is no work of an encoder: something moved.
_MOVED_LEVELS = 8
# Of so many frames: one picture that comes twice proves nothing for a camera of few.
_LEAST_REPEATS = 3


class FreezeDetector:
    """Judges the frames of one connection; one thread."""

    def __init__(self, after_s: float) -> None:
        """Call a picture frozen after ``after_s`` seconds without a new one."""
        self._after_ns = round(after_s * 1e9)
        self._reference: Grey | None = None
        self._known: deque[bytes] = deque(maxlen=_REMEMBERED)
        self._new_ns = 0
        self._repeats = 0

    def retune(self, after_s: float) -> None:
        """Call it frozen after ``after_s`` seconds from now on."""
        self._after_ns = round(after_s * 1e9)

    def observe(self, thumbnail: Grey, mono_ns: int) -> bool:
        """Whether the picture is frozen, with the frame that arrived at ``mono_ns``."""
        if self._is_new(thumbnail):
            self._new_ns, self._repeats = mono_ns, 0
            return False
        self._repeats += 1
        return self._repeats >= _LEAST_REPEATS and mono_ns - self._new_ns >= self._after_ns

    def _is_new(self, thumbnail: Grey) -> bool:
        reference, shown = self._reference, thumbnail.tobytes()
        if reference is None or _moved(reference, thumbnail):
            # A short clip in a loop repeats itself too, but it moves.
            self._reference = thumbnail
            self._known.clear()
        elif shown in self._known:
            return False
        self._known.append(shown)
        return True


def _moved(before: Grey, after: Grey) -> bool:
    if before.shape != after.shape:
        return True
    apart = np.maximum(before, after) - np.minimum(before, after)
    return bool(apart.max() > _MOVED_LEVELS)
