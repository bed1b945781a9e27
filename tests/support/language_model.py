"""A language model's server that can do what real ones do on a bad day, and worse."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

_HOST = "127.0.0.1"
TEXT = "Um 14:02 Uhr kam eine Person an die Haustür."
_HEAD_END = b"\r\n\r\n"
_LOOK_S = 0.02


def answer(text: str = TEXT, finish_reason: str = "stop") -> bytes:
    """The body of an answer that says ``text``."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    return json.dumps({"id": "c1", "object": "chat.completion", "choices": [choice]}).encode()


def http(
    body: bytes, status: str = "200 OK", kind: str = "application/json", *headers: str
) -> bytes:
    """A whole response."""
    head = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + _HEAD_END + body


@dataclass
class RecordedRequest:
    """A request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, object]:
        """The body as JSON."""
        document: dict[str, object] = json.loads(self.body)
        return document


@dataclass
class LanguageModel:
    """What the server does; to be changed while it runs.

    Attributes:
        response: The bytes of a whole response.
        delay_s: Wait before it.
        drip_s: Seconds after each byte of it; 0 sends it at once.
        cut_after: Bytes after which the connection is cut.
        silent: Take the request and never answer.
        url: Where it is.
        asked: Requests so far.
        connections: Connections so far.
    """

    response: bytes = field(default_factory=lambda: http(answer()))
    delay_s: float = 0.0
    drip_s: float = 0.0
    cut_after: int | None = None
    silent: bool = False
    url: str = ""
    asked: list[RecordedRequest] = field(default_factory=list)
    connections: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def say(self, text: str) -> None:
        """Answer ``text`` from now on, and at once."""
        self.response = http(answer(text))
        self.delay_s = self.drip_s = 0.0
        self.cut_after, self.silent = None, False

    def serve(self, client: socket.socket) -> None:
        """One connection, as long as it lasts."""
        rest = b""
        with suppress(OSError), closing(client):
            client.settimeout(_LOOK_S)
            while not self._stop.is_set():
                asked, rest = self._request(client, rest)
                if asked is None:
                    return
                self.asked.append(asked)
                if not self._respond(client):
                    return

    def _request(self, client: socket.socket, rest: bytes) -> tuple[RecordedRequest | None, bytes]:
        while True:
            head, end, body = rest.partition(_HEAD_END)
            if end:
                line, *lines = head.decode("latin-1").split("\r\n")
                pairs = (entry.partition(":") for entry in lines)
                headers = {name.lower(): value.strip() for name, _, value in pairs}
                length = int(headers.get("content-length", "0"))
                if len(body) >= length:
                    return RecordedRequest(line, headers, body[:length]), body[length:]
            part = self._receive(client)
            if not part:
                return None, b""
            rest += part

    def _receive(self, client: socket.socket) -> bytes:
        while not self._stop.is_set():
            with suppress(TimeoutError):
                return client.recv(65536)
        return b""

    def _respond(self, client: socket.socket) -> bool:
        """Whether the connection goes on."""
        if self.silent:
            # Until the client goes away.
            while not self._stop.wait(_LOOK_S):
                with suppress(TimeoutError):
                    if not client.recv(1):
                        break
            return False
        if self._stop.wait(self.delay_s):
            return False
        client.settimeout(5)
        response, cut = self.response, self.cut_after
        if self.drip_s:
            for byte in response:
                client.sendall(bytes([byte]))
                if self._stop.wait(self.drip_s):
                    return False
        else:
            client.sendall(response[:cut])
        client.settimeout(_LOOK_S)
        return cut is None


@contextmanager
def serving(
    model: LanguageModel | None = None, tls: ssl.SSLContext | None = None, port: int = 0
) -> Iterator[LanguageModel]:
    """Serve ``model`` in threads on a port of its own."""
    model = model or LanguageModel()
    listener = socket.create_server((_HOST, port), backlog=256)
    listener.settimeout(_LOOK_S)
    threads: list[threading.Thread] = []

    def accept() -> None:
        while not model._stop.is_set():
            try:
                client, _ = listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            model.connections += 1
            threads.append(threading.Thread(target=serve, args=(client,), daemon=True))
            threads[-1].start()

    def serve(client: socket.socket) -> None:
        if tls is not None:
            try:
                client = tls.wrap_socket(client, server_side=True)
            except OSError:
                client.close()
                return
        model.serve(client)

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    scheme = "http" if tls is None else "https"
    model.url = f"{scheme}://{_HOST}:{listener.getsockname()[1]}/v1"
    try:
        yield model
    finally:
        model._stop.set()
        listener.close()
        accepting.join()
        for thread in threads:
            thread.join(2)


@contextmanager
def silent_port() -> Iterator[str]:
    """The URL of a port that completes no handshake: its queue of connections is full."""
    listener = socket.create_server((_HOST, 0), backlog=0)
    port = listener.getsockname()[1]
    fillers = []
    for _ in range(8):
        filler = socket.socket()
        filler.setblocking(False)  # noqa: FBT003  the signature is the socket's
        with suppress(OSError):
            filler.connect((_HOST, port))
        fillers.append(filler)
    time.sleep(0.05)
    try:
        yield f"http://{_HOST}:{port}/v1"
    finally:
        for filler in fillers:
            filler.close()
        listener.close()


def closed_port() -> str:
    """The URL of a port at which nobody listens."""
    with closing(socket.create_server((_HOST, 0))) as listener:
        port = listener.getsockname()[1]
    return f"http://{_HOST}:{port}/v1"


Break = Callable[[LanguageModel], None]
