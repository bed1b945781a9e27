"""Compose itself accepts the files, with every combination of profiles."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest

from tests.support.compose_model import compose_command, rendered_by_compose, rendered_here
from tests.support.compose_policy import complaints

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(compose_command() is None, reason="Docker Compose 2 is not installed"),
]
PROFILES = {
    "cpu": {"infer"},
    "gpu": {"infer-gpu"},
    "web": {"web"},
    "events": {"events"},
    "demo": {"simulator"},
    "edge": {"edge"},
    "sandbox": {"sandbox"},
    "tools": {"tail"},
    "redis-ha": {"redis-replica", "sentinel-1", "sentinel-2", "sentinel-3"},
    "gate": {"ingest-gate"},
    "hall": {"ingest-hall"},
    "monitoring": {"prometheus", "alertmanager", "grafana", "redis-exporter", "node-exporter"},
}


def _combinations() -> Iterator[tuple[str, ...]]:
    for count in range(3):
        yield from combinations(PROFILES, count)
    yield tuple(PROFILES)


def test_profiles_start_their_services_and_no_other() -> None:
    """Redis always, and what the profiles name: none, each, each two, and all of them."""
    for profiles in _combinations():
        started = set(rendered_by_compose(profiles)["services"])
        assert started == {"redis"}.union(*(PROFILES[name] for name in profiles)), profiles


def test_what_compose_makes_of_it_complies_with_the_policy() -> None:
    """The rules hold for the rendered model too, not just for the files."""
    assert complaints(rendered_by_compose(tuple(PROFILES))) == []


def test_published_ports_are_on_loopback() -> None:
    """With publish.yaml the ports are there, on 127.0.0.1, and nothing else changes."""
    model = rendered_by_compose(tuple(PROFILES), ("compose.yaml", "publish.yaml"))
    assert complaints(model) == []
    ports = {
        name: [(port["host_ip"], port["target"]) for port in service["ports"]]
        for name, service in model["services"].items()
        if service.get("ports")
    }
    assert ports == {
        "redis": [("127.0.0.1", 6379)],
        "infer": [("127.0.0.1", 8080)],
        "web": [("127.0.0.1", 8080)],
        "edge": [("127.0.0.1", 8080), ("127.0.0.1", 8443)],
        "grafana": [("127.0.0.1", 3000)],
        "prometheus": [("127.0.0.1", 9090)],
        "alertmanager": [("127.0.0.1", 9093)],
    }


def test_tls_is_on_loopback_unless_told_otherwise() -> None:
    """With redis-tls.yaml the port with TLS is there, on 127.0.0.1; Redis keeps its bus."""
    model = rendered_by_compose(tuple(PROFILES), ("compose.yaml", "redis-tls.yaml"))
    assert complaints(model) == []
    (port,) = model["services"]["redis"]["ports"]
    assert (port["host_ip"], port["target"]) == ("127.0.0.1", 6380)
    assert set(model["services"]["redis"]["networks"]) == {"bus", "tls"}


def test_our_own_reading_of_the_files_agrees_with_composes() -> None:
    """The policy is checked without Compose on the same services, images and secrets."""
    ours, theirs = rendered_here()["services"], rendered_by_compose(tuple(PROFILES))["services"]
    assert ours.keys() == theirs.keys()
    for name, service in theirs.items():
        mine = ours[name]
        assert mine["image"] == service["image"]
        assert sorted(mine.get("networks", [])) == sorted(service.get("networks") or [])
        assert [_source(item) for item in mine.get("secrets", [])] == [
            _source(item) for item in service.get("secrets", [])
        ]


def _source(item: str | dict[str, str]) -> str:
    return item if isinstance(item, str) else item["source"]
