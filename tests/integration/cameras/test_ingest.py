"""An ingest process reads real RTSP, survives what cameras do, and is replaced when it dies."""

from __future__ import annotations

import os
import signal
import statistics
import time
from pathlib import Path
from typing import Literal

import pytest
import trustme

from simulator.auth import Credentials
from simulator.clip import Clip
from simulator.server import Server, tls_context
from tests.support.clips import frame_number, make_clip
from tests.support.ingest import Ingest, ingesting
from tests.support.waiting import wait_until
from vision.domain.frame import ClockSource
from vision.domain.status import CameraState
from vision.frames.planar import size_of, to_rgb

pytestmark = pytest.mark.integration


def secrets(directory: Path, username: str, password: str) -> Path:
    """A secrets folder for the camera ``front``."""
    for name, value in (("username", username), ("password", password)):
        path = directory / f"camera_front_{name}"
        path.write_text(value)
        path.chmod(0o600)
    return directory


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_frames_arrive_scaled_numbered_and_stamped_by_the_camera(
    codec: Literal["h264", "hevc"], folder: Path
) -> None:
    """Both codecs; the first frame, which has no time of its own yet, included."""
    clip = Clip.load(make_clip(folder / f"{codec}.mp4", codec))
    with Server({"front": clip}) as server, ingesting(server.url("front"), fps=30) as ingest:
        ingest.wait_for_frames(15)
    seqs = [meta.seq for meta in ingest.metas]
    assert seqs == sorted(set(seqs))
    assert seqs[-1] == len(seqs) + ingest.overtaken
    assert (ingest.metas[0].width, ingest.metas[0].height) == (320, 240)
    assert ingest.newest_image is not None
    assert size_of(ingest.newest_image) == (480, 640)
    assert frame_number(to_rgb(ingest.newest_image)) < 20
    late = ingest.metas[5:]
    assert all(meta.clock is ClockSource.RTCP for meta in late)
    ages_ns = [meta.received_ns - meta.captured_ns for meta in late]
    # On a busy machine a frame may be on its way for longer, and none is there before it was taken.
    assert min(ages_ns) >= 0
    assert statistics.median(ages_ns) < 2e9
    assert CameraState.ONLINE in ingest.states


def test_the_pace_is_kept_before_frames_are_numbered(server: Server) -> None:
    """A 10 fps camera paced to 2 fps gives every fifth frame, seq without holes."""

    def is_kept() -> bool:
        # By number: on a busy machine one frame may overtake another before this process sees it,
        # and some arrive late.
        first, last = ingest.metas[-5], ingest.metas[-1]
        span_ns = (last.received_mono_ns - first.received_mono_ns) / (last.seq - first.seq)
        return span_ns == pytest.approx(0.5e9, rel=0.2)

    with ingesting(server.url("front"), fps=2) as ingest:
        ingest.wait_for_frames(6)
        wait_until(is_kept, "two frames a second")
    assert ingest.metas[-1].seq == len(ingest.metas) + ingest.overtaken


@pytest.mark.parametrize("scheme", ["basic", "digest"])
def test_credentials_come_from_secret_files(
    scheme: Literal["basic", "digest"], clip: Clip, tmp_path: Path
) -> None:
    """With every character that means something in a URL in them."""
    username, password = "view er@x", "p:a/s?s#w%rd@&=+"
    server = Server({"front": clip}, credentials=Credentials(username, password, scheme))
    with server, ingesting(server.url("front"), secrets(tmp_path, username, password)) as ingest:
        ingest.wait_for_frames(3)


def test_a_wrong_password_is_named_and_retried_slowly(clip: Clip, tmp_path: Path) -> None:
    """The state says what to mend, and the next attempt is half a minute away: no lock-out."""
    server = Server({"front": clip}, credentials=Credentials("viewer", "right-password"))
    with server, ingesting(server.url("front"), secrets(tmp_path, "viewer", "wrong")) as ingest:
        ingest.wait_for_state(CameraState.AUTH_FAILED)
    status = next(s for s in ingest.statuses if s.state is CameraState.AUTH_FAILED)
    assert "401" in status.reason
    assert "wrong" not in status.reason
    assert status.retry_at_ns is not None
    assert status.retry_at_ns - status.at_ns > 29e9


def test_a_wrong_path_is_not_found(server: Server) -> None:
    """404 is told apart from a camera that is away."""
    with ingesting(server.url("front") + "x") as ingest:
        ingest.wait_for_state(CameraState.NOT_FOUND)


def test_a_missing_secret_file_is_told_as_state(server: Server, tmp_path: Path) -> None:
    """A rotation gone wrong does not kill the worker."""
    with ingesting(server.url("front"), tmp_path, auth="required") as ingest:
        ingest.wait_for_state(CameraState.AUTH_FAILED)
    assert "camera_front_username" in ingest.statuses[-2].reason


def test_a_cut_connection_is_reopened_by_the_same_worker(server: Server) -> None:
    """The run goes on, and so does the count of frames."""
    with ingesting(server.url("front"), fps=10) as ingest:
        ingest.wait_for_frames(3)
        pid = ingest.supervisor.pid
        server.cut()
        ingest.wait_for_state(CameraState.RECONNECTING)
        ingest.wait_for_state(CameraState.ONLINE)
        ingest.wait_for_frames(3)
        assert ingest.supervisor.pid == pid
    assert len({meta.run for meta in ingest.metas}) == 1
    seqs = [meta.seq for meta in ingest.metas]
    assert seqs == sorted(set(seqs))


