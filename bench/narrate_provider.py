"""Providers that answer at once, or never."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

_HOST = "127.0.0.1"
_MESSAGE = {"role": "assistant", "content": "Somebody came to the door."}
_BODY = json.dumps({"choices": [{"message": _MESSAGE, "finish_reason": "stop"}]}).encode()
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
_HEAD_END = b"\r\n\r\n"
_FILLERS = 8


class Provider:
    """One that answers each question, or takes it and is silent."""

    def __init__(self, *, is_silent: bool = False) -> None:
        self.is_silent = is_silent
        self._listener = socket.create_server((_HOST, 0), backlog=256)
        self.url = f"http://{_HOST}:{self._listener.getsockname()[1]}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Wakes the thread that waits in accept, which close alone does not.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            came = b""
            while part := client.recv(65536):
                came += part
                head, end, body = came.partition(_HEAD_END)
                if end and len(body) >= _length(head):
                    came = b""
                    if not self.is_silent:
                        client.sendall(_ANSWER)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


@contextmanager
def dropping() -> Iterator[str]:
    """The URL of a port whose queue of connections is full: handshakes go unanswered."""
    listener = socket.create_server((_HOST, 0), backlog=0)
    port = listener.getsockname()[1]
    fillers = [socket.socket() for _ in range(_FILLERS)]
    for filler in fillers:
        filler.setblocking(False)  # noqa: FBT003  the signature is the socket's
        with suppress(OSError):
            filler.connect((_HOST, port))
    try:
        yield f"http://{_HOST}:{port}/v1"
    finally:
        for filler in fillers:
            filler.close()
        listener.close()
