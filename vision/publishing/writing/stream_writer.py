"""One exchange with Redis: waiting messages out, what became of each back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import redis

from vision.config.core import PublishingSettings
from vision.domain.losses import DropReason
from vision.frames.redis_scripts import state_key
from vision.publishing.keys import Kind, StreamKey
from vision.publishing.writing.append_script import (
    APPEND,
    APPEND_SHA,
    AppendCode,
    AppendReply,
    BehindPolicy,
    Result,
    StreamAhead,
    StreamId,
    UnverifiedRefusal,
    read_reply,
)
from vision.publishing.writing.outbox import Entry
from vision.redis.errors import code_of, explain, is_lasting, raise_if_elsewhere
from vision.redis.link import Exchange, RedisLink


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


class Outrun(NamedTuple):
    """A message that its stream is ahead of.

    Attributes:
        entry: The message.
        newest: The stream's newest id, None where nobody may see it.
        untried: Those after it, in order.
        is_taken: Whether a stranger's entry has its id.
    """

    entry: Entry
    newest: StreamId | None
    untried: Sequence[Entry]
    is_taken: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the messages of one exchange; each stands in one of the first four.

    Attributes:
        delivered: On their streams.
        held: Refused for a condition that can pass; to be sent again.
        lost: Refused for good.
        outrun: Where messages may go by greater ids: nothing happened to them yet.
        trimmed: Old messages by stream that made way: Redis is at its limit of memory.
        others: What else was refused.
    """

    delivered: list[Entry] = field(default_factory=list)
    held: list[Refusal] = field(default_factory=list)
    lost: list[Loss] = field(default_factory=list)
    outrun: list[Outrun] = field(default_factory=list)
    trimmed: dict[StreamKey, int] = field(default_factory=dict)
    others: list[OtherRefusal] = field(default_factory=list)


class _Attempt(NamedTuple):
    entry: Entry
    was_sent_before: bool


