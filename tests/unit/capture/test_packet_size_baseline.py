"""What a still scene's packets cost is learned, and what is more is noticed."""

from __future__ import annotations

import numpy as np
import pytest

from vision.capture.packet_size_baseline import PacketSizeBaseline

GROUP = 20
# A key frame's first followers are small, and the later ones dearer, as x264 makes them.
USUAL = 40 + 160 * np.minimum(1, np.arange(1, GROUP) / 6)


class Stream:
    """Sizes of packets of a still scene: by their place in the group, and with noise."""

    def __init__(self, spread: float = 0.2, seed: int = 1) -> None:
        self.floor = PacketSizeBaseline()
        self._spread = spread
        self._random = np.random.default_rng(seed)

    def groups(self, count: int, more: float = 0.0, *, is_still: bool = True) -> list[bool]:
        """Verdicts on all packets between the key frames of further groups."""
        found = []
        for _ in range(count):
            self.floor.key_frame()
            for usual in USUAL:
                size = usual * (1 + self._random.normal(0, self._spread)) + more
                found.append(self.floor.rises(max(1, round(size)), is_still=is_still))
        return found


def test_a_still_scene_becomes_calm_after_three_groups() -> None:
    """The fourth is the first that can be compared."""
    stream = Stream()
    stream.groups(3)
    assert not stream.floor.is_calm
    stream.groups(2)
    assert stream.floor.is_calm
    assert stream.floor.mean_bytes == pytest.approx(USUAL.mean(), rel=0.1)


@pytest.mark.parametrize("spread", [0.0, 0.1, 0.3])
def test_noise_is_no_rise(spread: float) -> None:
    """Not once in ten thousand packets at most of what encoders were seen to vary by."""
    stream = Stream(spread)
    stream.groups(5)
    assert sum(stream.groups(10_000 // GROUP)) <= 5


def test_one_large_packet_is_a_rise_at_once() -> None:
    """Somebody enters close to the camera."""
    stream = Stream()
    stream.groups(6)
    assert stream.groups(1, more=1500)[0]


def test_a_little_more_for_a_while_is_a_rise_too() -> None:
    """Somebody enters far away: each packet alone might be noise."""
    stream = Stream()
    stream.groups(6)
    found = stream.groups(1, more=100)
    assert any(found[:12])


def test_what_moves_is_not_learned_from() -> None:
    """However long it takes, the scene behind is known as it was."""
    stream = Stream()
    stream.groups(6)
    before = stream.floor.mean_bytes
    stream.groups(50, more=2000, is_still=False)
    assert stream.floor.mean_bytes == before
    stream.groups(2)
    assert stream.floor.is_calm


def test_another_still_scene_is_learned_anew() -> None:
    """A car was parked: for ever larger packets must not keep the decoder awake for ever."""
    stream = Stream()
    stream.groups(6)
    stream.groups(1, more=600)
    stream.floor.key_frame()
    assert not stream.floor.is_calm
    stream.groups(10, more=600)
    assert stream.floor.is_calm


def test_a_group_without_end_teaches_nothing() -> None:
    """One key frame a day: its places are never seen twice, and few of them are kept."""
    floor = PacketSizeBaseline()
    floor.key_frame()
    assert not any(floor.rises(100 + number % 7, is_still=True) for number in range(5000))
    assert not floor.is_calm
