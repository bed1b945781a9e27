"""What Redis confirmed lately: it may have forgotten that when it comes back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from vision.frames.redis_link import RedisLink
from vision.publishing.writing.outbox import Entry

# What a Redis that dies may take with it although it was confirmed: `appendfsync everysec`
# lets up to two seconds of writes wait, a replica that takes over lags by less.
_FORGETFUL_S = 2.0


class RecentlyConfirmed:
    """Keeps confirmed messages until they are safe; used by one thread at a time."""

    def __init__(
        self, limit: int, command_timeout_s: float, monotonic_s: Callable[[], float]
    ) -> None:
        """Keep up to ``limit``; a loss is noticed ``command_timeout_s`` late at most."""
        self._entries: deque[tuple[float, Entry]] = deque(maxlen=limit)
        self._kept_s = _FORGETFUL_S + command_timeout_s
        self._monotonic_s = monotonic_s

    def add(self, entries: Iterable[Entry]) -> None:
        """Take what was confirmed just now, in the order of the streams."""
        self.forget_old()
        now_s = self._monotonic_s()
        self._entries.extend((now_s, entry) for entry in entries)

    def forget_old(self) -> None:
        """What was confirmed long enough ago has reached Redis' disk and its replicas."""
        oldest_s = self._monotonic_s() - self._kept_s
        while self._entries and self._entries[0][0] < oldest_s:
            self._entries.popleft()

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()

    def take_lost(self, link: RedisLink) -> list[Entry]:
        """Remove and return what Redis does not have any more, marked as unsure.

        Raises:
            redis.RedisError: It does not answer.
        """
        newest = {entry.stream: entry.stream_id for _, entry in self._entries}
        exchange = link.exchange()
        for stream, stream_id in newest.items():
            exchange.at(str(stream)).xrange(str(stream), stream_id, stream_id, count=1)
        replies = exchange.execute()
        # Entries go in order: where the newest is, all are.
        gone = {stream for stream, reply in zip(newest, replies, strict=True) if reply == []}
        lost = [entry for _, entry in self._entries if entry.stream in gone]
        kept = [pair for pair in self._entries if pair[1].stream not in gone]
        self._entries.clear()
        self._entries.extend(kept)
        for entry in lost:
            entry.unsure = True
        return lost
