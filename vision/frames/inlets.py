"""The pipes that frames come in by: one thread looks at all of them while others come and go.

A descriptor that is closed while poll(2) watches it is an error for all that are watched, and its
number may be somebody else's a moment later. So a pipe that is taken out is closed at once only
where nobody looks, and else by whoever looks, when it has done so.
"""

from __future__ import annotations

import select
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vision.domain.frame import FrameMeta
from vision.frames.shared_memory import SharedFrameReader


@dataclass(slots=True, eq=False)
class Inlet:
    """Where a camera's frames come in.

    Attributes:
        reader: Reads them.
        on_frame: Told of each that is kept.
        is_over: Nothing is expected of it any more: its writer is gone, or it failed.
        failure: Why frames cannot be taken in, empty while they can.
    """

    reader: SharedFrameReader
    on_frame: Callable[[FrameMeta], None]
    is_over: bool = False
    failure: str = ""


@dataclass(frozen=True, slots=True)
class InletSnapshot:
    """All inlets at one instant, with the poll object that watches their pipes."""

    poll: select.poll
    inlets: Mapping[int, Inlet]


class Inlets:
    """Those of all cameras. Thread-safe, but only one thread may look at a time."""

    def __init__(self, alarm: int) -> None:
        """``alarm`` is a descriptor to be watched beside the pipes."""
        self._alarm = alarm
        self._lock = threading.Lock()
        # By reader: a number of a descriptor may have had another meaning.
        self._inlets: dict[SharedFrameReader, Inlet] = {}
        self._view = self._of_all()
        self._is_looked_at = False
        self._taken_out: list[SharedFrameReader] = []

    def add(self, inlet: Inlet) -> None:
        """Watch its pipe from the next look on."""
        with self._lock:
            self._inlets[inlet.reader] = inlet
            self._view = self._of_all()

    def of(self, reader: SharedFrameReader) -> Inlet:
        """The inlet of a reader that was added."""
        return self._inlets[reader]

    def end(self, inlet: Inlet, failure: str = "") -> None:
        """Watch its pipe no more; it is still to be taken out."""
        with self._lock:
            inlet.is_over = True
            inlet.failure = inlet.failure or failure
            self._view = self._of_all()

    def take_out(self, reader: SharedFrameReader) -> None:
        """Forget a reader, and have it closed as soon as nobody looks at it any more."""
        with self._lock:
            del self._inlets[reader]
            self._view = self._of_all()
            if self._is_looked_at:
                self._taken_out.append(reader)
                return
        reader.close()

    def enter(self) -> InletSnapshot:
        """Begin to look: until :meth:`leave`, no descriptor of the view is closed."""
        # Without the lock, since this runs for every frame, and so in this order: whoever takes a
        # reader out changes the view before it asks whether somebody looks.
        self._is_looked_at = True
        return self._view

    def leave(self) -> None:
        """Close what was taken out meanwhile."""
        self._is_looked_at = False
        # What is put there from here on, the next look closes.
        if not self._taken_out:
            return
        with self._lock:
            taken_out, self._taken_out = self._taken_out, []
        for reader in taken_out:
            reader.close()

    def _of_all(self) -> InletSnapshot:
        poll = select.poll()
        poll.register(self._alarm, select.POLLIN)
        watched = {
            inlet.reader.fileno(): inlet for inlet in self._inlets.values() if not inlet.is_over
        }
        for descriptor in watched:
            poll.register(descriptor, select.POLLIN)
        return InletSnapshot(poll, watched)
