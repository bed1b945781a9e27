"""Follows the streams of the cameras that are this worker's, and writes what comes of them.

Whatever is in memory only can be lost at any moment: messages and the state after them are
written together, and after every doubt about a connection the state is read anew. What was
decided and not written is decided again, from the same messages in the same way.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import redis

from vision.config.core import RedisSettings
from vision.events.redis_store import LEASE_MS, EventStore, EventWrite, OpenEvents
from vision.publishing.keys import Kind, StreamKey
from vision.publishing.reading.stream_reader import StoredMessage, is_before
from vision.redis.client import warn_if_unverified
from vision.redis.link import RedisLink
from vision.redis.reconnector import Reconnector
from vision.redis.skipped_keys import RETRY_S, SkippedKeys
from vision.resilience.troubles import Troubles

_log = logging.getLogger(__name__)
_HOLD_S = LEASE_MS / 1000 / 5
_FIND_S = 5.0
_READ_S = 0.25
# How old a state may be for somebody who goes on from it: he reads that much again.
_KEEP_S = 1.0
_NEWEST = 100


class CameraTracker(Protocol):
    """What makes events of one camera's messages."""

    @property
    def detections_id(self) -> str:
        """The entry after which its detections are to be read on."""

    @property
    def statuses_id(self) -> str:
        """The same for its statuses."""

    def restore(self, state: bytes) -> bool:
        """Go on from what another one left; False where that cannot be understood."""

    def rebuild(self, told: OpenEvents) -> None:
        """Begin anew, from the first sighting of what was told of and has not ended."""

    def begin(self, detections: Sequence[StoredMessage]) -> None:
        """Begin with a camera that nobody tracked: after these entries, but what is recent."""

    def take(
        self, detections: Sequence[StoredMessage], statuses: Sequence[StoredMessage]
    ) -> list[StoredMessage]:
        """The messages to write for what came; called with nothing when nothing has come."""

    def on_stream_recreated(self, kind: Kind) -> list[StoredMessage]:
        """The messages to write because that stream begins anew, with ids that were read before."""

    def state(self) -> bytes | None:
        """What to leave for whoever goes on; None while it is not known yet."""


@dataclass(slots=True)
class _Held:
    tracker: CameraTracker
    kept_s: float
    is_changed: bool = False


