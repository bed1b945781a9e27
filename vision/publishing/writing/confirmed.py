"""What Redis confirmed lately: it may have forgotten that when it comes back."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from vision.publishing.keys import Kind, StreamKey
from vision.publishing.writing.append_script import StreamId, parse_id
from vision.publishing.writing.outbox import Entry
from vision.redis.link import RedisLink

# What a Redis that dies may take with it although it was confirmed: `appendfsync everysec`
# lets up to two seconds of writes wait, a replica that takes over lags by less.
_FORGETFUL_S = 2.0


class Gap(NamedTuple):
    """Frames that were told of, and that neither Redis nor anybody here has any more.

    Attributes:
        newest: The newest that Redis still has.
        last: The last that it had confirmed.
        frames: How many lie between the two, or between ``newest`` and what is sent again.
    """

    newest: StreamId
    last: StreamId
    frames: int


@dataclass(frozen=True, slots=True)
class RecallResult:
    """What Redis has of the streams, by their newest ids.

    Attributes:
        newest: Of each stream that has entries and may be read.
        lost: What it does not have any more, in order, to be sent again.
        explained: Frames that the first of ``lost`` of a stream accounts for.
        unexplained: Where nothing is left to send again and the next message would leave a gap.
    """

    newest: dict[StreamKey, StreamId] = field(default_factory=dict)
    lost: list[Entry] = field(default_factory=list)
    explained: dict[StreamKey, int] = field(default_factory=dict)
    unexplained: dict[StreamKey, Gap] = field(default_factory=dict)


class RecentlyConfirmed:
    """Keeps confirmed messages until they are safe; used by one thread at a time.

    They are what passed within some seconds: no more than waited, and came, in that time.
    """

    def __init__(self, command_timeout_s: float, monotonic_s: Callable[[], float]) -> None:
        """A loss is noticed ``command_timeout_s`` late at most."""
        self._entries: deque[tuple[float, Entry]] = deque()
        self._last: dict[StreamKey, StreamId] = {}
        self._kept_s = _FORGETFUL_S + command_timeout_s
        self._monotonic_s = monotonic_s

    def add(self, entries: Iterable[Entry]) -> None:
        """Take what was confirmed just now, in the order of the streams."""
        self._forget_old()
        now_s = self._monotonic_s()
        for entry in entries:
            self._entries.append((now_s, entry))
            self._last[entry.stream] = parse_id(entry.stream_id)

    def _forget_old(self) -> None:
        """What was confirmed long enough ago has reached Redis' disk and its replicas.

        Counted until it answered again: however late a loss shows, it came after that.
        """
        oldest_s = self._monotonic_s() - self._kept_s
        while self._entries and self._entries[0][0] < oldest_s:
            self._entries.popleft()

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()
        self._last.clear()

    def recall(self, link: RedisLink, streams: Iterable[StreamKey]) -> RecallResult:
        """Look what Redis has of ``streams`` and of what it confirmed; forget what it lost.

        Raises:
            redis.RedisError: It does not answer.
        """
        recalled = RecallResult()
        has_last = self._compare(link, streams, recalled.newest)
        gone = {stream for stream, has in has_last.items() if has is False}
        if not gone:
            return recalled
        lost: defaultdict[StreamKey, list[Entry]] = defaultdict(list)
        kept: list[tuple[float, Entry]] = []
        for pair in self._entries:
            entry = pair[1]
            newest, last = recalled.newest.get(entry.stream), self._last[entry.stream]
            # A Redis that forgot has what came before; where somebody else is ahead of us,
            # only the entries themselves tell.
            is_gone = entry.stream in gone and (
                newest is None or newest > last or parse_id(entry.stream_id) > newest
            )
            if is_gone:
                entry.unsure = entry.forgotten = True
                lost[entry.stream].append(entry)
                recalled.lost.append(entry)
            else:
                kept.append(pair)
        self._entries = deque(kept)
        for stream in gone:
            self._account(stream, lost[stream], recalled)
            del self._last[stream]
        return recalled

    def _compare(
        self, link: RedisLink, streams: Iterable[StreamKey], newest: dict[StreamKey, StreamId]
    ) -> Mapping[StreamKey, bool | None]:
        """Fill in ``newest``; says whether the last confirmed is there, None for unknown."""
        asked = list(dict.fromkeys([*self._last, *streams]))
        exchange = link.exchange()
        for stream in asked:
            name = str(stream)
            exchange.at(name).xrevrange(name, count=1)
        for stream, (milliseconds, number) in self._last.items():
            name, last = str(stream), f"{milliseconds}-{number}"
            exchange.at(name).xrange(name, last, last, count=1)
        replies = iter(exchange.execute())
        for stream in asked:
            if isinstance(reply := next(replies), list) and reply:
                newest[stream] = parse_id(reply[0][0])
        has_last: dict[StreamKey, bool | None] = {}
        for stream in self._last:
            reply = next(replies)
            has_last[stream] = bool(reply) if isinstance(reply, list) else None
        return has_last

    def _account(self, stream: StreamKey, lost: list[Entry], recalled: RecallResult) -> None:
        """Find the frames between what Redis has and what can be sent again.

        What is sent again goes to the stream alone: its readers are told of the gap by
        ``skipped``, and whoever heard the messages live hears nothing wrong.
        """
        newest, last = recalled.newest.get(stream), self._last[stream]
        # On an empty stream nothing is missing: it begins anew.
        if stream.kind is not Kind.DETECTIONS or newest is None or newest > last:
            return
        if lost:
            first = lost[0]
            run, seq = parse_id(first.stream_id)
            told = newest[1] if newest[0] == run else 0
            frames = seq - 1 - first.skipped - told
            if frames > 0:
                first.lost_before += frames
                recalled.explained[stream] = frames
        else:
            told = newest[1] if newest[0] == last[0] else 0
            recalled.unexplained[stream] = Gap(newest, last, last[1] - told)
