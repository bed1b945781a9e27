"""Names on Redis: channels, streams and hashes.

The braces are literal. Redis Cluster hashes what stands between them, so all that belongs
to one camera lies in one slot.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from vision.domain.contract import IS_CAMERA_NAME

MESSAGE_FIELD = "message"
"""The one field of a stream entry; its value is the bytes the live channel got."""


class Kind(StrEnum):
    """What a stream tells of."""

    DETECTIONS = "detections"
    STATUS = "status"
    EVENTS = "events"
    NARRATION = "narration"

    @property
    def pattern(self) -> str:
        """Glob for PSUBSCRIBE and SCAN that matches the streams of all cameras."""
        return f"vision:{self.value}:{{*}}"


class StreamKey(NamedTuple):
    """A channel and the stream of the same name; ``str()`` gives the name on Redis."""

    kind: Kind
    camera: str

    def __str__(self) -> str:
        return f"vision:{self.kind.value}:{{{self.camera}}}"


_KINDS = {f"vision:{kind.value}": kind for kind in Kind}


def parse_stream_key(name: str) -> StreamKey | None:
    """The inverse of ``str(key)``; None for any other name."""
    prefix, _, rest = name.partition(":{")
    camera = rest[:-1]
    if not rest.endswith("}") or IS_CAMERA_NAME.problem(camera):
        return None
    kind = _KINDS.get(prefix)
    return None if kind is None else StreamKey(kind, camera)


def state_key(camera: str) -> str:
    """The hash that holds a camera's newest state."""
    return f"vision:state:{{{camera}}}"


def position_key(name: str) -> str:
    """The hash in which the bridge ``name`` remembers how far it has come with each camera."""
    return f"vision:bridge:{name}"


def narrated_key(camera: str) -> str:
    """The string that holds how far a camera's events were told of: an id of their stream."""
    return f"vision:narrated:{{{camera}}}"
