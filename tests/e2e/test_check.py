"""``vision check`` looks at everything and says it in a line each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from simulator import QUIRKS, Clip, Credentials, Server
from tests.support.clips import make_clip
from tests.support.node import models_variable
from tests.support.redis_server import running_redis
from vision.config.secrets import write_secret

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def check(folder: Path, settings: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Run the command for ``settings``."""
    (folder / "vision.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    return subprocess.run(
        [sys.executable, "-m", "vision", "check"],
        cwd=folder,
        env=models_variable() | {"PATH": "/usr/bin", "HOME": str(Path.home())},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_what_works_and_what_does_not(tmp_path: Path) -> None:
    """Codec, size and rate of each camera; the reason where one cannot be seen through."""
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    clip = Clip.load(make_clip(tmp_path / "clip.mp4"))
    credentials = Credentials("viewer", "right-password", "digest")
    with (
        running_redis(tmp_path / "redis") as redis,
        Server({"front": clip, "yard": clip}, credentials=credentials) as camera,
        Server({"odd": clip}) as odd_camera,
    ):
        odd_camera.cameras["odd"].faults.switch(QUIRKS["sdp_latin1"], is_on=True)
        write_secret(secrets / "redis_password", redis.password)
        write_secret(secrets / "camera_front_username", "viewer")
        write_secret(secrets / "camera_front_password", "right-password")
        settings: dict[str, Any] = {
            "redis": {"url": redis.settings().url},
            "cameras": {"front": {"url": camera.url("front")}},
        }
        fine = check(tmp_path, settings)
        settings["cameras"]["yard"] = {"url": camera.url("yard")}
        settings["cameras"]["odd"] = {"url": odd_camera.url("odd")}
        settings["cameras"]["gate"] = {"url": "rtsp://127.0.0.1:9/x"}
        redis.stop()
        wrong = check(tmp_path, settings)
    assert fine.returncode == 0, fine.stdout + fine.stderr
    lines = fine.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ok", "config:"],
        ["ok", "cameras:"],
        ["ok", "descriptors:"],
        ["ok", "secrets:"],
        ["ok", "model:"],
        ["ok", "redis:"],
        ["ok", "camera"],
    ]
    assert "h264 320x240, 10." in lines[-1] or "h264 320x240, 9." in lines[-1]
    assert wrong.returncode == 1
    problems = [line for line in wrong.stdout.splitlines() if line.startswith("WRONG")]
    assert len(problems) == 3
    assert "connection refused" in problems[0]
    assert "camera yard: auth_failed" in problems[1]
    assert "camera gate: refused" in problems[2]
    assert "camera odd: h264 320x240" in wrong.stdout
    assert "right-password" not in fine.stdout + wrong.stdout + fine.stderr + wrong.stderr
