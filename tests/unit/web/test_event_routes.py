"""Zones and pictures of events are served to those who may see the page, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.web import Node, get
from vision.events.snapshot_store import SnapshotStore
from vision.web.access import SECURITY_HEADERS
from vision.web.event_routes import CameraShapes, EventPages

_JPEG = b"\xff\xd8 a picture"
_EVENT = "front:1763898000123-12345-0"
_URL = f"/api/cameras/front/events/{_EVENT}.jpg"


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """A node with a picture of an event on camera front."""
    store = SnapshotStore(tmp_path / "snapshots", max_age_s=1e9, max_bytes=1000)
    store.write(_EVENT, _JPEG)
    (tmp_path / "secret.jpg").write_bytes(_JPEG)
    return Node(events=EventPages(snapshot=store.read))


def test_zones_are_those_of_the_settings() -> None:
    """By camera, each with its name and points."""
    door, gate = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)), ((0.5, 0.0), (0.5, 1.0))
    shapes = {"front": CameraShapes({"door": door}, {"gate": gate})}
    answer = get(Node(events=EventPages(lambda: shapes)).app(), "/api/zones")
    assert answer.json() == {
        "cameras": {
            "front": {
                "zones": [{"name": "door", "points": [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]}],
                "lines": [{"name": "gate", "points": [[0.5, 0.0], [0.5, 1.0]]}],
            }
        }
    }
    assert get(Node().app(), "/api/zones").json() == {"cameras": {}}


def test_a_picture_of_an_event(node: Node) -> None:
    """As it was kept, and never on anybody's disk."""
    answer = get(node.app(), _URL)
    assert answer.status_code == 200
    assert answer.content == _JPEG
    assert answer.headers["content-type"] == "image/jpeg"
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS


@pytest.mark.parametrize(
    "path",
    [
        f"/api/cameras/yard/events/{_EVENT}.jpg",
        "/api/cameras/front/events/front:1763898000123-12346-0.jpg",
        "/api/cameras/front/events/..%2F..%2Fsecret.jpg",
        "/api/cameras/..%2F../events/secret.jpg",
        "/api/cameras/../events/secret.jpg",
        "/api/cameras/front/events/front:1763898000123-12345-0%00.jpg",
        "/api/cameras/front/events/.jpg",
    ],
)
def test_nothing_else_is_served(node: Node, path: str) -> None:
    """Neither another camera's event nor a file elsewhere, whatever the path."""
    assert get(node.app(), path).status_code == 404


@pytest.mark.parametrize("path", [_URL, "/api/zones"])
def test_the_token_guards_them(node: Node, path: str) -> None:
    """As everything else on the page."""
    app = node.app(host="0.0.0.0", token="a-long-token")
    assert get(app, path).status_code == 401
    assert get(app, path, {"authorization": "Bearer a-long-token"}).status_code == 200
