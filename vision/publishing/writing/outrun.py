"""A stream that is ahead of us: left behind by an earlier run, or somebody else's who writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto

from vision.publishing.keys import StreamKey
from vision.publishing.writing.append_script import StreamId

# Another writer would have added something by then.
_QUIET_S = 3.0


class Verdict(Enum):
    """What becomes of messages whose stream is ahead of them."""

    RAISE = auto()
    """Nobody else writes: they go by greater ids."""
    WAIT = auto()
    """Not known yet."""
    DROP = auto()
    """Somebody else serves the camera: two would overtake each other for ever."""


class OutrunStreams:
    """Tells the two apart by whether the stream grows; used by one thread.

    A clock that went back, or data from a backup, leave a stream that is ahead and stands still.
    """

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._seen: dict[StreamKey, tuple[StreamId, float]] = {}

    def learn(self, newest: Mapping[StreamKey, StreamId]) -> None:
        """Take over what the streams had when the connection was made, before the first write."""
        self._seen = {stream: (found, float("-inf")) for stream, found in newest.items()}

    def judge(self, stream: StreamKey, newest: StreamId) -> Verdict:
        """What to do about a message that was refused since ``newest`` is on its stream."""
        now_s = self._monotonic_s()
        found, since_s = self._seen.get(stream, (None, now_s))
        if found != newest:
            self._seen[stream] = (newest, now_s)
            return Verdict.WAIT if found is None else Verdict.DROP
        return Verdict.RAISE if now_s - since_s >= _QUIET_S else Verdict.WAIT
