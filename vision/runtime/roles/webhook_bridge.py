"""``vision bridge webhook``: events posted to HTTP servers, a thread for each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from vision.bridges.errors import BridgeLoss
from vision.bridges.metrics import BridgeMetrics, TargetCounts
from vision.bridges.webhook_delivery import WebhookDelivery
from vision.bridges.webhook_sender import WebhookSecrets, WebhookSender, signing_key
from vision.config.bridges import TOKEN_PLACE, WebhookTarget
from vision.config.secrets import SecretFiles
from vision.config.settings import Settings
from vision.domain.errors import ConfigError
from vision.publishing.reading.event_follower import EventFollower
from vision.runtime.health.role_liveness import RedisReader, stalled_threads
from vision.runtime.roles.bridge import BridgeRole


class WebhookBridge(BridgeRole):
    """Tells each target at its own pace: one that is dead costs the others nothing."""

    def __init__(self, settings: Settings) -> None:
        """As :class:`BridgeRole`; there has to be a target."""
        super().__init__(settings, "webhook")
        targets = settings.bridge.webhook.targets
        if not targets:
            raise ConfigError(
                "bridge.webhook.targets is empty: name where to, or do not start this bridge"
            )
        self._workers = [self._worker(target) for target in targets]
        self.metrics.redis_up.set_function(
            lambda: float(all(worker.follower.connected for worker in self._workers))
        )

    def _worker(self, target: WebhookTarget) -> _TargetWorker:
        return _TargetWorker(
            target,
            self.secrets,
            self.metrics,
            partial(self.follower, f"webhook-{target.name}", target.cameras or ()),
        )

    def _work(self) -> Mapping[str, Callable[[threading.Event], None]]:
        return {worker.target.name: worker.run for worker in self._workers}

    def _targets(self) -> Sequence[str]:
        return [worker.target.name for worker in self._workers]

    def _store_offsets(self) -> None:
        for worker in self._workers:
            worker.follower.store()

    def _readers(self) -> Mapping[str, RedisReader]:
        return {f"events for {worker.target.name}": worker.follower for worker in self._workers}

    def _read_state(self) -> tuple[bool, Sequence[str], Sequence[str]]:
        stuck = [
            complaint
            for worker in self._workers
            if worker.follower.connected
            for complaint in stalled_threads(
                f"webhook {worker.target.name}", worker.last_heartbeat_ns
            )
        ]
        away = [
            f"webhook {worker.target.name}: {worker.delivery.problem}"
            for worker in self._workers
            if worker.delivery.problem is not None
        ]
        return all(worker.follower.connected for worker in self._workers), stuck, away


class _TargetWorker:
    """From the stream to one target."""

    def __init__(
        self,
        target: WebhookTarget,
        secrets: SecretFiles,
        metrics: BridgeMetrics,
        follower: Callable[[Callable[[str, int], None]], EventFollower],
    ) -> None:
        self.target = target
        read = partial(webhook_secrets, target, secrets)
        read()
        self._counts: TargetCounts = metrics.target(
            target.name,
            lambda: self.follower.waiting + self._under_way,
            lambda: self.delivery.is_reached is not False,
        )
        self.follower = follower(self._count_trimmed)
        self._sender = WebhookSender(target, read)
        self.delivery = WebhookDelivery(target, self._sender, self._counts, poll=self.follower.poll)
        self._under_way = 0

    @property
    def last_heartbeat_ns(self) -> int:
        """When it last did something; an attempt takes its time."""
        patience_ns = int(self.target.timeout_s * 1e9) if self._under_way else 0
        return max(self.follower.last_heartbeat_ns, self.delivery.last_heartbeat_ns) + patience_ns

    def run(self, stop: threading.Event) -> None:
        """Bring events to the target until ``stop`` is set."""
        with self._sender:
            for entry in self.follower.entries(stop):
                if entry.message is None:
                    self._counts.lost(BridgeLoss.INVALID)
                elif self.delivery.wants(entry.message):
                    self._under_way = 1
                    if not self.delivery.deliver(entry.message, entry.payload, stop):
                        return
                    self._under_way = 0
                self.follower.ack(entry)

    def _count_trimmed(self, _camera: str, entries: int) -> None:
        self._counts.lost(BridgeLoss.TRIMMED, entries)


def webhook_secrets(target: WebhookTarget, secrets: SecretFiles) -> WebhookSecrets:
    """Key and token of a target, as they are now.

    Raises:
        ConfigError: A file is missing or not in order.
    """
    key_file, token_file = f"webhook_{target.name}_key", f"webhook_{target.name}_token"
    key = secrets.require(key_file, f"bridge.webhook.targets has {target.name}")
    signing_key(key.get_secret_value(), key_file)
    if TOKEN_PLACE in target.url:
        why = f"the url of {target.name} has {TOKEN_PLACE} for it"
        return WebhookSecrets(key, secrets.require(token_file, why))
    return WebhookSecrets(key, secrets.read(token_file))
