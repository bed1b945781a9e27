"""Answers of cameras that FFmpeg gives up on or misreads, as it understands them."""

from __future__ import annotations

import re
from dataclasses import replace

from vision.capture.rtsp_messages import RtspMessage

_REFUSED, _UNAUTHORIZED = 400, 401
# What FFmpeg keeps a session alive with, if it is said to be understood. A camera that does not
# understand it has heard from its client all the same.
_PUBLIC = b"\r\nPublic: OPTIONS, DESCRIBE, SETUP, TEARDOWN, PLAY, GET_PARAMETER"
# FFmpeg reads a timeout right after the id, without a blank (RFC 2326, section 12.37), and takes
# the usual 60 s where it finds none.
_SESSION = re.compile(
    rb"(\r\nSession[ \t]*:[ \t]*[^\r\n; \t]+)[ \t]*;[^\r\n]*?timeout[ \t]*=[ \t]*\"?(\d+)[^\r\n]*",
    re.IGNORECASE,
)
_READ = re.compile(rb"[^;]*;timeout=\d+", re.IGNORECASE)
_TRANSPORT = re.compile(rb"\r\nTransport[ \t]*:[ \t]*[^ \t\r\n]", re.IGNORECASE)
_SECTION = re.compile(rb"^(?=m=)", re.MULTILINE)
_VIDEO = b"m=video"
_H265 = re.compile(rb"^(a=rtpmap:\d+[ \t]+)HEVC(?=/)", re.MULTILINE | re.IGNORECASE)
_UTF16 = (b"\xff\xfe", b"\xfe\xff", b"v\x00", b"\x00v")


def repaired(message: RtspMessage, asked: RtspMessage | None) -> RtspMessage:
    """The camera's response ``message`` to ``asked``, or the one FFmpeg can go on with."""
    method = _method(asked)
    if method == b"OPTIONS" and message.status >= _REFUSED and message.status != _UNAUTHORIZED:
        return _options(message.number)
    headers = _SESSION.sub(_read_session, message.headers)
    is_granted = method == b"SETUP" and message.status // 100 == 2  # noqa: PLR2004  success
    if is_granted and asked is not None and not _TRANSPORT.search(headers):
        offered = next(iter(asked.values("Transport")), "").partition(",")[0]
        headers = message.without("Transport").headers + f"\r\nTransport: {offered}".encode()
    told = message if headers == message.headers else replace(message, headers=headers)
    if method == b"DESCRIBE" and message.body:
        return _with_body(told, _readable(message.body))
    return told


class ResponseRepair:
    """What the answers of one camera are told as, over all connections of a relay.

    Attributes:
        was_used: Whether FFmpeg was told anything else than the camera said.
        refused: Method and status of the newest request that was refused.
    """

    def __init__(self, *, answers_options: bool = False) -> None:
        """``answers_options`` for a camera that hangs up when it is asked that."""
        self.was_used = False
        self.refused: tuple[str, int] | None = None
        self._answers_options = answers_options
        self._left_out: set[int] = set()
        self._tracks: list[int] = []
        self._set_up = 0
        self._refused_track: int | None = None

    def own_answer(self, request: RtspMessage) -> RtspMessage | None:
        """What is answered in the camera's place, if anything."""
        if not self._answers_options or _method(request) != b"OPTIONS":
            return None
        self.was_used = True
        return _options(request.number)

    def repaired(self, message: RtspMessage, asked: RtspMessage | None) -> RtspMessage:
        """What FFmpeg is told of the camera's ``message``."""
        method = _method(asked).decode("ascii", "replace")
        if message.status >= _REFUSED:
            self.refused = method, message.status
        told = repaired(message, asked)
        if method == "DESCRIBE":
            told = self._described(told)
        elif method == "SETUP" and message.status != _UNAUTHORIZED:
            if message.status >= _REFUSED and self._set_up < len(self._tracks):
                self._refused_track = self._tracks[self._set_up]
            self._set_up += 1
        self.was_used = self.was_used or told is not message
        return told

    def leave_out_refused(self) -> bool:
        """Leave out the track whose SETUP was refused; whether there was one, and others."""
        track, self._refused_track = self._refused_track, None
        if track is None or len(self._tracks) <= 1:
            return False
        self._left_out.add(track)
        return True

    def _described(self, message: RtspMessage) -> RtspMessage:
        head, *sections = _SECTION.split(message.body)
        numbers = [at for at, each in enumerate(sections) if each.startswith(_VIDEO)]
        self._tracks = [at for at in numbers if at not in self._left_out]
        self._set_up, self._refused_track = 0, None
        kept = [each for at, each in enumerate(sections) if at not in self._left_out]
        return _with_body(message, b"".join([head, *kept]))


def _method(asked: RtspMessage | None) -> bytes:
    return asked.start.partition(b" ")[0] if asked is not None else b""


def _options(number: str) -> RtspMessage:
    """An answer to OPTIONS, which says nothing of the stream."""
    return RtspMessage(b"RTSP/1.0 200 OK", f"\r\nCSeq: {number}".encode() + _PUBLIC, b"")


def _read_session(found: re.Match[bytes]) -> bytes:
    whole: bytes = found[0]
    return whole if _READ.match(whole) else found[1] + b";timeout=" + found[2]


def _readable(body: bytes) -> bytes:
    """A session description as FFmpeg reads it, which stops at a NUL and needs a line feed."""
    if body.startswith(_UTF16):
        body = body.decode("utf-16" if body[0] > 0x7F else _order(body), "replace").encode()  # noqa: PLR2004  a mark
    body = body.replace(b"\x00", b"")
    if b"\n" not in body:
        body = body.replace(b"\r", b"\r\n")
    return _H265.sub(rb"\1H265", body)


def _order(body: bytes) -> str:
    return "utf-16-be" if body[0] == 0 else "utf-16-le"


def _with_body(message: RtspMessage, body: bytes) -> RtspMessage:
    if body == message.body:
        return message
    headers = message.without("Content-Length").headers
    return RtspMessage(message.start, headers + f"\r\nContent-Length: {len(body)}".encode(), body)
