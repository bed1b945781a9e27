"""Backup and restore of a real Redis: the round trip, and what is refused."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.compose_redis import StackRedis, require_stack_server, running_stack_redis
from tests.support.programs import require_program
from tests.support.scripts import run_script

pytestmark = pytest.mark.integration
DETECTIONS = "vision:detections:{front}"
CONTENT = 500


@pytest.fixture(scope="module")
def program() -> Path:
    """The redis-server that the scripts find too."""
    require_program("redis-server")
    require_program("redis-cli")
    return require_stack_server()


@pytest.fixture(scope="module")
def server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackRedis]:
    """A server with messages, a state and a frame that is about to expire."""
    with running_stack_redis(program, tmp_path_factory.mktemp("redis")) as running:
        with running.client("admin") as admin:
            # Else each snapshot waits five seconds for others who might want one.
            admin.config_set("repl-diskless-sync-delay", 0)
            for number in range(1, CONTENT + 1):
                admin.xadd(DETECTIONS, {"message": f'{{"seq":{number}}}'}, id=f"7-{number}")
            admin.hset("vision:state:{front}", mapping={"state": "online"})
            admin.set("vision:frame:{front}", b"pixels", px=60_000)
        yield running


@pytest.fixture(scope="module")
def a_backup(server: StackRedis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup, not encrypted: not to be written to."""
    folder = tmp_path_factory.mktemp("backup") / "backups"
    made = _backup(server, folder)
    assert made.returncode == 0, made.stderr
    assert not list(folder.glob(".work*"))
    return _only_file(folder)


def _environ(server: StackRedis) -> dict[str, str]:
    return {
        "REDISCLI": f"redis-cli -p {server.port} --user admin --no-auth-warning",
        "REDISCLI_AUTH": server.password("admin"),
    }


def _backup(
    server: StackRedis, folder: Path, *options: str | Path
) -> subprocess.CompletedProcess[str]:
    config = folder.parent / "vision.yaml"
    config.write_text("cameras: {}\n")
    return run_script(
        "backup.sh",
        *("--to", folder, "--config", config, "--models", folder.parent, *options),
        environ=_environ(server),
    )


def _only_file(folder: Path) -> Path:
    (file,) = folder.glob("ariia-vision-*")
    return file


def test_what_was_backed_up_comes_back(
    program: Path, server: StackRedis, a_backup: Path, tmp_path: Path
) -> None:
    """A server started on the restored folder has the same messages, and the config is there."""
    assert a_backup.stat().st_mode & 0o077 == 0
    new = tmp_path / "new"
    back = run_script("restore.sh", "--data", new / "data", "--config", new / "config", a_backup)
    assert back.returncode == 0, back.stderr
    assert (new / "config" / "vision.yaml").read_text() == "cameras: {}\n"
    with running_stack_redis(program, new) as restored:  # noqa: SIM117
        with restored.client("admin") as after, server.client("admin") as before:
            assert after.xrange(DETECTIONS) == before.xrange(DETECTIONS)
            assert after.xlen(DETECTIONS) == CONTENT
            assert after.hgetall("vision:state:{front}") == {b"state": b"online"}
            assert not after.exists("vision:frame:{front}")
            # It goes on where it was: greater ids are taken, and old ones refused.
            assert after.xadd(DETECTIONS, {"message": "{}"}, id=f"7-{CONTENT + 1}")
    assert not list(new.glob(".restore.*"))


def test_a_folder_with_data_is_left_alone(a_backup: Path, tmp_path: Path) -> None:
    """Nothing is written over, and the message says what to do."""
    taken = tmp_path / "data"
    taken.mkdir()
    (taken / "dump.rdb").write_bytes(b"of value")
    answer = run_script("restore.sh", "--data", taken, a_backup)
    assert answer.returncode == 1
    assert "is not empty" in answer.stderr
    assert [path.name for path in taken.iterdir()] == ["dump.rdb"]
    assert (taken / "dump.rdb").read_bytes() == b"of value"


