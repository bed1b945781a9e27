"""A real Prometheus scrapes a running node, with the rules of the stack."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from simulator import Clip, Server
from tests.support.clips import make_clip
from tests.support.monitoring import (
    DASHBOARDS,
    dashboard_queries,
    is_foreign,
    metrics_in,
    metrics_of,
    rules,
)
from tests.support.node import NodeProcess, running_node
from tests.support.processes import children_of
from tests.support.programs import require_program
from tests.support.prometheus import Prometheus, is_ready, running_prometheus
from tests.support.redis_processes import free_ports
from tests.support.redis_server import running_redis
from tests.support.small_model import small_model
from tests.support.waiting import PATIENCE_S, wait_until
from vision.telemetry.family import Role

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

_TOKEN = "metrics-token-for-prometheus"
_ALERT_S = 180.0
# What a node has nothing to do with.
_OTHER_ROLES: tuple[Role, ...] = ("narrate", "bridge")


def metrics_target(node: NodeProcess, port: int) -> str:
    """The node's port for metrics, once it answers; without the token it tells nothing."""
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert node.process is not None
        assert node.process.poll() is None, node.log
        return is_ready(f"{url}/livez")

    wait_until(answers, "the port for metrics")
    assert httpx.get(f"{url}/metrics").status_code == 401
    return f"127.0.0.1:{port}"


def total(prometheus: Prometheus, name: str) -> float:
    """A counter of the camera ``front``, 0 before its first scrape."""
    return sum(float(s["value"][1]) for s in prometheus.query(f'sum({name}{{camera="front"}})'))


def test_a_node_is_scraped_and_a_stall_alerts(tmp_path: Path) -> None:
    """The rules load and are well; dashboards have data; a stalled camera fires, and it alone.

    A worker that is killed sets no counter back.
    """
    require_program("prometheus")
    clip = Clip.load(make_clip(tmp_path / "clip.mp4"))
    (port,) = free_ports(1)
    with (
        running_redis(tmp_path / "redis") as redis,
        Server({"front": clip, "yard": clip}) as cameras,
    ):
        settings = {
            "redis": {"url": redis.settings().url},
            "web": {"port": 0},
            "metrics": {"host": "127.0.0.1", "port": port},
            "models_dir": str(small_model(tmp_path / "models")),
            "events": {"enabled": True, "snapshots": {"enabled": True, "dir": "snapshots"}},
            "cameras": {
                # Long enough for the stall to last: it ends in a new connection.
                name: {"url": cameras.url(name), "read_timeout_s": 60}
                for name in ("front", "yard")
            },
        }
        secrets = {"redis_password": redis.password, "metrics_token": _TOKEN}
        with running_node(tmp_path, settings, **secrets) as node:
            target = metrics_target(node, port)
            with running_prometheus(tmp_path, target, _TOKEN) as prometheus:
                wait_until(
                    lambda: len(prometheus.query("vision_frames_inferred_total > 3")) == 2,
                    f"frames of both cameras:\n{node.log}",
                )
                _check_rules(prometheus)
                _check_dashboards(prometheus)
                _check_that_no_counter_goes_back(prometheus, node)
                assert prometheus.firing() == set()
                cameras.cameras["front"].faults.stall = True
                wait_until(
                    lambda: ("CameraStalled", "front") in prometheus.firing(),
                    "the alert",
                    _ALERT_S,
                )
                firing = prometheus.firing()
                assert {camera for _, camera in firing} == {"front"}, firing
                cameras.cameras["front"].faults.stall = False
                wait_until(
                    lambda: ("CameraStalled", "front") not in prometheus.firing(),
                    "the end of the alert",
                    _ALERT_S,
                )
            assert node.stop() == 0
    assert _TOKEN not in node.log


def _check_rules(prometheus: Prometheus) -> None:
    loaded = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    assert len(loaded) == len(rules())
    wait_until(
        lambda: prometheus.query('camera:vision_delivers:max{camera="front"} == 1') != [],
        "the recorded state",
    )
    wait_until(
        lambda: len(prometheus.query("camera:vision_capture_to_publish_seconds:p99_5m > 0")) == 2,
        "the recorded latencies",
    )
    assert {rule["health"] for rule in loaded} <= {"ok", "unknown"}


