"""The sending side of the publisher: connects, writes what waits, knows what is uncertain."""

from __future__ import annotations

import contextlib
import itertools
import logging
from collections import deque
from collections.abc import Callable, Iterable

import redis

from vision.config.core import PublishingSettings, RedisSettings
from vision.domain.errors import ConfigError
from vision.domain.losses import DropReason
from vision.publishing.encoding import add_skipped
from vision.publishing.keys import Kind, StreamKey
from vision.publishing.writing.append_script import BehindPolicy
from vision.publishing.writing.confirmed import RecallResult, RecentlyConfirmed
from vision.publishing.writing.observer import PublishObserver
from vision.publishing.writing.outbox import Entry, Outbox
from vision.publishing.writing.run_raiser import RunRaiser
from vision.publishing.writing.state_hashes import StateHashes
from vision.publishing.writing.state_writer import StateWriter
from vision.publishing.writing.stream_writer import Loss, Outcome, Outrun, Refusal, StreamWriter
from vision.redis.client import address_of
from vision.redis.connector import ASK_PERIOD_S, RedisConnector, reconnect_backoff
from vision.redis.errors import NoPrimaryError, explain
from vision.redis.link import RedisLink
from vision.resilience.backoff import Backoff
from vision.resilience.log_throttle import LogThrottle

_log = logging.getLogger(__name__)
# One exchange must fit into the command timeout on a slow link: half a second at 10 Mbit/s,
# each message travelling twice.
_BATCH_MESSAGES = 500
_BATCH_BYTES = 256 * 1024
# Between attempts to get a refused stream's messages through.
_HOLD_BASE_S = 0.1
_HOLD_CAP_S = 2.0
# Without traffic, a PING this often keeps the reported connection state true.
_HEARTBEAT_S = 5.0
_LOG_PERIOD_S = 60.0


