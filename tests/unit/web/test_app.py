"""Every route answers as documented, to those who may ask, with the headers that protect it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import orjson
import pytest

from tests.support.web import RUN, Node, asgi_client, camera_view, frame, get, message
from vision.domain.status import CameraState
from vision.frames.jpeg import encode_jpeg
from vision.frames.planar import to_rgb
from vision.web import live_frames
from vision.web.access import SECURITY_HEADERS
from vision.web.app import create_app
from vision.web.colours import colour_of
from vision.web.documents import Health
from vision.web.feed import LiveFeed


@pytest.mark.parametrize(
    "path", ["/", "/livez", "/readyz", "/metrics", "/api/cameras", "/static/app.js", "/nowhere"]
)
def test_security_headers(path: str) -> None:
    """Every answer, also of an unknown path, carries the security headers and no server name."""
    headers = get(Node().app(), path).headers
    assert {name: headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "server" not in headers
    assert "access-control-allow-origin" not in headers


def test_fault_has_headers_and_tells_nothing() -> None:
    """A fault of ours answers 500 with the same headers and without its text."""

    def fail() -> Health:
        raise RuntimeError("inner detail")

    app = create_app(LiveFeed(), list, fail, lambda: (b"", "text/plain"))
    answer = get(app, "/readyz")
    assert answer.status_code == 500
    assert "inner detail" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_livez_is_alive_whatever_happens() -> None:
    """The liveness probe does not look at cameras or Redis."""
    node = Node(health=Health(ready=False, reasons=("x",), model="", redis="unreachable"))
    assert get(node.app(), "/livez").status_code == 200


def test_readyz_when_ready() -> None:
    """A ready node answers 200 with the state of each camera."""
    answer = get(Node().app(), "/readyz")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "ready": True,
        "reasons": [],
        "model": "yolov8n",
        "redis": "connected",
        "outbox_messages": 3,
        "cameras": [
            {"name": "front", "state": "online", "reason": "", "since": "2025-11-23T11:40:00.123Z"}
        ],
    }


def test_readyz_when_not_ready() -> None:
    """A node that is not ready answers 503 and says why, also per camera."""
    blind = replace(
        camera_view("yard", CameraState.AUTH_FAILED), reason="the camera refuses the login"
    )
    health = Health(ready=False, reasons=("yard is blind",), model="yolov8n", redis="connected")
    answer = get(Node(views=[camera_view(), blind], health=health).app(), "/readyz")
    assert answer.status_code == 503
    assert answer.json()["reasons"] == ["yard is blind"]
    assert answer.json()["cameras"][1]["reason"] == "the camera refuses the login"


def test_metrics_are_passed_on() -> None:
    """The metrics page comes as its source gives it, with its content type."""
    answer = get(Node().app(), "/metrics")
    assert answer.content == b"vision_up 1\n"
    assert answer.headers["content-type"] == "text/plain; version=1.0.0; charset=utf-8"


def test_cameras() -> None:
    """The list of cameras holds all that is known of each."""
    assert get(Node().app(), "/api/cameras").json() == {
        "cameras": [
            {
                "name": "front",
                "state": "online",
                "reason": "",
                "since": "2025-11-23T11:40:00.123Z",
                "source_size": [1280, 768],
                "fps_in": 10.0,
                "fps_inferred": 5.0,
                "frame_age_s": 0.1,
                "latency_ms": {"p50": 40.0, "p99": 60.0},
                "messages": 7,
                "labels": {"car": 7},
                "skipped": {"stale": 1},
                "gate": {"opened": 2, "closed": 2, "passed": 40, "held": 60},
                "is_still": True,
                "is_asleep": False,
            }
        ]
    }


def test_camera_before_its_first_frame() -> None:
    """What is not known yet is null."""
    unknown = replace(camera_view(), source_size=None, frame_age_s=None, latency_ms=None)
    document = get(Node(views=[unknown]).app(), "/api/cameras").json()["cameras"][0]
    assert document["source_size"] is document["frame_age_s"] is document["latency_ms"] is None


def test_frame_is_the_one_of_the_message() -> None:
    """The picture under a message's run and seq is that very frame."""

    async def scenario() -> None:
        node = Node()
        async with asgi_client(node.app()) as client:
            with node.feed.watch():
                node.infer(frame(seq=7, shade=200))
                answer = await client.get(f"/api/cameras/front/frames/{RUN}-7.jpg")
                missing = await client.get(f"/api/cameras/front/frames/{RUN}-8.jpg")
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["vision-frame"] == f"front:{RUN}-7"
        assert answer.headers["cache-control"] == "no-store"
        picture = _decode(answer.content)
        assert picture.shape == (384, 640, 3)
        assert abs(float(picture.mean()) - 200) < 2
        assert missing.status_code == 404

    asyncio.run(scenario())


@pytest.mark.parametrize("frame_id", ["1", "1-1", "x-y", "9" * 5000 + "-1", "%2e%2e%2fapp"])
def test_unknown_frame(frame_id: str) -> None:
    """A frame that is not kept, or no frame at all, is not found."""
    answer = get(Node().app(), f"/api/cameras/front/frames/{frame_id}.jpg")
    assert answer.status_code == 404


