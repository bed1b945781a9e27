"""Every container is hardened, and a container that is not would be noticed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.compose_model import Model, rendered_here
from tests.support.compose_policy import complaints


def test_all_services_comply() -> None:
    """Nothing in compose.yaml and the rendered cameras breaks a rule."""
    model = rendered_here()
    expected = {"redis", "infer", "infer-gpu", "web", "edge", "tail", "simulator", "sandbox"}
    expected |= {
        "events",
        "prometheus",
        "alertmanager",
        "grafana",
        "redis-exporter",
        "node-exporter",
    }
    expected |= {"redis-replica", "sentinel-1", "sentinel-2", "sentinel-3"}
    expected |= {"ingest-gate", "ingest-hall"}
    assert set(model["services"]) == expected
    assert complaints(model) == []


def _without(key: str) -> Callable[[Model], None]:
    def remove(service: Model) -> None:
        del service[key]

    return remove


def _with(**changes: object) -> Callable[[Model], None]:
    def change(service: Model) -> None:
        service.update(changes)

    return change


@pytest.mark.parametrize(
    ("service", "break_it", "complaint"),
    [
        ("infer", _without("user"), "user is None"),
        ("infer", _with(user="0:0"), "user is '0:0'"),
        ("infer", _with(user="vision"), "user is 'vision'"),
        ("redis", _without("read_only"), "its root can be written"),
        ("ingest-gate", _without("cap_drop"), "keeps capabilities"),
        ("ingest-gate", _with(cap_add=["NET_ADMIN"]), "has cap_add"),
        ("ingest-hall", _without("security_opt"), "can gain privileges"),
        ("infer", _with(privileged=True), "has privileged"),
        ("infer", _with(network_mode="host"), "has network_mode"),
        ("redis", _with(image="redis:7.2"), "not pinned"),
        ("redis", _with(image="redis@sha256:" + "0" * 64), "not pinned"),
        ("infer", _with(image="ariia-vision:latest"), "not pinned"),
        ("infer", _without("mem_limit"), "has no mem_limit"),
        ("infer", _without("pids_limit"), "has no pids_limit"),
        ("infer", _without("logging"), "its log grows"),
        ("infer", _with(tmpfs=["/run/vision"]), "has no size"),
        ("infer", _without("healthcheck"), "has no health check"),
        ("prometheus", _with(healthcheck={"disable": True}), "has no health check"),
        ("grafana", _with(secrets=["web_token"]), "sees pictures"),
        ("prometheus", _with(image="prom/prometheus:v3.5.0"), "not pinned"),
        ("infer", _without("restart"), "is not restarted"),
        ("infer", _without("stop_grace_period"), "has no time to end"),
        ("infer", _without("depends_on"), "does not wait for Redis"),
        ("infer", _with(environment={"VISION_REDIS__PASSWORD": "x"}), "VISION_REDIS__PASSWORD"),
        (
            "infer",
            _with(environment={"VISION_REDIS__URL": "redis://:x@redis:6379"}),
            "a URL holds a credential",
        ),
        ("ingest-gate", _with(secrets=["camera_hall_password"]), "sees camera_hall_password"),
        ("infer", _with(secrets=["redis_admin_password"]), "sees the administrator's password"),
        ("redis", _with(ports=["6379:6379"]), "publishes 6379:6379"),
        ("redis", _with(ports=[{"target": 6379, "host_ip": "0.0.0.0"}]), "publishes"),
        ("infer", _with(volumes=[{"type": "bind", "source": "/etc"}]), "mounts /etc"),
        (
            "infer",
            _with(volumes=[{"type": "bind", "source": "/var/run/docker.sock"}]),
            "docker.sock",
        ),
    ],
)
def test_a_broken_rule_is_noticed(
    service: str, break_it: Callable[[Model], None], complaint: str
) -> None:
    """Each rule, broken once, is complained about, and the complaint names the service."""
    model = rendered_here()
    break_it(model["services"][service])
    found = complaints(model)
    assert any(line.startswith(f"{service}: ") and complaint in line for line in found), found


def test_the_bus_has_no_way_out() -> None:
    """The network of Redis is internal, and Redis is on no other."""
    model = rendered_here()
    assert list(model["services"]["redis"]["networks"]) == ["bus"]
    model["networks"]["bus"] = {}
    assert complaints(model) == ["network bus: has a way out"]


def test_the_edge_reaches_pages_and_no_redis() -> None:
    """What the network can reach shares no network with Redis or the cameras."""
    model = rendered_here()
    assert model["services"]["edge"]["networks"] == ["pages", "outside"]
    assert model["networks"]["pages"] == {"internal": True}
    assert {"bus", "pages"} <= set(model["services"]["infer"]["networks"])


def test_an_ingest_container_keeps_what_it_extends() -> None:
    """A rendered service adds to the settings, networks and environment of its base."""
    service = rendered_here()["services"]["ingest-gate"]
    assert service["networks"] == {"bus": {"aliases": ["ingest"]}, "cameras": {}}
    assert "metrics_token" in service["secrets"]
    assert service["configs"] == [{"source": "settings", "target": "/app/vision.yaml"}]
    assert service["environment"]["VISION_REDIS__USERNAME"] == "ingest"
    assert service["environment"]["VISION_REDIS__URL"] == "redis://redis:6379/0"
