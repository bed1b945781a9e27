"""What a role says of itself, and what is made of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vision.cli.healthcheck import _found
from vision.domain.errors import ConfigError
from vision.runtime.health.liveness import MAX_AGE_S, Liveness, LivenessFile, readings_in, verdict

SECOND_NS = 1_000_000_000


class Clock:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now_ns = 1000 * SECOND_NS

    def __call__(self) -> int:
        """Read it."""
        return self.now_ns


def said(directory: Path, clock: Clock, *, live_only: bool = False) -> list[tuple[bool, str]]:
    """The verdicts on all roles."""
    return [verdict(found, live_only=live_only) for found in readings_in(directory, clock)]


def test_a_role_at_work_is_healthy(tmp_path: Path) -> None:
    """And its line tells what it does."""
    clock = Clock()
    file = LivenessFile(tmp_path / "run", "ingest front", clock)
    file.write(lambda: Liveness("ingest front", facts=("front is online",)))
    assert said(tmp_path / "run", clock) == [(True, "ingest front: front is online")]
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["ingest-front.json"]
    file.remove()
    assert said(tmp_path / "run", clock) == []


def test_a_role_that_says_nothing_any_more_is_not_alive(tmp_path: Path) -> None:
    """Whether it hangs, was killed, or the machine was started anew since."""
    clock = Clock()
    LivenessFile(tmp_path, "infer", clock).write(lambda: Liveness("infer"))
    clock.now_ns += round(MAX_AGE_S * SECOND_NS)
    assert said(tmp_path, clock) == [(True, "infer: at work")]
    clock.now_ns += SECOND_NS
    assert said(tmp_path, clock, live_only=True) == [(False, "infer: has said nothing for 6 s")]
    clock.now_ns = 0
    assert not said(tmp_path, clock)[0][0]


def test_a_camera_that_is_away_is_no_reason_to_restart(tmp_path: Path) -> None:
    """It makes the role unhealthy, but not dead; what is stuck makes it both."""
    clock = Clock()
    file = LivenessFile(tmp_path, "ingest front", clock)
    file.write(lambda: Liveness("ingest front", reasons=("front is away",)))
    assert said(tmp_path, clock) == [(False, "ingest front: front is away")]
    assert said(tmp_path, clock, live_only=True) == [(True, "ingest front: front is away")]
    clock.now_ns += 2 * SECOND_NS
    file.write(lambda: Liveness("ingest front", stuck=("forwarding hangs",)))
    assert said(tmp_path, clock, live_only=True) == [(False, "ingest front: forwarding hangs")]


def test_who_takes_over_may_share_its_camera(tmp_path: Path) -> None:
    """Another process that publishes the same camera is a failure, unless it is about to end."""
    clock = Clock()
    file = LivenessFile(tmp_path, "ingest front", clock)
    file.write(lambda: Liveness("ingest front", shared=("front is published twice",)))
    (found,) = readings_in(tmp_path, clock)
    assert verdict(found, live_only=False) == (False, "ingest front: front is published twice")
    assert verdict(found, live_only=False, is_taking_over=True)[0]
    assert verdict(found, live_only=True) == (True, "ingest front: front is published twice")
    clock.now_ns += 2 * SECOND_NS
    file.write(lambda: Liveness("ingest front", reasons=("gone",), shared=("twice",)))
    (found,) = readings_in(tmp_path, clock)
    assert verdict(found, live_only=False, is_taking_over=True) == (False, "ingest front: gone")


def test_it_is_written_once_a_second(tmp_path: Path) -> None:
    """However often it could be."""
    clock = Clock()
    file = LivenessFile(tmp_path, "run", clock)
    readings = 0

    def read() -> Liveness:
        nonlocal readings
        readings += 1
        return Liveness("run")

    for _ in range(30):
        file.write(read)
        clock.now_ns += SECOND_NS // 10
    assert readings == 3


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"at_mono_ns": "x"}'])
def test_a_file_that_is_not_ours_is_named(text: str, tmp_path: Path) -> None:
    """With the remedy."""
    (tmp_path / "run.json").write_text(text)
    ((is_well, line),) = said(tmp_path, Clock())
    assert not is_well
    assert "run.json" in line
    assert "remove" in line


def test_a_folder_that_cannot_be_used_is_a_mistake(tmp_path: Path) -> None:
    """A file in its place, or a link to somewhere else."""
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link", "file/below"):
        with pytest.raises(ConfigError, match="run_dir"):
            LivenessFile(tmp_path / name, "run")


def healthcheck(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command, and fail if it imports what is slow to import."""
    program = (
        "import sys\n"
        "from vision.cli.main import main\n"
        "code = main(['healthcheck', *sys.argv[1:]])\n"
        "slow = {'pydantic', 'numpy', 'redis', 'rich', 'av', 'openvino'} & set(sys.modules)\n"
        "assert not slow, slow\n"
        "sys.exit(code)\n"
    )
    clean = {key: value for key, value in os.environ.items() if not key.startswith("VISION_")}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env=clean | {"VISION_RUN_DIR": str(folder / "run")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_says_one_line_and_is_cheap(tmp_path: Path) -> None:
    """Docker runs it every few seconds in every container."""
    result = healthcheck(tmp_path)
    assert (result.returncode, result.stderr) == (1, "")
    assert result.stdout.startswith("unhealthy: no role says in ")
    file = LivenessFile(tmp_path / "run", "infer")
    file.write(lambda: Liveness("infer", reasons=("900 messages wait",), facts=("model x",)))
    result = healthcheck(tmp_path)
    assert (result.returncode, result.stdout) == (1, "unhealthy: infer: 900 messages wait\n")
    result = healthcheck(tmp_path, "--live")
    assert result.returncode == 0
    assert result.stdout == "healthy: infer: model x; 900 messages wait\n"


def test_the_command_knows_no_other_code_than_1(tmp_path: Path) -> None:
    """Docker reserves 2: a mistake in the settings is unhealthy too."""
    result = healthcheck(tmp_path)
    assert result.returncode == 1
    (tmp_path / "vision.yaml").write_text("a: : b")
    program = [sys.executable, "-m", "vision", "healthcheck"]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("VISION_")}
    broken = subprocess.run(
        program, cwd=tmp_path, env=clean, capture_output=True, text=True, timeout=60, check=False
    )
    assert (broken.returncode, broken.stderr) == (1, "")
    assert "vision.yaml" in broken.stdout


