"""What viewers of the live page get: the newest messages and the very pictures they describe."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vision.domain.event import EventMessage
from vision.domain.frame import Frame, Image
from vision.web.event_log import EventLog
from vision.web.preview_rate import PreviewRateLimiter

_SECOND_NS = 1_000_000_000
_LEAST_DEPTH = 2
_STATUS_DEPTH = 64


@dataclass(slots=True, eq=False)
class LiveFrame:
    """A frame with the message that describes it.

    Attributes:
        camera: Name from the configuration.
        frame_id: ``<run>-<seq>``, as in the message.
        image: The frame's pixels, a copy; None where it came encoded.
        payload: The message as Redis subscribers get it.
        kept_ns: When it was copied, on the feed's clock.
        number: Position among all that the feed kept.
        jpeg: The encoded picture, where it came so or once somebody has asked for it.
    """

    camera: str
    frame_id: str
    image: Image | None
    payload: bytes
    kept_ns: int
    number: int
    jpeg: bytes | None = None


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One message for a viewer; ``kind`` is ``detections``, ``event`` or ``status``."""

    kind: str
    payload: bytes


class Viewer:
    """One reader of the feed; lives on the event loop and holds a position, not a queue.

    A viewer that comes late finds the newest message of each camera and of each event, never
    the ones it missed, so a slow one costs neither memory nor anybody's time.
    """

    def __init__(self, feed: LiveFeed, position: int, client: str) -> None:
        self.client = client
        """Who watches: viewers of one client share its places."""
        self.is_dismissed = False
        """Whether another viewer has its place."""
        self._feed = feed
        self._position = position
        self._event_position = 0
        self._news = asyncio.Event()

    @property
    def closed(self) -> bool:
        """Whether the feed has ended, for this viewer or for all."""
        return self.is_dismissed or self._feed.closed

    def take(self) -> list[LiveEvent]:
        """What came since the last call: newest detections per camera, state changes in order.

        The first call gives the newest events too, from before somebody watched.
        """
        self._news.clear()
        position, news = self._feed.since(self._position, self._event_position)
        self._position = self._event_position = position
        return news

    def notify(self) -> None:
        """Wake :meth:`wait`; called on the event loop."""
        self._news.set()

    async def wait(self, until: float) -> bool:
        """Wait for news up to ``until`` on the loop's clock; False when the time is over."""
        try:
            async with asyncio.timeout_at(until):
                await self._news.wait()
        except TimeoutError:
            return False
        return True


