"""One exchange with Redis: waiting messages out, what became of each back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import redis

from vision.config.topics import PublishingSettings
from vision.frames.redis_errors import (
    code_of,
    explain,
    is_elsewhere,
    is_id_too_small,
    is_lasting,
)
from vision.frames.redis_link import Exchange, RedisLink
from vision.publishing.keys import MESSAGE_FIELD, Kind
from vision.publishing.writing.observer import DropReason
from vision.publishing.writing.outbox import Entry


class Refusal(NamedTuple):
    """A message that Redis did not take, the code it said, and what that means in words."""

    entry: Entry
    code: str
    why: str


class OtherRefusal(NamedTuple):
    """Channel of a refused PUBLISH; the rest as of :class:`Refusal`."""

    name: str
    code: str
    why: str


class Loss(NamedTuple):
    """A message that will never reach its stream, and why."""

    entry: Entry
    code: str
    reason: DropReason


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the messages of one exchange; each stands in one of the first three.

    Attributes:
        delivered: On their streams.
        held: Refused for a condition that can pass; to be sent again.
        lost: Refused for good.
        others: What else was refused.
    """

    delivered: list[Entry] = field(default_factory=list)
    held: list[Refusal] = field(default_factory=list)
    lost: list[Loss] = field(default_factory=list)
    others: list[OtherRefusal] = field(default_factory=list)


class _Attempt(NamedTuple):
    entry: Entry
    was_sent_before: bool
    is_live: bool