def test_the_document_is_plain_json(tmp_path: Path) -> None:
    """For whoever wants to look with other tools."""
    clock = Clock()
    LivenessFile(tmp_path, "run", clock).write(lambda: Liveness("run", facts=("a", "b")))
    assert json.loads((tmp_path / "run.json").read_text()) == {
        "pid": os.getpid(),
        "at_mono_ns": clock.now_ns,
        "role": "run",
        "stuck": [],
        "reasons": [],
        "shared": [],
        "facts": ["a", "b"],
    }


def test_a_role_that_has_said_nothing_is_looked_at_twice(tmp_path: Path) -> None:
    """A container that was frozen froze the command with it: the role speaks a moment later."""
    clock = Clock()
    clock.now_ns = time.monotonic_ns() - 60_000_000_000
    LivenessFile(tmp_path, "run", clock).write(lambda: Liveness("run"))
    waited: list[float] = []

    def go_on(seconds: float) -> None:
        waited.append(seconds)
        LivenessFile(tmp_path, "run").write(lambda: Liveness("run"))

    (found,) = _found(tmp_path, go_on)
    assert not found.is_silent
    assert len(waited) == 1
    (found,) = _found(tmp_path, go_on)
    assert len(waited) == 1
    LivenessFile(tmp_path, "run", clock).write(lambda: Liveness("run"))
    (found,) = _found(tmp_path, waited.append)
    assert found.is_silent
