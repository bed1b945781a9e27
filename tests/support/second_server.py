"""Starts the RTSP server of :mod:`tests.support.gst_rtsp_server` for a test."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import pytest

_PYTHON = "/usr/bin/python3"
_SCRIPT = Path(__file__).with_name("gst_rtsp_server.py")
_GSTREAMER_NAMES = {"h264": "h264", "hevc": "h265"}


@dataclass(frozen=True, slots=True)
class SecondServer:
    """A running server."""

    port: int

    def url(self, name: str) -> str:
        """URL of a stream, without credentials."""
        return f"rtsp://127.0.0.1:{self.port}/{name}"


@contextmanager
def second_server(
    clips: Mapping[str, Path], digest: tuple[str, str] | None = None
) -> Iterator[SecondServer]:
    """Serve MPEG-TS files (H.264 or H.265) by name, to holders of ``digest`` only if given.

    Skips the test, with the reason, where the system's Python has no GstRtspServer.
    """
    if not Path(_PYTHON).exists():
        pytest.skip(f"no {_PYTHON} for GstRtspServer")
    check = subprocess.run(
        [_PYTHON, _SCRIPT, "--check"], capture_output=True, text=True, check=False, timeout=60
    )
    if check.returncode:
        pytest.skip(check.stderr.strip().splitlines()[-1])
    order = {
        "clips": {name: (str(path), _codec(path)) for name, path in clips.items()},
        "digest": digest,
    }
    with subprocess.Popen(
        [_PYTHON, _SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            yield SecondServer(json.loads(process.stdout.readline())["port"])
        finally:
            process.kill()


def _codec(path: Path) -> str:
    with av.open(str(path)) as container:
        return _GSTREAMER_NAMES[container.streams.video[0].codec.canonical_name]
