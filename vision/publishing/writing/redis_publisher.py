"""Detections and states to Redis: live channels, replayable streams, state hashes."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable

from vision.config.core import PublishingSettings, RedisSettings
from vision.domain.losses import DropReason
from vision.domain.message import DetectionMessage, StatusMessage, utc_text
from vision.domain.run_ids import RunIds
from vision.publishing.encoding import encode, renumber
from vision.publishing.keys import Kind, StreamKey
from vision.publishing.writing.empty_frames import EmptyFrames
from vision.publishing.writing.observer import PublishObserver
from vision.publishing.writing.outbox import Entry, Outbox
from vision.publishing.writing.run_raiser import RunRaiser
from vision.publishing.writing.sender import Sender
from vision.publishing.writing.spool import Spool
from vision.publishing.writing.spool_restore import restore
from vision.publishing.writing.state_hashes import StateHashes
from vision.publishing.writing.state_writer import BEAT_S
from vision.publishing.writing.stream_runs import newest_stream_runs
from vision.redis.client import warn_if_unverified
from vision.redis.connector import RedisConnector

_log = logging.getLogger(__name__)
# Losses that the camera's status tells of: their event in the log, and why, in words.
_REPORTED = {
    DropReason.OVERFLOW: ("publish.overflowed", "Redis was away longer than the outbox holds"),
    DropReason.FORGOTTEN: ("publish.lost_by_redis", "Redis came back without them"),
}


class RedisPublisher:
    """Takes messages at any time from any thread; one thread sends them.

    ``publish`` and ``publish_status`` never wait for Redis: what it does not take waits in a
    bounded outbox, and if ``publishing.spool_dir`` names a folder also there: what is left
    when the program ends is sent by the next one. Messages of one camera are to come in the
    order of their frames.
    """

    def __init__(
        self,
        redis: RedisSettings,
        publishing: PublishingSettings,
        password: Callable[[], str | None],
        observer: PublishObserver,
        *,
        spool_name: str = "node",
        runs: RunIds | None = None,
        is_fenced: bool = False,
        monotonic_s: Callable[[], float] = time.monotonic,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """``password`` is asked at each connection and may raise ConfigError.

        ``spool_name`` tells the files of several programs apart that share a folder. ``runs``
        is what numbers the runs where this program does so: it may raise them above what Redis
        has. Without it, detections whose stream is ahead are lost. ``is_fenced`` says that frames
        come from the slot on Redis, where others may take the camera when a lease runs out.

        Raises:
            ConfigError: ``redis.url`` has an option that does not exist, or the folder of the
                spool cannot be used.
        """
        self._redis = redis
        self._password = password
        warn_if_unverified(redis)
        self._observer = observer
        self._monotonic_s = monotonic_s
        self._wall_ns = wall_ns
        self._empty_frames = EmptyFrames(publishing.empty_frames)
        self._hashes = StateHashes()
        self._outbox = Outbox(publishing.outbox_messages, self._on_drop, monotonic_s)
        self._sender = Sender(
            settings=redis,
            publishing=publishing,
            connector=RedisConnector(redis, password),
            outbox=self._outbox,
            hashes=self._hashes,
            observer=observer,
            on_drop=self._on_drop,
            monotonic_s=monotonic_s,
            raiser=RunRaiser(runs, monotonic_s) if runs else None,
            is_fenced=is_fenced,
        )
        self._runs = runs
        if runs is not None:
            runs.listen(self._republish)
        # Guards all that must have one order: policy, ids, and the outbox they end in.
        self._order = threading.Lock()
        self._status_ids: dict[str, tuple[int, int]] = {}
        self._sending = threading.Lock()
        self._unreported = Counter[tuple[str, DropReason]]()
        self._unreported_lock = threading.Lock()
        self._spool: Spool | None = None
        self._spooled_runs: dict[str, int] = {}
        if publishing.spool_dir is not None:
            path = publishing.spool_dir / f"{spool_name}.sqlite3"
            self._spool = Spool(path, publishing.spool_max_mib, monotonic_s)
            self._restore(self._spool)

    @property
    def connected(self) -> bool:
        """Whether Redis answered last time."""
        return self._sender.is_connected

    @property
    def problem(self) -> str | None:
        """Why Redis did not answer last time, in words; None while it does."""
        return self._sender.problem

    @property
    def depth(self) -> int:
        """Messages that wait for Redis."""
        return len(self._outbox) + self._sender.in_hand

    @property
    def waiting_bytes(self) -> int:
        """Payloads that wait in memory for Redis."""
        return self._outbox.payload_bytes

    @property
    def spool_bytes(self) -> int:
        """Those of them that are on the disk, as they count towards ``spool_max_mib``."""
        return self._spool.size_bytes if self._spool else 0

    @property
    def spool_problem(self) -> str | None:
        """Why nothing is kept on the disk though it should be; None when all is well."""
        return self._spool.problem if self._spool else None

    def publish(
        self, message: DetectionMessage, on_acked: Callable[[], None] | None = None
    ) -> bytes:
        """Hand over what was seen in a frame; returns the document.

        Under ``empty_frames: on_change`` a message may be kept back; its document is
        returned all the same. ``on_acked`` is called once, by any thread, when the message
        has reached its stream or never will; it must return at once.
        """
        with self._order:
            passed_on = self._empty_frames.pass_on(message)
            document = self._numbered(passed_on or message)
            payload = encode(document)
            if passed_on is not None:
                self._outbox.put(
                    Entry(
                        stream=StreamKey(Kind.DETECTIONS, message.camera),
                        stream_id=document.stream_id,
                        payload=payload,
                        put_s=self._monotonic_s(),
                        run=document.run,
                        skipped=document.skipped,
                        on_acked=on_acked,
                    )
                )
        if passed_on is None and on_acked is not None:
            on_acked()
        return payload

    def publish_status(self, message: StatusMessage) -> bytes:
        """Hand over a change of a camera's state; returns the document."""
        if self._runs is not None:
            run, _ = self._runs.number(message.camera, int(message.run))
            message = dataclasses.replace(message, run=str(run))
        payload = encode(message)
        with self._order:
            self._hashes.update(message)
            self._outbox.put(
                Entry(
                    stream=StreamKey(Kind.STATUS, message.camera),
                    stream_id=self._next_status_id(message.camera),
                    payload=payload,
                    put_s=self._monotonic_s(),
                )
            )
        return payload

    def run(self, stop: threading.Event) -> None:
        """Send until ``stop`` is set; after setting it, call :meth:`drain` to wake this loop."""
        with self._sending:
            while not stop.is_set():
                pause_s = self._run_once()
                if pause_s:
                    stop.wait(pause_s)
                elif not self._sender.has_more:
                    self._outbox.wait(BEAT_S)

    def drain(self, timeout_s: float) -> int:
        """Send what waits, as far as Redis takes it in time, and close.

        To be called once :meth:`run` has been told to stop, from another thread. May take
        the connect and command timeouts longer.

        What is left then goes to the disk, if there is a spool.

        Returns:
            How many messages are left behind; they are reported as dropped.
        """
        deadline_s = self._monotonic_s() + timeout_s
        self._outbox.wake()
        # The loop leaves within one turn.
        turn_s = self._redis.connect_timeout_s + self._redis.command_timeout_s
        if not self._sending.acquire(timeout=timeout_s + turn_s):
            _log.error("publish.drain_failed waiting=%d reason=still sending", self.depth)
            return self.depth
        try:
            pause = threading.Event()
            while self.depth and (left_s := deadline_s - self._monotonic_s()) > 0:
                pause_s = self._run_once()
                if pause_s:
                    pause.wait(min(pause_s, left_s))
                elif not self._sender.has_more and self.depth:
                    self._outbox.wait(left_s)
            return self._close()
        finally:
            self._sending.release()

    def last_stream_runs(self, cameras: Iterable[str]) -> dict[str, int]:
        """The run of each camera's newest stream entry, UTC milliseconds.

        A new run must be greater, even when the clock went back. Cameras without a stream
        are missing, all of them when Redis is away. What is on the disk counts as well.
        Waits for Redis; uses its own connection.
        """
        names = list(cameras)
        runs = newest_stream_runs(self._redis, self._password, names)
        for camera in names:
            if (spooled := self._spooled_runs.get(camera, 0)) > runs.get(camera, 0):
                runs[camera] = spooled
        return runs

    def _numbered(self, message: DetectionMessage) -> DetectionMessage:
        """``message`` by the numbers that its frame has on Redis."""
        if self._runs is None:
            return message
        number = self._runs.number(message.camera, int(message.run))
        if number.run == int(message.run):
            return message
        return renumber(message, *number)

    def _republish(self, camera: str) -> None:
        """Say a camera's state once more, by the run that it goes by now."""
        status = self._hashes.newest(camera)
        if status is not None:
            at = utc_text(self._wall_ns())
            self.publish_status(dataclasses.replace(status, at=at))

    def _run_once(self) -> float:
        pause_s = self._sender.run_once()
        self._observer.waiting(self.depth)
        self._keep_what_waits()
        if self._unreported and self._sender.is_connected:
            self._report_losses()
        return pause_s

    def _close(self) -> int:
        left = self._leave_on_disk(self._sender.close() + self._outbox.close())
        for entry in left:
            entry.ack()
        for stream, messages in Counter(entry.stream for entry in left).items():
            self._on_drop(stream, DropReason.SHUTDOWN, messages)
        self._observer.waiting(0)
        if left:
            _log.error("publish.left_behind messages=%d", len(left))
        return len(left)

    def _restore(self, spool: Spool) -> None:
        """Take up what the last run left: before anything new, on every stream."""
        newest = restore(spool, self._outbox, self._on_drop, self._monotonic_s())
        for stream, stream_id in newest.items():
            if stream.kind is Kind.STATUS:
                self._status_ids[stream.camera] = stream_id
            else:
                self._spooled_runs[stream.camera] = stream_id[0]

    def _keep_what_waits(self) -> None:
        """Copy to the disk what Redis does not take."""
        spool, is_away = self._spool, not self._sender.is_connected
        if spool is None or not spool.is_due(is_away=is_away):
            return
        until_s = spool.until_s(is_away=is_away)
        in_hand = [entry for entry in self._sender.unacked() if entry.put_s <= until_s]
        # What is in hand is older than the rest of its stream.
        spool.keep(in_hand + self._outbox.unspooled(until_s))

    def _leave_on_disk(self, left: list[Entry]) -> list[Entry]:
        """Write what is left to the disk; returns what is left behind all the same."""
        if self._spool is None:
            return left
        is_kept = self._spool.keep(left)
        self._spool.close()
        kept = {entry for entry in left if is_kept or entry.on_unspool is not None}
        for entry in kept:
            entry.ack()
        if kept:
            lost = self._spool.without_room
            # The next start counts those: it can tell their cameras' subscribers.
            _log.warning("publish.spooled messages=%d without_room=%d", len(kept) - lost, lost)
        return [entry for entry in left if entry not in kept]

    def _on_drop(self, stream: StreamKey, reason: DropReason, messages: int) -> None:
        self._observer.dropped(stream, reason, messages)
        if stream.kind is Kind.DETECTIONS:
            self._hashes.add_lost(stream.camera, messages)
            if reason in _REPORTED:
                with self._unreported_lock:
                    self._unreported[stream.camera, reason] += messages

    def _report_losses(self) -> None:
        """Say on the status of each camera how much it lost, once its outbox is empty."""
        with self._unreported_lock:
            reports = {
                (camera, reason): messages
                for (camera, reason), messages in self._unreported.items()
                if not self._outbox.backlog(StreamKey(Kind.DETECTIONS, camera))
            }
            for report in reports:
                del self._unreported[report]
        for (camera, drop), messages in reports.items():
            _log.error("%s camera=%s messages=%d", _REPORTED[drop][0], camera, messages)
            status = self._hashes.newest(camera)
            if status is not None:
                reason = f"{messages} messages lost: {_REPORTED[drop][1]}"
                now = utc_text(self._wall_ns())
                self.publish_status(dataclasses.replace(status, reason=reason, at=now))

    def _next_status_id(self, camera: str) -> str:
        """An explicit id like those of detections: a resend is refused, not doubled."""
        now_ms = self._wall_ns() // 1_000_000
        last_ms, number = self._status_ids.get(camera, (0, 0))
        newest = (now_ms, 0) if now_ms > last_ms else (last_ms, number + 1)
        self._status_ids[camera] = newest
        return f"{newest[0]}-{newest[1]}"
