"""A frozen picture is told from a still scene by what is new in it."""

from __future__ import annotations

import numpy as np
import pytest

from vision.capture.freeze_detector import FreezeDetector
from vision.capture.thumbnail import Grey

SECOND = 1_000_000_000
RANDOM = np.random.default_rng(7)
SCENE = RANDOM.integers(20, 230, (90, 160)).astype(np.uint8)


def changed(levels: int, cells: int = 40, seed: int | None = None) -> Grey:
    """The scene with some cells a little brighter."""
    where = np.random.default_rng(seed) if seed is not None else RANDOM
    picture = SCENE.copy()
    picture.flat[where.choice(picture.size, cells, replace=False)] += np.uint8(levels)
    return picture


def frozen(pictures: list[Grey], after_s: float = 10, fps: float = 5) -> list[bool]:
    """The verdict on each of these pictures, ``fps`` a second."""
    watch = FreezeDetector(after_s)
    return [
        watch.observe(picture, round(number / fps * SECOND))
        for number, picture in enumerate(pictures)
    ]


def test_the_same_picture_is_frozen_after_the_time_set() -> None:
    """Not before, and from then on."""
    assert frozen([SCENE] * 100) == [False] * 50 + [True] * 50


def test_a_frozen_source_behind_an_encoder_is_frozen() -> None:
    """Each key frame is refined by the frames after it, the same way every time."""
    refinement = [changed(3, seed=1), changed(2, seed=2), *[changed(1, seed=3)] * 8]
    assert frozen(refinement * 20)[-100:] == [True] * 100


def test_a_still_scene_with_noise_is_not_frozen() -> None:
    """Also when the encoder shows noise in key frames only, one each eight seconds."""
    pictures = [picture for _ in range(30) for picture in [changed(1)] * 40]
    assert not any(frozen(pictures))


def test_a_short_clip_in_a_loop_is_not_frozen() -> None:
    """It repeats itself, but something moves."""
    moving = [changed(60, cells=200, seed=number) for number in range(4)]
    assert not any(frozen(moving * 100))


def test_a_picture_that_changes_again_is_not_frozen_any_more() -> None:
    """At the first new one; and the time is counted anew."""
    verdict = frozen([SCENE] * 60 + [changed(60)] + [SCENE] * 49)
    assert verdict[59:62] == [True, False, False]
    assert not any(verdict[60:])


@pytest.mark.parametrize("repeats", [1, 2])
def test_a_repeat_or_two_prove_nothing(repeats: int) -> None:
    """A camera of one picture a minute may well send the same one twice."""
    assert not any(frozen([SCENE] * (repeats + 1), fps=1 / 60))


def test_another_size_is_another_picture() -> None:
    """A camera that changes its resolution is not frozen."""
    assert not any(frozen(([SCENE] * 45 + [SCENE[:45]] * 45) * 3))
