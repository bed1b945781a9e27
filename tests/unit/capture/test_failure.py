"""Whatever a library raises ends as an error of ours, without its text."""

from __future__ import annotations

import errno

import av
import pytest

from vision.capture.failure import source_error
from vision.domain.errors import SourceError, SourceErrorCode

_SECRET = "rtsp://user:secret@camera/"


def classified(error: Exception, *, is_open: bool = False) -> SourceError:
    """As of a plain connection, at once."""
    return source_error(error, elapsed_s=0.1, timeout_s=5, tls=False, is_open=is_open)


@pytest.mark.parametrize(
    "error",
    [
        UnicodeDecodeError("utf-8", b"\xe4", 0, 1, _SECRET),
        ValueError(_SECRET),
        OverflowError(_SECRET),
        IndexError(_SECRET),
        KeyError(_SECRET),
        TypeError(_SECRET),
        AttributeError(_SECRET),
        MemoryError(_SECRET),
        RuntimeError(_SECRET),
        OSError(errno.EBADF, _SECRET),
        NotImplementedError(_SECRET),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_any_class_is_told_by_its_name(error: Exception) -> None:
    """Nobody can know what a camera makes of a library."""
    told = classified(error)
    assert told.code is SourceErrorCode.PROTOCOL
    assert type(error).__name__ in told.reason
    assert "secret" not in told.reason


def test_an_error_of_ours_stays_what_it_is() -> None:
    """It was classified where it arose."""
    error = SourceError(SourceErrorCode.ENDED, "the camera closed the stream")
    assert classified(error) is error


def test_a_connection_that_stood_is_not_called_unreachable() -> None:
    """The same number means another thing before."""
    error = av.error.OSError(errno.EIO, _SECRET)
    assert classified(error).code is SourceErrorCode.UNREACHABLE
    assert classified(error, is_open=True).code is SourceErrorCode.ENDED


def test_a_play_that_is_not_answered_is_no_number() -> None:
    """The library gives EPERM for it."""
    assert "no valid answer" in classified(av.error.FFmpegError(errno.EPERM, _SECRET)).reason


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOMEM, errno.EPROTO, 12345])
def test_errors_of_the_media_library_without_a_meaning_have_a_number(number: int) -> None:
    """Never their text."""
    assert classified(av.error.FFmpegError(number, _SECRET)).reason == (
        f"media library error {number}"
    )
