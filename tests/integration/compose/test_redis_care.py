"""What the stack's Redis keeps, and what it does not do, with the files it is shipped with."""

from __future__ import annotations

import logging
import time
from itertools import pairwise
from pathlib import Path

import pytest
import redis

from tests.support.compose_model import FOLDER
from tests.support.compose_redis import require_stack_server, running_stack_redis
from tests.support.redis_processes import free_ports
from tests.support.scripts import run_script
from tests.support.waiting import wait_until

_log = logging.getLogger(__name__)
pytestmark = pytest.mark.integration
DETECTIONS = "vision:detections:{front}"
# What is promised; a sync that is under way may take as long once more.
_LOST_AT_MOST_S = 1.0


@pytest.fixture(scope="module")
def program() -> Path:
    """A server program that knows the rules."""
    return require_stack_server()


def test_a_crash_loses_a_second_at_most(program: Path, tmp_path: Path) -> None:
    """After kill -9 and a restart all messages are there that were confirmed a second before.

    On a busy machine the server gets on as slowly as its answers come: it is given the longest
    time between two of them on top.
    """
    confirmed_s: list[float] = []
    with running_stack_redis(program, tmp_path) as server, server.client("infer") as infer:
        until_s = time.monotonic() + 2.5
        while time.monotonic() < until_s:
            infer.xadd(DETECTIONS, {"message": "x" * 400}, id=f"1-{len(confirmed_s) + 1}")
            confirmed_s.append(time.monotonic())
        killed_s = time.monotonic()
        server.kill()
    with running_stack_redis(program, tmp_path) as server, server.client("admin") as admin:
        kept = admin.xlen(DETECTIONS)
    lost = confirmed_s[kept:]
    lost_s = killed_s - lost[0] if lost else 0.0
    slow_s = max(after - before for before, after in pairwise([*confirmed_s, killed_s]))
    _log.info("confirmed=%d lost=%d lost_s=%.3f", len(confirmed_s), len(lost), lost_s)
    assert lost_s <= _LOST_AT_MOST_S * 2 + slow_s
    assert kept > 0


def test_a_snapshot_appears_by_itself(program: Path, tmp_path: Path) -> None:
    """With the period shortened, a change is in a snapshot soon after it, beside the log."""
    options = ("--save", "1 1")
    with running_stack_redis(program, tmp_path, *options) as server:
        with server.client("admin") as admin:
            before = admin.lastsave()
            admin.xadd(DETECTIONS, {"message": "{}"})
            wait_until(lambda: admin.lastsave() > before, "a snapshot")
        assert (server.data / "dump.rdb").read_bytes().startswith(b"REDIS")
        assert list((server.data / "appendonlydir").iterdir())


def test_a_full_memory_is_told_of_and_nothing_is_thrown_away(program: Path, tmp_path: Path) -> None:
    """Beyond the bound a write is refused; every message that was confirmed is still there."""
    with (
        running_stack_redis(program, tmp_path, "--maxmemory", "16mb") as server,
        server.client("infer") as infer,
    ):
        confirmed = _add_until_refused(infer)
        with server.client("admin") as admin:
            assert confirmed > 50
            assert admin.xlen(DETECTIONS) == confirmed
            assert admin.info("stats")["evicted_keys"] == 0


def test_what_is_dangerous_cannot_be_switched_on(program: Path, tmp_path: Path) -> None:
    """Not even an administrator can turn on modules, debugging or protected settings."""
    with running_stack_redis(program, tmp_path) as server, server.client("admin") as admin:
        for name in ("enable-debug-command", "enable-module-command", "enable-protected-configs"):
            with pytest.raises(redis.ResponseError):
                admin.config_set(name, "yes")
        with pytest.raises(redis.ResponseError):
            admin.config_set("dir", str(tmp_path))
        assert admin.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert admin.config_get("maxmemory") == {"maxmemory": str(384 * 2**20)}


def test_tls_stands_beside_the_plain_port(program: Path, tmp_path: Path) -> None:
    """With tls.conf and certificates of gen-certs.sh a verified connection works; others do not."""
    certs = tmp_path / "certs"
    made = run_script("gen-certs.sh", "--dir", certs, "redis", "127.0.0.1")
    assert made.returncode == 0, made.stderr
    text = (FOLDER / "redis" / "tls.conf").read_text()
    text = text.replace("/etc/ariia/redis.conf", str(FOLDER / "redis" / "redis.conf"))
    for name, file in (("cert", "redis.crt"), ("key", "redis.key"), ("ca", "ca.crt")):
        text = text.replace(f"/run/secrets/redis_tls_{name}", str(certs / file))
    config = tmp_path / "tls.conf"
    config.write_text(text.replace("tls-port 6380", "tls-port 0"))
    with running_stack_redis(program, tmp_path, config=config) as server:
        with server.client("admin") as admin:
            (port,) = free_ports(1)
            admin.config_set("tls-port", port)
        url = f"rediss://127.0.0.1:{port}/0"
        login = {"username": "subscriber", "password": server.password("subscriber")}
        with redis.Redis.from_url(url, ssl_ca_certs=str(certs / "ca.crt"), **login) as client:
            assert client.ping()
        with redis.Redis.from_url(url, **login) as stranger, pytest.raises(redis.ConnectionError):
            stranger.ping()


def _add_until_refused(client: redis.Redis) -> int:
    """How many messages were confirmed before memory was full."""
    for number in range(1, 10_000):
        try:
            client.xadd(DETECTIONS, {"message": "x" * 100_000}, id=f"1-{number}")
        except redis.OutOfMemoryError:
            return number - 1
    raise AssertionError("memory is never full")
