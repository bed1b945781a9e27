"""The motion gate passes what moves, something now and then of what does not, and counts."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from tests.support.scenes import SECOND, NoisyScene
from vision.capture.counters import CaptureCounters
from vision.capture.gate import MotionGate
from vision.capture.thumbnail import Grey
from vision.config.camera import MotionSettings


class Camera:
    """A gate, and which frames it let pass."""

    def __init__(self, fps: float = 5, **settings: float) -> None:
        self.counters = CaptureCounters()
        self._settings = MotionSettings.model_validate(settings)
        self.gate = MotionGate(self._settings, self.counters)
        self._interval_ns = round(SECOND / fps)
        self.now_ns = 1000 * SECOND
        self.admitted: list[bool] = []

    def show(self, *pictures: Grey) -> list[bool]:
        """The verdict on further frames."""
        seen = []
        for picture in pictures:
            seen.append(self.gate.admit(picture, self.now_ns))
            self.now_ns += self._interval_ns
        self.admitted += seen
        return seen

    def reconnect(self) -> None:
        """The connection is lost; the process and its counters go on."""
        self.gate = MotionGate(self._settings, self.counters)


def test_a_still_scene_passes_once_in_a_while() -> None:
    """The first frame and ``hold_s`` after it, then one each ``refresh_s``."""
    camera, scene = Camera(hold_s=2, refresh_s=4), NoisyScene()
    seen = camera.show(*[scene.empty()] * 111)
    assert seen[:11] == [True] * 11
    passed = [number for number, passes in enumerate(seen) if passes]
    assert passed[10:] == [10, 30, 50, 70, 90, 110]


def test_movement_passes_at_once_and_for_the_time_set_after_it() -> None:
    """The very frame that shows it is the first that passes."""
    camera, scene = Camera(hold_s=2, refresh_s=60), NoisyScene()
    camera.show(*[scene.empty()] * 40)
    assert camera.admitted[-1] is False
    assert camera.show(scene.with_person(77)) == [True]
    after = camera.show(*[scene.empty()] * 40)
    assert after[:10] == [True] * 10
    assert after[-1] is False


def test_who_stands_still_goes_on_being_looked_at() -> None:
    """Frame by frame for ``hold_s`` after coming to rest, and then at the refresh rate."""
    camera, scene = Camera(hold_s=3, refresh_s=5), NoisyScene()
    camera.show(*[scene.empty()] * 40)
    standing = camera.show(*[scene.with_person(77)] * 500)
    assert all(standing[:15])
    assert standing[-250:].count(True) == 10


def test_opening_and_shutting_are_counted() -> None:
    """Shut between connections, open with the first frame of each."""
    camera, scene = Camera(hold_s=1), NoisyScene()
    counters = camera.counters
    camera.show(scene.empty())
    assert (counters.gate_opened, counters.gate_closed) == (1, 0)
    camera.show(*[scene.empty()] * 10)
    assert (counters.gate_opened, counters.gate_closed) == (1, 1)
    camera.show(scene.with_person(77))
    camera.reconnect()
    assert (counters.gate_opened, counters.gate_closed) == (2, 2)
    assert camera.show(scene.empty()) == [True]
    assert (counters.gate_opened, counters.gate_closed) == (3, 2)


@given(
    fps=st.sampled_from([0.1, 0.5, 1, 5, 7.5, 30]),
    hold_s=st.floats(0, 5),
    refresh_s=st.floats(0.1, 20),
    shown=st.lists(st.integers(-1, 150), min_size=1, max_size=120),
)
def test_it_never_looks_away_for_longer_than_the_refresh(
    fps: float, hold_s: float, refresh_s: float, shown: list[int]
) -> None:
    """Whatever comes (-1: nobody); and what it holds back is counted to the frame."""
    camera, scene = Camera(fps, hold_s=hold_s, refresh_s=refresh_s), NoisyScene()
    camera.show(*(scene.empty() if x < 0 else scene.with_person(x) for x in shown))
    passed_s = [number / fps for number, passes in enumerate(camera.admitted) if passes]
    longest_s = max(refresh_s, 1 / fps) + 1e-6
    assert all(later - earlier <= longest_s for earlier, later in itertools.pairwise(passed_s))
    assert len(shown) / fps - passed_s[-1] <= longest_s
    assert camera.counters.gated == camera.admitted.count(False)
    assert camera.counters.gate_opened - camera.counters.gate_closed in {0, 1}


def test_a_look_opens_and_shuts_it_and_passes_nothing() -> None:
    """What a decoder that sleeps catches up with has had its turn."""
    camera, scene = Camera(hold_s=1), NoisyScene()
    camera.show(*[scene.empty()] * 20)
    gated, now_ns = camera.counters.gated, camera.now_ns
    assert camera.gate.shut_for_ns(now_ns) > 2 * SECOND
    camera.gate.observe(scene.with_person(77), now_ns)
    assert camera.gate.shut_for_ns(now_ns) < 0
    assert camera.counters.gate_opened == camera.counters.gate_closed + 1
    assert camera.counters.gated == gated


def test_a_frame_that_is_known_to_be_the_last_in_time_passes() -> None:
    """The next one is a key frame away."""
    camera, scene = Camera(hold_s=0, refresh_s=10), NoisyScene()
    camera.show(*[scene.empty()] * 3)
    assert camera.gate.admit(scene.empty(), camera.now_ns, camera.gate.due_ns) is False
    assert camera.gate.admit(scene.empty(), camera.now_ns + 1, camera.gate.due_ns + 1) is True
