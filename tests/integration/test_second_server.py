"""Streams of an RTSP server that is not ours, read with PyAV alone."""

from __future__ import annotations

from itertools import islice, pairwise
from pathlib import Path
from typing import Literal

import av
import pytest

from tests.support.clips import make_clip
from tests.support.second_server import second_server
from tests.support.viewer import watch, with_credentials

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_streams_of_another_server(
    tmp_path: Path, codec: Literal["h264", "hevc"], transport: Literal["tcp", "udp"]
) -> None:
    """Frames come in order and in time, past the end of the clip, and tell their capture time."""
    clip = make_clip(tmp_path / "clip.ts", codec, fps=25, seconds=1)
    with second_server({"front": clip}) as server, watch(server.url("front"), transport) as frames:
        seen = []
        for frame in islice(frames, 750):
            seen.append(frame)
            # Its first sender report comes when it likes, some seconds after the start.
            if len(seen) >= 60 and seen[-20].captured_s is not None:
                break

    numbers = [frame.number for frame in seen]
    assert numbers == [(numbers[0] + at) % 25 for at in range(len(numbers))]
    stamps = [frame.pts for frame in seen if frame.pts is not None]
    assert all(before < after for before, after in pairwise(stamps))
    ages_s = [frame.decoded_s - frame.captured_s for frame in seen if frame.captured_s]
    assert ages_s
    assert sorted(ages_s)[len(ages_s) // 2] < 0.5


def test_another_servers_digest(tmp_path: Path) -> None:
    """The right password lets in, a wrong one does not."""
    clip = make_clip(tmp_path / "clip.ts", fps=25, seconds=1)
    with second_server({"front": clip}, digest=("operator", "pass word")) as server:
        url = server.url("front")
        with watch(with_credentials(url, "operator", "pass word")) as frames:
            assert len(list(islice(frames, 3))) == 3
        with (
            pytest.raises(av.error.HTTPUnauthorizedError),
            watch(with_credentials(url, "operator", "wrong")),
        ):
            pass
