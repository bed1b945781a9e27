"""What pip does in its folder while the size of the download is watched."""

from __future__ import annotations

import threading
from pathlib import Path

from vision.models.wheel import largest_wheel_bytes


def test_folders_that_vanish_meanwhile_are_passed_over(tmp_path: Path) -> None:
    """Pip makes and removes folders as it works; none of that is the download's error."""
    kept = tmp_path / "got"
    kept.mkdir()
    (kept / "some_data-1.0-py3-none-any.whl").write_bytes(bytes(70))
    has_ended = threading.Event()

    def make_and_remove() -> None:
        while not has_ended.is_set():
            folders = [tmp_path / f"unpack-{number}" for number in range(20)]
            for folder in folders:
                folder.mkdir()
                (folder / "part.whl").write_bytes(bytes(7))
            for folder in folders:
                (folder / "part.whl").unlink()
                folder.rmdir()

    pip = threading.Thread(target=make_and_remove)
    pip.start()
    try:
        seen = {largest_wheel_bytes(tmp_path) for _ in range(300)}
    finally:
        has_ended.set()
        pip.join()
    assert seen == {70}


def test_nothing_downloaded_yet_is_no_bytes(tmp_path: Path) -> None:
    """Before pip has made its folder, and when it is gone."""
    assert largest_wheel_bytes(tmp_path) == 0
    assert largest_wheel_bytes(tmp_path / "gone") == 0
