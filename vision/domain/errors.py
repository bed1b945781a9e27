"""The errors of the project, one tree.

VisionError
├── ConfigError            wrong input from the person who runs it; exit code 2
├── ArtefactError          a model or clip that is missing, broken or not the one named
├── SourceError            a camera: carries a SourceErrorCode and never a URL or credential
├── InferenceError         the engine or the model's shape
└── PublishError           Redis

Library exceptions stop at the edge module of their stage and become one of these.
"""

from __future__ import annotations

from enum import StrEnum


class VisionError(Exception):
    """Base of every error the project raises on purpose."""


class ConfigError(VisionError):
    """Input that the person who runs the program can mend; one line, exit code 2."""


class ArtefactError(VisionError):
    """A model or clip that cannot be had, or whose hash is not the one named."""


class InferenceError(VisionError):
    """The inference engine refused a model or a frame."""


class PublishError(VisionError):
    """Redis refused or did not answer."""


class SourceErrorCode(StrEnum):
    """Why a camera delivers nothing."""

    AUTH_FAILED = "auth_failed"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TLS = "tls"
    ENDED = "ended"
    DECODE = "decode"
    PROTOCOL = "protocol"


class SourceError(VisionError):
    """A camera's stream could not be opened or went away.

    The text is built from the code and a reason of ours. It never holds what the
    media library said, because that holds the URL with its password.
    """

    def __init__(self, code: SourceErrorCode, reason: str) -> None:
        super().__init__(f"{code.value}: {reason}")
        self.code = code
        self.reason = reason
