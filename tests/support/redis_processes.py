"""Redis servers and Sentinels as bare processes, for what takes several of them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.programs import require_program
from tests.support.waiting import wait_until
from vision.config.core import RedisSettings

_HOST = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now."""
    with ExitStack() as probes:
        sockets = [probes.enter_context(socket.create_server((_HOST, 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in sockets]


@dataclass(frozen=True, slots=True)
class PlainServer:
    """How to reach a single server on the loopback address."""

    port: int
    password: str

    def settings(self, *, command_timeout_s: float = 2.0) -> RedisSettings:
        """Settings of a node that uses it."""
        return RedisSettings(
            url=f"redis://{_HOST}:{self.port}/0", command_timeout_s=command_timeout_s
        )


class RedisProcess:
    """One server, killed at the latest when its test ends."""

    def __init__(
        self, arguments: Sequence[str | Path], folder: Path, port: int, environ: Mapping[str, str]
    ) -> None:
        self.port = port
        self._arguments = arguments
        self._folder = folder
        self._environ = environ
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with (self._folder / "output").open("ab") as output:
            return subprocess.Popen(
                self._arguments, cwd=self._folder, env=self._environ, stdout=output, stderr=output
            )

    def restart(self) -> None:
        """Start it again with what it wrote into its configuration meanwhile."""
        self._process = self._start()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it as a crash would; safe to repeat."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


class RedisProcesses:
    """All servers of a test."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._started: list[RedisProcess] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._started:
            process.kill()

    def start(self, name: str, port: int, *lines: str) -> RedisProcess:
        """Start a server on ``port``; ``lines`` are of its configuration."""
        folder = self._directory / name
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "redis.conf"
        common = (f"bind {_HOST}", f"port {port}", f"dir {folder}")
        config.write_text("\n".join([*common, *lines]) + "\n")
        return self.run((require_program("redis-server"), config), folder, port)

    def run(
        self,
        arguments: Sequence[str | Path],
        folder: Path,
        port: int,
        environ: Mapping[str, str] | None = None,
    ) -> RedisProcess:
        """Start a program in ``folder`` that listens on ``port``."""
        process = RedisProcess(arguments, folder, port, environ or os.environ)
        self._started.append(process)
        return process


def command(client: redis.Redis, *words: str | bytes | int) -> Any:
    """The reply to a command that redis-py has no typed method for."""
    return client.execute_command(*words)  # type: ignore[no-untyped-call]


def answers(connect: Callable[[], redis.Redis]) -> bool:
    """Whether a server answers a PING by now."""
    try:
        with connect() as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def once() -> Retry:
    """No second try: who is refused is not let in by asking again, and who waits asks by himself."""
    return Retry(NoBackoff(), 0)


def wait_for_port(port: int, password: str | None = None) -> None:
    """Wait until a server on ``port`` answers."""
    wait_until(
        lambda: answers(
            lambda: redis.Redis(port=port, password=password, protocol=2, retry=once())
        ),
        f"a server on port {port}",
    )
