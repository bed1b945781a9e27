"""The newest events of each camera, for viewers that come later too."""

from __future__ import annotations

from collections.abc import Iterator

from vision.domain.event import EventMessage, EventType

# What a person scrolls through. Open events stay beyond that: the page draws their tracks.
_ENDED_PER_CAMERA = 30
_OPEN_PER_CAMERA = 100


class EventLog:
    """Keeps the newest message of each event. Not thread-safe: its feed has a lock."""

    def __init__(self) -> None:
        self._open: dict[str, dict[str, tuple[int, EventMessage, bytes]]] = {}
        self._ended: dict[str, dict[str, tuple[int, EventMessage, bytes]]] = {}

    def add(self, number: int, message: EventMessage, payload: bytes) -> bool:
        """Keep a message under its ``number``; False for one that is known or older."""
        camera, event = message.camera, message.id
        running = self._open.setdefault(camera, {})
        ended = self._ended.setdefault(camera, {})
        known = running.get(event) or ended.get(event)
        if known and known[1].revision >= message.revision:
            return False
        is_end = message.type == EventType.END
        # Taken out first: what was told last stands last.
        running.pop(event, None)
        ended.pop(event, None)
        (ended if is_end else running)[event] = (number, message, payload)
        for kept, most in ((running, _OPEN_PER_CAMERA), (ended, _ENDED_PER_CAMERA)):
            while len(kept) > most:
                del kept[next(iter(kept))]
        return True

    def since(self, number: int) -> Iterator[tuple[int, bytes]]:
        """Number and payload of each event told of after ``number``."""
        for of_camera in (*self._open.values(), *self._ended.values()):
            for told, _, payload in of_camera.values():
                if told > number:
                    yield told, payload
