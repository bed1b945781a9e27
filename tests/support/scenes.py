"""Thumbnails of a scene with noise, and of somebody in it."""

from __future__ import annotations

import numpy as np

from vision.capture.thumbnail import Grey

SECOND = 1_000_000_000
HEIGHT, WIDTH = 90, 160
SCENE = np.random.default_rng(7).integers(40, 200, (HEIGHT, WIDTH)).astype(np.uint8)


class NoisyScene:
    """The same scene again and again with Gaussian noise."""

    def __init__(self, noise: float = 0.0, seed: int = 3) -> None:
        """``noise`` is its standard deviation in a cell, levels of grey."""
        self._noise = noise
        self._random = np.random.default_rng(seed)

    def empty(self, brighter: float = 0.0) -> Grey:
        """Nobody is there; all of it ``brighter`` levels of grey lighter."""
        return self._seen(SCENE + np.float32(brighter))

    def with_person(self, x: int, y: int = 40, *, size: tuple[int, int] = (5, 2)) -> Grey:
        """Somebody, ``size`` cells high and wide, 30 levels darker than what is behind."""
        picture = SCENE.astype(np.float32)
        picture[y : y + size[0], x : x + size[1]] -= 30
        return self._seen(picture)

    def _seen(self, picture: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Grey:
        noisy = picture + self._random.normal(0, self._noise, picture.shape)
        return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