class StreamWriter:
    """Writes messages to stream and live channel, without transactions.

    Stream: exactly once. The id is explicit, so a message that is sent again after an
    unanswered command is refused when it is there already. A refusal alone proves nothing,
    since the stream's newest entry may be somebody else's: the entry itself is looked up.

    Live channel: a command that went unanswered may have been executed, and PUBLISH has no
    id that would refuse a second one. XADD and PUBLISH of a message travel back to back on
    one connection, so the stream knows: where the message is there already its PUBLISH is
    taken as done, where it is not it is published once its XADD is confirmed. It is doubled
    (with the same ``id``) only if Redis executes the old connection's commands after the
    new one's, and left out only if the connection broke between the two commands.

    A message that waited longer than ``live_max_age_ms`` goes to its stream alone.
    """

    def __init__(
        self, settings: PublishingSettings, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._kept = {
            Kind.DETECTIONS: settings.stream_max_messages,
            Kind.STATUS: settings.status_max_messages,
        }
        self._live_max_age_s = settings.live_max_age_ms / 1000
        self._monotonic_s = monotonic_s

    def write(
        self,
        link: RedisLink,
        entries: Sequence[Entry],
    ) -> Outcome:
        """Write ``entries`` in one round trip per server.

        A second one follows for what was sent before or refused by its id.

        Raises:
            redis.RedisError: No answer, or one that sends us to another server. Entries are marked ``unsure``; those whose fate was
                already known are found out about again when they are written again.
        """
        outcome = Outcome()
        attempts = [
            _Attempt(entry, entry.unsure, not entry.unsure and self._is_live(entry))
            for entry in entries
        ]
        exchange = link.exchange()
        for attempt in attempts:
            self._add(exchange, attempt.entry, attempt.entry.stream_id)
            if attempt.is_live:
                self._publish(link, exchange, attempt.entry)
            attempt.entry.unsure = True
        answered = exchange.execute()
        replies = iter(answered)
        doubtful = self._read(outcome, attempts, replies)
        if any(map(is_elsewhere, answered)):
            for entry in entries:
                entry.unsure = True
        _leave_if_elsewhere(answered)
        late = [entry for entry in outcome.delivered if self._is_live(entry)]
        if doubtful or late:
            self._settle(link, outcome, doubtful, late)
        return outcome

    def _is_live(self, entry: Entry) -> bool:
        return entry.live_due and self._monotonic_s() - entry.put_s <= self._live_max_age_s

    def _read(
        self, outcome: Outcome, attempts: Sequence[_Attempt], replies: Iterator[object]
    ) -> list[_Attempt]:
        """File the replies under ``outcome``; returns what was refused by its id."""
        doubtful: list[_Attempt] = []
        for attempt in attempts:
            entry, reply = attempt.entry, next(replies)
            if attempt.is_live:
                published = next(replies)
                entry.live_due = is_elsewhere(published)
                _note(outcome, str(entry.stream), published)
            if is_id_too_small(reply):
                doubtful.append(attempt)
                continue
            entry.unsure = attempt.was_sent_before
            _file(outcome, entry, reply)
        return doubtful

    def _settle(
        self,
        link: RedisLink,
        outcome: Outcome,
        doubtful: Sequence[_Attempt],
        late: Sequence[Entry],
    ) -> None:
        """Look up what was refused by its id; publish what Redis did not have before."""
        exchange = link.exchange()
        for entry, *_ in doubtful:
            name = str(entry.stream)
            exchange.at(name).xrange(name, entry.stream_id, entry.stream_id, count=1)
        for entry in late:
            entry.live_due = False
            self._publish(link, exchange, entry)
        answered = exchange.execute()
        _leave_if_elsewhere(answered)
        replies = iter(answered)
        behind: list[Entry] = []
        for attempt in doubtful:
            entry, found = attempt.entry, next(replies)
            if isinstance(found, redis.ResponseError):
                # Not allowed to read: the likely reason is taken for the true one.
                found = attempt.was_sent_before
            # Confirmed once and gone now, it was trimmed, which is no loss.
            if found or entry.delivered:
                outcome.delivered.append(entry)
            elif entry.stream.kind is Kind.STATUS:
                behind.append(entry)
            else:
                outcome.lost.append(Loss(entry, "ERR", DropReason.REFUSED_ID))
        for entry in late:
            _note(outcome, str(entry.stream), next(replies))
        if behind:
            self._append(link, outcome, behind)

    def _append(self, link: RedisLink, outcome: Outcome, entries: Sequence[Entry]) -> None:
        """Add statuses whose ids the clock put behind the newest, with ids Redis chooses.

        Only the order of statuses means something. Detections keep their ids: they are run
        and number of the frame.
        """
        exchange = link.exchange()
        for entry in entries:
            self._add(exchange, entry, "*")
        replies = exchange.execute()
        _leave_if_elsewhere(replies)
        for entry, reply in zip(entries, replies, strict=True):
            if isinstance(reply, bytes):
                entry.stream_id = reply.decode()
            _file(outcome, entry, reply)

    def _add(self, exchange: Exchange, entry: Entry, stream_id: str) -> None:
        name = str(entry.stream)
        exchange.at(name).xadd(
            name,
            {MESSAGE_FIELD: entry.payload},
            id=stream_id,
            maxlen=self._kept[entry.stream.kind],
            approximate=True,
        )

    def _publish(self, link: RedisLink, exchange: Exchange, entry: Entry) -> None:
        name = str(entry.stream)
        if link.is_cluster:
            # The channel is hashed to a slot like a key: it lies where its stream does, and
            # no other node has to be told of the message.
            exchange.at(name).spublish(name, entry.payload)
        else:
            exchange.at(name).publish(name, entry.payload)


def _leave_if_elsewhere(replies: Sequence[object]) -> None:
    """Raise the first reply that sends us to another server.

    What the other messages met with is found out about once more when they are sent again.
    """
    elsewhere = next((reply for reply in replies if is_elsewhere(reply)), None)
    if elsewhere is not None:
        raise cast("redis.ResponseError", elsewhere)


def _file(outcome: Outcome, entry: Entry, reply: object) -> None:
    if not isinstance(reply, redis.ResponseError):
        outcome.delivered.append(entry)
    elif is_lasting(reply):
        outcome.lost.append(Loss(entry, code_of(reply), DropReason.REJECTED))
    else:
        outcome.held.append(Refusal(entry, code_of(reply), explain(reply)))


def _note(outcome: Outcome, name: str, reply: object) -> None:
    if isinstance(reply, redis.ResponseError):
        outcome.others.append(OtherRefusal(name, code_of(reply), explain(reply)))
