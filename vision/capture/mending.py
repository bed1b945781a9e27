"""Answers of cameras that FFmpeg gives up on or misreads, as it understands them."""

from __future__ import annotations

import re
from dataclasses import replace

from vision.capture.rtsp_messages import RtspMessage

_REFUSED, _UNAUTHORIZED = 400, 401
# What FFmpeg keeps a session alive with, if it is said to be understood. A camera that does not
# understand it has heard from its client all the same.
_PUBLIC = b"\r\nPublic: OPTIONS, DESCRIBE, SETUP, TEARDOWN, PLAY, GET_PARAMETER"
# RFC 2326, section 12.37, has none; FFmpeg takes the usual 60 s where it finds one.
_BLANK = re.compile(rb"(\r\nSession[ \t]*:[^\r\n;]*;)[ \t]+(?=timeout)", re.IGNORECASE)


def mended(message: RtspMessage, asked: RtspMessage | None) -> RtspMessage:
    """The camera's response ``message`` to ``asked``, or the one FFmpeg can go on with.

    A refused OPTIONS says nothing of the stream, and a blank is no part of a session's timeout.
    """
    is_options = asked is not None and asked.start.startswith(b"OPTIONS ")
    if is_options and message.status >= _REFUSED and message.status != _UNAUTHORIZED:
        number = f"\r\nCSeq: {message.number}".encode()
        return RtspMessage(b"RTSP/1.0 200 OK", number + _PUBLIC, b"")
    headers = _BLANK.sub(rb"\1", message.headers)
    return message if headers == message.headers else replace(message, headers=headers)
