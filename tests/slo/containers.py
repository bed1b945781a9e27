"""A stack of containers of its own, seen from outside: for what only a Docker engine shows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import vision
from tests.faults.record import wait_for
from tests.support.compose_model import FOLDER

PROJECT = "ariia-vision-slo"
CAMERAS = ("gate", "hall")
_ENGINE = ("docker",)
_START_S, _PATIENCE_S = 180.0, 60.0
_WATCH = f"{PROJECT}-watch"
# In the container of Redis, as soon as that is there: until each stream has a detection.
_UNTIL_DETECTED = """
REDISCLI_AUTH=$(cat /run/secrets/redis_admin_password) && export REDISCLI_AUTH
for camera; do
    until redis-cli --user admin --no-auth-warning xrange "vision:detections:{$camera}" - + 2>&1 |
        grep -q '"label"'; do sleep 0.02; done
done
"""


def why_not() -> str:
    """Why no stack can be started here; empty if one can."""
    if shutil.which("docker") is None or _docker("version").returncode:
        return "no Docker engine"
    images = {
        "VISION_IMAGE": f"ariia-vision:{vision.__version__}-cpu",
        "DEMO_IMAGE": f"ariia-vision:{vision.__version__}-demo",
    }
    for variable, usual in images.items():
        image = os.environ.get(variable, usual)
        if _docker("image", "inspect", image).returncode:
            return f"no image {image}: make image"
    return ""


def _docker(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*_ENGINE, *words], capture_output=True, text=True, check=False)


def _said(*words: str) -> str:
    answer = _docker(*words)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


class Stack:
    """One Compose project with the simulated cameras of compose/demo."""

    def __init__(self, folder: Path, *, ha: bool = False) -> None:
        self._folder = folder
        self._profiles = ["cpu", "demo", "tools", *CAMERAS, *(["redis-ha"] if ha else [])]
        self._arrivals: dict[str, list[tuple[float, float]]] = defaultdict(list)
        folder.mkdir(parents=True)
        options = ["--demo", *(["--ha"] if ha else [])]
        for name in ("secrets", "data", "env"):
            options += [f"--{name}", str(folder / name)]
        subprocess.run([FOLDER / "prepare.sh", *options], check=True, capture_output=True)

    def _compose(self, *words: str) -> list[str]:
        command = [*_ENGINE, "compose", "--project-name", PROJECT]
        command += ["--file", str(FOLDER / "compose.yaml")]
        for file in (FOLDER / "demo" / "demo.env", self._folder / "env"):
            command += ["--env-file", str(file)]
        for profile in self._profiles:
            command += ["--profile", profile]
        return [*command, *words]

    def up(self) -> float:
        """Start it; seconds from the command until each camera had a detection on Redis."""
        began_s = time.monotonic()
        with (self._folder / "up.log").open("ab") as log:
            # `tail` is of a profile too: it ends by itself, and is never restarted.
            command = self._compose("up", "--detach", "--scale", "tail=0")
            starting = subprocess.Popen(command, stdout=log, stderr=log)
            assert wait_for(lambda: self._is_running("redis"), _PATIENCE_S), "no Redis"
            command = [*_ENGINE, "exec", self._container("redis"), "sh", "-c", _UNTIL_DETECTED]
            subprocess.run([*command, "sh", *CAMERAS], check=True, timeout=_START_S)
            took_s = time.monotonic() - began_s
            assert starting.wait(_START_S) == 0, (self._folder / "up.log").read_text()
        return took_s

    def down(self) -> None:
        """Remove it, but for its folder."""
        _docker("rm", "--force", _WATCH)
        command = self._compose("down", "--volumes", "--timeout", "5")
        subprocess.run(command, check=True, capture_output=True)

    def _container(self, service: str) -> str:
        labels = (f"project={PROJECT}", f"service={service}", "oneoff=False")
        filters = [f"--filter=label=com.docker.compose.{label}" for label in labels]
        found = _said("ps", "--all", "--quiet", *filters)
        return found.splitlines()[0] if found else ""

    def _inspected(self, service: str, what: str) -> str:
        return _said("inspect", "--format", f"{{{{{what}}}}}", self._container(service))

    def _is_running(self, service: str) -> bool:
        # One that is being removed may be listed, and gone when it is looked at.
        asked = ("inspect", "--format", "{{.State.Running}}", self._container(service))
        return _docker(*asked).stdout.strip() == "true"

    @contextmanager
    def followed(self) -> Iterator[None]:
        """With a subscriber attached, whose messages :meth:`back_after_s` looks at."""
        command = self._compose("run", "--rm", "--no-TTY", "--no-deps", "--name", _WATCH)
        with (self._folder / "watch.log").open("ab") as log:
            process = subprocess.Popen(
                [*command, "tail", "tail", "--json"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        reading = threading.Thread(target=self._read, args=(process,))
        reading.start()
        try:
            seen = self._arrivals
            assert wait_for(lambda: all(seen[name] for name in CAMERAS), _PATIENCE_S), "no message"
            yield
        finally:
            _docker("rm", "--force", _WATCH)
            process.wait(_PATIENCE_S)
            reading.join()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            message = json.loads(line)
            received_s = datetime.fromisoformat(message["time"]["received"]).timestamp()
            self._arrivals[message["camera"]].append((time.time(), received_s))

    def kill(self, service: str) -> float:
        """Kill its first process, as the kernel would; seconds since the epoch when that was."""
        image = self._inspected("infer", ".Image")
        script = (FOLDER / "smoke_processes.py").read_text()
        rights = ("--cap-drop=ALL", "--cap-add=KILL", "--security-opt=no-new-privileges")
        killed_ms = _said(
            *("run", "--rm", "--pid=host", "--network=none", "--read-only", "--user=0:0", *rights),
            *("--entrypoint=python", image, "-c", script),
            *("kill", self._inspected(service, ".State.Pid")),
        )
        return int(killed_ms) / 1000

    def kill_for_good(self, service: str) -> float:
        """As :meth:`kill`, and it stays away until :meth:`start`."""
        _said("update", "--restart=no", self._container(service))
        return self.kill(service)

    def start(self, service: str) -> None:
        """Bring one back."""
        _said("update", "--restart=unless-stopped", self._container(service))
        _said("start", self._container(service))

    def primary(self) -> str:
        """The service whose Redis leads."""
        asked = "REDISCLI_AUTH=$(cat /run/secrets/redis_admin_password); export REDISCLI_AUTH; "
        asked += "redis-cli --user admin --no-auth-warning info replication"
        for service in ("redis", "redis-replica"):
            if self._is_running(service):
                answer = _docker("exec", self._container(service), "sh", "-c", asked).stdout
                if "role:master" in answer and "state=online" in answer:
                    return service
        return ""

    def back_after_s(self, since_s: float, cameras: Sequence[str] = CAMERAS) -> float:
        """Until each camera had a message of a frame that came 0.1 s after ``since_s``, epoch."""

        def first(camera: str) -> float | None:
            # A frame that was on its way does not count.
            return next(
                (
                    arrived_s - since_s
                    for arrived_s, received_s in [*self._arrivals[camera]]
                    if arrived_s > since_s and received_s > since_s + 0.1
                ),
                None,
            )

        back = wait_for(lambda: None not in map(first, cameras), _PATIENCE_S)
        assert back, f"not back after {_PATIENCE_S:.0f} s"
        return max(first(camera) or 0.0 for camera in cameras)
