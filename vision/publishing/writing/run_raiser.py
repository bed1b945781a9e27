"""Runs that Redis is ahead of go by greater numbers there, and their messages by greater ids."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from vision.domain.losses import DropReason
from vision.domain.run_ids import RunIds
from vision.publishing.encoding import decode_detections, encode, renumber
from vision.publishing.keys import Kind, StreamKey
from vision.publishing.writing.append_script import StreamId, parse_id
from vision.publishing.writing.confirmed import Gap
from vision.publishing.writing.outbox import Entry
from vision.publishing.writing.outrun import OutrunStreams, Verdict
from vision.publishing.writing.stream_writer import Loss, Outcome, Outrun, Refusal
from vision.resilience.log_throttle import LogThrottle

_log = logging.getLogger(__name__)
_LOG_PERIOD_S = 60.0
_CODE = "OUTRUN"
_REASON = "its stream is ahead of it: whether somebody else writes it shows in a moment"


class RunRaiser:
    """Decides about detections whose stream is ahead of them; used by one thread.

    Within the raised run frames are counted from the first message that goes by it, so that
    ``skipped`` claims no frame that was told of before.
    """

    def __init__(self, runs: RunIds, monotonic_s: Callable[[], float]) -> None:
        self._runs = runs
        self._streams = OutrunStreams(monotonic_s)
        self._damper = LogThrottle(_LOG_PERIOD_S, monotonic_s)

    def learn(self, newest: Mapping[StreamKey, StreamId]) -> None:
        """Take over the newest id of each stream, at each connection before the first write."""
        for stream, (run, _) in newest.items():
            if stream.kind is Kind.DETECTIONS:
                self._runs.learn(stream.camera, run)
        self._streams.learn(newest)

    def leave(self, stream: StreamKey, gap: Gap) -> None:
        """Begin a new run where Redis forgot messages that nobody can send again."""
        run, seq = gap.last
        self._raise(stream, run, gap.newest, seq)

    def renumber(self, entry: Entry) -> None:
        """Give ``entry`` the number that its run goes by now."""
        if entry.delivered:
            # It was told of under its id.
            return
        run, offset = self._runs.number(entry.stream.camera, int(entry.run))
        if run == int(entry.run):
            return
        message = renumber(decode_detections(entry.payload), run, offset)
        entry.payload, entry.stream_id, entry.run = encode(message), message.stream_id, message.run
        # What is on the disk has another id.
        entry.spooled_lost = -1

    def judge(self, outrun: Outrun, judged: Outcome) -> Sequence[Entry]:
        """File under ``judged`` what waits or is lost; returns what is to be sent at once."""
        entry, newest, untried, is_taken = outrun
        stream, waiting = entry.stream, [entry, *untried]
        run, seq = parse_id(entry.stream_id)
        verdict = Verdict.DROP
        if newest is not None and is_taken:
            # Whoever wrote that entry counts on from our ids: a new run is out of his way.
            verdict = Verdict.RAISE
        elif newest is not None and self._runs.is_ours(stream.camera, newest[0]):
            # Of one run only what comes in the wrong order is refused: that is lost.
            verdict = Verdict.DROP if newest[0] == run else Verdict.RAISE
            newest = newest if verdict is Verdict.RAISE else (run, seq)
        elif newest is not None:
            verdict = self._streams.judge(stream, newest)
        if verdict is Verdict.RAISE and newest is not None:
            self._raise(stream, run, newest, seq - 1 - entry.skipped)
            return waiting
        if verdict is Verdict.WAIT:
            judged.held.extend(Refusal(refused, _CODE, _REASON) for refused in waiting)
            return ()
        for refused in waiting:
            is_behind = newest is None or parse_id(refused.stream_id) <= newest
            # One that was sent before may be there, and is looked for.
            if refused is entry or (is_behind and not refused.unsure):
                judged.lost.append(Loss(refused, _CODE, DropReason.REFUSED_ID))
        lost = {loss.entry for loss in judged.lost}
        return [refused for refused in waiting if refused not in lost]

    def _raise(self, stream: StreamKey, run: int, newest: StreamId, told: int) -> None:
        raised = self._runs.raise_above(stream.camera, run, newest[0], told)
        if times := self._damper.admit(str(stream)):
            _log.warning(
                "publish.run_raised stream=%s run=%d raised=%d newest=%d-%d times=%d reason=the "
                "stream was ahead: the clock went back, or Redis has other data than before",
                stream,
                run,
                raised,
                *newest,
                times,
            )
