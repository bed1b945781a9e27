"""The distributed form on this machine, as the stack runs it: every process on its own.

Two Redis servers and three Sentinels with the files of compose/redis, an ingest process per camera,
inference workers, and who starts again what ended, as Docker does.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import redis
import yaml

from tests.faults.record import Recorder, wait_for
from tests.support.clips import make_clip
from tests.support.redis_processes import RedisProcess
from tests.support.redis_sentinel import SentinelTrio, running_sentinels
from tests.support.simulator import Simulator
from tests.support.site import Role
from tests.support.worker_processes import worker_on
from vision.config.secrets import write_secret

START_S = 90.0
# Docker's first wait before it starts a container again.
_RESTART_S = 0.1
_LOOK_S = 0.02
# Sentinels try the same failover again after twice failover-timeout (compose/redis/sentinel.conf).
_FAILOVERS_APART_S = 13.0


class Service:
    """What runs, and how one gets at each part of it.

    Attributes:
        trio: Redis.
        cameras: Simulated ones by name, each a process.
        ingests: Roles by camera.
        workers: Of inference.
        recorder: What a subscriber sees.
    """

    def __init__(
        self, folder: Path, trio: SentinelTrio, recorder: Recorder, cameras: Mapping[str, Simulator]
    ) -> None:
        self.trio = trio
        self.recorder = recorder
        self.cameras = cameras
        self.ingests: dict[str, Role] = {}
        self.workers: list[Role] = []
        self._folder = folder
        self._stop = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise)
        self._failed_over_s = 0.0

    def start(self, workers: int) -> None:
        """Start all roles, and wait until each camera is seen."""
        for number in range(workers):
            self.workers.append(
                Role(self._folder, ("infer",), {"VISION_RUN_DIR": str(self._folder / f"{number}")})
            )
        for name in self.cameras:
            self.ingests[name] = Role(self._folder, ("ingest", "--camera", name), {})
        self._supervisor.start()
        seen = self.recorder.seen
        assert wait_for(lambda: all(seen[name] for name in self.cameras), START_S), self.logs()

    def stop(self) -> None:
        """End all roles."""
        self._stop.set()
        if self._supervisor.ident is not None:
            self._supervisor.join()
        for role in self._roles():
            if role.process.poll() is None:
                role.kill()

    def logs(self) -> str:
        """The end of what all roles said."""
        return "\n".join(role.log[-2000:] for role in self._roles())

    def _roles(self) -> list[Role]:
        return [*self.workers, *self.ingests.values()]

    def _supervise(self) -> None:
        while not self._stop.wait(_LOOK_S):
            for role in self._roles():
                if role.process.poll() is not None and not self._stop.wait(_RESTART_S):
                    role.start()

    def signal_worker(self, camera: str, number: signal.Signals) -> None:
        """Send the process that captures, a child of the ingest role, a signal."""
        pid = worker_on(self.ingests[camera].process.pid, self.cameras[camera].port)
        assert pid is not None, f"nobody captures {camera}:\n{self.logs()}"
        os.kill(pid, number)

    def primary(self) -> RedisProcess:
        """The server that leads."""
        for port, server in self.trio.servers.items():
            try:
                with self.trio.client(port) as client:
                    if client.info("replication")["role"] == "master":
                        return server
            except redis.RedisError:
                continue
        raise AssertionError("no server leads")

    def wait_until_it_can_fail_over(self) -> None:
        """Wait until another server follows, and Sentinels would let it lead."""
        assert wait_for(self._can_fail_over, START_S), "no replica follows"

    def kill_primary(self) -> RedisProcess:
        """Kill the server that leads; which it was."""
        killed = self.primary()
        killed.kill()
        self._failed_over_s = time.monotonic()
        return killed

    def _can_fail_over(self) -> bool:
        if time.monotonic() - self._failed_over_s < _FAILOVERS_APART_S:
            return False
        try:
            return all(self._follows_or_leads(port) for port in self.trio.servers)
        except redis.RedisError:
            return False

    def _follows_or_leads(self, port: int) -> bool:
        with self.trio.client(port) as client:
            known = client.info("replication")
        if known["role"] == "master":
            return bool(known["connected_slaves"] == 1)
        return bool(known["master_link_status"] == "up")

    def back_after_s(
        self, since_s: float, cameras: Sequence[str], patience_s: float = 60.0
    ) -> float:
        """Until each of ``cameras`` has a message of a frame that came after ``since_s``.

        Args:
            since_s: By CLOCK_MONOTONIC.
            cameras: Names.
            patience_s: Longer fails.
        """
        since_utc_s = time.time() - (time.monotonic() - since_s)

        def first(camera: str) -> float | None:
            seen = self.recorder.first_seen(
                camera, since_s, lambda item: item.received_s >= since_utc_s
            )
            return seen.arrived_s - since_s if seen else None

        back = wait_for(lambda: None not in map(first, cameras), patience_s)
        assert back, f"not back after {patience_s:.0f} s:\n{self.logs()}"
        return max(first(camera) or 0.0 for camera in cameras)


@contextmanager
def running_service(folder: Path, *, cameras: int, fps: float, workers: int) -> Iterator[Service]:
    """A service whose cameras are all seen."""
    names = [f"camera-{number}" for number in range(1, cameras + 1)]
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as running:
        trio = running.enter_context(running_sentinels(folder / "redis"))
        recorder = running.enter_context(Recorder(trio))
        clip = make_clip(folder / "clip.mp4", width=640, height=360)
        simulators = {}
        for name in names:
            simulators[name] = Simulator({name: clip}, folder / name)
            simulators[name].start()
            running.callback(simulators[name].kill)
        (folder / "secrets").mkdir(mode=0o700)
        write_secret(folder / "secrets" / "redis_password", trio.password)
        asked = trio.settings()
        document = {
            # As compose/prepare.sh --ha has it.
            "redis": {
                "url": asked.url,
                "sentinels": list(asked.sentinels),
                "sentinel_name": asked.sentinel_name,
                "username": asked.username,
                "connect_timeout_s": 0.2,
                "command_timeout_s": 1,
            },
            "web": {"enabled": False},
            "run_dir": str(folder / "run"),
            "cameras": {name: {"url": simulators[name].urls[name], "fps": fps} for name in names},
        }
        (folder / "vision.yaml").write_text(yaml.safe_dump(document))
        service = Service(folder, trio, recorder, simulators)
        running.callback(service.stop)
        service.start(workers)
        yield service
