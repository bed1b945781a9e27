"""Events in, sentences out, in the order of the events; the deadline is kept here."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from vision.config.narration import NarrationSettings
from vision.domain.event import EventMessage
from vision.domain.message import utc_text
from vision.domain.narration import (
    NARRATION_SCHEMA,
    AttemptOutcome,
    NarrationAttempt,
    NarrationMessage,
    NarrationTime,
)
from vision.narration.chain import NarrationResult
from vision.narration.facts import Facts, facts_of, is_wanted
from vision.narration.loop import NarrationLoop
from vision.narration.metrics import NarrationMetrics
from vision.narration.wording import version_of
from vision.narration.writer import NarrationWriter, WriteOutcome
from vision.publishing.reading.event_follower import FollowedEntry

_log = logging.getLogger(__name__)
_LOOK_S = 0.25
# Kept for the template and for Redis when a provider used up all the time there was.
_LAST_S = 0.1


@dataclass(frozen=True, slots=True)
class _Pending:
    """An event under way; ``told`` is None for one that needs no sentence."""

    entry: FollowedEntry
    facts: Facts | None
    told: Future[NarrationResult] | None
    received_ns: int
    received_s: float


class NarrationQueue:
    """One thread puts events in, another tells of them: each within its deadline."""

    def __init__(
        self,
        settings: NarrationSettings,
        loop: NarrationLoop,
        writer: NarrationWriter,
        metrics: NarrationMetrics,
        image_url: Callable[[EventMessage], str | None],
        *,
        ack: Callable[[FollowedEntry], None],
    ) -> None:
        """``image_url`` gives the snapshot of an event, None where there is none.

        ``ack`` hears of each event that was told, or need not be.
        """
        self._settings = settings
        self._loop = loop
        self._writer = writer
        self._metrics = metrics
        self._image_url = image_url
        self._ack = ack
        self._zone = ZoneInfo(settings.timezone)
        self._names = [provider.name for provider in settings.providers]
        # As long as what is under way is told in time, it is emptied faster than that.
        self._pending: queue.Queue[_Pending] = queue.Queue(4 * settings.limits.pending)
        self.last_heartbeat_ns = time.monotonic_ns()

    @property
    def depth(self) -> int:
        """Events whose sentences are under way."""
        return self._pending.qsize()

    def put(self, entry: FollowedEntry, stop: threading.Event) -> None:
        """Begin with an event; waits while Redis takes no sentences."""
        self._metrics.newest_event.labels(entry.camera).set_to_current_time()
        pending = self._begin(entry)
        while not stop.is_set():
            try:
                self._pending.put(pending, timeout=_LOOK_S)
            except queue.Full:
                continue
            self._metrics.pending.set(self.depth)
            return

    def run(self, stop: threading.Event) -> None:
        """Tell of what was put in until ``stop`` is set; the rest is for the next start."""
        while not stop.is_set():
            self.last_heartbeat_ns = time.monotonic_ns()
            try:
                pending = self._pending.get(timeout=_LOOK_S)
            except queue.Empty:
                continue
            self._metrics.pending.set(self.depth)
            self._finish(pending, stop)
        self._writer.close()

    def _begin(self, entry: FollowedEntry) -> _Pending:
        received_ns, received_s = time.time_ns(), time.monotonic()
        event = entry.message
        if event is None or not is_wanted(event, self._settings):
            return _Pending(entry, None, None, received_ns, received_s)
        facts = facts_of(event, self._zone)
        told: Future[NarrationResult] | None = None
        why = self._why_by_template(event, received_ns)
        if why is None:
            until_s = received_s + self._settings.deadline_s
            told = self._loop.narrate(facts, until_s, lambda: self._image_url(event))
        else:
            told = Future()
            told.set_result(self._loop.chain.narrate_by_template(facts, why))
        return _Pending(entry, facts, told, received_ns, received_s)

    def _why_by_template(self, event: EventMessage, now_ns: int) -> AttemptOutcome | None:
        """Why nobody is to be asked; None to ask."""
        if _age_s(event, now_ns) > self._settings.max_age_s:
            return AttemptOutcome.LATE
        if self.depth >= self._settings.limits.pending:
            return AttemptOutcome.BUSY
        return None

    def _finish(self, pending: _Pending, stop: threading.Event) -> None:
        camera, event = pending.entry.camera, pending.entry.message
        if event is None or pending.facts is None or pending.told is None:
            self._ack(pending.entry)
            return
        self._metrics.know_narrators(camera, (*self._names, "template"))
        told = self._told(pending.facts, pending.told, pending.received_s, stop)
        if told is None:
            return
        took_s = time.monotonic() - pending.received_s
        message = self._message(event, told, pending.received_ns, took_s)
        is_fresh = _age_s(event, pending.received_ns) <= self._settings.max_age_s
        stream_id = pending.entry.place.stream_id
        outcome = self._writer.narrate(message, stream_id, stop, live=is_fresh)
        if outcome is not WriteOutcome.LOST:
            self._ack(pending.entry)
        if outcome is WriteOutcome.TOLD:
            self._metrics.narrations.labels(camera, told.provider).inc()
            self._metrics.narration_seconds.observe(took_s)
            _log.info(
                "narrate.told camera=%s id=%s provider=%s seconds=%.2f",
                camera,
                message.id,
                told.provider,
                took_s,
            )

    def _told(
        self, facts: Facts, asked: Future[NarrationResult], received_s: float, stop: threading.Event
    ) -> NarrationResult | None:
        """The sentence, by template if even the chain did not keep its time.

        None where ``stop`` was set before a provider answered: the next start tells of the event.
        """
        until_s = received_s + self._settings.deadline_s - _LAST_S
        while not asked.done() and (left_s := until_s - time.monotonic()) > 0:
            if stop.is_set():
                asked.cancel()
                return None
            wait([asked], timeout=min(left_s, _LOOK_S))
        try:
            return asked.result(timeout=0)
        except (TimeoutError, CancelledError):
            asked.cancel()
        except Exception:  # noqa: BLE001  a sentence there has to be
            _log.error("narrate.chain_failed", exc_info=True)
        return self._loop.chain.narrate_by_template(facts, AttemptOutcome.NO_TIME)

    def _message(
        self, event: EventMessage, told: NarrationResult, received_ns: int, took_s: float
    ) -> NarrationMessage:
        return NarrationMessage(
            schema=NARRATION_SCHEMA,
            id=f"{event.id}:{event.revision}",
            camera=event.camera,
            event=event.id,
            type=event.type,
            revision=event.revision,
            label=event.label,
            language=self._settings.language,
            text=told.text,
            provider=told.provider,
            model=told.model,
            template=version_of(self._settings.language),
            image=told.image,
            time=NarrationTime(
                event=event.time.published,
                received=utc_text(received_ns),
                published=utc_text(received_ns + round(took_s * 1e9)),
            ),
            latency_ms=round(took_s * 1000, 1),
            attempts=tuple(
                NarrationAttempt(one.provider, one.outcome.value, round(one.latency_s * 1000, 1))
                for one in told.attempts
            ),
        )


def _age_s(event: EventMessage, now_ns: int) -> float:
    """How long ago an event message was published; 0 where it does not say."""
    try:
        return now_ns / 1e9 - datetime.fromisoformat(event.time.published).timestamp()
    except (ValueError, OverflowError):
        return 0.0
