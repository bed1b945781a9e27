"""Every fault, seen from the client."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Sequence
from itertools import dropwhile, islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import av
import pytest
import trustme

from simulator import Clip, Server, Timing, tls_context
from simulator.rtp import payloads
from tests.support.rtsp_client import RtspClient
from tests.support.viewer import DecodedPicture, watch
from tests.support.waiting import wait_until
from vision.domain.errors import ConfigError

if TYPE_CHECKING:
    from tests.integration.simulator.conftest import ClipMaker

pytestmark = pytest.mark.integration
# Far more frames than are on their way to a viewer, however late it is.
_ENDLESS = 2_000
_SEND_TIMEOUT_S = 1.0


def rtp(client: RtspClient, count: int) -> list[bytes]:
    """Play, and give the next RTP packets."""
    client.play()
    packets = (packet for channel, packet in client.packets() if channel == 0)
    return list(islice(packets, count))


def test_stall_carries_nothing_and_ends(clip: Clip) -> None:
    """A stalled camera keeps the connection and goes on with the next frame of the clip."""
    with Server({"front": clip}) as server, watch(server.url("front")) as frames:
        seen = list(islice(frames, 10))
        faults = server.cameras["front"].faults
        timer = threading.Timer(1.0, setattr, (faults, "stall", False))

        faults.stall = True
        timer.start()
        seen += islice(frames, 30)
        timer.join()

        assert server.clients == 1
    assert [frame.number for frame in seen] == [at % 25 for at in range(40)]
    jumps = [
        after.pts - before.pts for before, after in pairwise(seen[1:]) if before.pts and after.pts
    ]
    assert sum(jump > 1800 for jump in jumps) == 1
    assert max(jumps) > 0.9 * 90_000


def test_stall_is_an_error_after_the_viewers_timeout(clip: Clip) -> None:
    """A viewer that waits no longer than its timeout sees the stall as a failure."""
    with Server({"front": clip}) as server, watch(server.url("front"), timeout_s=0.5) as frames:
        next(frames)
        server.cameras["front"].faults.stall = True

        with pytest.raises(av.FFmpegError):
            list(frames)


def test_hang_never_answers(clip: Clip) -> None:
    """A hung camera accepts the connection and lets the viewer wait until its timeout."""
    with Server({"front": clip, "back": clip}) as server:
        server.cameras["front"].faults.hang = True
        started = time.monotonic()
        with pytest.raises(av.FFmpegError), watch(server.url("front"), timeout_s=0.5):
            pass
        assert time.monotonic() - started > 0.4
        with watch(server.url("back")) as frames:
            next(frames)


def test_cut_ends_the_stream(clip: Clip) -> None:
    """Cut off, the frames end for all viewers of that camera; they may come back at once."""
    with (
        Server({"front": clip, "back": clip}) as server,
        watch(server.url("front")) as front,
        watch(server.url("back"), "udp") as back,
    ):
        next(front)
        next(back)

        server.cut("front")

        assert len(list(islice(front, _ENDLESS))) < _ENDLESS
        assert len(list(islice(back, 30))) == 30
        with watch(server.url("front")) as again:
            next(again)
            server.cut()
            assert len(list(islice(again, _ENDLESS))) < _ENDLESS


def test_refusing_and_coming_back(clip: Clip) -> None:
    """While it does not listen nobody gets in and who is in stays; then the port is the same."""
    with Server({"front": clip}) as server, watch(server.url("front")) as frames:
        next(frames)
        port = server.port

        server.stop_listening()

        with pytest.raises(av.error.ConnectionRefusedError), watch(server.url("front")):
            pass
        assert len(list(islice(frames, 5))) == 5
        server.listen()
        server.listen()
        assert server.port == port
        with watch(server.url("front")) as again:
            next(again)


def test_restart_on_the_same_port(clip: Clip) -> None:
    """A server that is closed ends its streams, and another can take its port at once."""
    with Server({"front": clip}) as server, watch(server.url("front")) as frames:
        next(frames)
        server.close()
        assert len(list(islice(frames, _ENDLESS))) < _ENDLESS
        second = Server({"front": clip}, port=server.port)
        with second, watch(second.url("front")) as again:
            next(again)


def test_loss_leaves_gaps(clip_maker: ClipMaker) -> None:
    """The share of packets asked for is missing, and a viewer goes on without them."""
    with Server({"front": clip_maker(pattern="noise")}) as server:
        server.cameras["front"].faults.loss = 0.2
        with RtspClient(server.url("front")) as client:
            numbers = [int.from_bytes(packet[2:4], "big") for packet in rtp(client, 800)]
        with watch(server.url("front")) as frames:
            assert len(list(islice(frames, 10))) == 10

    span = (numbers[-1] - numbers[0]) % 0x10000 + 1
    assert len(numbers) / span == pytest.approx(0.8, abs=0.08)


def test_corruption_damages_payloads(clip_maker: ClipMaker) -> None:
    """The share of packets asked for is not what the clip holds; nothing is missing."""
    clip = clip_maker(pattern="noise")
    whole = {part for unit in clip.units for nal in unit.nals for part in payloads(clip.codec, nal)}
    with Server({"front": clip}) as server:
        server.cameras["front"].faults.corruption = 0.2
        with RtspClient(server.url("front")) as client:
            packets = rtp(client, 800)
        with watch(server.url("front")) as frames:
            assert len(list(islice(frames, 10))) == 10

    numbers = [int.from_bytes(packet[2:4], "big") for packet in packets]
    assert {(after - before) % 0x10000 for before, after in pairwise(numbers)} == {1}
    damaged = sum(packet[12:] not in whole for packet in packets)
    assert damaged / len(packets) == pytest.approx(0.2, abs=0.08)


def test_size_changes_in_mid_stream(clip_maker: ClipMaker) -> None:
    """Frames of another size follow in the same stream, from the first of the other clip on."""
    with (
        Server({"front": clip_maker()}) as server,
        watch(server.url("front")) as frames,
    ):
        assert next(frames).size == (320, 160)

        server.cameras["front"].show(clip_maker(width=480))

        after = next(frame for frame in frames if frame.size == (480, 240))
        assert after.number == 0
        assert [frame.number for frame in islice(frames, 5)] == [1, 2, 3, 4, 5]


def test_freeze_shows_one_picture(clip: Clip) -> None:
    """A frozen camera sends frames in time, and all of them show the same."""
    with Server({"front": clip}) as server, watch(server.url("front")) as frames:
        list(islice(frames, 5))
        server.cameras["front"].faults.freeze = True
        next(frame for frame in frames if frame.number == 0)

        frozen = list(islice(frames, 40))

        assert {frame.number for frame in frozen} == {0}
        stamps = [frame.pts for frame in frozen if frame.pts is not None]
        assert {after - before for before, after in pairwise(stamps)} == {1800}
        server.cameras["front"].faults.freeze = False
        moving = dropwhile(lambda frame: frame.number == 0, frames)
        assert [frame.number for frame in islice(moving, 5)] == [1, 2, 3, 4, 5]


def test_slowdown_lowers_the_frame_rate(clip: Clip) -> None:
    """Slowed down, frames are further apart by the clock and by their timestamps."""
    with Server({"front": clip}) as server:
        server.cameras["front"].faults.slowdown = 4.0
        with watch(server.url("front")) as frames:
            seen = list(islice(frames, 11))
            # On a busy machine one look after the other may be late.
            wait_until(lambda: _lasts(list(islice(frames, 11)), 10 * 0.08), "the lower rate")
    stamps = [frame.pts for frame in seen if frame.pts is not None]
    assert {after - before for before, after in pairwise(stamps)} == {7200}


def _lasts(seen: Sequence[DecodedPicture], expected_s: float) -> bool:
    return seen[-1].decoded_s - seen[0].decoded_s == pytest.approx(expected_s, abs=0.3)


def test_slow_viewer_is_cut_and_others_go_on(clip_maker: ClipMaker) -> None:
    """Who does not read is let go after a bounded time, and nobody else waits for it."""
    noise = clip_maker(pattern="noise", width=640)
    with (
        Server({"front": noise}, timing=Timing(send_timeout_s=_SEND_TIMEOUT_S)) as server,
        RtspClient(server.url("front"), receive_buffer=4096) as slow,
        watch(server.url("front")) as frames,
    ):
        slow.play()
        seen = [next(frames)]
        while server.clients > 1:
            seen.append(next(frames))

        seen += islice(frames, 10)

    waits = [after.decoded_s - before.decoded_s for before, after in pairwise(seen)]
    # Each wait for the slow one would be as long as the time-out.
    assert statistics.median(waits) < _SEND_TIMEOUT_S


def test_taken_port_is_named(clip: Clip) -> None:
    """A second server on a port says which one and what to do."""
    with Server({"front": clip}) as server:
        second = Server({"front": clip}, port=server.port)

        with pytest.raises(ConfigError) as caught:
            second.listen()

    assert str(caught.value) == f"port {server.port} is in use: choose another with --port"


def test_address_that_cannot_be_had_is_named(clip: Clip) -> None:
    """An address that is not this machine's is named."""
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1, port 0"):
        Server({"front": clip}, host="192.0.2.1").listen()


@pytest.mark.parametrize("secure", [False, True])
def test_closing_is_quick_and_leaves_nothing(clip: Clip, tmp_path: Path, *, secure: bool) -> None:
    """With clients in every state, closing takes no time and ends every thread."""
    tls = None
    if secure:
        pem = tmp_path / "server.pem"
        trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pem)
        tls = tls_context(pem, pem)
    before, timing = set(threading.enumerate()), Timing(send_timeout_s=60.0)
    with (
        Server({"front": clip}, tls=tls, timing=timing) as server,
        RtspClient(server.url("front")),
        RtspClient(server.url("front")) as half,
        watch(server.url("front")) as frames,
    ):
        half.send(b"OPTIONS * RTSP/1.0\r\nCSe")
        next(frames)
        started = time.monotonic()

        server.close()

        # Whoever waited for a client would wait for the time-out of writing at least.
        assert time.monotonic() - started < timing.send_timeout_s / 2
        assert server.clients == 0
        assert set(threading.enumerate()) <= before
        server.close()
