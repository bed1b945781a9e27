"""How large a picture becomes when it is scaled to fit the model."""

from __future__ import annotations


def fit_size(width: int, height: int, long_side: int) -> tuple[int, int]:
    """Width and height, in pixels, of a picture scaled to have ``long_side``.

    The aspect ratio is kept to the nearest pixel; smaller pictures are enlarged, as the
    model was trained on pictures of that scale. No side becomes less than a pixel.
    """
    scale = long_side / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))