@pytest.mark.parametrize("damage", ["cut", "flipped", "other"])
def test_a_damaged_file_is_refused(a_backup: Path, tmp_path: Path, damage: str) -> None:
    """Cut off, changed or no archive at all: one line, and an empty folder stays empty."""
    file = tmp_path / a_backup.name
    content = bytearray(a_backup.read_bytes())
    if damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "flipped":
        content[len(content) // 2] ^= 0xFF
    else:
        content = bytearray(b"no archive")
    file.write_bytes(content)
    answer = run_script("restore.sh", "--data", tmp_path / "data", file)
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: ")
    assert answer.stderr.count("\n") == 1
    assert not list((tmp_path / "data").iterdir())


def test_verify_writes_nothing(a_backup: Path, tmp_path: Path) -> None:
    """--verify proves a file and leaves everything as it is."""
    answer = run_script("restore.sh", "--verify", "--data", tmp_path / "none", a_backup)
    assert answer.returncode == 0, answer.stderr
    assert "is whole: keys 2 " in answer.stderr
    assert not (tmp_path / "none").exists()


def test_encrypted_with_gpg_it_needs_the_key(server: StackRedis, tmp_path: Path) -> None:
    """Nothing of the content can be read without the key; with it, it comes back."""
    home = tmp_path / "gpg"
    home.mkdir(mode=0o700)
    environ = {**_environ(server), "GNUPGHOME": str(home)}
    subprocess.run(
        [
            require_program("gpg"),
            "--batch",
            "--passphrase",
            "",
            "--quick-generate-key",
            "backup@ariia.invalid",
        ],
        env={**os.environ, "GNUPGHOME": str(home)},
        capture_output=True,
        check=True,
    )
    folder = tmp_path / "backups"
    made = run_script(
        "backup.sh", "--to", folder, "--recipient", "backup@ariia.invalid", environ=environ
    )
    assert made.returncode == 0, made.stderr
    file = _only_file(folder)
    assert file.suffix == ".gpg"
    stranger = tmp_path / "stranger"
    stranger.mkdir(mode=0o700)
    refused = run_script("restore.sh", "--verify", file, environ={"GNUPGHOME": str(stranger)})
    assert refused.returncode == 1
    assert "cannot be unpacked" in refused.stderr
    assert run_script("restore.sh", "--verify", file, environ=environ).returncode == 0
    for used in (home, stranger):
        subprocess.run(
            [require_program("gpgconf"), "--kill", "all"],
            env={**os.environ, "GNUPGHOME": str(used)},
            capture_output=True,
            check=False,
        )


def test_encrypted_with_age_it_needs_the_key(server: StackRedis, tmp_path: Path) -> None:
    """As with gpg; the secret key is a file."""
    keys = tmp_path / "key"
    subprocess.run([require_program("age-keygen"), "-o", keys], capture_output=True, check=True)
    public = subprocess.run(
        [require_program("age-keygen"), "-y", keys], capture_output=True, check=True, text=True
    ).stdout.strip()
    made = _backup(server, tmp_path / "backups", "--recipient", public)
    assert made.returncode == 0, made.stderr
    file = _only_file(tmp_path / "backups")
    assert file.suffix == ".age"
    assert b"REDIS" not in file.read_bytes()
    without = run_script("restore.sh", "--verify", file)
    assert without.returncode == 1
    assert "--identity" in without.stderr
    assert run_script("restore.sh", "--verify", "--identity", keys, file).returncode == 0


def test_the_oldest_make_way(server: StackRedis, tmp_path: Path) -> None:
    """--keep counts the new one; files of others stay."""
    folder = tmp_path / "backups"
    folder.mkdir()
    for day in range(1, 6):
        (folder / f"ariia-vision-2020010{day}T000000Z.tar.gz").write_bytes(b"old")
    (folder / "other.tar.gz").write_bytes(b"not ours")
    assert _backup(server, folder, "--keep", "3").returncode == 0
    kept = sorted(path.name for path in folder.glob("*.tar.gz*"))
    assert kept[:2] == [f"ariia-vision-2020010{day}T000000Z.tar.gz" for day in (4, 5)]
    assert len(kept) == 4
    assert kept[-1] == "other.tar.gz"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--recipient", "nobody@ariia.invalid"), "knows no key"),
        (("--config", "/none/vision.yaml"), "cannot be read"),
        (("--to", "/proc/none"), "cannot be written"),
    ],
)
def test_what_cannot_work_is_one_line(
    server: StackRedis, tmp_path: Path, options: tuple[str, ...], complaint: str
) -> None:
    """The reason stands in one line, and no backup is begun."""
    if "--recipient" in options:
        require_program("gpg")
    answer = _backup(server, tmp_path / "backups", *options)
    assert answer.returncode == 1
    assert complaint in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert not (tmp_path / "backups").exists()


def test_a_redis_that_is_away_is_one_line(tmp_path: Path) -> None:
    """Nothing is written when there is nothing to back up."""
    answer = run_script(
        "backup.sh", "--to", tmp_path / "backups", environ={"REDISCLI": "redis-cli -p 1"}
    )
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: Redis does not answer")
    assert answer.stderr.count("\n") == 1
    assert not (tmp_path / "backups").exists()


def test_a_dry_run_writes_nothing(server: StackRedis, tmp_path: Path) -> None:
    """It tells what would be written."""
    answer = _backup(server, tmp_path / "backups", "--dry-run")
    assert answer.returncode == 0
    assert "would write" in answer.stderr
    assert not (tmp_path / "backups").exists()
