"""Which box is whose: ByteTrack's two-stage association, on real time instead of frames.

Y. Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV 2022
(arXiv:2110.06864): sure boxes are matched first, then unsure ones with the tracks that are left,
since what is half hidden scores low but does not vanish. For the large steps of low frame
rates boxes are compared with a margin around them, as in F. Yang et al., "Hard to Track Objects
with Irregular Motions and Similar Appearances? Make It Easier by Buffering the Matching Space",
WACV 2023 (arXiv:2211.14317); here the margin is what the filter does not know of the place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import lap
import numpy as np
from numpy.typing import NDArray

from vision.domain.event import Box
from vision.domain.message import MessageDetection
from vision.events.motion import Axis, Extent

# 1 less the overlap with margin, up to which a box may be a track's.
_LIMIT_SURE = 0.95
_LIMIT_UNSURE = 0.5
# The margin is at most this, of the box's own width and height.
_MARGIN = 1.6
# Of its width or height, for a box to be on its way out.
_OUTSIDE = 0.25
# A box of another label has to overlap all the better to be the same object.
_OTHER_LABEL = 0.3
# Who was in the newest frame has more right to a box than who is looked for still.
_STALE = 0.2
# Two boxes of one object: of two labels, or of one that the detector could not place.
_SAME_PLACE = 0.75
_SAME_OBJECT = 0.5

_Boxes = NDArray[np.float64]


@dataclass(slots=True)
class Track:
    """An object that is followed: where it is, by the filter, and what it was called last.

    ``is_fresh`` is whether the newest frame that was looked at showed it.
    """

    number: int
    label: str
    x: Axis
    y: Axis
    width: Extent
    height: Extent
    is_fresh: bool = True

    @classmethod
    def begun(cls, number: int, seen: MessageDetection, aspect: float) -> Track:
        """From its first sighting; ``aspect`` is width by height of the frame."""
        x, y, width, height = _middle(seen.box)
        track = cls(
            number, seen.label, Axis.at(x, 1), Axis.at(y, 1), Extent.of(width), Extent.of(height)
        )
        across, down = track.scales(aspect)
        track.x, track.y = Axis.at(x, across), Axis.at(y, down)
        return track

    def scales(self, aspect: float) -> tuple[float, float]:
        """The side of a square of the box's area, in shares of width and height."""
        down = (max(self.width.size * self.height.size, 1e-8) * aspect) ** 0.5
        return down / aspect, down

    def predict(self, seconds: float, aspect: float) -> None:
        """Let time pass."""
        across, down = self.scales(aspect)
        self.x.predict(seconds, across)
        self.y.predict(seconds, down)
        self.width.predict(seconds)
        self.height.predict(seconds)

    def update(self, seen: MessageDetection, aspect: float) -> None:
        """Take a sighting in."""
        x, y, width, height = _middle(seen.box)
        self.width.update(width)
        self.height.update(height)
        across, down = self.scales(aspect)
        self.x.update(x, across)
        self.y.update(y, down)
        self.label, self.is_fresh = seen.label, True

    @property
    def is_outside(self) -> bool:
        """Whether a part of its box should be outside of the picture by now."""
        return any(
            axis.place + extent.size / 2 > 1 + _OUTSIDE * extent.size
            or axis.place - extent.size / 2 < -_OUTSIDE * extent.size
            for axis, extent in ((self.x, self.width), (self.y, self.height))
        )

    def row(self) -> tuple[float, ...]:
        """Left, top, right, bottom, and the margin across and down."""
        half_width, half_height = self.width.size / 2, self.height.size / 2
        return (
            self.x.place - half_width,
            self.y.place - half_height,
            self.x.place + half_width,
            self.y.place + half_height,
            min(self.x.var_place**0.5, _MARGIN * self.width.size),
            min(self.y.var_place**0.5, _MARGIN * self.height.size),
        )


def associate(
    tracks: Sequence[Track], seen: Sequence[MessageDetection], sure: float
) -> tuple[dict[int, int], list[int]]:
    """What each track's box is, by index, and the sure boxes that are nobody's.

    ``tracks`` are predicted to the time of the frame; ``sure`` is the least confidence of the
    first stage.
    """
    boxes = np.array([one.box for one in seen], np.float64).reshape(-1, 4)
    first = [index for index, one in enumerate(seen) if one.confidence >= sure]
    second = [index for index, one in enumerate(seen) if one.confidence < sure]
    everyone = list(range(len(tracks)))
    found = _matched(tracks, seen, boxes, everyone, first, limit=_LIMIT_SURE)
    left = [index for index in everyone if index not in found and tracks[index].is_fresh]
    found |= _matched(tracks, seen, boxes, left, second, limit=_LIMIT_UNSURE)
    taken = list(found.values())
    nobodys: list[int] = []
    for index in first:
        others = [*taken, *nobodys]
        if index not in taken and not _is_double(seen, boxes, index, others):
            nobodys.append(index)
    return found, nobodys


def _is_double(
    seen: Sequence[MessageDetection], boxes: _Boxes, index: int, others: Sequence[int]
) -> bool:
    if not others:
        return False
    limits = [
        _SAME_OBJECT if seen[other].label == seen[index].label else _SAME_PLACE for other in others
    ]
    return bool((overlaps(boxes[[index]], boxes[list(others)])[0] > limits).any())


def _matched(
    tracks: Sequence[Track],
    seen: Sequence[MessageDetection],
    boxes: _Boxes,
    rows: Sequence[int],
    columns: Sequence[int],
    *,
    limit: float,
) -> dict[int, int]:
    if not rows or not columns:
        return {}
    known = np.array([tracks[index].row() for index in rows])
    margins = known[:, None, 4:]
    cost = 1.0 - _overlaps(known[:, None, :4], boxes[columns][None], margins)
    labels = [tracks[index].label for index in rows]
    names = [seen[index].label for index in columns]
    cost += _STALE * np.array([[not tracks[index].is_fresh] for index in rows])
    cost += _OTHER_LABEL * np.array([[label != name for name in names] for label in labels])
    _, found, _ = lap.lapjv(cost, extend_cost=True, cost_limit=limit)
    return {rows[row]: columns[column] for row, column in enumerate(found) if column >= 0}


def overlaps(ones: _Boxes, others: _Boxes) -> _Boxes:
    """Intersection over union of each of N boxes with each of M."""
    return _overlaps(ones[:, None], others[None], np.zeros(2))


def _overlaps(ones: _Boxes, others: _Boxes, margins: _Boxes) -> _Boxes:
    low = np.maximum(ones[..., :2], others[..., :2]) - margins
    high = np.minimum(ones[..., 2:], others[..., 2:]) + margins
    common = np.clip(high - low, 0, None).prod(-1)
    sides = [box[..., 2:] - box[..., :2] + 2 * margins for box in (ones, others)]
    total = sides[0].prod(-1) + sides[1].prod(-1) - common
    return np.asarray(common / np.maximum(total, 1e-12))


def _middle(box: Box) -> tuple[float, float, float, float]:
    left, top, right, bottom = box
    return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