class LiveFeed:
    """Hands inferred frames to the viewers of the live page, if there are any.

    The methods that begin with ``on_`` are callable from any thread and never wait for a
    viewer. Viewers live on one event loop. Nothing but the newest events is kept while nobody
    watches.
    """

    def __init__(self, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._now_ns = now_ns
        self._watched = False
        self._lock = threading.Lock()
        self._channels: dict[str, deque[LiveFrame]] = {}
        self._pace = PreviewRateLimiter()
        self._statuses: deque[tuple[int, bytes]] = deque(maxlen=_STATUS_DEPTH)
        self._events = EventLog()
        self._number = 0
        # In the order they came.
        self._viewers: dict[Viewer, None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ringing = False
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed

    @property
    def viewers(self) -> int:
        """How many watch."""
        return len(self._viewers)

    def on_inferred(self, frame: Frame, payload: bytes) -> None:
        """Offer an inferred frame with its message, one line of JSON; the pixels are copied."""
        if not self._watched:
            return
        meta = frame.meta
        with self._lock:
            now_ns = self._now_ns()
            if self._viewers and self._pace.admits(meta.camera, now_ns):
                frame_id = f"{meta.run}-{meta.seq}"
                self._keep(meta.camera, frame_id, payload, now_ns, image=frame.image.copy())

    def on_picture(self, camera: str, frame_id: str, payload: bytes, jpeg: bytes) -> None:
        """Offer a frame that was encoded elsewhere; ``frame_id`` is its ``<run>-<seq>``."""
        with self._lock:
            now_ns = self._now_ns()
            if self._viewers and self._pace.admits(camera, now_ns):
                self._keep(camera, frame_id, payload, now_ns, jpeg=jpeg)

    def on_status(self, payload: bytes) -> None:
        """Offer a status message, one line of JSON."""
        if not self._watched:
            return
        with self._lock:
            if not self._viewers:
                return
            self._number += 1
            self._statuses.append((self._number, payload))
            self._ring()

    def on_event(self, message: EventMessage, payload: bytes) -> None:
        """Offer a message of an event with its document, one line of JSON; kept for viewers to come."""
        with self._lock:
            if self._events.add(self._number + 1, message, payload):
                self._number += 1
                self._ring()

    def make_room(self, client: str, most: int) -> bool:
        """Whether ``client`` may watch once more, ``most`` being all that may at a time.

        Where all places are taken, the client with the most gives one up to one with fewer:
        the viewer that it has had longest is dismissed. Called on the event loop.
        """
        with self._lock:
            if len(self._viewers) < most:
                return True
            places = Counter(viewer.client for viewer in self._viewers)
            greedy, taken = places.most_common(1)[0]
            if taken <= places[client] + 1:
                return False
            oldest = next(viewer for viewer in self._viewers if viewer.client == greedy)
            del self._viewers[oldest]
            oldest.is_dismissed = True
            oldest.notify()
            return True

    @contextlib.contextmanager
    def watch(self, client: str = "") -> Iterator[Viewer]:
        """Be a viewer, on the running event loop; sees the newest events, and what comes from now on."""
        with self._lock:
            if not self._viewers:
                self._loop = asyncio.get_running_loop()
                self._ringing = False
            viewer = Viewer(self, self._number, client)
            self._viewers[viewer] = None
            self._watched = True
        try:
            yield viewer
        finally:
            with self._lock:
                self._viewers.pop(viewer, None)
                if not self._viewers:
                    self._watched = False
                    self._channels.clear()
                    self._pace.clear()
                    self._statuses.clear()

    def since(self, position: int, event_position: int) -> tuple[int, list[LiveEvent]]:
        """The present position, and what came after ``position`` in the order it came.

        ``event_position`` is that of events, which a new viewer gets from before its time.
        """
        with self._lock:
            news = [(number, "status", payload) for number, payload in self._statuses]
            news += [
                (pictures[-1].number, "detections", pictures[-1].payload)
                for pictures in self._channels.values()
            ]
            news = [entry for entry in news if entry[0] > position]
            news += [(at, "event", payload) for at, payload in self._events.since(event_position)]
            return self._number, [LiveEvent(kind, payload) for _, kind, payload in sorted(news)]

    def picture(self, camera: str, frame_id: str) -> LiveFrame | None:
        """The picture of that frame, None when it is gone or was never kept."""
        with self._lock:
            pictures = self._channels.get(camera, ())
            return next((kept for kept in pictures if kept.frame_id == frame_id), None)

    def newest(self, camera: str, max_age_s: float) -> LiveFrame | None:
        """The newest picture of a camera, None when there is none that young."""
        with self._lock:
            pictures = self._channels.get(camera)
            oldest_ns = self._now_ns() - int(max_age_s * _SECOND_NS)
            return pictures[-1] if pictures and pictures[-1].kept_ns >= oldest_ns else None

    def close(self) -> None:
        """End every viewer, and those to come; callable from any thread."""
        with self._lock:
            self._closed = True
            self._ring()

    def _keep(
        self,
        camera: str,
        frame_id: str,
        payload: bytes,
        now_ns: int,
        *,
        image: Image | None = None,
        jpeg: bytes | None = None,
    ) -> None:
        self._number += 1
        pictures = self._channels.setdefault(camera, deque())
        pictures.append(LiveFrame(camera, frame_id, image, payload, now_ns, self._number, jpeg))
        # About a second: a viewer asks for the picture after it got the message.
        while len(pictures) > max(_LEAST_DEPTH, self._pace.pictures_per_s()):
            pictures.popleft()
        self._ring()

    def _ring(self) -> None:
        # Under the lock: while a viewer is registered its loop runs, so it takes the call.
        # One call is enough for all viewers and for all that comes before it is served.
        if self._viewers and self._loop is not None and not self._ringing:
            self._ringing = True
            self._loop.call_soon_threadsafe(self._notify)

    def _notify(self) -> None:
        with self._lock:
            self._ringing = False
            viewers = tuple(self._viewers)
        for viewer in viewers:
            viewer.notify()
