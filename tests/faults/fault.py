"""A fault: what is done, and what has to come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from tests.faults.faulty_camera import FaultyCamera
from tests.faults.outcome import MOST_MORE_FDS
from tests.faults.record import SeenMessage, SeenStatus
from vision.domain.status import CameraState

Step: TypeAlias = Callable[[FaultyCamera], object]
Check: TypeAlias = Callable[[Sequence[SeenMessage], Sequence[SeenStatus]], str]
"""Looks at what was seen and told since a fault began; a complaint, empty without one."""

QUICK_S = 12.0
"""A camera that is back is seen again by then: pauses grow with the time it was away."""
SLOW_S = 75.0
"""As above, after a refused path or password: it is tried again after up to a minute."""
AWAY = frozenset({CameraState.STARTING, CameraState.STALLED, CameraState.RECONNECTING})
"""What a connection goes through that ends and is made again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A row.

    Attributes:
        name: As in the table of docs/reliability.md.
        what: What is done, in a phrase.
        begin: Does it.
        end: Undoes it; None for what happens at an instant.
        states: One of these has to be told; none where the camera has to stay online.
        reason: What the status' reason has to match.
        also: Further states that may be told.
        detect_s: Longest time until it is told.
        lasts_s: How long it lasts at least; it does until it was told.
        recover_s: Longest time from its end to the next message.
        lost: Messages that may be missing.
        home: Where the camera plays: with others, in a process of its own, or in one that
            asks for a password.
        prepare: Commands for the simulator before the node starts.
        clip: What it shows.
        settings: Of the camera.
        more_fds: Descriptors that its worker may hold more in the end.
        check: What else has to hold.
    """

    name: str
    what: str
    begin: Step
    end: Step | None = None
    states: tuple[CameraState, ...] = ()
    reason: str = ""
    also: frozenset[CameraState] = frozenset()
    detect_s: float = 5.0
    lasts_s: float = 0.0
    recover_s: float = QUICK_S
    lost: int = 0
    home: Literal["shared", "alone", "locked"] = "shared"
    prepare: str = ""
    clip: str = "moving"
    settings: Mapping[str, Any] = field(default_factory=dict)
    more_fds: int = MOST_MORE_FDS
    check: Check = lambda _, __: ""
