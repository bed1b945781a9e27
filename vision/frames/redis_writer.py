"""The ingest side of the slot on Redis."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import redis

from vision.config.core import RedisSettings
from vision.domain.errors import ConfigError
from vision.domain.frame import Frame
from vision.domain.losses import SkipReason
from vision.domain.run_ids import RunIds
from vision.domain.trouble import Trouble
from vision.frames.latest_frame_slot import SkipObserver
from vision.frames.redis_runs import SlotRuns
from vision.frames.redis_slot import RedisSlot, WriteResult, refuse_cluster
from vision.frames.wire import pack_frame
from vision.redis.client import address_of
from vision.redis.connector import reconnect_backoff
from vision.redis.errors import explain
from vision.resilience.log_throttle import LogThrottle
from vision.resilience.troubles import Troubles

_log = logging.getLogger(__name__)
# A camera's next frame is more use than a wait for this one.
_MOST_WAIT_S = 0.5
_LOG_PERIOD_S = 60.0
_OUTRUN_LOOK_BACK_S = 5.0


class RedisFrameWriter:
    """Implements :class:`vision.frames.slot.FrameSink`; used by one thread.

    A ``put`` waits for Redis up to half a second; after a failure further ones return at
    once until the next attempt is due. Nothing is queued: what cannot be put is skipped.
    """

    def __init__(
        self,
        settings: RedisSettings,
        password: Callable[[], str | None],
        max_age_ms: int,
        on_skipped: SkipObserver,
        runs: RunIds | None = None,
        *,
        troubles: Troubles,
        mono_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Frames live for ``max_age_ms`` from capture; ``password`` is asked per connection.

        ``runs`` numbered the runs of the frames; those that Redis is ahead of are raised there.
        ``troubles`` hears of a camera whose frames the slot refuses.

        Raises:
            ConfigError: ``settings`` name a cluster.
        """
        refuse_cluster(settings)
        self._settings = settings.model_copy(
            update={
                "connect_timeout_s": min(settings.connect_timeout_s, _MOST_WAIT_S),
                "command_timeout_s": min(settings.command_timeout_s, _MOST_WAIT_S),
            }
        )
        self._password = password
        self._max_age_ms = max_age_ms
        self._on_skipped = on_skipped
        self._troubles = troubles
        self._mono_ns = mono_ns
        self._runs = SlotRuns(runs or RunIds(), mono_ns)
        self._slot: RedisSlot | None = None
        self._backoff = reconnect_backoff(settings)
        self._next_attempt_ns = 0
        self._damper = LogThrottle(_LOG_PERIOD_S)
        self.problem: str | None = None
        """Why Redis did not answer last time, in words; for any thread."""

    @property
    def connected(self) -> bool:
        """Whether Redis answered last time."""
        return self._slot is not None

    def learn(self, camera: str) -> None:
        """Let runs that begin from now on be above what Redis knows, unless it is away."""
        try:
            self._runs.learn(self._connected_slot(), camera)
        except (redis.RedisError, ConfigError, OSError) as error:
            self._lose(error)

    def put(self, frame: Frame) -> bool:
        """Put a frame into its camera's slot; False when it was skipped, which is counted."""
        meta = frame.meta
        now_ns = self._mono_ns()
        left_ms = self._max_age_ms - meta.age_ns(now_ns) // 1_000_000
        if left_ms <= 0:
            self._on_skipped(meta.camera, SkipReason.STALE, 1)
            return False
        if self._slot is None and now_ns < self._next_attempt_ns:
            self._on_skipped(meta.camera, SkipReason.SLOT_UNAVAILABLE, 1)
            return False
        try:
            put = self._put(frame, now_ns, left_ms)
        except (redis.RedisError, ConfigError, OSError) as error:
            self._lose(error)
            self._on_skipped(meta.camera, SkipReason.SLOT_UNAVAILABLE, 1)
            return False
        self._backoff.reset()
        self.problem = None
        if put.overtook:
            self._on_skipped(meta.camera, SkipReason.OVERTAKEN, 1)
        if put.accepted:
            self._troubles.end(Trouble.OUTRUN, meta.camera, least_s=_OUTRUN_LOOK_BACK_S)
        else:
            self._on_skipped(meta.camera, SkipReason.OUTRUN, 1)
            reason = (
                f"Redis takes no frames of {meta.camera}: another ingest serves it, or the clock "
                "went back"
            )
            self._troubles.begin(Trouble.OUTRUN, meta.camera, reason)
            if times := self._damper.admit(SkipReason.OUTRUN):
                _log.error(
                    "frames.outrun camera=%s run=%d times=%d reason=another ingest serves this "
                    "camera, or the clock went back",
                    meta.camera,
                    meta.run,
                    times,
                )
        return put.accepted

    def _put(self, frame: Frame, now_ns: int, left_ms: int) -> WriteResult:
        """Put a frame by the numbers it is to have; twice where its run has to be raised."""
        slot = self._connected_slot()
        for _ in range(2):
            numbered = self._runs.numbered(slot, frame)
            meta = numbered.meta
            payload = pack_frame(numbered, max(0, now_ns - meta.received_mono_ns))
            last_seq = self._runs.last_seq(numbered)
            try:
                put = slot.put(meta.camera, meta.run, meta.seq, payload, left_ms, last_seq=last_seq)
            except (redis.RedisError, OSError):
                self._runs.unanswered(numbered)
                raise
            if not put.forgot:
                break
            self._runs.forgot(numbered)
        if put.accepted:
            self._runs.accepted(numbered)
        else:
            self._runs.outrun(numbered)
        return put

    def close(self) -> None:
        """Close the connection."""
        if self._slot is not None:
            self._slot.close()
            self._slot = None

    def _connected_slot(self) -> RedisSlot:
        if self._slot is None:
            # The password is read anew each time, so that a rotation needs no restart.
            self._slot = RedisSlot.connect(self._settings, self._password())
            self._runs.connected()
            _log.info("frames.connected address=%s", address_of(self._settings))
        return self._slot

    def _lose(self, error: Exception) -> None:
        was_connected = self.connected
        self.close()
        self._next_attempt_ns = self._mono_ns() + round(self._backoff.next_s() * 1e9)
        self.problem = reason = explain(error)
        if self._damper.admit(reason) or was_connected:
            _log.warning(
                "frames.redis_away address=%s reason=%s", address_of(self._settings), reason
            )
