"""The metrics of bridges."""

from __future__ import annotations

from collections.abc import Callable

from vision.bridges.errors import BridgeFailure, BridgeLoss
from vision.domain.trouble import Trouble
from vision.resilience.troubles import LOOK_BACK_S, Troubles
from vision.telemetry.family import Label, Role, counter, gauge
from vision.telemetry.metrics import NodeMetrics

_ROLES: tuple[Role, ...] = ("bridge",)
_TARGET = Label("target", origin="`mqtt`, or the name of a webhook in the settings")

SENT = counter(
    "vision_bridge_sent",
    "messages that the other side confirmed, states among them",
    (_TARGET,),
    _ROLES,
)
FAILED = counter(
    "vision_bridge_failed",
    "attempts that failed, each followed by another one",
    (_TARGET, Label("reason", tuple(BridgeFailure))),
    _ROLES,
)
LOST = counter(
    "vision_bridge_lost",
    "messages of events that will never arrive",
    (_TARGET, Label("reason", tuple(BridgeLoss))),
    _ROLES,
)
WAITING = gauge(
    "vision_bridge_waiting_messages",
    "messages on the streams and on the way that the other side has not confirmed",
    (_TARGET,),
    _ROLES,
)
CONNECTED = gauge(
    "vision_bridge_connected",
    "1 while the broker is connected, or since a webhook took the last message",
    (_TARGET,),
    _ROLES,
)


class BridgeMetrics(NodeMetrics):
    """As all roles, and what came of messages. Thread-safe."""

    def __init__(self, troubles: Troubles | None = None) -> None:
        self._troubles = troubles or Troubles()
        super().__init__(lambda: (), "bridge", troubles=self._troubles)
        self.sent = self.create(SENT)
        self.failed = self.create(FAILED)
        self.lost = self.create(LOST)
        self._waiting = self.create(WAITING)
        self._connected = self.create(CONNECTED)

    def target(
        self, name: str, waiting: Callable[[], int], connected: Callable[[], bool]
    ) -> TargetCounts:
        """Begin a target's series; the two are read when somebody asks."""
        self._waiting.labels(name).set_function(waiting)
        self._connected.labels(name).set_function(lambda: float(connected()))
        return TargetCounts(self, name)

    def note_loss(self, name: str, loss: BridgeLoss) -> None:
        """Show in health that messages to a target were lost."""
        # What is no event anybody may put on a stream: that is no fault of the bridge.
        if loss is not BridgeLoss.INVALID:
            said = f"events for {name} were lost: {loss.value}"
            self._troubles.note(Trouble.DROPPED, "", said, of=name, lasts_s=LOOK_BACK_S)


class TargetCounts:
    """What came of the messages to one target."""

    def __init__(self, metrics: BridgeMetrics, target: str) -> None:
        """Begin its series, so that a rate can tell the first of each."""
        self._metrics = metrics
        self._target = target
        metrics.sent.labels(target)
        for failure in BridgeFailure:
            metrics.failed.labels(target, failure.value)
        for loss in BridgeLoss:
            metrics.lost.labels(target, loss.value)

    def sent(self) -> None:
        """A message arrived."""
        self._metrics.sent.labels(self._target).inc()

    def failed(self, failure: BridgeFailure) -> None:
        """An attempt failed."""
        self._metrics.failed.labels(self._target, failure.value).inc()

    def lost(self, loss: BridgeLoss, messages: int = 1) -> None:
        """Messages will never arrive."""
        self._metrics.lost.labels(self._target, loss.value).inc(messages)
        self._metrics.note_loss(self._target, loss)
