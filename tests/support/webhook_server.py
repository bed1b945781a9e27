"""A real HTTP server for webhooks that behaves as badly as it is told to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

Behaviour = Callable[[socket.socket, "threading.Event"], None]


@dataclass(frozen=True)
class Request:
    """What was posted; names of headers in lower case."""

    line: str
    headers: dict[str, str]
    body: bytes

    def is_signed_with(self, key: bytes) -> bool:
        """Whether the signature is right, by the specification and none of our code."""
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode()
        digest = base64.b64encode(hmac.digest(key, signed + self.body, hashlib.sha256)).decode()
        versions = self.headers["webhook-signature"].split(" ")
        return any(hmac.compare_digest(one, f"v1,{digest}") for one in versions)


def answer(status: int, *headers: str) -> Behaviour:
    """A whole answer of ``status``."""

    def behave(connection: socket.socket, _stop: threading.Event) -> None:
        lines = [f"HTTP/1.1 {status} X", *headers, "Content-Length: 0", "Connection: close", "", ""]
        connection.sendall("\r\n".join(lines).encode())

    return behave


def drop(connection: socket.socket, _stop: threading.Event) -> None:
    """Hang up in the middle of an answer."""
    connection.sendall(b"HTTP/1.1 200 O")


def rubbish(connection: socket.socket, _stop: threading.Event) -> None:
    """What is no HTTP."""
    connection.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n")


def silence(_connection: socket.socket, stop: threading.Event) -> None:
    """Take it and say nothing."""
    stop.wait(60)


def drip(connection: socket.socket, stop: threading.Event) -> None:
    """A byte now and then, so that each read succeeds and the answer never ends."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    try:
        while not stop.wait(0.05):
            connection.sendall(b"x")
    except OSError:
        pass


class WebhookServer:
    """Answers one request after the other, each as the next behaviour says, the last for ever."""

    def __init__(self, *behaviours: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.behaviours = list(behaviours) or [answer(204)]
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """An address on it."""
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}/hook"

    def close(self) -> None:
        """Listen no more."""
        self._stop.set()
        self._listener.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._take, args=(connection,), daemon=True).start()

    def _take(self, plain: socket.socket) -> None:
        try:
            connection = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
            with connection:
                self._answer(connection)
        except OSError:
            # The client gave up, or does not believe us.
            plain.close()

    def _answer(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            line = stream.readline().decode().strip()
            headers: dict[str, str] = {}
            while text := stream.readline().decode().strip():
                name, _, value = text.partition(":")
                headers[name.lower()] = value.strip()
            if not line:
                return
            body = stream.read(int(headers.get("content-length", 0)))
        behaviour = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
        self.requests.append(Request(line, headers, body))
        behaviour(connection, self._stop)


@contextmanager
def webhook_server(
    *behaviours: Behaviour, tls: ssl.SSLContext | None = None
) -> Iterator[WebhookServer]:
    """A server for the length of a test."""
    server = WebhookServer(*behaviours, tls=tls)
    try:
        yield server
    finally:
        server.close()
