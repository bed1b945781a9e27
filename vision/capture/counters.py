"""What a capture worker has done so far: its heartbeat carries it to the node."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class CaptureCounters:
    """Counted since the worker's process started; written by one thread, read by others.

    Attributes:
        packets: Video packets received.
        newest_packet_mono_ns: CLOCK_MONOTONIC when the newest of them arrived, 0 before.
        key_frames: Packets of those at which decoding can begin, and
        recovery_points: those that are flagged like them, but need pictures before (intra refresh).
        decoded: Pictures decoded, and those that need not be since key frames suffice.
        slept: Packets that arrived while the decoder slept, and were not decoded at once.
        is_asleep: Whether it sleeps now.
        newest_mono_ns: CLOCK_MONOTONIC when the packet of the newest picture arrived, 0 before.
        undecoded: Packets of this connection since the newest picture came out of the decoder.
        undecoded_since_mono_ns: CLOCK_MONOTONIC when the first of them arrived.
        decode_errors: Packets that the decoder refused, and pictures that cannot be converted.
        offered: Frames handed over, those included that could not be.
        overrun: Offered but skipped, because the reader held all memory.
        gated: Frames that the motion gate held back.
        gate_opened: How often it opened, and
        gate_closed: how often it shut: fewer by one while it is open.
        due_mono_ns: CLOCK_MONOTONIC by when the capturing thread has to give a sign of life;
            later it hangs. 0 while nothing is expected of it.
    """

    packets: int = 0
    newest_packet_mono_ns: int = 0
    key_frames: int = 0
    recovery_points: int = 0
    decoded: int = 0
    slept: int = 0
    is_asleep: bool = False
    newest_mono_ns: int = 0
    undecoded: int = 0
    undecoded_since_mono_ns: int = 0
    decode_errors: int = 0
    offered: int = 0
    overrun: int = 0
    gated: int = 0
    gate_opened: int = 0
    gate_closed: int = 0
    due_mono_ns: int = 0

    @property
    def lacks_key_frames(self) -> bool:
        """Whether the camera refreshes its picture bit by bit instead of sending key frames."""
        return self.recovery_points > 0 and self.recovery_points >= self.key_frames
