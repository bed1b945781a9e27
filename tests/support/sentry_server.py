"""An ingest endpoint of Sentry on this machine that keeps what it is sent."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class SentryServer:
    """The part of the protocol that a client needs: envelopes in, an id out."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        """Each request's path, headers and unpacked body."""
        received = self.bodies

        class _Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                received.append(f"{self.path}\n{self.headers}\n{body.decode()}")
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"id": "0"}')

            def log_message(self, *_: object) -> None:
                """Say nothing: the tests look at what the program says."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.port = self._server.server_address[1]

    def dsn(self, key: str) -> str:
        """What a person copies from the project's page."""
        return f"http://{key}@127.0.0.1:{self.port}/7"

    def events(self) -> list[dict[str, Any]]:
        """The events among all that came."""
        documents = [
            json.loads(line)
            for body in self.bodies
            for line in body.partition("\n\n")[2].splitlines()
            if line.startswith("{")
        ]
        return [document for document in documents if "level" in document]

    def serve(self) -> None:
        """Answer until :meth:`stop`."""
        self._server.serve_forever(poll_interval=0.05)

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def running_sentry() -> Iterator[SentryServer]:
    """A server for the length of a test."""
    server = SentryServer()
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()
