"""How often a camera's picture is shown."""

from __future__ import annotations

from math import ceil

_SECOND_NS = 1_000_000_000
_PICTURES_PER_S = 5
# Copies cost memory bandwidth and memory, whether or not a viewer asks for the picture.
# From the ninth camera on they share this, so that a node with many stays unharmed.
_PICTURES_PER_S_OF_ALL = 40


class PreviewRateLimiter:
    """Lets five pictures a second of each camera through, fewer where there are many cameras."""

    def __init__(self) -> None:
        self._due_ns: dict[str, int] = {}

    def admits(self, camera: str, now_ns: int) -> bool:
        """Whether the camera's next picture is due; counts it then."""
        due_ns = self._due_ns.setdefault(camera, 0)
        interval_ns = self._interval_ns()
        # A quarter early is in time: a camera at this very pace would lose frames to jitter.
        if now_ns < due_ns - interval_ns // 4:
            return False
        self._due_ns[camera] = max(due_ns, now_ns) + interval_ns
        return True

    def pictures_per_s(self) -> int:
        """How many of a camera are let through in a second, rounded up."""
        return ceil(_SECOND_NS / self._interval_ns())

    def clear(self) -> None:
        """Forget all cameras."""
        self._due_ns.clear()

    def _interval_ns(self) -> int:
        share = _SECOND_NS * len(self._due_ns) // _PICTURES_PER_S_OF_ALL
        return max(_SECOND_NS // _PICTURES_PER_S, share)
