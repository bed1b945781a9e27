"""How large a picture becomes when it is scaled to fit the model."""

from __future__ import annotations


def fit_size(width: int, height: int, long_side: int) -> tuple[int, int]:
    """Width and height, in pixels, of a picture scaled to have ``long_side``.

    The aspect ratio is kept to the nearest even number of pixels, since colour has half the
    resolution of brightness; smaller pictures are enlarged, as the model was trained on
    pictures of that scale. ``long_side`` is even. No side becomes less than two pixels.
    """
    scale = long_side / max(width, height)
    return _even(width * scale), _even(height * scale)


def _even(side: float) -> int:
    return max(2, 2 * round(side / 2))
