"""The disk that messages wait on is damaged, full, or another's."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.messages import detection
from tests.support.publishing import RunningPublisher, publishing_to, stream_seqs
from tests.support.redis_server import RedisServer
from tests.support.spooling import FILE, away, spooling
from tests.support.waiting import wait_until
from vision.domain.errors import ConfigError

pytestmark = pytest.mark.integration


def test_a_damaged_file_is_set_aside(
    server: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The node starts with a new one, says so in one line, and keeps the old for who wants it."""
    garbage = b"not a database at all " * 500
    (tmp_path / FILE).write_bytes(garbage)
    with publishing_to(server, spooling(tmp_path)) as running:
        running.publisher.publish(detection(1))
        running.wait_sent()
    (aside,) = tmp_path.glob(f"{FILE}.damaged-*")
    assert aside.read_bytes() == garbage
    assert "spool.damaged" in caplog.text
    assert stream_seqs(server) == [1]


def test_a_file_damaged_in_the_middle_is_set_aside(
    server: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Pages overwritten by a failing disk are found at the start, not in the middle of a send."""
    with away(server, spooling(tmp_path)) as running:
        for seq in range(1, 201):
            running.publisher.publish(detection(seq))
        running.finish(drain_s=0.0)
    content = bytearray((tmp_path / FILE).read_bytes())
    content[8192:24576] = os.urandom(16384)
    (tmp_path / FILE).write_bytes(content)
    server.restart()
    with publishing_to(server, spooling(tmp_path)) as running:
        running.publisher.publish(detection(201, skipped=200))
        running.wait_sent()
    assert "spool.damaged" in caplog.text
    assert stream_seqs(server) == [201]


def test_a_full_disk_costs_the_copy_only(
    server: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Detected, said, and everything still reaches Redis from memory."""
    with (
        _small_disk(tmp_path) as folder,
        publishing_to(server, spooling(folder)) as running,
    ):
        running.wait_connected()
        server.kill()
        running.wait_away()
        for seq in range(1, 3001):
            running.publisher.publish(detection(seq))
        wait_until(lambda: running.publisher.spool_problem is not None, "the full disk")
        assert running.publisher.spool_problem in ("the disk is full", "the disk fails")
        server.restart()
        running.wait_sent()
        assert not running.observer.drops
    assert "spool.failed" in caplog.text
    assert stream_seqs(server) == list(range(1, 3001))


def test_one_folder_is_one_node(server: RedisServer, tmp_path: Path) -> None:
    """A second node on the same folder is refused in one line: it would send what the first has."""
    with (
        publishing_to(server, spooling(tmp_path)),
        pytest.raises(
            ConfigError, match=r"^publishing\.spool_dir: .* is in use by another process"
        ),
    ):
        RunningPublisher(server.settings(), lambda: server.password, spooling(tmp_path))


def test_a_folder_that_cannot_be_is_a_mistake_in_the_settings(
    server: RedisServer, tmp_path: Path
) -> None:
    """A path below a file is named at the start."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"^publishing\.spool_dir: [^\n]*: not a directory"):
        RunningPublisher(server.settings(), lambda: None, spooling(tmp_path / "file" / "spool"))


@contextmanager
def _small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of one MiB; where none can be mounted, files that may not grow."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)],  # noqa: S607  in PATH
        check=False,
        capture_output=True,
    )
    if mounted.returncode == 0:
        try:
            yield folder
        finally:
            subprocess.run(["umount", str(folder)], check=True)  # noqa: S607  as above
        return
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * 1024, before[1]))
    try:
        yield folder
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, previous)
