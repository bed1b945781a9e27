"""Which of a camera's video tracks is watched: the best of those that send."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import cast

from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

# Pictures of their own each: sent beside a video as previews, at a low rate.
_STILLS = frozenset({"mjpeg", "jpeg2000", "png", "bmp"})
# Tracks of one camera begin together; this is for those that wait for their next key frame.
_WAIT_NS = 2_000_000_000


def decodable(streams: Sequence[VideoStream]) -> list[VideoStream]:
    """The tracks that a decoder is there for, the best first: video, then series of stills."""
    # Its stub has a context always; the library has none for a codec it does not know.
    contexts = [cast("VideoCodecContext | None", stream.codec_context) for stream in streams]
    names = [context.name if context else "" for context in contexts]
    known = [(name in _STILLS, stream) for name, stream in zip(names, streams, strict=True) if name]
    return [stream for _, stream in sorted(known, key=itemgetter(0))]


class TrackChoice:
    """Chooses by what arrives; for one connection.

    The choice is the same each time: the first track that sends is taken only when no better
    one has sent anything for a while.
    """

    def __init__(self, candidates: Sequence[int]) -> None:
        """``candidates`` are numbers of tracks, the best first."""
        self._candidates = candidates
        self._heard: set[int] = set()
        self._since_ns = 0

    def chosen(self, track: int, mono_ns: int) -> int | None:
        """The track to watch, now that ``track`` sent a packet; None while it is open.

        Asked with each packet of a candidate until it is answered.
        """
        if not self._heard:
            self._since_ns = mono_ns
        self._heard.add(track)
        best = next(each for each in self._candidates if each in self._heard)
        if best == self._candidates[0] or mono_ns - self._since_ns >= _WAIT_NS:
            return best
        return None
