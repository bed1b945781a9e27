"""Movement is told from noise, light and what has come to rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tests.support.scenes import HEIGHT, SECOND, WIDTH, NoisyScene
from vision.capture.motion import MotionDetector
from vision.capture.thumbnail import Grey

THRESHOLD = 8
FPS = 5
# Until then the noise of a new scene is learned.
LEARNED = 15 * FPS


def movement(pictures: Sequence[Grey], fps: float = FPS) -> list[bool]:
    """The verdict on each of these pictures, ``fps`` a second."""
    detector = MotionDetector(THRESHOLD)
    return [
        detector.moves(picture, round(number / fps * SECOND))
        for number, picture in enumerate(pictures)
    ]


def test_the_first_picture_counts_as_movement() -> None:
    """Nobody has looked at the scene before; afterwards it is still."""
    scene = NoisyScene()
    assert movement([scene.empty()] * 20) == [True] + [False] * 19


@pytest.mark.parametrize("noise", [0, 1, 2, 4, 8])
def test_noise_is_no_movement(noise: float) -> None:
    """Also where it is stronger than the threshold, once it is known."""
    scene = NoisyScene(noise)
    assert not any(movement([scene.empty() for _ in range(600)])[LEARNED:])


@pytest.mark.parametrize("noise", [0, 1, 2])
@pytest.mark.parametrize("x", [0, 77, WIDTH - 2])
def test_somebody_far_away_is_movement_at_once(noise: float, x: int) -> None:
    """A spot of five by two cells, with the first picture that shows it, at any edge."""
    scene = NoisyScene(noise)
    pictures = [scene.empty() for _ in range(LEARNED)]
    assert movement([*pictures, scene.with_person(x)])[-1]


@pytest.mark.parametrize("cells_per_s", [1, 3, 20])
def test_who_walks_is_movement_all_the_time(cells_per_s: float) -> None:
    """Slowly too: at most every fifth of the pictures is taken for a rest."""
    scene = NoisyScene(1)
    pictures = [scene.empty() for _ in range(LEARNED)]
    steps = range(round(100 / cells_per_s * FPS))
    walk = [scene.with_person(10 + int(step * cells_per_s / FPS)) for step in steps]
    seen = movement(pictures + walk)[LEARNED:]
    assert seen[0]
    assert seen.count(True) >= 0.8 * len(seen)


def test_who_stands_still_becomes_part_of_the_scene() -> None:
    """Within half a minute; leaving is movement again."""
    scene = NoisyScene(1)
    pictures = [scene.empty() for _ in range(LEARNED)]
    standing = [scene.with_person(77) for _ in range(60 * FPS)]
    seen = movement([*pictures, *standing, scene.empty()])
    assert all(seen[LEARNED : LEARNED + FPS])
    assert not any(seen[LEARNED + 30 * FPS : -1])
    assert seen[-1]


@pytest.mark.parametrize("brighter", [-30, -3, 5, 30])
def test_light_that_changes_everywhere_is_no_movement(brighter: float) -> None:
    """Exposure is set anew: the whole picture is shifted, nothing in it moved."""
    scene = NoisyScene(1)
    pictures = [scene.empty() for _ in range(LEARNED)]
    assert not any(movement(pictures + [scene.empty(brighter) for _ in range(100)])[LEARNED:])


def test_somebody_who_comes_with_a_change_of_light_is_movement() -> None:
    """One does not hide the other."""
    scene = NoisyScene(1)
    pictures = [scene.empty() for _ in range(LEARNED)]
    lighter = scene.with_person(77).astype(np.int16) + 20
    assert movement([*pictures, np.clip(lighter, 0, 255).astype(np.uint8)])[-1]


def test_a_new_scene_is_movement_once() -> None:
    """A camera that switches to infrared or turns shows another picture, and that is still."""
    scene = NoisyScene(1)
    infrared = [255 - scene.empty() for _ in range(100)]
    seen = movement([scene.empty() for _ in range(LEARNED)] + infrared)[LEARNED:]
    assert seen[0]
    assert sum(seen) <= 2


def test_another_size_is_another_scene() -> None:
    """A camera that changes its resolution; the threshold stays as it was."""
    scene = NoisyScene()
    small = scene.empty()[: HEIGHT // 2]
    assert movement([scene.empty()] * 5 + [small] * 5) == ([True] + [False] * 4) * 2


def test_a_picture_of_a_cell_or_two_is_looked_at_without_complaint() -> None:
    """Nobody has such a camera, but a stream may claim any size."""
    tiny = np.zeros((2, 2), np.uint8)
    assert movement([tiny, tiny]) == [True, False]
