"""Faults of everything a node stands on, in random order and strength."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import redis

from tests.faults.host_clock import HostClock
from tests.faults.node_rig import NodeRig
from tests.faults.record import let_pass, wait_for
from tests.support.processes import SeenProcess, children_of
from tests.support.waiting import wait_until

_CLOCK_OFFSETS_S = (-3600, -30, -2, 0, 2, 30, 3600)
_FOREIGN = (
    b"",
    b"\xff\x00 no text",
    b"[" * 5_000,
    b'{"schema": "vision.detections/1"}',
    b'{"schema": "vision.detections/1", "run": "1", "seq": 1e400, "time": {"captured": "soon"}}',
    b'{"schema": "vision.status/1", "camera": 7, "since": "yesterday", "at": null}',
)


@dataclass(frozen=True, slots=True)
class RandomFaults:
    """All that can happen to a node and its cameras.

    Attributes:
        rig: The node, its cameras and its Redis.
        clock: By which the node lives.
        chance: Chooses cameras, workers and how long a fault lasts.
    """

    rig: NodeRig
    clock: HostClock
    chance: random.Random

    def by_name(self) -> dict[str, Callable[[], None]]:
        """Each fault; a call returns when it is over."""
        faults = {
            "worker killed": self._kill_worker,
            "worker stopped": self._stop_worker,
            "node stopped": self._stop_node,
            "node killed": self._kill_node,
            "node restarted": self._restart_node,
            "Redis killed": self._kill_redis,
            "Redis stopped": self._stop_redis,
            "Redis restarted": self._restart_redis,
            "camera cut off": self._cut_camera,
            "camera silent": self._silence_camera,
            "camera clock stepped": self._step_camera_clock,
            "wrong type of a stream": self._wrong_stream,
            "wrong type of a hash": self._wrong_hash,
            "foreign messages": self._foreign_messages,
        }
        if self.clock.can_step:
            faults["host clock stepped"] = self._step_host_clock
        return faults

    def wait_until_well(self, patience_s: float) -> list[str]:
        """The cameras whose streams do not grow, none once all is well again."""
        before = {camera: self._newest(camera) for camera in self.rig.cameras}

        def still() -> list[str]:
            return [camera for camera in before if self._newest(camera) in {None, before[camera]}]

        wait_for(lambda: not still(), patience_s)
        return still()

    def _newest(self, camera: str) -> bytes | None:
        with suppress(redis.RedisError), self.rig.redis.client() as client:
            entries: Any = client.xrevrange(_detections(camera), count=1)
            return entries[0][0] if entries else b""
        return None

    def _camera(self) -> str:
        return self.chance.choice(self.rig.cameras)

    def _node(self) -> int:
        assert self.rig.node.process is not None
        return self.rig.node.process.pid

    def _worker(self) -> int:
        """A process of the node's; which camera is its own does not matter."""
        children: list[SeenProcess] = []

        def look() -> bool:
            children[:] = children_of(self._node())
            return bool(children)

        # One that was started a moment ago has none yet.
        wait_until(look, "a process of the node's")
        return self.chance.choice(children).pid

    def _last(self, least_s: float, most_s: float) -> None:
        let_pass(self.chance.uniform(least_s, most_s))

    def _tell(self, camera: str, words: str) -> None:
        self.rig.simulators[camera].tell(f"{camera} {words}")

    def _kill_worker(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._worker(), signal.SIGKILL)

    def _stop_worker(self) -> None:
        with _stopped(self._worker()):
            self._last(0.2, 4)

    def _stop_node(self) -> None:
        with _stopped(self._node()):
            self._last(0.5, 10)

    def _kill_node(self) -> None:
        self.rig.node.stop(signal.SIGKILL)
        self.rig.node.start()

    def _restart_node(self) -> None:
        code = self.rig.node.stop()
        # A Python that is still starting knows no signals yet.
        assert code in {0, -signal.SIGTERM}, f"exit code {code}: {self.rig.node.log[-2000:]}"
        self.rig.node.start()

    def _kill_redis(self) -> None:
        self.rig.redis.kill()
        self._last(0, 4)
        self.rig.redis.restart()

    def _stop_redis(self) -> None:
        self.rig.redis.pause()
        self._last(0.5, 6)
        self.rig.redis.resume()

    def _restart_redis(self) -> None:
        self.rig.redis.stop()
        self._last(0, 4)
        self.rig.redis.restart()

    def _cut_camera(self) -> None:
        self._tell(self._camera(), "cut")

    def _silence_camera(self) -> None:
        camera = self._camera()
        self._tell(camera, "stall=on")
        self._last(0.5, 6)
        self._tell(camera, "stall=off")

    def _step_camera_clock(self) -> None:
        offset_s = self.chance.uniform(-20, 20)
        self._tell(self._camera(), f"clock_offset_s={offset_s:.1f}")

    def _step_host_clock(self) -> None:
        self.clock.step(self.chance.choice(_CLOCK_OFFSETS_S))
        self._last(1, 3)

    def _wrong_stream(self) -> None:
        """Somebody else's list stands where the stream was; later the stream is back."""
        key, aside = _detections(camera := self._camera()), f"aside:{{{camera}}}"
        with self.rig.redis.client() as client:
            # At once: a node that finds no key begins a stream of its own.
            with client.pipeline(transaction=True) as swap:
                swap.rename(key, aside)
                swap.lpush(key, "somebody else's")
                swap.execute()
            self._last(0.5, 4)
            # What a node may have put there meanwhile is not to be hidden.
            assert client.type(key) == b"list"
            client.rename(aside, key)

    def _wrong_hash(self) -> None:
        key = self.chance.choice(
            [f"vision:{kind}:{{{self._camera()}}}" for kind in ("state", "events", "events-state")]
        )
        with self.rig.redis.client() as client:
            with client.pipeline(transaction=True) as swap:
                swap.delete(key)
                swap.lpush(key, "somebody else's")
                swap.execute()
            self._last(0.5, 4)
            client.delete(key)

    def _foreign_messages(self) -> None:
        """Any client of Redis may write and publish what it likes."""
        camera = self._camera()
        with self.rig.redis.client() as client:
            for payload in _FOREIGN:
                for kind in ("detections", "status", "events"):
                    name = f"vision:{kind}:{{{camera}}}"
                    client.publish(name, payload)
                    # Refused where the clock of the node was ahead, and that is as well.
                    with suppress(redis.ResponseError):
                        client.xadd(name, {b"message": payload})
                        client.xadd(name, {b"no": b"message"})


def _detections(camera: str) -> str:
    return f"vision:detections:{{{camera}}}"


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    """Let a process stand still; it may be killed meanwhile."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
