"""The whole life of a deployment with a real engine, where an image is named for it."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.support.scripts import SCRIPTS

IMAGE = os.environ.get("VISION_DRILL_IMAGE")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(IMAGE is None, reason="VISION_DRILL_IMAGE names no image"),
    pytest.mark.timeout(900),
]


@pytest.mark.parametrize("how", ["serial", "overlap", "stop"])
def test_deploy_rollback_backup_and_restore(how: str) -> None:
    """A subscriber misses no message, a broken image is not put into service, data comes back."""
    answer = subprocess.run(
        [SCRIPTS / "drill.sh", "--handover", how, str(IMAGE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert "all well" in answer.stdout
