"""A camera's state: what its worker reports and what the watchdog sees, made one.

The two come in any order and on different threads. So neither overwrites the other: each is
kept, and the state is worked out from both. A camera that its worker believes to be online
and that has gone quiet is stalled, whatever was said last.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from vision.domain.status import CameraState

_S = CameraState
_UP = frozenset({_S.ONLINE, _S.FROZEN})
_DOWN = frozenset({_S.RECONNECTING, _S.AUTH_FAILED, _S.NOT_FOUND, _S.DECODE_ERROR})
_WATCHED = frozenset({_S.STALLED, _S.CLOCK_STEP})
# Whoever runs the node may end or switch off a camera at any time.
_OFF = frozenset({_S.STOPPED, _S.DISABLED, _S.REMOVED})

TRANSITIONS: Mapping[CameraState, frozenset[CameraState]] = MappingProxyType(
    {
        _S.STARTING: _UP | _DOWN | _OFF,
        _S.ONLINE: _UP | _DOWN | _WATCHED | _OFF,
        _S.FROZEN: _UP | _DOWN | _WATCHED | _OFF,
        _S.STALLED: _UP | _DOWN | _OFF | {_S.CLOCK_STEP},
        _S.CLOCK_STEP: _UP | {_S.STALLED, _S.DECODE_ERROR},
        _S.DISABLED: frozenset({_S.STARTING}) | _OFF,
        _S.REMOVED: frozenset({_S.STARTING}) | _OFF,
        _S.RECONNECTING: _UP | _DOWN | _OFF | {_S.STARTING},
        _S.AUTH_FAILED: _UP | _DOWN | _OFF,
        _S.NOT_FOUND: _UP | _DOWN | _OFF,
        _S.DECODE_ERROR: _UP | _DOWN | _WATCHED | _OFF,
        _S.STOPPED: frozenset({_S.STARTING}) | _OFF,
    }
)
"""Which state may follow which; each may follow itself, with another reason."""


class Observation(Enum):
    """What the watchdog sees of the stream."""

    PICTURES = "pictures"
    """Pictures come at the camera's rate, or it is too early to tell."""
    PACKETS = "packets"
    """Packets come, and no picture comes out of the decoder."""
    NOTHING = "nothing"
    """Neither."""


class StateChange(NamedTuple):
    """A state, why it holds and when the next attempt is due (UTC nanoseconds)."""

    state: CameraState
    reason: str
    retry_at_ns: int | None = None


_STARTED = StateChange(CameraState.STARTING, "the node starts")
_STALLED = StateChange(CameraState.STALLED, "connected, but no frame arrives")
_UNDECODED = StateChange(CameraState.DECODE_ERROR, "packets arrive, but none of them decodes")


class CameraStates:
    """The state of one camera, and what is news about it; the caller sees to threads."""

    def __init__(self) -> None:
        self._run = 0
        self._reported = _STARTED
        self._sight = Observation.PICTURES
        self._shown = _STARTED

    @property
    def run(self) -> int:
        """The newest run that reported."""
        return self._run

    @property
    def expects_pictures(self) -> bool:
        """Whether the worker last said that pictures come."""
        return self._reported.state in _UP

    def report(self, run: int, told: StateChange) -> list[StateChange]:
        """Take in what a worker of ``run`` says; returns the states to tell of, in order."""
        # The last words of a worker that has been replaced, or of a node that stops.
        if run < self._run or not self._may_follow(told.state):
            return []
        is_new_run, self._run = run > self._run, run
        if told.state is CameraState.CLOCK_STEP:
            if not self.expects_pictures:
                return []
            # An event, not a condition: what held goes on to hold.
            self._reported = StateChange(self._reported.state, told.reason)
            return self._show(told) + self._show(self._worked_out())
        self._reported = told
        # Said with a picture in hand, or of a connection that was not watched yet.
        self._sight = Observation.PICTURES
        return self._show(told, is_news=is_new_run or told.retry_at_ns is not None)

    def observe(self, sight: Observation) -> list[StateChange]:
        """Take in what the watchdog sees; returns the states to tell of."""
        if sight is self._sight:
            return []
        self._sight = sight
        if sight is Observation.PICTURES and self.expects_pictures:
            self._reported = StateChange(self._reported.state, "frames arrive again")
        return self._show(self._worked_out())

    def _worked_out(self) -> StateChange:
        if self._sight is Observation.PACKETS and not self._reported.state.is_final:
            return _UNDECODED
        if self._sight is Observation.NOTHING and self.expects_pictures:
            return _STALLED
        return self._reported

    def _may_follow(self, state: CameraState) -> bool:
        return state is self._shown.state or state in TRANSITIONS[self._shown.state]

    def _show(self, told: StateChange, *, is_news: bool = False) -> list[StateChange]:
        if not self._may_follow(told.state):
            return []
        is_news |= told != self._shown
        self._shown = told
        return [told] if is_news else []
