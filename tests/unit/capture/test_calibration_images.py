"""Pictures to calibrate on come from folders and clips as a camera would deliver them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.clips import make_clip
from vision.capture.calibration_images import calibration_images
from vision.domain.errors import ConfigError
from vision.frames.planar import size_of, to_rgb


def test_a_folder_gives_its_pictures(tmp_path: Path) -> None:
    """Scaled, in the order of their names, evenly chosen where there are too many."""
    for number in range(6):
        picture = np.full((90, 160, 3), 40 * number, np.uint8)
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
    (tmp_path / "labels.txt").write_text("not a picture")
    everything = list(calibration_images(tmp_path, 64, 10))
    assert [size_of(picture) for picture in everything] == [(36, 64)] * 6
    brightness = [float(to_rgb(picture).mean()) for picture in calibration_images(tmp_path, 64, 3)]
    assert brightness == pytest.approx([0, 80, 160], abs=3)


@pytest.mark.parametrize(("limit", "expected"), [(5, 5), (100, 20)])
def test_a_clip_gives_frames_of_all_its_length(tmp_path: Path, limit: int, expected: int) -> None:
    """No more than asked for, no more than there are."""
    clip = make_clip(tmp_path / "clip.mp4", seconds=2)
    pictures = list(calibration_images(clip, 64, limit))
    assert [size_of(picture) for picture in pictures] == [(48, 64)] * expected


@pytest.mark.parametrize("name", ["missing", "empty", "words.jpg", "folder"])
def test_what_holds_no_picture_is_named(tmp_path: Path, name: str) -> None:
    """In one line."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "words.jpg").write_text("these are words")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    with pytest.raises(ConfigError, match=name) as raised:
        list(calibration_images(tmp_path / name, 64, 10))
    assert "\n" not in str(raised.value)
