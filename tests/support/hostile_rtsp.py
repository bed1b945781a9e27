"""A hostile RTSP camera: an honest one behind a relay, which answers itself when told to."""

from __future__ import annotations

import contextlib
import random
import re
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self, TypeAlias

_CHUNK = 65536
_PATIENCE_S = 30.0
# Enough to grow a reader that keeps all of it by hundreds of MiB, and no load for the machine.
_FLOOD_BYTES, _FLOOD_EVERY_S = 16_384, 0.005
_HEAD_END = b"\r\n\r\n"

Reply: TypeAlias = Callable[[str, str, str], Iterator[bytes]]
"""Method, CSeq and URL of a request to what is sent in return, piece by piece."""


class HostileRtsp:
    """A port in front of a camera; each client is a thread.

    Attributes:
        port: Where it listens.
        reply: What it answers requests with; None hands everything on to the camera.
    """

    def __init__(self, camera_port: int) -> None:
        self.reply: Reply | None = None
        self._camera_port = camera_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._closing = threading.Event()
        self._clients: set[socket.socket] = set()
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Break all connections off."""
        for client in list(self._clients):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._closing.is_set():
            with contextlib.suppress(OSError):
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._clients.add(client)
        client.settimeout(_PATIENCE_S)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reply = self.reply
        with client, contextlib.suppress(OSError):
            if reply is None:
                self._relay(client)
            else:
                self._answer(client, reply)
        self._clients.discard(client)

    def _relay(self, client: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self._camera_port)) as camera:
            camera.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                readable, _, _ = select.select([client, camera], [], [])
                for source in readable:
                    data = source.recv(_CHUNK)
                    if not data:
                        return
                    (camera if source is client else client).sendall(data)

    def _answer(self, client: socket.socket, reply: Reply) -> None:
        pause = threading.Event()
        heard = b""
        while data := client.recv(_CHUNK):
            heard += data
            while _HEAD_END in heard:
                head, _, heard = heard.partition(_HEAD_END)
                method, url = [*head.decode(errors="replace").split(" "), "", ""][:2]
                cseq = re.search(rb"(?im)^cseq:\s*(\d+)", head)
                for piece in reply(method, cseq[1].decode() if cseq else "0", url):
                    client.sendall(piece)
                    pause.wait(_FLOOD_EVERY_S)


def _response(cseq: str, *headers: str, status: str = "200 OK", body: bytes = b"") -> bytes:
    lines = [f"RTSP/1.0 {status}", f"CSeq: {cseq}", *headers]
    return "\r\n".join(lines).encode() + _HEAD_END + body


def _description(cseq: str, sdp: bytes) -> bytes:
    length = f"Content-Length: {len(sdp)}"
    return _response(cseq, "Content-Type: application/sdp", length, body=sdp)


def oversized_header(_: str, cseq: str, __: str) -> Iterator[bytes]:
    """One header of a megabyte."""
    yield _response(cseq, f"X-Filler: {'a' * 1_000_000}", "Public: OPTIONS, DESCRIBE")


def endless_header(_: str, cseq: str, __: str) -> Iterator[bytes]:
    """A header line that never ends."""
    yield f"RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\nX-Filler: ".encode()
    while True:
        yield b"a" * _FLOOD_BYTES


def endless_headers(_: str, cseq: str, __: str) -> Iterator[bytes]:
    """Headers without end."""
    yield f"RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n".encode()
    while True:
        yield b"X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * (_FLOOD_BYTES // 48)


def endless_redirect(_: str, cseq: str, url: str) -> Iterator[bytes]:
    """Moved to where it is, for ever."""
    yield _response(cseq, f"Location: {url}", status="302 Moved Temporarily")


def negative_length(_: str, cseq: str, __: str) -> Iterator[bytes]:
    """A body of less than nothing."""
    yield _response(cseq, "Content-Type: application/sdp", "Content-Length: -1", body=b"v=0\r\n")


def enormous_length(_: str, cseq: str, __: str) -> Iterator[bytes]:
    """A body of two gigabytes, sent bit by bit."""
    yield _response(cseq, "Content-Type: application/sdp", "Content-Length: 2147483647")
    while True:
        yield b"v" * _FLOOD_BYTES


def binary_junk(_: str, __: str, ___: str) -> Iterator[bytes]:
    """Bytes without any sense."""
    yield random.Random(0).randbytes(200_000)


def half_an_answer(_: str, cseq: str, __: str) -> Iterator[bytes]:
    """The beginning of an answer, and then nothing."""
    yield f"RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\nContent-Le".encode()


def garbage_description(method: str, cseq: str, url: str) -> Iterator[bytes]:
    """A session description in which every number and word is wrong."""
    if method != "DESCRIBE":
        yield from _polite(method, cseq, url)
        return
    lines = [
        b"v=-1",
        b"o=" + b"\xff" * 300,
        b"c=IN IP4 999.999.999.999/999999999999",
        b"m=video 99999999999 RTP/AVP 96 -7 300 x",
        b"a=rtpmap:96 H264/0",
        b"a=rtpmap:-1 \x00\x01/-90000",
        b"a=fmtp:96 packetization-mode=9999999999;sprop-parameter-sets=" + b"A" * 5000 + b",=,,",
        b"a=framerate:-1e999",
        b"a=control:" + b"../" * 2000,
        b"m=",
        b"a=control:",
        *[b"m=video 0 RTP/AVP 96"] * 500,
        random.Random(1).randbytes(4000),
    ]
    yield _description(cseq, b"\r\n".join(lines))


def junk_media(method: str, cseq: str, url: str) -> Iterator[bytes]:
    """A correct conversation, and then packets that are no RTP, of all sizes."""
    if method != "PLAY":
        yield from _polite(method, cseq, url)
        return
    yield _response(cseq, "Session: 1")
    junk = random.Random(2)
    while True:
        size = junk.choice((0, 1, 11, 12, 13, 100, 1400, 65535))
        yield struct.pack(">cBH", b"$", junk.randrange(4), size) + junk.randbytes(size)


def _polite(method: str, cseq: str, _: str) -> Iterator[bytes]:
    """What a camera answers."""
    sdp = (
        b"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
        b"a=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n"
    )
    match method:
        case "DESCRIBE":
            yield _description(cseq, sdp)
        case "SETUP":
            transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
            yield _response(cseq, transport, "Session: 1")
        case _:
            yield _response(cseq, "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
