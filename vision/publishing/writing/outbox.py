"""What waits for Redis: bounded, in memory, in order per stream."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from vision.domain.losses import DropReason
from vision.publishing.keys import StreamKey


@dataclass(slots=True, eq=False)
class Entry:
    """One message on its way; belongs to whoever took it last.

    Attributes:
        stream: Where it goes.
        stream_id: Explicit id on the stream, ``<milliseconds>-<number>``.
        payload: The bytes of channel and stream.
        put_s: When it was handed over, monotonic.
        run: Run of its frame; empty for a status.
        skipped: Frames before it that it accounts for.
        lost_before: Frames of dropped messages that it must account for too.
        live_due: Whether the live channel may still get it.
        unsure: Whether it was sent once with no answer: Redis may have it or not.
        delivered: Whether Redis once confirmed it.
        forgotten: Whether Redis confirmed it and does not have it any more.
        on_settled: See :meth:`ack`.
        is_settled: Whether it has reached its stream or never will.
        on_unspool: Takes it off the disk; None when it is not there.
        spooled_lost: The ``lost_before`` that is on the disk.
    """

    stream: StreamKey
    stream_id: str
    payload: bytes
    put_s: float
    run: str = ""
    skipped: int = 0
    lost_before: int = 0
    live_due: bool = True
    unsure: bool = False
    delivered: bool = False
    forgotten: bool = False
    on_acked: Callable[[], None] | None = None
    is_acked: bool = False
    on_unspool: Callable[[], None] | None = None
    spooled_lost: int = 0

    @property
    def is_spooled(self) -> bool:
        """Whether it is on the disk as it is now."""
        return self.on_unspool is not None and self.spooled_lost == self.lost_before

    def ack(self) -> None:
        """Tell, once, that it has reached its stream or never will."""
        self.is_acked = True
        on_unspool = self.on_unspool
        if on_unspool is not None:
            on_unspool()
        on_acked, self.on_acked = self.on_acked, None
        if on_acked is not None:
            on_acked()


@dataclass(slots=True)
class _Queue:
    """The messages of one stream that wait.

    ``held_until_s`` is when its refused head may be tried again. From then on a single
    message at a time is tried until one gets through: a later one that Redis took before
    an earlier one would shut the earlier one out of the stream for good.
    """

    entries: deque[Entry] = field(default_factory=deque)
    held_until_s: float = 0.0
    is_probing: bool = False


class Outbox:
    """A queue per stream, each with its own bound; the oldest is dropped first. Thread-safe.

    One consumer takes; what it took no longer counts towards the bound.
    """

    def __init__(
        self,
        limit: int,
        on_drop: Callable[[StreamKey, DropReason, int], None],
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Hold up to ``limit`` messages per stream.

        ``on_drop`` is told why and how many were dropped, by the thread that caused it.
        """
        self._limit = limit
        self._on_drop = on_drop
        self._monotonic_s = monotonic_s
        self._changed = threading.Condition()
        self._lanes: dict[StreamKey, _Queue] = {}
        self._first_lane = 0
        self._depth = 0
        self._bytes = 0
        self._is_woken = False
        self._is_closed = False

    def __len__(self) -> int:
        return self._depth

    @property
    def payload_bytes(self) -> int:
        """How much waits: the payloads, without what Python adds."""
        return self._bytes

    def streams(self) -> list[StreamKey]:
        """The streams that messages came for so far."""
        with self._changed:
            return list(self._lanes)

    def backlog(self, stream: StreamKey) -> int:
        """How many messages of one stream wait."""
        with self._changed:
            lane = self._lanes.get(stream)
            return len(lane.entries) if lane else 0

    def put(self, entry: Entry) -> None:
        """Add a message; never waits for Redis or for room."""
        dropped = 0
        with self._changed:
            is_closed = self._is_closed
            if not is_closed:
                lane = self._lanes.setdefault(entry.stream, _Queue())
                lane.entries.append(entry)
                self._depth += 1
                self._bytes += len(entry.payload)
                dropped = self._trim(lane)
                self._changed.notify()
        if is_closed:
            entry.ack()
            self._on_drop(entry.stream, DropReason.SHUTDOWN, 1)
        if dropped:
            self._on_drop(entry.stream, DropReason.OVERFLOW, dropped)

    def take(self, max_messages: int, max_bytes: int) -> list[Entry]:
        """Remove and return the oldest messages, an equal share of each stream.

        At least one if any is due, however long. Streams take turns in being first.
        """
        taken: list[Entry] = []
        with self._changed:
            now_s = self._monotonic_s()
            due = [lane for lane in self._lanes.values() if _is_due(lane, now_s)]
            if not due:
                return taken
            first = self._first_lane % len(due)
            self._first_lane += 1
            share = max(1, max_messages // len(due))
            room = max_bytes
            for lane in due[first:] + due[:first]:
                for _ in range(1 if lane.is_probing else min(share, len(lane.entries))):
                    room -= len(lane.entries[0].payload)
                    if taken and (room < 0 or len(taken) == max_messages):
                        break
                    taken.append(lane.entries.popleft())
            self._depth -= len(taken)
            self._bytes -= _payload_bytes(taken)
        return taken

    def unspooled(self, until_s: float) -> list[Entry]:
        """What was put before ``until_s`` and is not on the disk, in order; it stays here."""
        found: list[Entry] = []
        with self._changed:
            for lane in self._lanes.values():
                new: list[Entry] = []
                for entry in reversed(lane.entries):
                    if entry.is_spooled:
                        # What is older is there too, but for the first.
                        if not lane.entries[0].is_spooled:
                            found.append(lane.entries[0])
                        break
                    if entry.put_s <= until_s:
                        new.append(entry)
                found += reversed(new)
        return found

    def give_back(self, stream: StreamKey, entries: Sequence[Entry], hold_s: float) -> None:
        """Put messages back before the others of ``stream`` and hold it for ``hold_s``."""
        with self._changed:
            lane = self._lanes.setdefault(stream, _Queue())
            lane.entries.extendleft(reversed(entries))
            lane.held_until_s = self._monotonic_s() + hold_s
            lane.is_probing = True
            self._depth += len(entries)
            self._bytes += _payload_bytes(entries)
            dropped = self._trim(lane)
        if dropped:
            self._on_drop(stream, DropReason.OVERFLOW, dropped)

    def release(self, stream: StreamKey) -> None:
        """End the probing of a stream that was held: it takes messages again."""
        with self._changed:
            lane = self._lanes.setdefault(stream, _Queue())
            lane.held_until_s = 0.0
            lane.is_probing = False

    def wait(self, timeout_s: float) -> None:
        """Return as soon as a message can be taken or :meth:`wake` was called."""
        deadline_s = self._monotonic_s() + timeout_s
        with self._changed:
            while not self._is_woken:
                now_s = self._monotonic_s()
                lanes = [lane for lane in self._lanes.values() if lane.entries]
                if now_s >= deadline_s or any(_is_due(lane, now_s) for lane in lanes):
                    break
                next_s = min([deadline_s, *(lane.held_until_s for lane in lanes)])
                self._changed.wait(next_s - now_s)
            self._is_woken = False

    def wake(self) -> None:
        """End the present or the next :meth:`wait`."""
        with self._changed:
            self._is_woken = True
            self._changed.notify()

    def close(self) -> list[Entry]:
        """Refuse further messages and give up what is left."""
        with self._changed:
            self._is_closed = True
            left = [entry for lane in self._lanes.values() for entry in lane.entries]
            self._lanes.clear()
            self._depth = self._bytes = 0
        return left

    def _trim(self, lane: _Queue) -> int:
        """Drop the oldest beyond the bound; the next message accounts for their frames."""
        dropped = 0
        while len(lane.entries) > self._limit:
            oldest = lane.entries.popleft()
            self._depth -= 1
            self._bytes -= len(oldest.payload)
            if oldest.delivered and not oldest.forgotten:
                continue
            dropped += 1
            oldest.ack()
            heir = lane.entries[0]
            # Frames are counted per run: another run's message starts from nothing.
            if heir.run == oldest.run:
                heir.lost_before += oldest.lost_before + oldest.skipped + 1
        return dropped


def _payload_bytes(entries: Iterable[Entry]) -> int:
    return sum(len(entry.payload) for entry in entries)


def _is_due(lane: _Queue, now_s: float) -> bool:
    return bool(lane.entries) and lane.held_until_s <= now_s
