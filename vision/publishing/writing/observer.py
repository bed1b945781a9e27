"""What the publisher tells about itself, for metrics."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class DropReason(StrEnum):
    """Why a message will never reach its stream."""

    OVERFLOW = "overflow"
    """Redis was away longer than the outbox holds; the oldest went first."""
    REFUSED_ID = "refused_id"
    """The stream's newest entry is ahead of it: the clock went back, or two nodes write."""
    REJECTED = "rejected"
    """Redis called the command itself wrong: too old a server, or a renamed command."""
    SHUTDOWN = "shutdown"
    """It was waiting, or came, when the node ended."""


class PublishObserver(Protocol):
    """Hears from any thread; must return at once and not raise."""

    def published(self, messages: int) -> None:
        """So many more messages are on their streams."""

    def dropped(self, camera: str, reason: DropReason, messages: int) -> None:
        """So many messages of a camera will never be."""

    def waiting(self, messages: int) -> None:
        """So many wait for Redis now."""

    def connected(self, is_connected: bool) -> None:  # noqa: FBT001  the event is the value
        """Whether Redis answers, at each change."""
