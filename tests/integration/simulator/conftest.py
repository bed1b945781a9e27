"""Clips that the tests of the simulator share."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal, Protocol

import pytest

from simulator import Clip
from tests.support.clips import Pattern, make_clip


class ClipMaker(Protocol):
    """Encodes a clip of 25 frames, once for each set of arguments."""

    def __call__(
        self,
        codec: Literal["h264", "hevc"] = "h264",
        *,
        bframes: int = 0,
        width: int = 320,
        pattern: Pattern = "moving",
    ) -> Clip:
        """The clip at 50 frames per second, half as high as wide, 4 key frames."""


@pytest.fixture(scope="session")
def clip_maker(tmp_path_factory: pytest.TempPathFactory) -> ClipMaker:
    """Makes clips."""
    folder = tmp_path_factory.mktemp("clips")

    @cache
    def make(
        codec: Literal["h264", "hevc"] = "h264",
        *,
        bframes: int = 0,
        width: int = 320,
        pattern: Pattern = "moving",
    ) -> Clip:
        path: Path = folder / f"{codec}-{bframes}-{width}-{pattern}.mp4"
        make_clip(
            path,
            codec,
            width=width,
            height=width // 2,
            fps=50,
            seconds=0.5,
            pattern=pattern,
            bframes=bframes,
            gop_s=0.14,
        )
        return Clip.load(path)

    return make


@pytest.fixture
def clip(clip_maker: ClipMaker) -> Clip:
    """An H.264 clip of 25 frames at 50 frames per second."""
    return clip_maker()
