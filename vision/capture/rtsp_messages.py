"""RTSP messages and the media between them, out of a stream of bytes (RFC 2326, 4 and 10.12)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_DOLLAR, _FRAME_HEADER_BYTES = 0x24, 4
_LONGEST_HEAD, _LONGEST_BODY = 1 << 16, 1 << 20
_END = b"\r\n\r\n"
_HEADER = re.compile(rb"\r\n([^:\r\n]+):[ \t]*([^\r\n]*)")


@dataclass(frozen=True, slots=True)
class RtspMessage:
    """A request or a response.

    Attributes:
        start: Its first line.
        headers: The lines after it, each with its line end in front.
        body: What follows.
    """

    start: bytes
    headers: bytes
    body: bytes

    def values(self, name: str) -> list[str]:
        """Values of all headers of this name."""
        wanted = name.lower().encode()
        found = _HEADER.findall(self.headers)
        return [value.decode("utf-8", "replace") for key, value in found if key.lower() == wanted]

    def without(self, name: str) -> RtspMessage:
        """The same without the headers of this name."""
        found = re.compile(rb"\r\n" + re.escape(name.encode()) + rb"[ \t]*:[^\r\n]*", re.IGNORECASE)
        return RtspMessage(self.start, found.sub(b"", self.headers), self.body)

    @property
    def number(self) -> str:
        """Its ``CSeq``, which a response shares with its request."""
        return next(iter(self.values("CSeq")), "").strip()

    @property
    def status(self) -> int:
        """Of a response; 0 of a request."""
        found = re.match(rb"RTSP/\d\.\d +(\d{3})", self.start)
        return int(found[1]) if found else 0

    def __bytes__(self) -> bytes:
        """As it is sent."""
        return self.start + self.headers + _END + self.body


class MessageReader:
    """Takes one direction of a connection apart; one thread."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes | RtspMessage]:
        """Messages, and runs of interleaved frames as they are, that are complete now.

        Raises:
            ValueError: This is no RTSP.
        """
        data, at = self._rest + data, 0
        try:
            while at < len(data):
                end = _media_end(data, at)
                if end > at:
                    yield data[at:end]
                    at = end
                while data[at : at + 1] in {b"\r", b"\n"}:
                    at += 1
                message = None if data[at : at + 1] in {b"", b"$"} else _message(data, at)
                if message is None:
                    return
                at += len(bytes(message))
                yield message
        finally:
            self._rest = data[at:]


def _media_end(data: bytes, at: int) -> int:
    """Where the last complete interleaved frame ends that begins a run at ``at``."""
    while len(data) - at >= _FRAME_HEADER_BYTES and data[at] == _DOLLAR:
        end = at + _FRAME_HEADER_BYTES + int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data):
            break
        at = end
    return at


def _message(data: bytes, at: int) -> RtspMessage | None:
    end = data.find(_END, at, at + _LONGEST_HEAD)
    if end < 0:
        if len(data) - at >= _LONGEST_HEAD:
            raise ValueError("no end of a header")
        return None
    start, _, headers = data[at:end].partition(b"\r\n")
    message = RtspMessage(start, b"\r\n" + headers if headers else b"", b"")
    length = next(iter(message.values("Content-Length")), "0").strip()
    if not length.isascii() or not length.isdigit() or int(length) > _LONGEST_BODY:
        raise ValueError("no length of a body")
    begin = end + len(_END)
    if begin + int(length) > len(data):
        return None
    return RtspMessage(start, message.headers, data[begin : begin + int(length)])
