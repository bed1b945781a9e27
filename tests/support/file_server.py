"""A web server of one file that can do what real ones do on a bad day."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_HOST = "127.0.0.1"


@dataclass
class ServedFile:
    """What is served, and how.

    Attributes:
        content: The file.
        ranges: Whether the server knows range requests; else it sends all of it each time.
        cut_after: Bytes after which each connection is cut, in the order of the connections;
            those after them are served in full.
        shift: Bytes by which the ranges it sends are off.
        status: Answer with this error instead.
        hold: Wait for this before the body is sent.
        arrived: Set when a request came.
        endless: Send zeros after the content until the client goes away.
        requests: The ``Range`` header of each request so far.
    """

    content: bytes
    ranges: bool = True
    cut_after: list[int] = field(default_factory=list)
    shift: int = 0
    status: int | None = None
    hold: threading.Event | None = None
    arrived: threading.Event = field(default_factory=threading.Event)
    endless: bool = False
    requests: list[str | None] = field(default_factory=list)


@contextmanager
def serving(served: ServedFile) -> Iterator[str]:
    """Serve in a thread; yields the URL of the file."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, served)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base's
            """Stay silent."""

    server = ThreadingHTTPServer((_HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://{_HOST}:{server.server_port}/file"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(handler: BaseHTTPRequestHandler, served: ServedFile) -> None:
    wanted = handler.headers.get("Range")
    served.requests.append(wanted)
    served.arrived.set()
    if served.status is not None:
        handler.send_error(served.status)
        return
    offset = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
    if not (wanted and served.ranges):
        body = served.content
        handler.send_response(200)
    elif offset >= len(served.content):
        handler.send_error(416)
        return
    else:
        offset += served.shift
        body = served.content[offset:]
        handler.send_response(206)
        last = len(served.content) - 1
        handler.send_header("Content-Range", f"bytes {offset}-{last}/{len(served.content)}")
    if not served.endless:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if served.hold is not None:
        served.hold.wait(60)
    if served.cut_after:
        body = body[: served.cut_after.pop(0)]
        handler.close_connection = True
    handler.wfile.write(body)
    if served.endless:
        with suppress(ConnectionError):
            while True:
                handler.wfile.write(bytes(100_000))
