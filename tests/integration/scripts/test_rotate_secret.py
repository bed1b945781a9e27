"""A password of Redis is replaced while connections live; the old one is refused then."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.support.compose_redis import StackRedis, require_stack_server, running_stack_redis
from tests.support.programs import require_program
from tests.support.redis_processes import once
from tests.support.scripts import run_script

pytestmark = pytest.mark.integration


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StackRedis]:
    """A server of its own, since its passwords change."""
    require_program("redis-cli")
    with running_stack_redis(require_stack_server(), tmp_path) as running:
        yield running


def _rotate(
    server: StackRedis, *words: str, stdin: str = "", **environ: str
) -> subprocess.CompletedProcess[str]:
    return run_script(
        "rotate-secret.sh",
        "--secrets",
        server.secrets,
        *words,
        environ={
            "REDISCLI": f"redis-cli -p {server.port} --user admin --no-auth-warning",
            "REDISCLI_AUTH": server.password("admin"),
            **environ,
        },
        stdin=stdin,
    )


@pytest.mark.parametrize("user", ["infer", "admin"])
def test_the_new_one_holds_and_the_old_one_does_not(server: StackRedis, user: str) -> None:
    """A connection that exists goes on; new ones need the new value; the file is the same one."""
    path = server.secrets / f"redis_{user}_password"
    path.chmod(0o600)
    before, inode = server.password(user), path.stat().st_ino
    with server.client(user) as living:
        assert living.ping()
        answer = _rotate(server, path.name)
        assert answer.returncode == 0, answer.stderr
        assert living.ping()
    after = server.password(user)
    assert after != before
    assert len(after) == 40
    assert path.stat().st_ino == inode
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert after not in answer.stdout + answer.stderr
    with server.client(user) as newcomer:
        assert newcomer.ping()
    with (
        redis.Redis(port=server.port, username=user, password=before, retry=once()) as old,
        pytest.raises(redis.AuthenticationError),
    ):
        old.ping()


def test_a_value_of_ones_own_may_be_hard_to_quote(server: StackRedis) -> None:
    """It comes from standard input, with quotes and backslashes."""
    value = 'a "hard" \\one\' $(id)'
    answer = _rotate(server, "--stdin", "redis_infer_password", stdin=value + "\n")
    assert answer.returncode == 0, answer.stderr
    assert server.password("infer") == value
    with server.client("infer") as client:
        assert client.ping()


def test_what_an_earlier_run_left_is_cleared(server: StackRedis) -> None:
    """A password that a broken-off run had added does not hold any more."""
    with server.client("admin") as admin:
        admin.execute_command("ACL", "SETUSER", "infer", ">left-behind")  # type: ignore[no-untyped-call]  # redis-py leaves it so
        assert _rotate(server, "redis_infer_password").returncode == 0
        user = admin.acl_getuser("infer")
    assert user is not None
    assert len(list(user["passwords"])) == 1  # type: ignore[arg-type]  # redis-py leaves it open


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (("redis_nobody_password",), 1, "is not there"),
        (("camera_front_password",), 2, "--stdin"),
        (("other",), 2, "no secret"),
        ((), 2, "which secret?"),
    ],
)
def test_wrong_use_is_one_line(
    server: StackRedis, words: tuple[str, ...], code: int, complaint: str
) -> None:
    """Nothing is changed."""
    answer = _rotate(server, *words)
    assert answer.returncode == code
    assert complaint in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_when_redis_is_away_the_file_stays(server: StackRedis) -> None:
    """The old value is kept, and a dry run keeps it too."""
    before = server.password("infer")
    answer = _rotate(server, "redis_infer_password", REDISCLI="redis-cli -p 1")
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: Redis does not answer")
    assert _rotate(server, "--dry-run", "redis_infer_password").returncode == 0
    assert server.password("infer") == before


def test_a_cameras_secret_is_written(server: StackRedis) -> None:
    """The file gets what standard input says."""
    path = server.secrets / "camera_front_password"
    path.write_text("old")
    environ = {name: value for name, value in os.environ.items() if name == "PATH"}
    answer = _rotate(server, "--stdin", path.name, stdin="new\n", **environ)
    assert answer.returncode == 0, answer.stderr
    assert path.read_text() == "new"


@pytest.mark.parametrize("name", ["web_token", "metrics_token"])
def test_a_token_is_written_into_the_same_file(server: StackRedis, name: str) -> None:
    """A random one, which is shown nowhere; who reads the file needs no restart."""
    path = server.secrets / name
    path.write_text("old-token-of-some-length")
    inode = path.stat().st_ino
    answer = _rotate(server, name)
    assert answer.returncode == 0, answer.stderr
    assert "restart" not in answer.stdout + answer.stderr
    assert len(path.read_text()) == 40
    assert path.read_text() not in answer.stdout + answer.stderr
    assert path.stat().st_ino == inode
