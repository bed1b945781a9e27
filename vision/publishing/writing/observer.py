"""What the publisher tells about itself, for metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vision.domain.losses import DropReason
from vision.publishing.keys import StreamKey


class PublishObserver(Protocol):
    """Hears from any thread; must return at once and not raise."""

    def published(self, messages: int) -> None:
        """So many more messages are on their streams."""

    def dropped(self, stream: StreamKey, reason: DropReason, messages: int) -> None:
        """So many messages will never be on ``stream``."""

    def held(self, stream: StreamKey, reason: str) -> None:
        """Redis refuses the messages of ``stream`` for now, each time that it does.

        ``reason`` says in words what it refused and what helps, without anything secret.
        """

    def taken(self, stream: StreamKey) -> None:
        """Redis took messages of ``stream``, once for each exchange in which it did."""

    def state_refused(self, camera: str, reason: str | None) -> None:
        """Redis does not take the state hash of ``camera``, for that reason; None: it took it."""

    def shared(self, camera: str, runs: Sequence[str]) -> None:
        """The runs under which other processes publish ``camera`` now; told again and again."""

    def waiting(self, messages: int) -> None:
        """So many wait for Redis now."""

    def connected(self, is_connected: bool) -> None:  # noqa: FBT001  the event is the value
        """Whether Redis answers, at each change."""
