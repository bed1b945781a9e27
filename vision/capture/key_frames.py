"""Key frames only, where the pace needs no more: the packets between wait, and are dropped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

Packet = TypeVar("Packet")
# So many key frames in a row that came in time make it likely that the next one does too.
_TRUSTED = 3
# How late they may be, as a share of the period: networks are not even; and how long to wait.
_IN_TIME_SHARE, _WAIT_SHARE = 0.1, 0.25
# A camera may turn to one key frame a day: no more than the packets of this time are kept.
_MOST_KEPT_NS = 10_000_000_000


class KeyFrameSaver(Generic[Packet]):
    """Passes on the packets that must be decoded for so many frames a second; one thread.

    A decoder needs every packet since the last key frame. So those after one are kept until the
    next one makes them worthless; where it does not come in time, all of them are passed on, and
    nothing was lost.
    """

    def __init__(self, fps: float) -> None:
        """Leave out what a pace of ``fps`` frames a second does not need."""
        self.retune(fps)
        self._kept: list[Packet] = []
        self._in_time = 0
        self._key_ns: int | None = None

    def retune(self, fps: float) -> None:
        """Leave out what ``fps`` frames a second do not need, from the next packet on."""
        self._period_ns = min(1e9 / fps, _MOST_KEPT_NS)

    def wanted(self, packet: Packet, mono_ns: int, *, is_key: bool) -> Sequence[Packet]:
        """What to decode now that ``packet`` arrived at ``mono_ns``, in order."""
        passed_ns = 0 if self._key_ns is None else mono_ns - self._key_ns
        if is_key:
            is_in_time = self._key_ns is not None and passed_ns <= self._period_ns * (
                1 + _IN_TIME_SHARE
            )
            self._in_time = self._in_time + 1 if is_in_time else 0
            self._key_ns = mono_ns
            self._kept.clear()
            return (packet,)
        if self._in_time < _TRUSTED:
            return (packet,)
        self._kept.append(packet)
        if passed_ns <= self._period_ns * (1 + _WAIT_SHARE):
            return ()
        # Key frames have become rarer: every packet counts again.
        return self.give_up()

    def give_up(self) -> Sequence[Packet]:
        """What was kept; from now on all is passed on until key frames prove to be in time."""
        kept, self._kept, self._in_time = self._kept, [], 0
        return kept
