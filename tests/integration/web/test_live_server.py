"""A served application: events, pictures, slow viewers and the end of it all."""

from __future__ import annotations

import contextlib
import gc
import socket
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import cv2
import httpx
import numpy as np
import orjson
import pytest

from tests.support.web import (
    RUN,
    Node,
    frame,
    inferring,
    message,
    serving,
    shade_of,
    status,
    wait_until,
)
from vision.domain.secret import Secret
from vision.frames.jpeg import encode_jpeg
from vision.frames.planar import to_rgb
from vision.web.app import create_app
from vision.web.feed import LiveFeed
from vision.web.server import WebServer

pytestmark = pytest.mark.integration

_PATIENCE_S = 30.0


@contextlib.contextmanager
def _events(url: str) -> Iterator[Iterator[tuple[str, Any]]]:
    """The events of the server, each as its kind and its document."""

    def read(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
        kind = ""
        for line in lines:
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield kind, orjson.loads(line.removeprefix("data: "))

    with httpx.stream("GET", f"{url}api/events", timeout=_PATIENCE_S) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield read(response.iter_lines())


def _next(events: Iterator[tuple[str, Any]], kind: str) -> Any:
    return next(document for found, document in events if found == kind)


def _mute_client(server: WebServer) -> socket.socket:
    """A client that asks for events and never reads any."""
    client = socket.create_connection(("127.0.0.1", server.port), timeout=_PATIENCE_S)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return client


def test_answers_do_not_wait_for_acknowledgements() -> None:
    """The head and the body leave as they come; held together they cost 40 ms each time."""
    server = WebServer(Node().app(), "127.0.0.1", 0)
    listener = server._socket
    with listener, socket.create_connection(("127.0.0.1", server.port), _PATIENCE_S):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_overview_comes_at_once_and_each_second() -> None:
    """A viewer learns the whole state of the node at once, and anew as time goes on."""
    node = Node()
    with serving(node) as server, _events(server.url) as events:
        first = _next(events, "cameras")
        assert first["ready"] is True
        assert first["redis"] == "connected"
        assert [camera["name"] for camera in first["cameras"]] == ["front"]
        second = _next(events, "cameras")
        assert second["time"] > first["time"]


def test_picture_and_message_belong_together() -> None:
    """The picture under the run and seq of each message is the frame that the message is of."""
    node = Node()
    with (
        serving(node) as server,
        httpx.Client(base_url=server.url, timeout=_PATIENCE_S) as client,
        _events(server.url) as events,
        inferring(node),
    ):
        for _ in range(5):
            seen = _next(events, "detections")
            path = f"api/cameras/{seen['camera']}/frames/{seen['run']}-{seen['seq']}.jpg"
            answer = client.get(path)
            assert answer.status_code == 200
            picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_GRAYSCALE)
            assert picture is not None
            assert abs(float(picture.mean()) - shade_of(seen["seq"])) < 4


def test_pictures_are_encoded_for_whoever_looks_and_once() -> None:
    """Nobody: none is kept or encoded. A viewer of messages: none is. Many of pictures: each once."""
    node = Node()
    with serving(node) as server, inferring(node, 0.02):
        assert not wait_until(lambda: node.encoder.encoded > 0, 0.5)
        assert node.feed._channels == {}
        with _events(server.url) as events:
            for _ in range(3):
                seen = _next(events, "detections")
            assert node.encoder.encoded == 0
            path = f"api/cameras/front/frames/{seen['run']}-{seen['seq']}.jpg"
            answers = [httpx.get(f"{server.url}{path}", timeout=_PATIENCE_S) for _ in range(3)]
            assert len({answer.content for answer in answers}) == 1
            assert node.encoder.encoded == 1
        assert wait_until(lambda: node.feed.viewers == 0)
        assert node.feed._channels == {}


def test_a_picture_that_came_encoded_is_passed_on() -> None:
    """A page fed from Redis encodes nothing, but where boxes are to be drawn into the picture."""
    node = Node()
    of = frame(seq=3, shade=200)
    jpeg = encode_jpeg(to_rgb(of.image))
    with serving(node) as server, _events(server.url) as events:
        _next(events, "cameras")
        node.feed.on_picture("front", f"{RUN}-3", message(of), jpeg)
        assert _next(events, "detections")["seq"] == 3
        url = f"{server.url}api/cameras/front/"
        assert httpx.get(f"{url}frames/{RUN}-3.jpg", timeout=_PATIENCE_S).content == jpeg
        assert node.encoder.encoded == 0
        answer = httpx.get(f"{url}snapshot.jpg?boxes=1", timeout=_PATIENCE_S)
        assert answer.status_code == 200
        assert answer.content != jpeg
        assert node.encoder.encoded == 1


def test_message_is_the_very_one() -> None:
    """What a viewer gets is, byte for byte, what subscribers of Redis get."""
    node = Node()
    with serving(node) as server, _events(server.url) as events:
        _next(events, "cameras")
        node.infer(frame(seq=5))
        assert _next(events, "detections") == orjson.loads(message(frame(seq=5)))


