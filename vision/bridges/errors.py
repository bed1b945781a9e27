"""Why a bridge could not hand something on."""

from __future__ import annotations

from enum import StrEnum

from vision.domain.errors import VisionError


class BridgeFailure(StrEnum):
    """Why an attempt failed."""

    AUTH = "auth"
    """The other side refused user name, password or token."""
    REFUSED = "refused"
    """Nobody listens there, or the connection was cut."""
    UNREACHABLE = "unreachable"
    """The name or the address leads nowhere."""
    TIMEOUT = "timeout"
    TLS = "tls"
    PROTOCOL = "protocol"
    """The other side answers, and not in the language expected."""
    FORBIDDEN = "forbidden"
    """The other side lets us in, and its rules forbid a topic or what we do with it."""
    STATUS = "status"
    """An answer of HTTP that is no success."""
    LOCAL = "local"
    """A secret file here is missing or not in order."""


class BridgeLoss(StrEnum):
    """Why a message will never arrive."""

    TRIMMED = "trimmed"
    """The stream had to let go of it before it could be sent."""
    EXPIRED = "expired"
    """It was tried for as long as the settings say."""
    REJECTED = "rejected"
    """The other side takes anything but this one."""
    INVALID = "invalid"
    """What stands in the stream is no message of an event."""


class BridgeError(VisionError):
    """An attempt that failed; the text holds nothing that the other side said."""

    def __init__(self, failure: BridgeFailure, reason: str) -> None:
        super().__init__(f"{failure.value}: {reason}")
        self.failure = failure
        self.reason = reason
