"""The demo leaves no secrets behind, also when it is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from simulator.demo.folder import demo_folder


def test_it_is_private_and_goes_with_the_demo(tmp_path: Path) -> None:
    """Nobody else may read it."""
    with demo_folder(tmp_path) as folder:
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "secret").write_text("x")
    assert not list(tmp_path.iterdir())


def test_what_a_killed_demo_left_is_removed_by_the_next(tmp_path: Path) -> None:
    """Folders of living demos, and of other programs, stay."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    for name in (f"ariia-vision-demo-{ended.pid}-a", f"ariia-vision-demo-{os.getpid()}-b", "other"):
        (tmp_path / name).mkdir()
    with demo_folder(tmp_path):
        left = {folder.name for folder in tmp_path.iterdir()}
    assert f"ariia-vision-demo-{ended.pid}-a" not in left
    assert {f"ariia-vision-demo-{os.getpid()}-b", "other"} < left