def test_state_change_reaches_viewers() -> None:
    """A camera that stalls is told to the viewers as it happens."""
    node = Node()
    with serving(node) as server, _events(server.url) as events:
        _next(events, "cameras")
        node.feed.on_status(status())
        assert _next(events, "status")["state"] == "stalled"


def test_viewer_that_leaves_is_forgotten() -> None:
    """Once the last viewer has gone, the feed keeps nothing any more."""
    node = Node()
    with serving(node) as server:
        with _events(server.url) as events:
            _next(events, "cameras")
            node.infer(frame())
            assert node.feed.picture("front", f"{RUN}-1") is not None
        assert wait_until(lambda: node.feed.viewers == 0)
        assert node.feed.picture("front", f"{RUN}-1") is None


def test_slow_viewers_delay_nobody() -> None:
    """With fifty viewers that read nothing, inference goes on and a fast viewer sees the newest.

    By the server's clock no time passes, so none of the fifty is ever cut: whoever waited for one
    would wait for ever.
    """
    ticks = iter(range(0, 10**15, 10**9))
    node = Node(feed=LiveFeed(lambda: next(ticks)))
    frames = 400
    with serving(node, lambda: 0.0) as server, contextlib.ExitStack() as stack:
        mute = [stack.enter_context(_mute_client(server)) for _ in range(50)]
        assert wait_until(lambda: node.feed.viewers == 50)
        # Large messages fill every buffer on the way to the viewers.
        padding = b'{"padding":"%b"}' % (b"x" * 20_000)
        picture = frame()
        for _ in range(frames):
            node.feed.on_inferred(picture, padding)
        with _events(server.url) as events:
            _next(events, "cameras")
            node.infer(frame(seq=77))
            assert _next(events, "detections")["seq"] == 77
        assert len(mute) == 50
        assert node.feed.viewers == 51


def test_stop_is_prompt_with_viewers() -> None:
    """Stopping waits for no viewer that holds an event stream, read or not.

    By the server's clock no time passes: none of them is cut by itself.
    """
    node = Node()
    server = WebServer(node.app(), "127.0.0.1", 0, on_stop=node.feed.close, monotonic_s=lambda: 0.0)
    thread = threading.Thread(target=server.run)
    thread.start()
    with contextlib.ExitStack() as stack:
        events = stack.enter_context(_events(server.url))
        _next(events, "cameras")
        for _ in range(5):
            stack.enter_context(_mute_client(server))
        assert wait_until(lambda: node.feed.viewers == 6)
        # Fill the way to those that do not read: their streams cannot end by themselves.
        for _ in range(600):
            node.feed.on_status(b'"%b"' % (b"x" * 20_000))
        server.stop()
        assert [kind for kind, _ in events if kind not in {"cameras", "status"}] == []
        thread.join(_PATIENCE_S)
        assert not thread.is_alive()
    assert node.feed.viewers == 0


def test_stopped_server_leaves_nothing_open(caplog: pytest.LogCaptureFixture) -> None:
    """After the end there is neither a socket left, nor a complaint of the server."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        node = Node()
        with serving(node) as server, contextlib.ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(_mute_client(server))
            assert wait_until(lambda: node.feed.viewers == 3)
        del server
        gc.collect()
    assert [str(one.message) for one in caught if issubclass(one.category, ResourceWarning)] == []
    assert [record.getMessage() for record in caplog.records if record.name != "httpx"] == []


def test_raw_response_names_no_server() -> None:
    """The server tells neither its make nor its version, on errors of the protocol neither."""
    node = Node()
    with serving(node) as server:
        for request in (b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", b"nonsense\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", server.port), _PATIENCE_S) as client:
                client.sendall(request)
                head = client.recv(4096).lower()
            assert head.startswith(b"http/1.1 ")
            assert b"uvicorn" not in head
            assert b"\r\nserver:" not in head


def test_a_stream_ends_once_the_token_it_was_opened_with_is_replaced() -> None:
    """Whoever has the old one sees nothing any more; the new one opens another stream."""
    node, tokens = Node(), ["first-token"]
    app = create_app(
        node.feed,
        lambda: node.views,
        lambda: node.health,
        lambda: (b"", ""),
        token=lambda: Secret(tokens[0]),
    )
    server = WebServer(app, "127.0.0.1", 0, on_stop=node.feed.close)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        for token, next_one in (("first-token", "second-token"), ("second-token", "third-token")):
            headers = {"authorization": f"Bearer {token}"}
            url = f"{server.url}api/events"
            with httpx.stream("GET", url, headers=headers, timeout=_PATIENCE_S) as response:
                assert response.status_code == 200
                lines = response.iter_lines()
                assert next(lines) == ": live"
                tokens[0] = next_one
                assert sum(1 for _ in lines) < 100
            assert wait_until(lambda: node.feed.viewers == 0)
            assert httpx.get(url, headers=headers, timeout=_PATIENCE_S).status_code == 401
    finally:
        server.stop()
        thread.join(_PATIENCE_S)
