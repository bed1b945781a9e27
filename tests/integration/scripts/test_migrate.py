"""Migrations on a real Redis: up, down, the ledger, and what is refused."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.compose_redis import StackRedis
from tests.support.programs import require_program
from tests.support.scripts import run_script

pytestmark = pytest.mark.integration
LEDGER = "vision:migrations"


@pytest.fixture
def server(stack_redis: StackRedis) -> StackRedis:
    """The server, empty, and a client for the script."""
    require_program("redis-cli")
    return stack_redis


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two migrations: a field gets another name, and a key gets one."""
    scripts = {
        "0001-field.up.lua": """
for _, key in ipairs(redis.call('KEYS', 'vision:state:*')) do
  local value = redis.call('HGET', key, 'old')
  if value then redis.call('HSET', key, 'new', value) redis.call('HDEL', key, 'old') end
end
""",
        "0001-field.down.lua": """
for _, key in ipairs(redis.call('KEYS', 'vision:state:*')) do
  local value = redis.call('HGET', key, 'new')
  if value then redis.call('HSET', key, 'old', value) redis.call('HDEL', key, 'new') end
end
""",
        "0002-name.up.lua": "redis.call('SET', 'vision:second', 'there')",
        "0002-name.down.lua": "redis.call('DEL', 'vision:second')",
    }
    for name, text in scripts.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def _migrate(server: StackRedis, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run_script(
        "migrate.sh",
        "--dir",
        folder,
        *words,
        environ={
            "REDISCLI": f"redis-cli -p {server.port} --user admin --no-auth-warning",
            "REDISCLI_AUTH": server.password("admin"),
        },
    )


def test_up_and_down_leave_things_as_they_were(server: StackRedis, folder: Path) -> None:
    """Each is done once and in order; taken back, the keys are what they were."""
    with server.client("admin") as admin:
        admin.hset("vision:state:{front}", "old", "online")
        answer = _migrate(server, folder, "up")
        assert answer.returncode == 0, answer.stderr
        assert answer.stderr.splitlines() == ["0001-field up: done", "0002-name up: done"]
        assert admin.hgetall("vision:state:{front}") == {b"new": b"online"}
        assert set(admin.hkeys(LEDGER)) == {b"0001-field", b"0002-name"}
        assert _migrate(server, folder, "up").stderr == "nothing to do\n"
        down = _migrate(server, folder, "--to", "none", "down")
        assert down.stderr.splitlines() == ["0002-name down: done", "0001-field down: done"]
        assert admin.hgetall("vision:state:{front}") == {b"old": b"online"}
        assert not admin.exists(LEDGER)


def test_it_stops_where_it_is_told(server: StackRedis, folder: Path) -> None:
    """--to is the last one that is done, in both directions; status tells."""
    _migrate(server, folder, "--to", "0001-field", "up")
    status = _migrate(server, folder, "status")
    assert status.stdout.splitlines() == ["done     0001-field", "pending  0002-name"]
    _migrate(server, folder, "up")
    _migrate(server, folder, "--to", "0001-field", "down")
    assert _migrate(server, folder, "status").stdout == status.stdout


def test_a_failure_is_in_no_ledger(server: StackRedis, folder: Path) -> None:
    """What comes before it stays done; it is tried again once it is mended."""
    (folder / "0002-name.up.lua").write_text("return redis.call('HSET', 'x')")
    answer = _migrate(server, folder, "up")
    assert answer.returncode == 1
    assert "0002-name up failed" in answer.stderr
    (folder / "0002-name.up.lua").write_text("redis.call('SET', 'vision:second', '1')")
    again = _migrate(server, folder, "up")
    assert again.stderr == "0002-name up: done\n"


def test_a_dry_run_changes_nothing(server: StackRedis, folder: Path) -> None:
    """It names what would be done."""
    answer = _migrate(server, folder, "--dry-run", "up")
    assert answer.stderr.splitlines() == ["would do 0001-field up", "would do 0002-name up"]
    with server.client("admin") as admin:
        assert admin.dbsize() == 0


def test_a_changed_or_unknown_migration_is_refused(server: StackRedis, folder: Path) -> None:
    """The ledger tells by hash and name; nothing is run then."""
    _migrate(server, folder, "--to", "0001-field", "up")
    script = folder / "0001-field.up.lua"
    before = script.read_text()
    script.write_text(before + "-- another comment\n")
    changed = _migrate(server, folder, "up")
    assert changed.returncode == 1
    assert "was changed after it was run" in changed.stderr
    script.unlink()
    (folder / "0001-field.down.lua").unlink()
    unknown = _migrate(server, folder, "up")
    assert unknown.returncode == 1
    assert "the ledger has 0001-field" in unknown.stderr


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("0003-alone.up.lua", "could not be taken back"),
        ("0003-alone.down.lua", "there is no 0003-alone.up.lua"),
        ("third.up.lua", "its name is not"),
    ],
)
def test_an_incomplete_folder_is_one_line(
    server: StackRedis, folder: Path, name: str, complaint: str
) -> None:
    """Before anything is run."""
    (folder / name).write_text("return 1")
    answer = _migrate(server, folder, "up")
    assert answer.returncode == 1
    assert complaint in answer.stderr
    assert answer.stderr.count("\n") == 1
    with server.client("admin") as admin:
        assert admin.dbsize() == 0


def test_what_ships_can_be_run(server: StackRedis) -> None:
    """The repository's own folder is in order."""
    answer = run_script(
        "migrate.sh",
        "up",
        environ={
            "REDISCLI": f"redis-cli -p {server.port} --user admin --no-auth-warning",
            "REDISCLI_AUTH": server.password("admin"),
        },
    )
    assert answer.returncode == 0, answer.stderr
