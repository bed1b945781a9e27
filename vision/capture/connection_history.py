"""What connections to a camera told of it, for the next one."""

from __future__ import annotations

from dataclasses import dataclass

# FFmpeg keeps a session alive twice in 60 s where it misreads how long one lasts.
_KEEPALIVE_S = 30.0
# Sooner than any session times out: the camera has other reasons.
_SHORTEST_S = 1.0
_SUSPICIOUS = 2


@dataclass(slots=True)
class ConnectionHistory:
    """Of one camera; one thread.

    Attributes:
        is_misread: Whether FFmpeg misreads its answers.
    """

    is_misread: bool = False
    _early_ends: int = 0

    @property
    def wants_relay(self) -> bool:
        """Whether its answers are to be mended on their way, to find out or for good."""
        return self.is_misread or self._early_ends >= _SUSPICIOUS

    def ended(self, lasted_s: float, *, by_camera: bool) -> None:
        """Take in that a connection ended, and whether the camera ended it."""
        if by_camera and _SHORTEST_S <= lasted_s < _KEEPALIVE_S:
            self._early_ends += 1
        else:
            self._early_ends = 0

    def relayed(self, *, was_misread: bool) -> None:
        """Take in what a connection told whose answers were looked at."""
        self.is_misread, self._early_ends = was_misread, 0
