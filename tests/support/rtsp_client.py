"""A bare RTSP client, to say what no library would say and to see every packet."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class RtspResponse:
    """A response; header names are lower case, texts of the same name joined by commas."""

    status: int
    headers: dict[str, str]
    body: bytes


class RtspClient:
    """One connection; answers are waited for, packets in between are kept.

    Attributes:
        url: Of the stream, the default target of requests.
    """

    def __init__(self, url: str, receive_buffer: int | None = None) -> None:
        self.url = url
        self._cseq = 0
        self._packets: list[tuple[int, bytes]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(15)
        parts = urlsplit(url)
        self._socket.connect((parts.hostname, parts.port))
        self._stream = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send anything."""
        self._socket.sendall(data)

    def ask(self, method: str, target: str | None = None, **headers: str) -> RtspResponse:
        """Send a request and wait for its answer; underscores in header names are dashes."""
        self._cseq += 1
        lines = [f"{method} {target or self.url} RTSP/1.0", f"CSeq: {self._cseq}"]
        lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
        self.send("\r\n".join([*lines, "", ""]).encode())
        answer = self.answer()
        assert answer.headers["cseq"] == str(self._cseq)
        return answer

    def answer(self) -> RtspResponse:
        """The next response; EOFError when the connection ends before it."""
        while (start := self._read(1)) == b"$":
            self._packets.append(self._packet())
        status_line = start + self._stream.readline()
        headers: dict[str, str] = {}
        while line := self._stream.readline().strip():
            name, _, text = line.decode().partition(":")
            # RFC 9110, section 5.3: one that is repeated is a list.
            said = [headers[name.lower()]] if name.lower() in headers else []
            headers[name.lower()] = ", ".join([*said, text.strip()])
        body = self._read(int(headers.get("content-length", "0")))
        return RtspResponse(int(status_line.split()[1]), headers, body)

    def play(self) -> None:
        """Set the stream up inside the connection and start it."""
        session = self.ask(
            "SETUP", f"{self.url}/trackID=0", Transport="RTP/AVP/TCP;unicast;interleaved=0-1"
        ).headers["session"]
        assert self.ask("PLAY", Session=session).status == 200

    def packets(self) -> Iterator[tuple[int, bytes]]:
        """Channel (0 RTP, 1 RTCP) and packet, one after the other, until the connection ends."""
        while True:
            while self._packets:
                yield self._packets.pop(0)
            try:
                marker = self._read(1)
            except (EOFError, ConnectionResetError):
                return
            assert marker == b"$"
            yield self._packet()

    def ended(self) -> bool:
        """Wait until the server has ended the connection; False if it sends something."""
        try:
            return not self._socket.recv(1)
        except ConnectionResetError:
            return True

    def _packet(self) -> tuple[int, bytes]:
        head = self._read(3)
        return head[0], self._read(int.from_bytes(head[1:], "big"))

    def _read(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) < size:
            raise EOFError
        return data