def test_several_viewers_cost_one_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that many ask for at the same time is encoded once."""
    calls: list[int] = []
    encode = encode_jpeg

    def counted(image: Any) -> bytes:
        calls.append(1)
        return encode(image)

    monkeypatch.setattr(live_frames, "encode_jpeg", counted)

    async def scenario() -> None:
        node = Node()
        path = f"/api/cameras/front/frames/{RUN}-1.jpg"
        async with asgi_client(node.app()) as client:
            with node.feed.watch():
                node.infer(frame())
                answers = await asyncio.gather(*(client.get(path) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1

    asyncio.run(scenario())
    assert len(calls) == 1


def test_snapshot_with_boxes() -> None:
    """The snapshot shows the newest frame, and its boxes where they are asked for."""

    async def scenario() -> None:
        node = Node()
        path = "/api/cameras/front/snapshot.jpg"
        async with asgi_client(node.app()) as client:
            with node.feed.watch():
                node.infer(frame(seq=1, shade=90))
                plain = await client.get(path)
                boxed = await client.get(path, params={"boxes": "1"})
        assert plain.headers["vision-frame"] == boxed.headers["vision-frame"] == f"front:{RUN}-1"
        assert abs(float(_decode(plain.content).mean()) - 90) < 2
        edge = _decode(boxed.content)[250:270, 159:162].mean(axis=(0, 1))
        assert np.abs(edge - colour_of("car")).max() < 40

    asyncio.run(scenario())


def _large_jpeg() -> bytes:
    """A picture that claims 65,500 by 65,500 pixels: more than OpenCV decodes."""
    jpeg = bytearray(encode_jpeg(np.zeros((16, 16, 3), np.uint8)))
    size = jpeg.index(b"\xff\xc0") + 5
    jpeg[size : size + 4] = (65_500).to_bytes(2, "big") * 2
    return bytes(jpeg)


@pytest.mark.parametrize(
    "jpeg",
    [b"", b"no picture", b"\xff\xd8\xff\xe0", _large_jpeg()],
    ids=["nothing", "text", "a beginning", "enormous"],
)
def test_snapshot_with_boxes_of_what_is_no_picture(jpeg: bytes) -> None:
    """It came encoded, and cannot be decoded: there is no snapshot now, and no fault of ours."""

    async def scenario() -> None:
        node = Node()
        path = "/api/cameras/front/snapshot.jpg"
        async with asgi_client(node.app()) as client:
            with node.feed.watch():
                shown = frame()
                node.feed.on_picture("front", f"{RUN}-1", message(shown), jpeg)
                boxed = await client.get(path, params={"boxes": "1"})
        assert boxed.status_code == 503
        assert boxed.text == "The newest picture cannot be decoded.\n"

    asyncio.run(scenario())


def test_snapshot_waits_for_a_frame() -> None:
    """With nobody watching, a snapshot makes the feed keep the next frame and returns it."""

    async def scenario() -> None:
        node = Node()
        async with asgi_client(node.app()) as client:
            asking = asyncio.create_task(client.get("/api/cameras/front/snapshot.jpg"))
            while not asking.done():
                node.feed.on_status(b"{}")
                node.infer(frame(seq=3))
                await asyncio.sleep(0)
            answer = await asking
        assert answer.headers["vision-frame"] == f"front:{RUN}-3"
        assert node.feed.viewers == 0

    asyncio.run(scenario())


def test_snapshot_of_a_stopping_node() -> None:
    """A snapshot asked of a node that stops ends at once without a picture."""
    node = Node()
    node.feed.close()
    assert get(node.app(), "/api/cameras/front/snapshot.jpg").status_code == 503


def test_snapshot_of_an_unknown_camera() -> None:
    """A camera that is not configured is not found."""
    assert get(Node().app(), "/api/cameras/attic/snapshot.jpg").status_code == 404


def test_viewers_are_limited() -> None:
    """Past a hundred viewers the next one of a client that has them all is told to come later."""

    async def scenario() -> None:
        node = Node()
        viewers = [node.feed.watch("127.0.0.1") for _ in range(100)]
        for viewer in viewers:
            viewer.__enter__()
        async with asgi_client(node.app()) as client:
            assert (await client.get("/api/events")).status_code == 503
            assert (await client.get("/api/cameras/front/snapshot.jpg")).status_code == 503
        for viewer in viewers:
            viewer.__exit__(None, None, None)

    asyncio.run(scenario())


def test_head_of_events_ends() -> None:
    """Asking for the headers of the event stream opens no stream."""

    async def scenario() -> None:
        async with asgi_client(Node().app()) as client:
            answer = await client.head("/api/events")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")

    asyncio.run(scenario())


def test_labels_at_the_edge_stay_in_the_picture() -> None:
    """Boxes that touch every edge are drawn without an error and inside the picture."""
    picture = to_rgb(frame(shade=0).image)
    everything = {"label": "car", "class_id": 1, "confidence": 1.0, "box": [0, 0, 1, 1]}
    corner = {"label": "car", "class_id": 1, "confidence": 0.5, "box": [0.99, 0.99, 1, 1]}
    drawn = live_frames.draw_boxes(picture, orjson.dumps({"detections": [everything, corner]}))
    assert drawn.shape == picture.shape
    assert picture.max() == 0
    assert tuple(drawn[200, 0]) == colour_of("car")


def _decode(jpeg: bytes) -> Any:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
