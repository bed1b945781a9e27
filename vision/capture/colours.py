"""What the tags of a picture say of its colours, and what is assumed where they help nobody."""

from __future__ import annotations

import av

_UNSPECIFIED_RANGE, _STUDIO, _FULL = 0, 1, 2
_RANGES = frozenset({_UNSPECIFIED_RANGE, _STUDIO, _FULL})
# AVColorSpace. Without a tag FFmpeg takes a picture to be of BT.601.
_RGB, _BT709, _UNTAGGED, _FCC, _BT470BG, _SMPTE170M, _SMPTE240M, _BT2020 = 0, 1, 2, 4, 5, 6, 7, 9
# Those whose matrices libswscale has; it refuses all others (EOPNOTSUPP).
_KNOWN = frozenset({_RGB, _BT709, _UNTAGGED, _FCC, _BT470BG, _SMPTE170M, _SMPTE240M, _BT2020})
_FROM_PRIMARIES = frozenset({12, 13})
_NAMES = {
    3: "reserved",
    8: "YCgCo",
    10: "BT.2020 with constant luminance",
    11: "SMPTE ST 2085",
    12: "derived from the primaries",
    13: "derived from the primaries, with constant luminance",
    14: "ICtCp",
    15: "IPT-C2",
    16: "YCgCo-Re",
    17: "YCgCo-Ro",
}
# The matrix that shares the primaries. What has none is read as if it had no tag.
_NEAREST = {10: _BT2020, 11: _BT2020, 14: _BT2020}
# AVColorPrimaries to the matrix nearest to the one that H.273 (8.3) derives from them.
_BY_PRIMARIES = {
    1: _BT709,
    4: _BT470BG,
    5: _BT709,
    6: _SMPTE240M,
    7: _SMPTE240M,
    8: _BT2020,
    9: _BT2020,
    11: _BT709,
    12: _BT709,
    22: _SMPTE240M,
}
_READ_AS = {
    _BT709: "BT.709",
    _BT470BG: "BT.601",
    _SMPTE240M: "SMPTE 240M",
    _BT2020: "BT.2020",
}


def known_matrix(picture: av.VideoFrame) -> int:
    """AVColorSpace to convert ``picture`` by: its own, or the nearest that is supported."""
    tagged: int = picture.colorspace
    if tagged in _KNOWN:
        return tagged
    if tagged in _FROM_PRIMARIES:
        return _BY_PRIMARIES.get(picture.color_primaries, _BT470BG)
    return _NEAREST.get(tagged, _BT470BG)


def known_range(picture: av.VideoFrame) -> int:
    """AVColorRange to convert ``picture`` by: its own, or the one of its pixel format."""
    tagged: int = picture.color_range
    if tagged in _RANGES:
        return tagged
    return _FULL if picture.format.name.startswith("yuvj") else _STUDIO


def is_plain(picture: av.VideoFrame) -> bool:
    """Whether its colours are of BT.601 in studio range, by their tags or for lack of them."""
    return known_matrix(picture) in {_UNTAGGED, _BT470BG, _SMPTE170M} and known_range(picture) in {
        _UNSPECIFIED_RANGE,
        _STUDIO,
    }


def substitution(picture: av.VideoFrame) -> str | None:
    """What is assumed of the colours of ``picture`` in place of what it says; None if nothing."""
    tagged, matrix = picture.colorspace, known_matrix(picture)
    if matrix != tagged:
        name = _NAMES.get(tagged, "not defined")
        return (
            f"colour matrix {tagged} ({name}) is not supported: read as {_READ_AS[matrix]}, "
            "so colours may be off: set the camera to BT.709 or BT.601"
        )
    if known_range(picture) != picture.color_range:
        return f"colour range {picture.color_range} is not defined: the usual one is assumed"
    return None
