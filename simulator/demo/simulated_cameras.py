"""Simulated cameras in a process of their own: known by URL and secret files, like real ones."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from vision.config.secrets import write_secret
from vision.domain.errors import ConfigError
from vision.runtime.processes.bound_to_parent import bound, end

_STOP_TIMEOUT_S = 5.0


class SimulatedCameras:
    """Serves a clip per camera over RTSP with digest authentication.

    To be entered by a thread that lives as long as the process, best the main thread: the
    kernel ends the cameras when the thread that started them ends.
    """

    def __init__(self, clips: Mapping[str, Path], secrets_dir: Path) -> None:
        """Show ``clips`` by camera name; credentials made for them go to ``secrets_dir``."""
        self._clips = clips
        self._secrets_dir = secrets_dir
        self._process: subprocess.Popen[str] | None = None
        self.urls: dict[str, str] = {}
        """RTSP URL of each camera once it runs, without credentials."""

    def __enter__(self) -> Self:
        username_file, password_file = self._write_credentials()
        command = [sys.executable, "-m", "vision", "simulate", *map(str, self._clips.values())]
        for name in self._clips:
            command += ["--path", name]
        command += ["--port", "0", "--auth", "digest"]
        command += ["--username-file", str(username_file), "--password-file", str(password_file)]
        self._process = subprocess.Popen(
            bound(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            # A Ctrl-C in the terminal is for the node, which ends the cameras itself.
            start_new_session=True,
        )
        assert self._process.stdout is not None  # noqa: S101  told to the type checker
        for name in self._clips:
            line = self._process.stdout.readline().strip()
            if not line.startswith("rtsp://"):
                self.stop()
                raise ConfigError(
                    "the simulated cameras do not start: `vision simulate FILE` says why"
                )
            self.urls[name] = line
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the cameras; safe to repeat."""
        process, self._process = self._process, None
        if process is not None:
            end(process, _STOP_TIMEOUT_S)

    def _write_credentials(self) -> tuple[Path, Path]:
        username, password = "viewer", secrets.token_urlsafe(16)
        for name in self._clips:
            username_file = write_secret(self._secrets_dir / f"camera_{name}_username", username)
            password_file = write_secret(self._secrets_dir / f"camera_{name}_password", password)
        return username_file, password_file
