"""What a bridge measures of itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from prometheus_client import Counter, Gauge

from vision.domain.bridge import BridgeFailure, BridgeLoss
from vision.domain.trouble import Trouble
from vision.resilience.troubles import LOOK_BACK_S, Troubles
from vision.telemetry import bridge_families as f
from vision.telemetry.metrics import NodeMetrics


class BridgeMetrics(NodeMetrics):
    """As all roles, and what came of messages. Thread-safe."""

    def __init__(self, troubles: Troubles | None = None) -> None:
        self._troubles = troubles or Troubles()
        super().__init__(lambda: (), "bridge", troubles=self._troubles)
        self._sent = self._make(Counter, f.SENT)
        self._failed = self._make(Counter, f.FAILED)
        self._lost = self._make(Counter, f.LOST)
        self._waiting = self._make(Gauge, f.WAITING)
        self._connected = self._make(Gauge, f.CONNECTED)

    def target(
        self, name: str, waiting: Callable[[], int], connected: Callable[[], bool]
    ) -> TargetCounts:
        """Begin a target's series; the two are read when somebody asks."""
        self._waiting.labels(name).set_function(waiting)
        self._connected.labels(name).set_function(lambda: float(connected()))
        return TargetCounts(
            self._sent.labels(name),
            {reason: self._failed.labels(name, reason.value) for reason in BridgeFailure},
            {reason: self._lost.labels(name, reason.value) for reason in BridgeLoss},
            partial(self._note_loss, name),
        )

    def _note_loss(self, name: str, loss: BridgeLoss) -> None:
        """What is no event anybody may put on a stream: that is no fault of the bridge."""
        if loss is not BridgeLoss.INVALID:
            said = f"events for {name} were lost: {loss.value}"
            self._troubles.note(Trouble.DROPPED, "", said, of=name, lasts_s=LOOK_BACK_S)


class TargetCounts:
    """The counters of one target."""

    def __init__(
        self,
        sent: Counter,
        failed: dict[BridgeFailure, Counter],
        lost: dict[BridgeLoss, Counter],
        on_lost: Callable[[BridgeLoss], None],
    ) -> None:
        self._sent = sent
        self._failed = failed
        self._lost = lost
        self._on_lost = on_lost

    def sent(self) -> None:
        """A message arrived."""
        self._sent.inc()

    def failed(self, failure: BridgeFailure) -> None:
        """An attempt failed."""
        self._failed[failure].inc()

    def lost(self, loss: BridgeLoss, messages: int = 1) -> None:
        """Messages will never arrive."""
        self._lost[loss].inc(messages)
        self._on_lost(loss)
