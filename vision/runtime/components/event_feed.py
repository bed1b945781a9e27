"""Events for the live page: what stands on Redis, and what comes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from vision.config.settings import Settings
from vision.domain.noop import noop
from vision.events.snapshot_store import SnapshotStore
from vision.publishing.reading.cursor import EventCursor
from vision.publishing.reading.subscriber import Subscriber
from vision.publishing.reading.unusable_messages import CountInvalid
from vision.resilience.troubles import Troubles
from vision.web.event_routes import CameraShapes, EventPages
from vision.web.feed import LiveFeed

# Messages of each camera: as many as it takes for some dozen events.
_REPLAY = 200


class EventFeed:
    """Feeds the page with the events of all cameras, or of some; for a thread of its own."""

    def __init__(
        self,
        settings: Settings,
        password: Callable[[], str | None],
        feed: LiveFeed,
        cameras: Sequence[str] | None = None,
        *,
        on_invalid: CountInvalid = noop,
        troubles: Troubles | None = None,
    ) -> None:
        """Prepare to subscribe to ``cameras``; None takes all on Redis.

        Raises:
            ConfigError: ``redis.url`` has an option that does not exist.
        """
        self._events = Subscriber(
            settings.redis,
            password,
            EventCursor,
            cameras or (),
            replay=_REPLAY,
            on_invalid=on_invalid,
            troubles=troubles,
        )
        self._feed = feed
        if cameras is not None:
            self._events.follow(cameras)

    def follow(self, cameras: Sequence[str]) -> None:
        """Feed the events of ``cameras`` from now on; from any thread."""
        self._events.follow(cameras)

    @property
    def connected(self) -> bool:
        """Whether Redis answers."""
        return self._events.connected

    @property
    def problem(self) -> str | None:
        """Why Redis did not answer last time, in words; None while it does."""
        return self._events.problem

    def run(self, stop: threading.Event) -> None:
        """Feed until ``stop`` is set."""
        for received in self._events.messages(stop):
            self._feed.on_event(received.message, received.payload)


def event_pages(settings: Callable[[], Settings], store: SnapshotStore | None) -> EventPages:
    """What the page asks for besides messages: the zones as they are now, and pictures."""

    def shapes() -> dict[str, CameraShapes]:
        return {
            name: CameraShapes(camera.events.zones, camera.events.lines)
            for name, camera in settings().cameras.items()
            if camera.events.zones or camera.events.lines
        }

    return EventPages(shapes, store.read) if store else EventPages(shapes)
