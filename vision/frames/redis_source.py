"""The inference side of the slot on Redis."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import redis

from vision.config.core import RedisSettings
from vision.domain.errors import ConfigError
from vision.domain.frame import Frame
from vision.frames.redis_slot import LEASE_MS, Claim, ClaimOutcome, RedisSlot, refuse_cluster
from vision.frames.slot import FrameLease, Previous
from vision.frames.wire import FrameFormatError, arrived_at, unpack_frame
from vision.redis.client import address_of
from vision.redis.connector import reconnect_backoff
from vision.redis.errors import explain
from vision.redis.skipped_keys import SkippedKeys
from vision.resilience.log_throttle import LogThrottle
from vision.resilience.troubles import Troubles

_log = logging.getLogger(__name__)
# Only how soon a stop is seen: a frame ends the wait at once.
_WAIT_S = 0.5
_RENEW_S = LEASE_MS / 1000 / 5
_LOG_PERIOD_S = 60.0


@dataclass(slots=True)
class _Held:
    """A frame under way; once handed over, its message decides and no longer its lease."""

    taken: Claim
    is_handed_over: bool = False


class RedisFrameSource:
    """Implements :class:`vision.frames.slot.FrameSource` over any number of cameras.

    Needs two threads of its own, each with a connection: :meth:`fetch` brings frames as soon
    as :meth:`take` asks for them, :meth:`keep` renews the leases of frames under way and frees
    those that are settled. Frames are fetched on demand only, so they grow old in nobody's
    hands and another reader may have what this one has no room for.
    """

    def __init__(
        self,
        settings: RedisSettings,
        password: Callable[[], str | None],
        max_age_ms: int,
        *,
        troubles: Troubles | None = None,
        mono_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """``max_age_ms`` is how long a frame can lie in the slot; see the writer's.

        ``troubles`` hears of the cameras whose keys are of another type.

        Raises:
            ConfigError: ``settings`` name a cluster.
        """
        refuse_cluster(settings)
        self._settings = settings
        self._password = password
        self._most_in_slot_us = max_age_ms * 1000
        self._mono_ns = mono_ns
        self._reader = secrets.token_hex(8)
        self._wait_s = min(_WAIT_S, settings.command_timeout_s / 2)
        self._damper = LogThrottle(_LOG_PERIOD_S)
        self._left_out = SkippedKeys(_log, "frames", troubles)
        self._changed = threading.Condition()
        self._wanted = 0
        self._inbox: deque[RedisFrameLease] = deque()
        self._woken = False
        self._held: dict[tuple[str, str], _Held] = {}
        self._done: list[tuple[Claim, ClaimOutcome]] = []
        self._connected = False
        self.problem: str | None = None
        """Why Redis did not answer last time, in words; for any thread."""

    @property
    def connected(self) -> bool:
        """Whether Redis answered the fetching thread last time."""
        return self._connected

    def take(self, limit: int, timeout_s: float) -> list[FrameLease]:
        """See :meth:`vision.frames.slot.FrameSource.take`."""
        with self._changed:
            # What is not found now stays wanted: the caller comes back while it has room.
            self._wanted = limit
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._inbox or self._woken, timeout_s)
            self._woken = False
            taken: list[FrameLease] = [
                self._inbox.popleft() for _ in range(min(limit, len(self._inbox)))
            ]
            self._wanted = limit - len(taken)
        return taken

    def wait(self, timeout_s: float) -> None:
        """See :meth:`vision.frames.slot.FrameSource.wait`."""
        with self._changed:
            self._changed.wait_for(lambda: self._woken, timeout_s)
            self._woken = False

    def wake(self) -> None:
        """See :meth:`vision.frames.slot.FrameSource.wake`."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def hand_over(self, camera: str, number: str, *, is_empty: bool) -> Callable[[], None]:
        """Say, before its lease is released, that a message will tell of a frame.

        ``number`` is the frame's ``run-seq``.

        Returns:
            What is to be called, from any thread, when that message has reached its stream or
            never will: only then may the camera's next frame be taken.
        """
        key = (camera, number)
        self._held[key].is_handed_over = True
        outcome = ClaimOutcome.EMPTY if is_empty else ClaimOutcome.DELIVERED
        return lambda: self._ack(key, outcome)

    def fetch(self, stop: threading.Event) -> None:
        """Bring frames until ``stop`` is set; call :meth:`wake` after setting it."""
        backoff, slot = reconnect_backoff(self._settings), None
        while not stop.is_set():
            room = self._room(stop)
            if not room:
                continue
            try:
                slot = slot or self._connect()
                self._bring(slot, room, stop)
                self._connected, self.problem = True, None
                backoff.reset()
            except (redis.RedisError, ConfigError, OSError) as error:
                self._away(error, slot)
                slot = None
                stop.wait(backoff.next_s())
        self._connected = False
        if slot is not None:
            slot.close()
        with self._changed:
            unserved = list(self._inbox)
            self._inbox.clear()
        for lease in unserved:
            lease.release()

    def keep(self, stop: threading.Event) -> None:
        """Renew and free until ``stop`` is set and nothing is left to free.

        ``stop`` is to be set once every frame is settled; call :meth:`wake` after it.
        """
        backoff, slot = reconnect_backoff(self._settings), None
        renew_at_s = 0.0
        while True:
            done = self._next_done(stop, renew_at_s)
            if stop.is_set() and not done:
                break
            try:
                slot = slot or self._connect()
                if done:
                    slot.free(done)
                    self._forget(done)
                    backoff.reset()
                if time.monotonic() >= renew_at_s:
                    self._renew(slot)
                    renew_at_s = time.monotonic() + _RENEW_S
            except (redis.RedisError, ConfigError, OSError) as error:
                self._away(error, slot)
                slot = None
                if stop.is_set():
                    # The leases expire by themselves.
                    break
                stop.wait(backoff.next_s())
        if slot is not None:
            slot.close()

    def _connect(self) -> RedisSlot:
        slot = RedisSlot.connect(self._settings, self._password(), self._left_out)
        _log.info("frames.connected address=%s", address_of(self._settings))
        return slot

    def _away(self, error: Exception, slot: RedisSlot | None) -> None:
        """Redis did not answer: close ``slot``, which is spent, and say so."""
        self._connected = False
        if slot is not None:
            slot.close()
        self.problem = reason = explain(error)
        if self._damper.admit(reason):
            _log.warning(
                "frames.redis_away address=%s reason=%s", address_of(self._settings), reason
            )

    def _room(self, stop: threading.Event) -> int:
        """How many frames are wanted; waits for the first, and returns 0 when woken."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._wanted > len(self._inbox) or stop.is_set(), _WAIT_S
            )
            return max(0, self._wanted - len(self._inbox))

    def _bring(self, slot: RedisSlot, room: int, stop: threading.Event) -> None:
        ready = slot.wait(room, self._wait_s)
        if not ready:
            return
        with self._changed:
            room = 0 if stop.is_set() else self._wanted - len(self._inbox)
        if len(ready) > room:
            # Somebody else may have a use for the others.
            slot.announce(ready[max(0, room) :])
        if room <= 0:
            return
        asked_ns = self._mono_ns()
        frames = slot.take([camera for camera, _ in ready[:room]], self._reader)
        leases = [lease for taken in frames if (lease := self._lease(taken, asked_ns))]
        with self._changed:
            self._inbox.extend(leases)
            self._changed.notify_all()

    def _lease(self, taken: Claim, asked_ns: int) -> RedisFrameLease | None:
        """The frame with its arrival on our clock; None when it cannot be used."""
        # Pixels that are gone are as bad as pixels nobody can read.
        payload, taken = taken.payload or b"", replace(taken, payload=None)
        with self._changed:
            self._held[taken.camera, taken.lease] = _Held(taken)
        try:
            frame, age_ns = _unpack(payload, taken)
        except FrameFormatError as error:
            self._ack((taken.camera, taken.lease), ClaimOutcome.SKIPPED)
            if times := self._damper.admit(f"{taken.camera} {error}"):
                _log.warning(
                    "frames.unusable camera=%s times=%d reason=%s", taken.camera, times, error
                )
            return None
        # Redis' clock may step; no frame outlives its time in the slot.
        slot_us = min(max(0, taken.slot_us), self._most_in_slot_us)
        arrived_ns = asked_ns - age_ns - slot_us * 1000
        return RedisFrameLease(arrived_at(frame, arrived_ns), taken, self._release)

    def _release(self, taken: Claim) -> None:
        """Nobody reads the pixels any more; a frame not handed over by now was skipped."""
        key = (taken.camera, taken.lease)
        held = self._held.get(key)
        if held is not None and not held.is_handed_over:
            self._ack(key, ClaimOutcome.SKIPPED)

    def _ack(self, key: tuple[str, str], outcome: ClaimOutcome) -> None:
        with self._changed:
            held = self._held.pop(key, None)
            if held is not None:
                self._done.append((held.taken, outcome))
                self._changed.notify_all()

    def _next_done(
        self, stop: threading.Event, renew_at_s: float
    ) -> list[tuple[Claim, ClaimOutcome]]:
        with self._changed:
            self._changed.wait_for(
                lambda: self._done or stop.is_set(), max(0.0, renew_at_s - time.monotonic())
            )
            return list(self._done)

    def _forget(self, done: Sequence[tuple[Claim, ClaimOutcome]]) -> None:
        with self._changed:
            del self._done[: len(done)]

    def _renew(self, slot: RedisSlot) -> None:
        with self._changed:
            frames = [held.taken for held in self._held.values()]
        if not frames:
            return
        for taken, is_ours in zip(frames, slot.renew(frames), strict=True):
            if not is_ours and (times := self._damper.admit("lease lost")):
                _log.warning("frames.lease_lost camera=%s times=%d", taken.camera, times)


def _unpack(payload: bytes, taken: Claim) -> tuple[Frame, int]:
    """As :func:`unpack_frame`, for the very frame that was taken."""
    frame, age_ns = unpack_frame(payload)
    meta = frame.meta
    if (meta.camera, meta.run, meta.seq) != (taken.camera, taken.run, taken.seq):
        raise FrameFormatError("not the frame that was put there: who else writes to this key?")
    return frame, age_ns


class RedisFrameLease:
    """Implements :class:`vision.frames.slot.FrameLease`."""

    __slots__ = ("_release", "_taken", "frame", "previous")

    def __init__(self, frame: Frame, taken: Claim, release: Callable[[Claim], None]) -> None:
        self.frame = frame
        before = taken.before
        self.previous = (
            Previous(before.seq, is_empty=before.is_empty)
            if before is not None and before.run == taken.run
            else Previous(0, is_empty=False)
        )
        self._taken = taken
        self._release: Callable[[Claim], None] | None = release

    def release(self) -> None:
        """See :meth:`vision.frames.slot.FrameLease.release`."""
        release, self._release = self._release, None
        if release is not None:
            release(self._taken)