class StreamWriter:
    """Writes messages to stream and live channel, without transactions.

    Exactly once: the id is explicit, so a message that is sent again after an unanswered
    command is refused when it is there already. A refusal alone proves nothing, since the
    stream's newest entry may be somebody else's: the entry itself is looked up.

    Stream and live channel are written by one script (:mod:`.append_script`): a message that
    was not added is not published, and one that was there already was published with it.

    A message that waited longer than ``live_max_age_ms`` goes to its stream alone.
    """

    def __init__(
        self,
        settings: PublishingSettings,
        monotonic_s: Callable[[], float] = time.monotonic,
        *,
        behind: BehindPolicy = BehindPolicy.PASS,
        is_fenced: bool = False,
    ) -> None:
        """``behind`` says what becomes of detections whose ids their stream is ahead of.

        ``is_fenced``: Their frames were taken from Redis, by ``run-seq``, and others may take
        them too.
        """
        self._kept = {
            Kind.DETECTIONS: settings.stream_max_messages,
            Kind.STATUS: settings.status_max_messages,
        }
        # Only the order of statuses means something. Detections keep their ids: they are run
        # and number of the frame.
        self._behind = {Kind.DETECTIONS: behind, Kind.STATUS: BehindPolicy.APPEND}
        self._is_fenced = is_fenced
        self._live_max_age_s = settings.live_max_age_ms / 1000
        self._monotonic_s = monotonic_s

    def write(
        self,
        link: RedisLink,
        entries: Sequence[Entry],
    ) -> Outcome:
        """Write ``entries`` in one round trip per server.

        A second one follows where a server does not know the script yet.

        Raises:
            redis.RedisError: No answer, or one that sends us to another server. Entries are
                marked ``unsure``; those whose fate was already known are found out about
                again when they are written again.
        """
        outcome = Outcome()
        streams: dict[StreamKey, list[_Attempt]] = {}
        for entry in entries:
            streams.setdefault(entry.stream, []).append(_Attempt(entry, entry.unsure))
        exchange = link.exchange()
        for stream, attempts in streams.items():
            self._append(link, exchange, stream, attempts)
        for entry in entries:
            entry.unsure = True
        answered = exchange.execute()
        raise_if_elsewhere(answered)
        by_stream = dict(zip(streams, answered, strict=True))
        self._teach(link, streams, by_stream)
        for stream, answer in _understood(by_stream).items():
            self._read(outcome, stream, streams[stream], answer)
        return outcome

    def _append(
        self, link: RedisLink, exchange: Exchange, stream: StreamKey, attempts: Iterable[_Attempt]
    ) -> None:
        name = str(stream)
        # A channel of a cluster is hashed to a slot like a key: it lies where its stream does,
        # and no other node has to be told of the message.
        publish = "SPUBLISH" if link.is_cluster else "PUBLISH"
        arguments: list[str | int | bytes] = [self._kept[stream.kind], publish]
        is_fenced = self._is_fenced and stream.kind is Kind.DETECTIONS
        arguments += (self._behind[stream.kind], state_key(stream.camera) if is_fenced else "")
        for entry, _ in attempts:
            arguments += (entry.stream_id, int(self._is_live(entry)), entry.payload)
        exchange.at(name).evalsha(APPEND_SHA, 1, name, *arguments)

    def _teach(
        self,
        link: RedisLink,
        streams: Mapping[StreamKey, Sequence[_Attempt]],
        replies: dict[StreamKey, object],
    ) -> None:
        """Load the script where it was not known and replace those replies.

        A server that was started anew, has taken over or was told to forget its scripts knows
        none: nothing of those calls has happened.
        """
        strange = [
            stream
            for stream, reply in replies.items()
            if isinstance(reply, redis.exceptions.NoScriptError)
        ]
        if not strange:
            return
        exchange = link.exchange()
        for stream in strange:
            exchange.at(str(stream)).script_load(APPEND)
            self._append(link, exchange, stream, streams[stream])
        answered = exchange.execute()
        raise_if_elsewhere(answered)
        for stream, loaded, reply in zip(strange, answered[::2], answered[1::2], strict=True):
            # Where it may not be loaded, that is what has to be mended.
            replies[stream] = loaded if isinstance(loaded, redis.ResponseError) else reply

    def _is_live(self, entry: Entry) -> bool:
        return entry.live_due and self._monotonic_s() - entry.put_s <= self._live_max_age_s

    def _read(
        self,
        outcome: Outcome,
        stream: StreamKey,
        attempts: Sequence[_Attempt],
        appended: AppendReply | redis.ResponseError,
    ) -> None:
        """File what became of the messages of one stream under ``outcome``."""
        if isinstance(appended, redis.ResponseError):
            for entry, was_sent_before in attempts:
                entry.unsure = was_sent_before
                _refuse(outcome, entry, appended)
            return
        results = appended.results
        if appended.trimmed:
            outcome.trimmed[stream] = appended.trimmed
        if appended.unheard is not None:
            _note(outcome, str(stream), appended.unheard)
        untried = attempts[len(results) :]
        for entry, was_sent_before in untried:
            entry.unsure = was_sent_before
        for attempt, result in zip(attempts, results, strict=False):
            self._file(outcome, attempt, result, [entry for entry, _ in untried])
        if untried and isinstance(results[-1], redis.ResponseError):
            for entry, _ in untried:
                _refuse(outcome, entry, results[-1])

    def _file(
        self, outcome: Outcome, attempt: _Attempt, result: Result, untried: Sequence[Entry]
    ) -> None:
        entry, was_sent_before = attempt
        match result:
            case redis.ResponseError():
                entry.unsure = was_sent_before
                _refuse(outcome, entry, result)
                return
            case StreamAhead(newest, is_taken) if (
                not entry.delivered and self._behind[entry.stream.kind] is BehindPolicy.STOP
            ):
                # It is not there: whatever was sent before has not arrived.
                entry.unsure = False
                outcome.outrun.append(Outrun(entry, newest, untried, is_taken))
                return
            case StreamAhead() if not entry.delivered:
                outcome.lost.append(Loss(entry, "ERR", DropReason.REFUSED_ID))
                return
            case AppendCode.CLAIMED if not entry.delivered:
                outcome.lost.append(Loss(entry, "LEASE", DropReason.LEASE_LOST))
                return
            case UnverifiedRefusal() if not (was_sent_before or entry.delivered):
                # Nobody may look: the likely reason is taken for the true one.
                outcome.lost.append(Loss(entry, "ERR", DropReason.REFUSED_ID))
                return
            case (milliseconds, number):
                entry.stream_id = f"{milliseconds}-{number}"
        # Also what was confirmed once and is gone now: it was trimmed, which is no loss.
        entry.live_due = False
        outcome.delivered.append(entry)


def _understood(
    replies: Mapping[StreamKey, object],
) -> dict[StreamKey, AppendReply | redis.ResponseError]:
    """The answers in the replies; raised if one sends us to another server."""
    answers = {
        stream: reply if isinstance(reply, redis.ResponseError) else read_reply(reply)
        for stream, reply in replies.items()
    }
    for answer in answers.values():
        if not isinstance(answer, redis.ResponseError):
            # A replica knows scripts, and refuses what they write.
            raise_if_elsewhere(answer.results)
    return answers


def _refuse(outcome: Outcome, entry: Entry, error: redis.ResponseError) -> None:
    if is_lasting(error):
        outcome.lost.append(Loss(entry, code_of(error), DropReason.REJECTED))
    else:
        outcome.held.append(Refusal(entry, code_of(error), explain(error)))


def _note(outcome: Outcome, name: str, error: redis.ResponseError) -> None:
    outcome.others.append(OtherRefusal(name, code_of(error), explain(error)))