def _check_dashboards(prometheus: Prometheus) -> None:
    """Each query is taken, and each metric of ours that a node has is there."""
    there = set(prometheus.get("label/__name__/values"))
    asked = {
        name
        for path in DASHBOARDS
        for _, query in dashboard_queries(path)
        if prometheus.query(query) is not None
        for name in metrics_in(query)
    }
    # What exists only where there is a motion gate, an alert, a certificate, or five minutes.
    sometimes = {
        "ALERTS",
        "vision_camera_still",
        "vision_motion_gate_total",
        "vision_certificate_expiry_timestamp_seconds",
        "camera:vision_uptime:ratio_30d",
        # The simulated camera sends no reports of its clock before some seconds have passed.
        "vision_camera_clock_offset_seconds",
        # Of a moving pattern nothing is seen.
        "vision_detections_total",
        "vision_events_total",
    }
    others = {name for role in _OTHER_ROLES for name in metrics_of(role)}
    asked -= others - metrics_of("node") | sometimes
    assert {name for name in asked if not is_foreign(name)} <= there


def _check_that_no_counter_goes_back(prometheus: Prometheus, node: NodeProcess) -> None:
    assert node.process is not None
    names = (
        "vision_frames_decoded_total",
        "vision_frames_received_total",
        "vision_worker_cpu_seconds_total",
    )
    before = {name: total(prometheus, name) for name in names}
    workers = [p for p in children_of(node.process.pid) if "spawn_main" in p.command]
    assert len(workers) == 2
    for worker in workers:
        os.kill(worker.pid, signal.SIGKILL)
    wait_until(
        lambda: total(prometheus, "vision_worker_restarts_total") == 1, f"a restart:\n{node.log}"
    )
    wait_until(
        lambda: total(prometheus, names[0]) > before[names[0]] + 20, "frames of the new worker"
    )
    for name in names:
        assert total(prometheus, name) >= before[name]
        assert prometheus.query(f'resets({name}{{camera="front"}}[5m]) > 0') == [], name


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.77"])
def test_a_port_for_metrics_that_is_open_needs_a_token(host: str, tmp_path: Path) -> None:
    """One line that names the key and the file, exit code 2."""
    settings = {
        "metrics": {"host": host},
        "web": {"enabled": False},
        "cameras": {"front": {"url": "rtsp://127.0.0.1:9/x", "auth": "none"}},
    }
    with running_node(tmp_path, settings) as node:
        assert node.process is not None
        assert node.process.wait(PATIENCE_S) == 2
    (line,) = [line for line in node.log.splitlines() if line.startswith("error: ")]
    assert "metrics.host" in line
    assert "metrics_token" in line


def test_levels_of_areas_change_at_a_signal_in_the_node_and_its_workers(tmp_path: Path) -> None:
    """Without a restart, and back; settings with a mistake change nothing and say so."""
    clip = Clip.load(make_clip(tmp_path / "clip.mp4"))
    with (
        running_redis(tmp_path / "redis") as redis,
        Server({"front": clip}) as cameras,
    ):
        settings: dict[str, Any] = {
            "redis": {"url": redis.settings().url},
            "web": {"enabled": False},
            "cameras": {"front": {"url": cameras.url("front")}},
        }
        with running_node(tmp_path, settings, redis_password=redis.password) as node:
            node.wait_for_log("state=online")
            assert node.process is not None
            (worker,) = [p for p in children_of(node.process.pid) if "spawn_main" in p.command]

            def reload(logs: dict[str, Any], expected: str) -> None:
                (tmp_path / "vision.yaml").write_text(yaml.safe_dump(settings | {"logs": logs}))
                assert node.process is not None
                node.process.send_signal(signal.SIGUSR1)
                node.wait_for_log(expected)

            reload({"areas": {"runtime": "debug"}}, "level=info areas=runtime:debug")
            node.wait_for_log("ingest.logs_set")
            reload({"areas": {"engine": "debug"}}, "logs.levels_kept")
            assert "logs.areas" in node.log
            said = node.log.count("ingest.logs_set")
            reload({"level": "error"}, "level=error areas=none")
            assert worker.is_alive
            assert node.stop() == 0
            # To the worker that was a change, too: it says no more of changes.
            assert node.log.count("ingest.logs_set") == said == 1
