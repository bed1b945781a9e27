"""A node with cameras that are all alike, its Redis and a subscriber."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.fault_rig import base_settings, make_clips
from tests.faults.record import Recorder, bound_s, wait_for
from tests.support.node import NodeProcess, running
from tests.support.redis_server import RedisServer, running_redis
from tests.support.simulator import Simulator
from tests.support.small_model import small_model

_START_S = 120.0


@dataclass(slots=True)
class NodeRig:
    """What runs.

    Attributes:
        cameras: Names.
        node: The node.
        redis: Its Redis.
        recorder: What a subscriber sees.
        apart: Those of the cameras that play in a simulator of their own.
        port_apart: Where that one is.
        urls: Of the cameras, by name.
        simulators: Where each camera plays.
    """

    cameras: Sequence[str]
    node: NodeProcess
    redis: RedisServer
    recorder: Recorder
    urls: Mapping[str, str]
    simulators: Mapping[str, Simulator]
    apart: Sequence[str] = ()
    port_apart: int = 0

    def wait_for_messages(self, count: int = 1) -> None:
        """Wait until so many came of each camera."""
        seen = self.recorder.seen
        up = wait_for(
            lambda: all(len(seen[name]) >= count for name in self.cameras), bound_s(_START_S)
        )
        assert up, self.node.log[-4000:]

    def back_after_s(self, since_s: float, patience_s: float) -> float | None:
        """How long after ``since_s`` each camera has a message of a later frame; None for never."""
        since_utc_s = time.time() - (time.monotonic() - since_s)

        def first(camera: str) -> float | None:
            seen = self.recorder.first_seen(
                camera, since_s, lambda item: item.received_s >= since_utc_s
            )
            return seen.arrived_s - since_s if seen else None

        if not wait_for(lambda: None not in map(first, self.cameras), patience_s):
            return None
        return max(first(camera) or 0.0 for camera in self.cameras)


@contextmanager
def running_node_rig(
    folder: Path,
    settings: Mapping[str, Any] | None = None,
    *,
    cameras: int,
    fps: float,
    channels: int = 0,
    redis_password: str | None = None,
    open_files: int | None = None,
    apart: int = 0,
    variables: Mapping[str, str] | None = None,
) -> Iterator[NodeRig]:
    """A node with its cameras and Redis for the length of a test.

    Args:
        folder: All of it.
        settings: Topics that replace those of :func:`base_settings`.
        cameras: How many.
        fps: Frames a second to infer of each.
        channels: Of the network, as of :func:`small_model`.
        redis_password: In the node's secret file in place of the right one.
        open_files: Descriptors that the node may have.
        apart: How many of the cameras play in a simulator of their own.
        variables: More of the node's environment.
    """
    names = [f"camera-{number}" for number in range(cameras)]
    with ExitStack() as stack:
        redis = stack.enter_context(running_redis(folder / "redis"))
        recorder = stack.enter_context(Recorder(redis))
        clip = make_clips(folder / "clips", "moving")["moving"]
        urls: dict[str, str] = {}
        simulators: dict[str, Simulator] = {}
        ports = [0, 0]
        for number, shown in enumerate((names[apart:], names[:apart])):
            if shown:
                simulator = Simulator(dict.fromkeys(shown, clip), folder / f"cameras-{number}")
                simulator.start()
                stack.callback(simulator.kill)
                urls |= simulator.urls
                simulators |= dict.fromkeys(shown, simulator)
                ports[number] = simulator.port
        models = small_model(folder / "models", channels=channels)
        configured = base_settings(redis, models) | dict(settings or {})
        configured["cameras"] = {name: {"url": url, "fps": fps} for name, url in urls.items()}
        password = redis_password or redis.password
        node = stack.enter_context(
            running(
                NodeProcess(folder, configured, str(open_files or ""), variables),
                {"redis_password": password},
            )
        )
        yield NodeRig(names, node, redis, recorder, urls, simulators, names[:apart], ports[1])
