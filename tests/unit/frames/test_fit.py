"""How large a picture becomes."""

from __future__ import annotations

import pytest

from vision.frames.planar import fit_size


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ((1920, 1080), (640, 360)),
        ((1080, 1920), (360, 640)),
        ((176, 144), (640, 524)),
        ((640, 427), (640, 428)),
        ((640, 640), (640, 640)),
        ((10_000, 3), (640, 2)),
    ],
)
def test_the_long_side_fits_and_the_aspect_ratio_stays(
    source: tuple[int, int], expected: tuple[int, int]
) -> None:
    """Larger ones shrink, smaller ones grow, nothing vanishes, and both sides are even."""
    assert fit_size(*source, 640) == expected
