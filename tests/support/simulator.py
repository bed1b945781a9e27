"""``vision simulate`` as a process: cameras to command, kill, freeze and bring back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from vision.config.secrets import write_secret


class Simulator:
    """One process with its cameras on one port, which stays the same over restarts."""

    def __init__(
        self, clips: Mapping[str, Path], folder: Path, credentials: tuple[str, str] | None = None
    ) -> None:
        """Show ``clips`` by camera name, to whom has the ``credentials`` if there are any."""
        self._clips = clips
        self._options: list[str] = []
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self.urls: dict[str, str] = {}
        self.port = 0
        folder.mkdir(exist_ok=True)
        self._log = folder / "simulator.log"
        for name, value in zip(("username", "password"), credentials or (), strict=False):
            self._options += [f"--{name}-file", str(write_secret(folder / name, value))]

    def start(self) -> None:
        """Start it, again after :meth:`kill`."""
        command = [sys.executable, "-m", "vision", "simulate", *map(str, self._clips.values())]
        for name in self._clips:
            command += ["--path", name]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._options, "--port", str(self.port), "--control"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.urls = {name: self._line() for name in self._clips}
        address = next(iter(self.urls.values())).split("/")[2]
        self.port = int(address.rpartition(":")[2])

    def tell(self, line: str) -> None:
        """Give a command of ``vision simulate --control``."""
        with self._lock:
            assert self._process is not None
            assert self._process.stdin is not None
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
            answer = self._line()
        assert answer == "ok", f"{line}: {answer}"

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal: SIGSTOP freezes it with all its connections, SIGCONT ends that."""
        assert self._process is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it hard; safe to repeat."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def _line(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, f"the simulator ended:\n{self._log.read_text()}"
        return line
