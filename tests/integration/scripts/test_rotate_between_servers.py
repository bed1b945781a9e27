"""The passwords by which servers and Sentinels know one another change while messages flow."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.support.publishing import SteadyCameras, publishing_to
from tests.support.redis_processes import command, once
from tests.support.redis_sentinel import SentinelTrio, running_sentinels
from tests.support.scripts import run_script
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[SentinelTrio]:
    """A primary, a replica and three Sentinels."""
    if shutil.which("redis-cli") is None:
        pytest.skip("no redis-cli is installed")
    with running_sentinels(tmp_path) as running:
        # What is waited for is that they tell one another of themselves.
        running.hurry(info_ms=200, publish_ms=200)
        yield running


def _rotate(
    trio: SentinelTrio, name: str, *words: str, servers: int = 2, **environ: str
) -> subprocess.CompletedProcess[str]:
    listed = [f"127.0.0.1:{port}" for port in trio.servers][:servers]
    return run_script(
        "rotate-secret.sh",
        "--secrets",
        trio.secrets,
        *words,
        name,
        environ={
            "REDISCLI": "redis-cli --user admin --no-auth-warning",
            "REDISCLI_AUTH": trio.password,
            "REDIS_SERVERS": " ".join(listed),
            "REDIS_SENTINELS": " ".join(f"127.0.0.1:{port}" for port in trio.sentinels),
            **environ,
        },
    )


def _accepts(port: int, user: str, password: str) -> bool:
    try:
        with redis.Redis(
            port=port, username=user, password=password, protocol=2, retry=once()
        ) as client:
            return bool(client.ping())
    except redis.AuthenticationError:
        return False
    except redis.exceptions.NoPermissionError:
        return True


@pytest.mark.parametrize("user", ["replica", "sentinel"])
def test_messages_flow_and_a_failover_works_afterwards(trio: SentinelTrio, user: str) -> None:
    """No failover is set off, nothing is lost, the old one is refused, and the new one serves."""
    path = trio.secrets / f"redis_{user}_password"
    old = path.read_text()
    with publishing_to(trio) as running:
        cameras = SteadyCameras(running, period_s=0.01)
        cameras.wait_for(more=20)
        answer = _rotate(trio, path.name)
        assert answer.returncode == 0, answer.stderr
        assert running.observer.connections == [True]
        new = path.read_text()
        assert new != old
        assert new not in answer.stdout + answer.stderr
        places = [*trio.servers, *(trio.sentinels if user == "sentinel" else [])]
        for port in places:
            assert _accepts(port, user, new)
            assert not _accepts(port, user, old)
        with trio.client(trio.primary().port) as client:
            assert client.info("replication")["role"] == "master"
        # With connections of now only: what was rotated is what they log in with.
        trio.primary().kill()
        running.wait_away()
        running.wait_connected()
        trio.primary().restart()
        with trio.client(trio.primary().port) as returned:
            wait_until(lambda: _follows(returned), "the server that was killed to follow")
        cameras.wait_for(more=20)
        cameras.finish()
        running.wait_sent()
        assert not running.observer.drops
    cameras.assert_all_on(trio)


def _follows(client: redis.Redis) -> bool:
    try:
        return client.info("replication").get("master_link_status") == "up"
    except redis.RedisError:
        return False


def test_where_something_is_amiss_nothing_is_changed(trio: SentinelTrio) -> None:
    """A replica that is not in touch, and a Sentinel that is gone, are told of in one line."""
    with trio.client(trio.replica().port) as replica:
        command(replica, "CONFIG", "SET", "masterauth", "not-it")
        command(replica, "CLIENT", "KILL", "TYPE", "master")
        wait_until(lambda: not _follows(replica), "the replica to lose its primary")
    before = (trio.secrets / "redis_replica_password").read_text()
    answer = _rotate(trio, "redis_replica_password")
    assert answer.returncode == 1
    assert "a replica is not in touch" in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert (trio.secrets / "redis_replica_password").read_text() == before
    assert _accepts(trio.primary().port, "replica", before)
    before = (trio.secrets / "redis_sentinel_password").read_text()
    answer = _rotate(trio, "redis_sentinel_password", REDIS_SENTINELS="127.0.0.1:1")
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: Redis does not answer")
    assert (trio.secrets / "redis_sentinel_password").read_text() == before


def test_a_dry_run_changes_nothing(trio: SentinelTrio) -> None:
    """It says how many places would learn it."""
    before = (trio.secrets / "redis_sentinel_password").read_text()
    answer = _rotate(trio, "redis_sentinel_password", "--dry-run")
    assert answer.returncode == 0, answer.stderr
    assert "on 2 server(s) and 3 Sentinel(s)" in answer.stderr
    assert (trio.secrets / "redis_sentinel_password").read_text() == before
