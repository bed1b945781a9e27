"""What waits for the broker: the newest of each state, and events in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# The stream keeps what does not fit here: this is only what is on its way.
_MOST_EVENTS = 64


@dataclass(frozen=True, slots=True, eq=False)
class EventBatch:
    """Messages that belong together.

    Attributes:
        messages: Topic and payload of each, in order.
        settle: Called once the broker has confirmed all of them.
    """

    messages: tuple[tuple[str, bytes], ...]
    ack: Callable[[], None]


class MqttOutbox:
    """Filled by any thread, emptied by the one that talks to the broker."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._states: dict[str, bytes] = {}
        self._changed: dict[str, None] = {}
        self._passing: set[str] = set()
        self._events: deque[EventBatch] = deque()
        self._sent: dict[EventBatch, None] = {}
        self._wake: Callable[[], None] = lambda: None

    def on_change(self, wake: Callable[[], None]) -> None:
        """Call ``wake``, in the thread that puts, when there is something to send."""
        self._wake = wake

    def put_state(self, topic: str, payload: bytes, *, retain: bool = True) -> None:
        """Publish ``payload`` as the newest of ``topic`` unless it is that already.

        An empty one takes a retained topic away from the broker. What is not retained is not
        published again by :meth:`refresh` either: somebody may take each for a change.
        """
        with self._condition:
            if not retain:
                self._passing.add(topic)
            if self._states.get(topic) == payload:
                return
            self._states[topic] = payload
            self._changed[topic] = None
        self._wake()

    def put_event(self, parcel: EventBatch, timeout_s: float) -> bool:
        """Send after all before it; False if there was no room for ``timeout_s``."""
        with self._condition:
            if not self._condition.wait_for(self._has_room, timeout_s):
                return False
            self._events.append(parcel)
        self._wake()
        return True

    def refresh(self) -> None:
        """Publish all states again that are retained."""
        with self._condition:
            retained = (topic for topic in self._states if topic not in self._passing)
            self._changed |= dict.fromkeys(retained)
        self._wake()

    def reset(self) -> None:
        """A new connection: all states again, and what the old one did not confirm."""
        with self._condition:
            self._changed = dict.fromkeys(self._states)
            self._events.extendleft(reversed(self._sent))
            self._sent.clear()

    def take_states(self, most: int) -> Sequence[tuple[str, bytes, bool]]:
        """Up to ``most`` states that changed, as they are now, and whether to retain each."""
        with self._condition:
            topics = list(self._changed)[:most]
            for topic in topics:
                del self._changed[topic]
            taken = [(topic, self._states[topic], topic not in self._passing) for topic in topics]
            for topic, payload, _ in taken:
                if not payload:
                    # Taken away once; an outage may leave it there, and discovery finds it then.
                    del self._states[topic]
            return taken

    def take_event(self, *, after_states: bool) -> EventBatch | None:
        """The next event, None when there is none, or a state that is to be sent before it."""
        with self._condition:
            if not self._events or (after_states and self._changed):
                return None
            parcel = self._events.popleft()
            self._sent[parcel] = None
            return parcel

    def confirm(self, parcel: EventBatch) -> None:
        """All messages of ``parcel`` have arrived."""
        with self._condition:
            self._sent.pop(parcel, None)
            self._condition.notify_all()
        parcel.ack()

    @property
    def waiting(self) -> int:
        """States and events that are not confirmed."""
        with self._condition:
            return len(self._changed) + len(self._events) + len(self._sent)

    def _has_room(self) -> bool:
        return len(self._events) + len(self._sent) < _MOST_EVENTS
