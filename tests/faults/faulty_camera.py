"""A camera of a running node, and all that a fault needs to get at it."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.record import Recorder
from tests.support.hostile_rtsp import HostileRtsp, Reply
from tests.support.node import NodeProcess
from tests.support.simulator import Simulator
from tests.support.stopped_thread import stopped_thread
from tests.support.worker_processes import worker_on

PASSWORD, WRONG = "right", "wrong"
"""Of the cameras that ask for one."""


@dataclass(slots=True)
class FaultyCamera:
    """One camera.

    Attributes:
        name: In the configuration and of the simulated stream.
        simulator: Where it plays.
        relay: What stands between it and the node; None where nothing does.
        recorder: What a subscriber sees of it.
        clips: Clips by name.
        held: What is undone when the fault ends.
        node: The node that watches it, once it runs.
    """

    name: str
    simulator: Simulator
    relay: HostileRtsp | None
    recorder: Recorder
    clips: Mapping[str, Path]
    held: ExitStack = field(default_factory=ExitStack)
    node: NodeProcess = field(init=False)

    @property
    def port(self) -> int:
        """Where the node connects to; no other camera is there."""
        return self.relay.port if self.relay else self.simulator.port

    @property
    def url(self) -> str:
        """What the node knows of it."""
        return f"rtsp://127.0.0.1:{self.port}/{self.name}"

    def worker(self) -> int | None:
        """Process of its ingest worker; None while that has no connection."""
        assert self.node.process is not None
        return worker_on(self.node.process.pid, self.port)

    def tell(self, words: str) -> None:
        """Command the simulator."""
        self.simulator.tell(f"{self.name} {words}")

    def answer_with(self, reply: Reply | None) -> None:
        """Break the connection off and answer the next ones like this; None is honest."""
        assert self.relay is not None
        self.relay.reply = reply
        self.relay.cut()

    def signal_worker(self, number: signal.Signals) -> None:
        """Send its ingest worker a signal."""
        pid = self.worker()
        assert pid is not None, f"{self.name} has no connection"
        os.kill(pid, number)

    def hang_worker(self) -> None:
        """Hold the thread of its ingest worker that captures; :meth:`undo` lets it go."""
        pid = self.worker()
        assert pid is not None, f"{self.name} has no connection"
        # A process' first thread has the process' number, and is the one that captures.
        self.held.enter_context(stopped_thread(pid))

    def undo(self) -> None:
        """Undo what was held."""
        self.held.close()

    def password(self, value: str) -> None:
        """Change the camera's password in the node's secret file."""
        self.node.replace_secret(f"camera_{self.name}_password", value)