class Sender:
    """Moves messages from the outbox to Redis; used by one thread at a time.

    What was taken from the outbox stays in hand until Redis confirmed or refused it. After a
    lost connection, what was confirmed in the seconds before is looked for: a Redis that came
    back without its last writes gets them once more.
    """

    def __init__(
        self,
        *,
        settings: RedisSettings,
        publishing: PublishingSettings,
        connector: RedisConnector,
        outbox: Outbox,
        hashes: StateHashes,
        observer: PublishObserver,
        on_drop: Callable[[StreamKey, DropReason, int], None],
        monotonic_s: Callable[[], float],
        raiser: RunRaiser | None = None,
        is_fenced: bool = False,
    ) -> None:
        """``raiser`` gives messages greater ids whose stream is ahead; without one they are lost.

        ``is_fenced`` as of :class:`StreamWriter`.
        """
        self._raiser = raiser
        self._connector = connector
        self._outbox = outbox
        self._observer = observer
        self._on_drop = on_drop
        self._monotonic_s = monotonic_s
        self._writer = StreamWriter(
            publishing,
            monotonic_s,
            behind=BehindPolicy.STOP if raiser else BehindPolicy.PASS,
            is_fenced=is_fenced,
        )
        self._address = address_of(settings)
        self._link: RedisLink | None = None
        self._states = StateWriter(hashes, observer, monotonic_s)
        self._is_connected = False
        self.problem: str | None = None
        """Why Redis does not answer, in words; for any thread."""
        self._backoff = reconnect_backoff(settings)
        self._holds: dict[StreamKey, Backoff] = {}
        self._in_hand: deque[Entry] = deque()
        self._confirmed = RecentlyConfirmed(settings.command_timeout_s, monotonic_s)
        self._heard_s = 0.0
        self._asked_s = 0.0
        self._damper = LogThrottle(_LOG_PERIOD_S, monotonic_s)

    @property
    def is_connected(self) -> bool:
        """Whether Redis answered last time."""
        return self._is_connected

    @property
    def has_more(self) -> bool:
        """Whether a further turn has something to send without waiting for the outbox."""
        return bool(self._in_hand)

    @property
    def in_hand(self) -> int:
        """Messages taken from the outbox of which Redis confirmed nothing yet."""
        return sum(not entry.delivered for entry in self._in_hand.copy())

    def unacked(self) -> list[Entry]:
        """What is in hand and not confirmed; it stays there."""
        return [entry for entry in self._in_hand if not entry.delivered]

    def run_once(self) -> float:
        """Connect if need be and make one exchange; returns seconds to wait after a failure."""
        try:
            link = self._link or self._connect()
            self._exchange(link)
        except (redis.RedisError, ConfigError) as error:
            self._disconnected(error)
        except Exception as error:  # noqa: BLE001  what answers on that port decides what the client's parser runs into
            if self._damper.admit(f"failed: {type(error)}"):
                _log.error("publish.failed", exc_info=error)
            self._disconnected(error)
        else:
            return 0.0
        return self._backoff.next_s()

    def close(self) -> list[Entry]:
        """Close the connection and give up what is in hand and unconfirmed."""
        left = self.unacked()
        self._in_hand.clear()
        self._confirmed.clear()
        if self._link is not None:
            with contextlib.suppress(redis.RedisError):
                self._states.leave(self._link)
            self._link.close()
            self._link = None
        self._set_connected(is_connected=False)
        return left

    def _connect(self) -> RedisLink:
        link = self._connector.open()
        try:
            self._states.begin()
            self._take_up(self._confirmed.recall(link, self._outbox.streams()))
        except Exception:
            link.close()
            raise
        self._link = link
        self._heard_s = self._asked_s = self._monotonic_s()
        self.problem = None
        self._set_connected(is_connected=True)
        _log.info(
            "publish.connected address=%s at=%s waiting=%d",
            self._address,
            link.address or self._address,
            len(self._outbox) + self.in_hand,
        )
        return link

    def _take_up(self, recalled: RecallResult) -> None:
        """Send again what Redis forgot, and tell of what nobody can send any more."""
        self._in_hand.extendleft(reversed(recalled.lost))
        if self._raiser is not None:
            self._raiser.learn(recalled.newest)
        forgotten = dict(recalled.explained)
        for stream, gap in recalled.unexplained.items():
            forgotten[stream] = gap.frames
            if self._raiser is not None:
                self._raiser.leave(stream, gap)
        for stream, frames in forgotten.items():
            _log.error("publish.forgotten stream=%s frames=%d", stream, frames)
            self._on_drop(stream, DropReason.FORGOTTEN, frames)

    def _disconnected(self, error: Exception) -> None:
        """Note that Redis is away, and say why."""
        if self._link is not None:
            self._link.close()
            self._link = None
        self.problem = reason = explain(error)
        times = self._damper.admit(f"away: {reason}")
        if self._is_connected or times:
            _log.warning(
                "publish.redis_away address=%s waiting=%d reason=%s",
                self._address,
                len(self._outbox) + self.in_hand,
                reason,
            )
        self._set_connected(is_connected=False)

    def _set_connected(self, *, is_connected: bool) -> None:
        if is_connected is not self._is_connected:
            self._is_connected = is_connected
            self._observer.connected(is_connected)

    def _exchange(self, link: RedisLink) -> None:
        now_s = self._monotonic_s()
        if now_s - self._asked_s >= ASK_PERIOD_S:
            self._asked_s = now_s
            if not self._connector.is_current(link):
                raise NoPrimaryError("another server is the primary now")
        if not self._in_hand:
            self._in_hand.extend(self._outbox.take(_BATCH_MESSAGES, _BATCH_BYTES))
        batch = self._next_batch()
        # Before its message, so that whoever hears of a change reads the new state.
        has_spoken = self._states.run_once(link)
        if batch:
            outcome = self._writer.write(link, batch)
            for _ in batch:
                self._in_hand.popleft()
            self._ack(batch, outcome)
        elif self._monotonic_s() - self._heard_s >= _HEARTBEAT_S:
            link.ping()
        elif not has_spoken:
            return
        self._heard_s = self._monotonic_s()
        self._backoff.reset()

    def _next_batch(self) -> list[Entry]:
        """The oldest in hand; stays in hand until it is settled."""
        batch: list[Entry] = []
        room = _BATCH_BYTES
        for entry in itertools.islice(self._in_hand, _BATCH_MESSAGES):
            if self._raiser is not None and entry.stream.kind is Kind.DETECTIONS:
                self._raiser.renumber(entry)
            if entry.lost_before and entry.stream.kind is Kind.DETECTIONS:
                entry.payload = add_skipped(entry.payload, entry.lost_before)
                entry.skipped += entry.lost_before
                entry.lost_before = 0
            room -= len(entry.payload)
            if batch and room < 0:
                break
            batch.append(entry)
        return batch

    def _ack(self, batch: Iterable[Entry], outcome: Outcome) -> None:
        delivered = set(outcome.delivered)
        # In the order of the batch, which is that of the streams.
        self._confirmed.add(entry for entry in batch if entry in delivered)
        news = sum(not entry.delivered for entry in delivered)
        for entry in delivered:
            entry.delivered = True
            entry.ack()
            if self._holds.pop(entry.stream, None):
                self._outbox.release(entry.stream)
                _log.info("publish.taken_again stream=%s", entry.stream)
        if news:
            self._observer.published(news)
        for stream in {entry.stream for entry in delivered}:
            self._observer.taken(stream)
        for stream, messages in outcome.trimmed.items():
            if times := self._damper.admit(f"{stream} trimmed"):
                _log.warning(
                    "publish.trimmed stream=%s messages=%d times=%d reason=Redis is at its limit "
                    "of memory: the oldest messages make way",
                    stream,
                    messages,
                    times,
                )
        outrun = self._judge(outcome.outrun)
        self._give_up(outcome.lost + outrun.lost)
        self._hold(outcome.held + outrun.held)
        for name, code, why in outcome.others:
            if times := self._damper.admit(f"{name} {code}"):
                _log.warning(
                    "publish.refused name=%s code=%s times=%d reason=%s", name, code, times, why
                )

    def _judge(self, all_outrun: Iterable[Outrun]) -> Outcome:
        """Find out what becomes of messages that their streams are ahead of."""
        judged = Outcome()
        if self._raiser is None:
            return judged
        for outrun in all_outrun:
            again = self._raiser.judge(outrun, judged)
            self._in_hand.extendleft(reversed(again))
        return judged

    def _give_up(self, losses: Iterable[Loss]) -> None:
        for entry, code, reason in losses:
            if entry.delivered:
                continue
            entry.ack()
            self._on_drop(entry.stream, reason, 1)
            if times := self._damper.admit(f"{entry.stream} {reason}"):
                _log.error(
                    "publish.lost stream=%s id=%s reason=%s code=%s times=%d",
                    entry.stream,
                    entry.stream_id,
                    reason.value,
                    code,
                    times,
                )

    def _hold(self, refusals: Iterable[Refusal]) -> None:
        """Put refused messages back, with all that must come after them."""
        refused: dict[StreamKey, list[Entry]] = {}
        for entry, code, why in refusals:
            if entry.stream not in refused:
                self._observer.held(entry.stream, why)
            refused.setdefault(entry.stream, []).append(entry)
            if times := self._damper.admit(f"{entry.stream} {code}"):
                _log.warning(
                    "publish.held stream=%s code=%s times=%d reason=%s",
                    entry.stream,
                    code,
                    times,
                    why,
                )
        if not refused:
            return
        rest, self._in_hand = self._in_hand, deque()
        for entry in rest:
            refused.get(entry.stream, self._in_hand).append(entry)
        for stream, entries in refused.items():
            backoff = self._holds.setdefault(stream, Backoff(_HOLD_BASE_S, _HOLD_CAP_S))
            self._outbox.give_back(stream, entries, backoff.next_s())
