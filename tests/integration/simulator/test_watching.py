"""What PyAV sees of a healthy camera."""

from __future__ import annotations

from itertools import islice, pairwise
from typing import TYPE_CHECKING, Literal

import pytest

from simulator import Clip, Server, Timing
from tests.support.rtsp_client import RtspClient
from tests.support.viewer import watch
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from tests.integration.simulator.conftest import ClipMaker

pytestmark = pytest.mark.integration

FRAME = 1800


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("bframes", [0, 2])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_loops_without_a_jump(
    clip_maker: ClipMaker,
    codec: Literal["h264", "hevc"],
    bframes: int,
    transport: Literal["tcp", "udp"],
) -> None:
    """More than two rounds of the clip: each frame once, in order, at one even pace."""
    with (
        Server({"front": clip_maker(codec, bframes=bframes)}) as server,
        watch(server.url("front"), transport) as frames,
    ):
        seen = list(islice(frames, 60))

    assert [frame.number for frame in seen] == [at % 25 for at in range(60)]
    stamps = [frame.pts for frame in seen[1:] if frame.pts is not None]
    assert len(stamps) == 59
    assert {after - before for before, after in pairwise(stamps)} == {FRAME}


def test_plays_in_real_time(clip: Clip) -> None:
    """A clip takes as long as its timestamps say: sooner or later also as a busy machine sees it."""

    def lasts_as_long() -> bool:
        seen = list(islice(frames, 80))
        return seen[-1].decoded_s - seen[0].decoded_s == pytest.approx(79 * 0.02, abs=0.6)

    with Server({"front": clip}) as server, watch(server.url("front")) as frames:
        wait_until(lasts_as_long, "80 frames in their time")


def test_several_cameras_and_viewers_at_once(clip_maker: ClipMaker) -> None:
    """Each camera shows its own clip, and each viewer has its own beginning."""
    streams = {"front": clip_maker(), "yard/gate": clip_maker("hevc", width=480)}
    with (
        Server(streams) as server,
        watch(server.url("front")) as first,
        watch(server.url("yard/gate")) as second,
    ):
        assert [frame.number for frame in islice(first, 10)] == [*range(10)]
        with watch(server.url("front"), "udp") as third:
            assert [frame.number for frame in islice(third, 5)] == [*range(5)]
            assert server.clients == 3
        assert [(frame.number, frame.size) for frame in islice(second, 10)] == [
            (at, (480, 240)) for at in range(10)
        ]
        assert [frame.number for frame in islice(first, 5)] == [*range(10, 15)]


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_viewer_keeps_its_session_alive(clip: Clip, transport: Literal["tcp", "udp"]) -> None:
    """A viewer that obeys the session's timeout is not cut off by it."""
    with (
        Server({"front": clip}, timing=Timing(session_timeout_s=1.0)) as server,
        watch(server.url("front"), transport) as frames,
    ):
        assert len(list(islice(frames, 100))) == 100


def test_silent_client_is_cut_off(clip: Clip) -> None:
    """A connection that says nothing is ended when its time is over."""
    with (
        Server({"front": clip}, timing=Timing(session_timeout_s=0.2)) as server,
        RtspClient(server.url("front")) as client,
    ):
        assert client.ended()