def test_a_stall_is_told_before_the_connection_is_given_up(server: Server) -> None:
    """And a stream that goes on is online again without a new connection."""
    with ingesting(server.url("front"), fps=10, read_timeout_s=30) as ingest:
        ingest.wait_for_frames(15)
        server.cameras["front"].faults.stall = True

        def stalled() -> bool:
            ingest.monitor.check_stall()
            return ingest.monitor.state is CameraState.STALLED

        wait_until(stalled, "stalled")
        server.cameras["front"].faults.stall = False
        ingest.wait_for_frames(2)
        wait_until(lambda: not stalled(), "online again")
    assert CameraState.RECONNECTING not in ingest.states


def test_silence_after_accept_ends_with_the_timeout(server: Server) -> None:
    """A camera that accepts and never answers is a time-out, not a broken stream."""
    server.cameras["front"].faults.hang = True
    with ingesting(server.url("front"), open_timeout_s=1) as ingest:
        ingest.wait_for_state(CameraState.RECONNECTING)
    status = next(s for s in ingest.statuses if s.state is CameraState.RECONNECTING)
    assert status.reason == "the camera accepts but does not answer"


def test_a_new_resolution_in_mid_stream_goes_on(server: Server, folder: Path) -> None:
    """Source size and picture follow the camera."""
    wide = Clip.load(make_clip(folder / "wide.mp4", width=640, height=360))
    with ingesting(server.url("front"), fps=10) as ingest:
        ingest.wait_for_frames(3)
        server.cameras["front"].show(wide)
        wait_until(lambda: ingest.metas[-1].width == 640, "the new size")
        ingest.wait_for_frames(1)
        assert ingest.newest_image is not None
        assert size_of(ingest.newest_image) == (360, 640)
    assert ingest.states.count(CameraState.ONLINE) == 1


def test_a_camera_clock_hours_off_is_not_believed(server: Server) -> None:
    """Frames carry arrival time, and say how far the clock is off."""
    server.cameras["front"].faults.clock_offset_s = 3600
    with ingesting(server.url("front"), fps=10) as ingest:
        wait_until(
            lambda: any(meta.clock_offset_ms is not None for meta in ingest.metas), "a report"
        )
        ingest.wait_for_frames(3)
    assert all(meta.clock is ClockSource.ARRIVAL for meta in ingest.metas)
    assert ingest.metas[-1].clock_offset_ms == pytest.approx(-3_600_000, abs=5_000)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_worker_that_dies_or_hangs_is_replaced(server: Server, how: signal.Signals) -> None:
    """Frames go on under a new, greater run that starts at seq 1."""
    with ingesting(server.url("front"), fps=10) as ingest:
        ingest.wait_for_frames(3)
        pid, run = ingest.supervisor.pid, ingest.metas[-1].run
        assert pid is not None
        os.kill(pid, how)
        wait_until(lambda: ingest.metas[-1].run > run, "frames of a new worker")
    first = next(meta for meta in ingest.metas if meta.run > run)
    assert first.seq == 1
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_stopping_is_quick_and_leaves_no_process(server: Server) -> None:
    """Also while a read blocks in the media library."""
    with ingesting(server.url("front"), read_timeout_s=60) as ingest:
        ingest.wait_for_frames(1)
        server.cameras["front"].faults.stall = True
        pid = ingest.supervisor.pid
        assert pid is not None
        started_s = time.monotonic()
        ingest.stop()
        # The read would block for a minute.
        assert time.monotonic() - started_s < 30
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert ingest.monitor.state is CameraState.STOPPED


def test_tls_is_verified_unless_told_otherwise(clip: Clip, tmp_path: Path) -> None:
    """A camera with an unknown certificate is refused by default, and the reason is TLS."""
    authority = trustme.CA()
    certificate, key, ca_file = (tmp_path / name for name in ("cert.pem", "key.pem", "ca.pem"))
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(ca_file)
    with Server({"front": clip}, tls=tls_context(certificate, key)) as server:
        url = server.url("front")
        with ingesting(url) as ingest:
            ingest.wait_for_state(CameraState.RECONNECTING)
        assert any("TLS" in status.reason for status in ingest.statuses)
        with ingesting(url, tls={"ca_file": str(ca_file)}) as ingest:
            ingest.wait_for_frames(2)
        with ingesting(url, tls={"verify": False}) as ingest:
            ingest.wait_for_frames(2)


def _is_watched_at(ingest: Ingest, fps: float) -> bool:
    return ingest.monitor.view().fps_in == pytest.approx(fps, abs=2)


def test_a_slow_pace_takes_key_frames_until_they_become_rare(folder: Path) -> None:
    """Only they are decoded then; the camera is watched at its own rate all the same."""
    often = Clip.load(make_clip(folder / "often.mp4", gop_s=0.5))
    seldom = Clip.load(make_clip(folder / "seldom.mp4", gop_s=60, seconds=20))
    numbers: list[int] = []

    def look() -> bool:
        if ingest.newest_image is not None:
            numbers.append(frame_number(to_rgb(ingest.newest_image)))
        return len(ingest.metas) >= wanted

    with Server({"front": often}) as server, ingesting(server.url("front"), fps=1.4) as ingest:
        ingest.wait_for_frames(4)
        numbers.clear()
        wanted = len(ingest.metas) + 8
        wait_until(look, "frames")
        # A pace of 1.4 in 10 frames a second would take every seventh.
        assert {number % 5 for number in numbers} == {0}
        wait_until(lambda: _is_watched_at(ingest, 10), "its own rate")
        server.cameras["front"].show(seldom)
        ingest.wait_for_frames(2)
        numbers.clear()
        wanted = len(ingest.metas) + 6
        wait_until(look, "frames")
        assert {number % 5 for number in numbers} != {0}
        wait_until(lambda: _is_watched_at(ingest, 10), "its own rate")
    assert ingest.states.count(CameraState.ONLINE) == 1
