"""The decoder sleeps while nothing moves, wakes up in time, and nothing is lost by it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.capture.sleep import DecodePlan, DecoderSleep, QueuedPacket

SECOND = 1_000_000_000
FPS = 10
PIXELS = 640 * 360
_KEY_BYTES = 40_000


class FakeStream:
    """A gate that is shut from the start on, and passes what comes when a frame is due."""

    def __init__(self) -> None:
        self.shut_ns: int | None = 0
        self.passed_ns = 0
        self.refresh_ns = 60 * SECOND

    @property
    def due_ns(self) -> int:
        """When the next one is."""
        return self.passed_ns + self.refresh_ns

    def shut_for_ns(self, mono_ns: int) -> int:
        """Negative while it is open."""
        return -1 if self.shut_ns is None else mono_ns - self.shut_ns


class Camera:
    """A camera of ten pictures a second, packet by packet."""

    def __init__(
        self, group: int = 20, size: int = 80, refresh_s: float = 60, pace_fps: float = 5
    ) -> None:
        self.scene = FakeStream()
        self.scene.refresh_ns = round(refresh_s * SECOND)
        self.sleep = DecoderSleep[int](self.scene, refresh_s, pace_fps)
        self.sleep.pixels = PIXELS
        self.steps: list[DecodePlan[int] | None] = []
        self.group, self.size = group, size
        self._since_key = group
        self._random = np.random.default_rng(1)

    @property
    def number(self) -> int:
        """Of the packet that comes next."""
        return len(self.steps)

    def next(self, more: int = 0) -> QueuedPacket:
        """The packet that a still scene has next, ``more`` bytes larger."""
        is_key = self._since_key >= self.group
        self._since_key = 1 if is_key else self._since_key + 1
        size = _KEY_BYTES if is_key else self.size + int(self._random.integers(-9, 10)) + more
        at_s = self.number / FPS
        return QueuedPacket(round(at_s * SECOND) + SECOND, size, round(at_s * 90_000), is_key)

    def send(self, arrival: QueuedPacket) -> DecodePlan[int] | None:
        """One packet, and what is to be done then."""
        step = self.sleep.take(self.number, arrival)
        self.steps.append(step)
        return step

    def run(self, seconds: float, more: int = 0) -> list[DecodePlan[int] | None]:
        """A still scene for so long."""
        return [self.send(self.next(more)) for _ in range(round(seconds * FPS))]

    def fall_asleep(self) -> None:
        """Until it does, with some packets kept."""
        self.run(30)
        assert self.sleep.is_asleep
        while not 3 <= self._since_key <= self.group - 5:
            self.run(0.1)

    def decoded(self) -> list[int]:
        """Numbers of packets in the order of decoding, looks left out."""
        steps = enumerate(self.steps)
        return list(
            itertools.chain.from_iterable(
                (number,) if step is None else () if step.is_look else step.packets
                for number, step in steps
            )
        )


def test_a_still_scene_is_looked_at_by_its_key_frames() -> None:
    """All is decoded until sizes are known; then key frames alone, each by itself."""
    camera = Camera()
    steps = camera.run(40)
    first = next(number for number, step in enumerate(steps) if step is not None)
    assert first in range(60, 101, 20)
    later = steps[first:]
    assert all(step is not None and step.is_look == bool(step.packets) for step in later)
    looks = [first + at for at, step in enumerate(later) if step and step.packets]
    assert all(number % 20 == 0 for number in looks)
    assert max(later - earlier for earlier, later in itertools.pairwise(looks)) <= 40


def test_larger_packets_wake_it_and_it_catches_up() -> None:
    """From the last key frame on, in order, and not one is missing."""
    camera = Camera()
    camera.fall_asleep()
    step = camera.send(camera.next(more=400))
    assert step is not None
    assert not step.is_look
    newest = camera.number - 1
    key = newest - newest % 20
    assert list(step.packets) == list(range(key, newest + 1))
    assert step.past == len(step.packets) - 1
    assert camera.run(1, more=400) == [None] * 10


def test_an_open_gate_wakes_it() -> None:
    """A key frame showed something that no packet told."""
    camera = Camera()
    camera.fall_asleep()
    camera.scene.shut_ns = None
    step = camera.send(camera.next())
    assert step is not None
    assert step.past > 0
    assert camera.run(10) == [None] * 100


@pytest.mark.parametrize(
    "unusual",
    [
        lambda arrival: arrival._replace(is_damaged=True),
        lambda arrival: arrival._replace(pts=arrival.pts + 9000),
        lambda arrival: arrival._replace(pts=arrival.pts - 900_000),
        lambda arrival: arrival._replace(pts=None),
    ],
    ids=["damaged", "one is missing", "the clock goes back", "no time"],
)
def test_what_is_unusual_wakes_it(unusual: object) -> None:
    """Who knows what is in it."""
    assert callable(unusual)
    camera = Camera()
    camera.fall_asleep()
    step = camera.send(unusual(camera.next()))
    assert step is not None
    assert (step.is_look, step.past > 0) == (False, True)


def test_what_the_decoder_says_wakes_it() -> None:
    """Another size of picture, or a key frame without a picture."""
    camera = Camera()
    camera.fall_asleep()
    camera.sleep.upset()
    step = camera.send(camera.next())
    assert step is not None
    assert step.past > 0


def test_a_key_frame_that_does_not_come_wakes_it() -> None:
    """And no more than the bound is ever kept."""
    camera = Camera()
    camera.fall_asleep()
    camera.group = 10_000
    steps = camera.run(4)
    woken = [step for step in steps if step and step.packets]
    assert len(woken) == 1
    assert len(woken[0].packets) <= 32
    assert steps[-1] is None


def test_the_refresh_wakes_it_where_no_key_frame_comes_in_time() -> None:
    """A frame has to pass: the newest is decoded a turn before that time."""
    camera = Camera()
    camera.fall_asleep()
    now_ns = camera.number * SECOND // FPS + SECOND
    camera.scene.passed_ns = now_ns + SECOND // 2 - camera.scene.refresh_ns
    steps = camera.run(0.5)
    woken = [number for number, step in enumerate(steps) if step and step.past]
    assert len(woken) == 1
    assert woken[0] <= 3


@pytest.mark.parametrize(
    ("camera", "why"),
    [
        (Camera(size=3300), "a constant rate fills up still scenes too"),
        (Camera(group=110), "too much would have to be decoded at once"),
        (Camera(group=50, refresh_s=4), "no key frame comes in time for a refresh"),
        (Camera(refresh_s=10, pace_fps=0.1), "a turn of the pace is all that a refresh waits"),
        (Camera(group=1), "all are key frames"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_some_cameras_never_sleep(camera: Camera, why: str) -> None:
    """Where packets say nothing, or little would be gained."""
    assert camera.run(120) == [None] * 1200, why


def test_who_comes_to_rest_is_decoded_for_a_while() -> None:
    """It does not sleep as soon as the gate is shut."""
    camera = Camera()
    camera.fall_asleep()
    camera.scene.shut_ns = None
    camera.run(5)
    camera.scene.shut_ns = camera.number * SECOND // FPS + SECOND
    assert camera.run(2.9) == [None] * 29
    camera.run(10)
    assert camera.sleep.is_asleep


@given(
    group=st.integers(2, 60),
    events=st.lists(
        st.tuples(st.integers(1, 80), st.sampled_from(["open", "shut", "large", "upset", "key"])),
        max_size=20,
    ),
)
def test_what_is_decoded_can_be_decoded(group: int, events: list[tuple[int, str]]) -> None:
    """Whatever happens: every packet follows the one before it, or is a key frame."""
    camera = Camera(group=group)
    keys = set()

    def send(more: int = 0) -> None:
        arrival = camera.next(more)
        if arrival.is_key:
            keys.add(camera.number)
        camera.send(arrival)

    for count, event in [(250, "large"), *events, (40, "large")]:
        for _ in range(count):
            send()
        match event:
            case "open":
                camera.scene.shut_ns = None
            case "shut":
                camera.scene.shut_ns = camera.number * SECOND // FPS
            case "large":
                send(more=900)
            case "upset":
                camera.sleep.upset()
            case "key":
                camera.group = max(2, camera.group // 2)
    order = camera.decoded()
    assert all(
        later in keys or later == earlier + 1 for earlier, later in itertools.pairwise(order)
    )
