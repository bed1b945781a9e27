"""Cameras have their descriptors before the page has connections."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

import pytest

from vision.runtime.processes.descriptors import connections_beside, needed_for, shortage

_CHECK = """
import json, resource, sys
soft, hard, cameras = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
from vision.config.settings import Settings
from vision.domain.errors import VisionError
from vision.runtime.components.descriptors import look_at_descriptors, most_connections
from vision.runtime.processes.descriptors import raise_limit
camera = {"url": "rtsp://192.0.2.1/x"}
settings = Settings.model_validate({"cameras": {f"c{n}": camera for n in range(cameras)}})
try:
    found = look_at_descriptors(settings)
except VisionError as error:
    found = f"WRONG {error}"
raise_limit()
print(json.dumps([found, most_connections(settings), *resource.getrlimit(resource.RLIMIT_NOFILE)]))
"""


def limited(soft: int, hard: int, cameras: int) -> tuple[str, int, int, int]:
    """What a process with these limits says, how many connections it allows, and its limits."""
    command = [sys.executable, "-c", _CHECK, str(soft), str(hard), str(cameras)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found, connections, soft, hard = json.loads(done.stdout)
    return found, connections, soft, hard


def test_the_limit_is_raised_as_far_as_it_may_be() -> None:
    """And no further than is of use; the hard limit stays as it is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert limited(256, 1024, 1)[2:] == (1024, 1024)
    assert limited(256, hard, 1)[2:] == (min(hard, 16_384), hard)


def test_check_says_what_there_is_and_what_is_left_for_the_page() -> None:
    """Connections are fewer where there is little, and never so many that a camera has none."""
    found, connections, *_ = limited(1024, 4096, 20)
    assert found.startswith("up to 4096 open files; 20 cameras need ")
    assert connections == 512
    found, connections, *_ = limited(64, 320, 20)
    assert found.endswith(f"which leaves {connections} connections to the page")
    assert 16 <= connections < 320 - needed_for(20)


def test_check_says_where_the_limit_is_too_small_and_what_to_do() -> None:
    """Before the node runs into it."""
    found, *_ = limited(64, 128, 20)
    assert found.startswith("WRONG this process may have 128 open files, and 20 cameras need ")
    assert "LimitNOFILE=" in found
    assert shortage(1) is None


@pytest.mark.parametrize("servers", [1, 2])
@pytest.mark.parametrize("cameras", [1, 20, 200, 2000])
def test_all_servers_together_leave_enough_for_the_cameras(cameras: int, servers: int) -> None:
    """Connections, the eighth that is kept for probes, and those that come and go."""
    needed = needed_for(cameras)
    each = connections_beside(needed, servers)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert servers * (each + each // 8 + 32) + needed <= min(hard, 16_384)