class EventWorker:
    """Any number of these share the cameras; used by one thread."""

    def __init__(
        self,
        settings: RedisSettings,
        password: Callable[[], str | None],
        tracker: Callable[[str], CameraTracker],
        *,
        kept: int,
        cameras: Collection[str] | None,
        wanted: Callable[[str], bool],
        released: Callable[[str], None] = lambda camera: None,  # noqa: ARG005  nobody listens
        troubles: Troubles | None = None,
    ) -> None:
        """Track ``cameras``, all on Redis without any, that are ``wanted``.

        ``released`` hears of each camera that is this worker's no more, ``troubles`` of keys that
        cannot be read.

        Raises:
            ConfigError: ``redis.url`` has an option that does not exist.
        """
        self._redis = Reconnector(settings, password, _log, "events")
        warn_if_unverified(settings)
        self._tracker = tracker
        self._kept = kept
        self._known = cameras
        self._wanted = wanted
        self._released = released
        self._name = secrets.token_hex(8)
        self._held: dict[str, _Held] = {}
        self._cameras: list[str] = []
        self._left_out = SkippedKeys(_log, "events", troubles)
        self._shunned_s: dict[str, float] = {}
        self._finds_now = False
        self.last_heartbeat_ns = time.monotonic_ns()

    @property
    def connected(self) -> bool:
        """Whether Redis answered last time."""
        return self._redis.connected

    @property
    def problem(self) -> str | None:
        """Why Redis did not answer last time, in words; None while it does."""
        return self._redis.problem

    @property
    def trackers(self) -> Mapping[str, CameraTracker]:
        """The cameras that are this worker's now."""
        return {camera: held.tracker for camera, held in tuple(self._held.items())}

    def follow(self, cameras: Collection[str] | None) -> None:
        """Track ``cameras`` from now on, all on Redis for None; from any thread."""
        self._known = cameras
        self._finds_now = True

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set; lost connections are waited for."""
        while not stop.is_set():
            self.last_heartbeat_ns = time.monotonic_ns()
            with self._redis.retrying(stop), closing(self._redis.open()) as link:
                try:
                    self._follow(
                        EventStore(link, self._name, self._kept, self._left_out), link, stop
                    )
                except redis.RedisError:
                    # Whatever was not written is decided anew.
                    for camera in list(self._held):
                        self._drop(camera, "Redis is away")
                    raise

    def _follow(self, store: EventStore, link: RedisLink, stop: threading.Event) -> None:
        held_s = found_s = float("-inf")
        while not stop.is_set():
            now_s = time.monotonic()
            self.last_heartbeat_ns = time.monotonic_ns()
            if now_s - found_s >= _FIND_S or self._finds_now:
                found_s, self._finds_now = now_s, False
                known = store.cameras() if self._known is None else self._known
                self._cameras = sorted(filter(self._wanted, known))
                self._left_out.keep_only(store.keys_of(self._cameras))
                self._follow_anew(store)
            if now_s - held_s >= _HOLD_S:
                held_s = now_s
                self._share(store)
            self._redis.answered(link)
            if not self._held:
                stop.wait(_READ_S)
                continue
            self._step(store)
        self._write(store, keep_all=True)
        store.leave(list(self._held))
        for camera in list(self._held):
            self._drop(camera, "the worker ends")

    def _share(self, store: EventStore) -> None:
        """Keep the leases, give up what is more than a fair share, take what nobody has."""
        granted = store.hold(list(self._held))
        for camera in [name for name in self._held if name not in granted]:
            self._let_go(store, camera)
        share = -(-len(self._cameras) // store.workers())
        unwanted = [camera for camera in self._held if camera not in self._cameras]
        surplus = list(self._held)[share:] or unwanted
        if surplus:
            self._write(store, keep_all=True)
            store.free(surplus)
            for camera in surplus:
                self._drop(camera, "shared with another worker")
        room = share - len(self._held)
        if room <= 0:
            return
        others = [camera for camera in self._cameras if camera not in self._held]
        free = (camera for camera in store.unheld(others) if self._is_sound(store, camera))
        for camera in sorted(store.hold(list(islice(free, room)))):
            self._held[camera] = _Held(self._begun(store, camera), time.monotonic())
            _log.info("events.tracking camera=%s", camera)

    def _is_sound(self, store: EventStore, camera: str) -> bool:
        """Whether a camera's keys are what they should be; one that was shunned is looked at later."""
        if time.monotonic() < self._shunned_s.get(camera, 0.0):
            return False
        if store.is_sound(camera):
            self._shunned_s.pop(camera, None)
            return True
        self._shunned_s[camera] = time.monotonic() + RETRY_S
        return False

    def _follow_anew(self, store: EventStore) -> None:
        """Begin again with streams that somebody deleted or replaced by ones with smaller ids."""
        positions = self._positions()
        newest = store.newest_ids(positions)
        messages: dict[str, list[StoredMessage]] = {}
        for stream, position in positions.items():
            if stream in newest and is_before(newest[stream], position):
                held = self._held[stream.camera]
                _log.warning("events.rewound stream=%s", stream)
                messages.setdefault(stream.camera, []).extend(
                    held.tracker.on_stream_recreated(stream.kind)
                )
                held.is_changed = True
        if messages:
            self._write(store, messages, keep_all=True)

    def _positions(self) -> dict[StreamKey, str]:
        """The entries after which the streams of all cameras are to be read on."""
        positions: dict[StreamKey, str] = {}
        for camera, held in self._held.items():
            positions[StreamKey(Kind.DETECTIONS, camera)] = held.tracker.detections_id
            positions[StreamKey(Kind.STATUS, camera)] = held.tracker.statuses_id
        return positions

    def _begun(self, store: EventStore, camera: str) -> CameraTracker:
        tracker, state = self._tracker(camera), store.state(camera)
        if state is not None and tracker.restore(state):
            return tracker
        told = store.unended(camera)
        if told.newest_id is not None:
            _log.warning("events.state_unknown camera=%s open=%d", camera, len(told.messages))
        if told.messages:
            tracker.rebuild(told)
        else:
            tracker.begin(store.newest(StreamKey(Kind.DETECTIONS, camera), _NEWEST))
        return tracker

    def _let_go(self, store: EventStore, camera: str) -> None:
        """Drop a camera that could not be kept, for whichever reason it is."""
        is_sound = self._is_sound(store, camera)
        self._drop(camera, "another worker has it" if is_sound else "a key is of another type")

    def _drop(self, camera: str, reason: str) -> None:
        self._held.pop(camera, None)
        self._released(camera)
        _log.info("events.released camera=%s reason=%s", camera, reason)

    def _step(self, store: EventStore) -> None:
        came = store.read(self._positions(), _READ_S)
        messages: dict[str, list[StoredMessage]] = {}
        for camera, held in self._held.items():
            detections = came.get(StreamKey(Kind.DETECTIONS, camera), [])
            statuses = came.get(StreamKey(Kind.STATUS, camera), [])
            messages[camera] = held.tracker.take(detections, statuses)
            held.is_changed |= bool(detections or statuses)
        self._write(store, messages)

    def _write(
        self,
        store: EventStore,
        messages: Mapping[str, Sequence[StoredMessage]] | None = None,
        *,
        keep_all: bool = False,
    ) -> None:
        now_s = time.monotonic()
        due: list[EventWrite] = []
        for camera, held in self._held.items():
            told = (messages or {}).get(camera, ())
            is_due = held.is_changed and (keep_all or now_s - held.kept_s >= _KEEP_S)
            state = held.tracker.state() if told or is_due else None
            if state is not None:
                due.append(EventWrite(camera, told, state))
                held.is_changed, held.kept_s = False, now_s
        if not due:
            return
        done = store.write(due)
        for written in due:
            if written.camera not in done:
                self._let_go(store, written.camera)
