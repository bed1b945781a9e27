"""What passed between two messages of a camera: seconds, and whether somebody looked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from vision.domain.contract import Count, Number, RunText, Seconds, UtcText
from vision.domain.event import EventGap, GapReason
from vision.domain.message import DetectionMessage, StatusMessage, utc_text
from vision.domain.status import CameraState

# Beyond that one of the two clocks was set, and the one that moved less is believed.
_CLOCKS_AGREE_S = 2.0
# A shorter span without a look hides nobody's visit; it is not worth a word.
_GAP_S = 1.0
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Elapsed:
    """The span before a frame.

    Attributes:
        seconds: By the camera's clock, or ours where that one jumped.
        gap: What nobody looked at in it.
        went_back: Whether both clocks say that the frame is older than the one before.
    """

    seconds: float
    gap: EventGap | None
    went_back: bool


@dataclass(frozen=True, slots=True)
class LastFrame:
    """The newest frame that was looked at."""

    run: RunText
    seq: Number
    gated: Count
    captured: UtcText
    received: UtcText
    is_empty: bool


@dataclass(slots=True)
class Timeline:
    """The frames of a camera, on one axis of seconds that no clock's step disturbs."""

    now_s: Seconds = 0.0
    last: LastFrame | None = None
    is_away: bool = False

    def is_known(self, message: DetectionMessage) -> bool:
        """Whether the frame, or a later one, was looked at before."""
        last = self.last
        return last is not None and (int(message.run), message.seq) <= (int(last.run), last.seq)

    def note(self, status: StatusMessage) -> None:
        """Remember whether the camera delivers; the next frame tells when it did again.

        The end of a run that was replaced already says nothing of the newer one.
        """
        if self.last is not None and int(status.run) < int(self.last.run):
            return
        try:
            self.is_away = not CameraState(status.state).delivers
        except ValueError:
            # Of a newer version: frames will tell.
            return

    def advance(self, message: DetectionMessage, *, keeps_back_empty: bool) -> Elapsed:
        """Move on to the frame of ``message``."""
        captured_ms, received_ms = _ms(message.time.captured), _ms(message.time.received)
        last, was_away = self.last, self.is_away
        self.last = LastFrame(
            message.run,
            message.seq,
            message.gated,
            message.time.captured,
            message.time.received,
            not message.detections,
        )
        self.is_away = False
        if last is None:
            return Elapsed(0.0, None, went_back=False)
        by_camera = (captured_ms - _ms(last.captured)) / 1000
        by_arrival = (received_ms - _ms(last.received)) / 1000
        went_back = message.run != last.run and max(by_camera, by_arrival) < 0
        seconds = max(0.0, by_camera)
        if by_camera < 0 or abs(by_camera - by_arrival) > _CLOCKS_AGREE_S:
            forward = [value for value in (by_camera, by_arrival) if value >= 0]
            seconds = min(forward, default=0.0)
        self.now_s += seconds
        reason, frames = _unseen(
            message, last, was_away=was_away, keeps_back_empty=keeps_back_empty
        )
        gap = None
        if reason is not None and seconds >= _GAP_S:
            until = later_than(last.captured, message.time.captured, seconds)
            gap = EventGap(last.captured, until, reason.value, frames)
        return Elapsed(seconds, gap, went_back)


def later_than(before: str, at: str, seconds: float) -> str:
    """``at``, unless the clock was put back since ``before``: then ``seconds`` after that.

    So whatever a clock does, nothing ends before it began.
    """
    if at >= before:
        return at
    try:
        moment = datetime.fromisoformat(before) + timedelta(seconds=seconds)
    except OverflowError:
        # The calendar ends.
        return before
    return utc_text(round((moment - _EPOCH) / _MILLISECOND) * 1_000_000)


def _unseen(
    message: DetectionMessage, last: LastFrame, *, was_away: bool, keeps_back_empty: bool
) -> tuple[GapReason | None, int]:
    """Why frames before this one were not looked at, and how many as far as known."""
    if message.run != last.run:
        lost = message.seq - 1 - message.skipped
        return (GapReason.STREAM, lost) if lost > 0 else (GapReason.CAMERA, message.skipped)
    lost = message.seq - last.seq - 1 - message.skipped
    if lost > 0:
        return GapReason.STREAM, lost + message.skipped
    if was_away:
        return GapReason.CAMERA, message.skipped
    if message.gated > last.gated:
        return GapReason.GATED, message.gated - last.gated
    # Frames with nothing in them that followed one with nothing in it were looked at.
    if message.skipped and not (keeps_back_empty and last.is_empty):
        return GapReason.SKIPPED, message.skipped
    return None, 0


def _ms(text: str) -> int:
    """Milliseconds since 1970 of a time as messages have it."""
    return round((datetime.fromisoformat(text) - _EPOCH).total_seconds() * 1000)
