"""RTSP requests and responses (RFC 2326) on the wire."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEAD_LIMIT, _BODY_LIMIT = 8192, 65536
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_REQUEST_LINE = re.compile(r"([A-Z_]+) (\S+) RTSP/([0-9]\.[0-9])")
_TRACK = "/trackID="
_NUMBER = re.compile(r"[0-9]{1,10}")
# Those of RTSP alone, and those that http.HTTPStatus words in another way.
_REASONS = {
    451: "Parameter Not Understood",
    453: "Not Enough Bandwidth",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    459: "Aggregate Operation Not Allowed",
    461: "Unsupported Transport",
    505: "RTSP Version Not Supported",
    551: "Option Not Supported",
}


class Refusal(Exception):  # noqa: N818 - an answer to the client, not an error of ours
    """A request is answered with an error status and headers that say more."""

    def __init__(self, status: int, **headers: str | tuple[str, ...]) -> None:
        super().__init__(status)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass(frozen=True, slots=True)
class Request:
    """A request; header names are lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def base(self) -> str:
        """URL of the stream, with a slash at its end, whether or not a track is asked for."""
        return self.url.partition("?")[0].partition(_TRACK)[0].rstrip("/") + "/"

    @property
    def stream(self) -> str:
        """Name of the stream; empty where the URL has none."""
        try:
            return unquote(urlsplit(self.base).path).strip("/")
        except ValueError:
            return ""

    @property
    def track(self) -> str:
        """Name of the track; empty where the whole stream is meant."""
        return self.url.partition("?")[0].partition(_TRACK)[2].rstrip("/")

    @property
    def session(self) -> str:
        """Session the client believes to be in, else empty."""
        return self.headers.get("session", "").partition(";")[0].strip()


def response(status: int, headers: Mapping[str, str | tuple[str, ...]], body: bytes = b"") -> bytes:
    """A response; the length of ``body`` is added, and a header of several texts repeated."""
    reason = _REASONS.get(status) or HTTPStatus(status).phrase
    lines = [f"RTSP/1.0 {status} {reason}"]
    for name, texts in headers.items():
        lines += [f"{name}: {text}" for text in ([texts] if isinstance(texts, str) else texts)]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class RequestReader:
    """Finds the requests in what a client sends, in a bounded buffer."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        """Add what was received; call :meth:`take` until it gives None before the next."""
        self._data += data

    def take(self) -> Request | None:
        """Next request that is complete.

        Raises:
            Refusal: What was sent is not RTSP or too large. Nobody knows where the next
                request begins, so the connection has to be closed.
        """
        if not self._skip():
            return None
        end = _HEAD_END.search(self._data, 0, _HEAD_LIMIT)
        if end is None:
            if len(self._data) >= _HEAD_LIMIT:
                raise Refusal(431)
            return None
        first, *lines = (
            line.decode(errors="replace") for line in self._data[: end.start()].splitlines()
        )
        parts = _REQUEST_LINE.fullmatch(first)
        headers = {
            name.strip().lower(): text.strip()
            for name, _, text in (line.partition(":") for line in lines)
        }
        length = headers.get("content-length", "0")
        if not parts or not all(
            _NUMBER.fullmatch(text) for text in (length, headers.get("cseq", ""))
        ):
            raise Refusal(400)
        if parts[3] != "1.0":
            raise Refusal(505, CSeq=headers["cseq"])
        if int(length) > _BODY_LIMIT:
            raise Refusal(413, CSeq=headers["cseq"])
        stop = end.end() + int(length)
        if len(self._data) < stop:
            return None
        request = Request(parts[1], parts[2], headers, bytes(self._data[end.end() : stop]))
        del self._data[:stop]
        return request

    def _skip(self) -> bool:
        # Empty lines may come before a request, and a client's RTCP (section 10.12) between two.
        while self._data.startswith((b"$", b"\r", b"\n")):
            size = 4 + int.from_bytes(self._data[2:4], "big") if self._data[0] == ord("$") else 1
            if len(self._data) < size:
                return False
            del self._data[:size]
        return True
