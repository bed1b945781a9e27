"""Streams of an RTSP server that is not ours, read with PyAV alone and by the ingest worker."""

from __future__ import annotations

from itertools import islice, pairwise
from pathlib import Path
from typing import Literal

import av
import pytest

from tests.support.clips import make_clip
from tests.support.ingest import ingesting
from tests.support.second_server import second_server
from tests.support.viewer import DecodedPicture, watch, with_credentials
from tests.support.waiting import wait_until
from vision.config.secrets import write_secret
from vision.domain.frame import ClockSource

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_streams_of_another_server(
    tmp_path: Path, codec: Literal["h264", "hevc"], transport: Literal["tcp", "udp"]
) -> None:
    """Frames come in order and in time, past the end of the clip, and tell their capture time."""
    clip = make_clip(tmp_path / "clip.ts", codec, fps=25, seconds=1)
    seen: list[DecodedPicture] = []

    def is_in_time() -> bool:
        seen.append(next(frames))
        # Its first sender report comes when it likes, some seconds after the start; and a busy
        # machine sees some of the frames late.
        return len(seen) >= 60 and any(
            frame.decoded_s - frame.captured_s < 0.5 for frame in seen if frame.captured_s
        )

    with second_server({"front": clip}) as server, watch(server.url("front"), transport) as frames:
        wait_until(is_in_time, "a frame that is seen as soon as it is there")

    numbers = [frame.number for frame in seen]
    assert numbers == [(numbers[0] + at) % 25 for at in range(len(numbers))]
    stamps = [frame.pts for frame in seen if frame.pts is not None]
    assert all(before < after for before, after in pairwise(stamps))


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


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_the_ingest_worker_reads_another_server(
    tmp_path: Path, codec: Literal["h264", "hevc"], transport: Literal["tcp", "udp"]
) -> None:
    """Frames without a hole in their numbers, stamped by the server's clock once it tells it."""
    clip = make_clip(tmp_path / "clip.ts", codec, fps=25, seconds=1)
    with (
        second_server({"front": clip}) as server,
        ingesting(server.url("front"), fps=10, transport=transport) as ingest,
    ):
        ingest.wait_for_frames(10)
        wait_until(lambda: ingest.metas[-1].clock is ClockSource.RTCP, "a sender report")
        ingest.wait_for_frames(3)
    assert ingest.metas[-1].seq == len(ingest.metas) + ingest.overtaken
    assert 0 <= ingest.metas[-1].received_ns - ingest.metas[-1].captured_ns < 2e9


def test_the_ingest_worker_passes_another_servers_digest(tmp_path: Path) -> None:
    """With credentials out of secret files."""
    clip = make_clip(tmp_path / "clip.ts", fps=25, seconds=1)
    write_secret(tmp_path / "camera_front_username", "operator")
    write_secret(tmp_path / "camera_front_password", "pass word")
    with (
        second_server({"front": clip}, digest=("operator", "pass word")) as server,
        ingesting(server.url("front"), tmp_path) as ingest,
    ):
        ingest.wait_for_frames(3)
