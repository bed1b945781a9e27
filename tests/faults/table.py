"""The table: what can happen to a camera or its worker, and what has to come of it."""

from __future__ import annotations

import signal

from tests.faults import checks
from tests.faults.fault import AWAY, SLOW_S, Fault, Step
from tests.faults.faulty_camera import PASSWORD, WRONG, FaultyCamera
from tests.faults.hostile_faults import HOSTILE_FAULTS
from vision.domain.status import CameraState as State

_TICKS_PER_S = 90_000


def _nothing(_: FaultyCamera) -> None:
    """The camera is odd by itself."""


def _tell(words: str) -> Step:
    return lambda faulty_camera: faulty_camera.tell(words)


def _show(clip: str) -> Step:
    return lambda faulty_camera: faulty_camera.tell(f"show={faulty_camera.clips[clip]}")


def _lock_out(faulty_camera: FaultyCamera) -> None:
    faulty_camera.password(WRONG)
    faulty_camera.tell("cut")


CAMERA_FAULTS = (
    Fault(
        name="camera killed",
        what="kill -9 of the camera, back after 2 s",
        begin=lambda faulty_camera: faulty_camera.simulator.kill(),
        end=lambda faulty_camera: faulty_camera.simulator.start(),
        states=(State.RECONNECTING,),
        detect_s=3.0,
        lasts_s=2.0,
        also=AWAY,
        home="alone",
    ),
    Fault(
        name="camera stops answering",
        what="SIGSTOP of the camera for 8 s",
        begin=lambda faulty_camera: faulty_camera.simulator.signal(signal.SIGSTOP),
        end=lambda faulty_camera: faulty_camera.simulator.signal(signal.SIGCONT),
        states=(State.STALLED,),
        detect_s=6.0,
        lasts_s=8.0,
        also=AWAY,
        home="alone",
    ),
    Fault(
        name="stall",
        what="connected, sends nothing for 3 s",
        begin=_tell("stall=on"),
        end=_tell("stall=off"),
        states=(State.STALLED,),
        detect_s=6.0,
        lasts_s=3.0,
        also=AWAY,
    ),
    Fault(
        name="accepts, never answers",
        what="connections are accepted, requests read and never answered",
        begin=_tell("hang=on cut"),
        end=_tell("hang=off"),
        states=(State.RECONNECTING,),
        reason="does not answer",
        detect_s=12.0,
        # What is open has to run into its timeout first.
        recover_s=20.0,
        also=AWAY,
    ),
    Fault(
        name="closes in mid-stream",
        what="the connection is cut",
        begin=_tell("cut"),
        states=(State.RECONNECTING,),
        detect_s=3.0,
        also=AWAY,
    ),
    Fault(
        name="wrong password",
        what="the secret file is wrong for a moment, then right",
        begin=_lock_out,
        end=lambda faulty_camera: faulty_camera.password(PASSWORD),
        states=(State.AUTH_FAILED,),
        detect_s=6.0,
        recover_s=SLOW_S,
        also=AWAY,
        home="locked",
    ),
    Fault(
        name="path gone",
        what="404 for a moment",
        begin=_tell("gone=on cut"),
        end=_tell("gone=off"),
        states=(State.NOT_FOUND,),
        detect_s=6.0,
        recover_s=SLOW_S,
        also=AWAY,
    ),
    Fault(
        name="corrupt RTP",
        what="a bit is flipped in 5 % of the packets for 8 s",
        begin=_tell("seed=1 corruption=0.05"),
        end=_tell("corruption=0"),
        lasts_s=8.0,
        also=AWAY | {State.DECODE_ERROR},
        clip="detailed",
    ),
    Fault(
        name="damaged H.265",
        what="a bit of a parameter set is flipped in half of the key frames for 8 s",
        begin=_tell("damaged_sets=on"),
        end=_tell("damaged_sets=off"),
        lasts_s=8.0,
        also=AWAY | {State.DECODE_ERROR},
        clip="hevc",
        check=checks.one_worker,
    ),
    Fault(
        name="intra refresh",
        what="recovery points in place of key frames for 8 s, at one frame a second",
        begin=_show("refreshed"),
        end=_show("moving"),
        lasts_s=8.0,
        settings={"fps": 1},
        check=checks.one_worker,
    ),
    Fault(
        name="packet loss",
        what="10 % of the packets are lost for 8 s",
        begin=_tell("seed=2 loss=0.1"),
        end=_tell("loss=0"),
        lasts_s=8.0,
        also=AWAY | {State.DECODE_ERROR},
        clip="detailed",
    ),
    Fault(
        name="resolution change",
        what="320x240 becomes 640x360 in mid-stream",
        begin=_show("wide"),
        end=_show("moving"),
        lasts_s=3.0,
        check=checks.widths(320, 640),
    ),
    Fault(
        name="unusual colours",
        what="the video says that its colours are YCgCo, for 5 s",
        begin=_show("ycgco"),
        end=_show("moving"),
        lasts_s=5.0,
        check=checks.one_worker,
    ),
    Fault(
        name="RTP timestamp wraps",
        what="the 32 bits overflow 4 s after connecting",
        begin=_tell(f"first_timestamp={(1 << 32) - 4 * _TICKS_PER_S} cut"),
        end=_tell("first_timestamp=none"),
        states=(State.RECONNECTING,),
        lasts_s=10.0,
        also=AWAY,
        check=checks.ticks_go_on,
    ),
    Fault(
        name="camera clock +10 s",
        what="the clock in the sender reports is put forward",
        begin=_tell("clock_offset_s=10"),
        end=_tell("clock_offset_s=0"),
        states=(State.CLOCK_STEP,),
        reason=r"\+(9|10)\.",
    ),
    Fault(
        name="camera clock -10 s",
        what="the clock in the sender reports is put back",
        begin=_tell("clock_offset_s=-10"),
        end=_tell("clock_offset_s=0"),
        states=(State.CLOCK_STEP,),
        reason=r"-(9|10)\.",
    ),
    Fault(
        name="camera clock 5 s slow",
        what="put back by less than is taken for wrong, for 20 s",
        begin=_tell("clock_offset_s=-5"),
        end=_tell("clock_offset_s=0"),
        states=(State.CLOCK_STEP,),
        reason=r"-(4|5)\.",
        lasts_s=20.0,
        check=checks.inferred_all_the_same,
    ),
    Fault(
        name="drifting clock",
        what="it gains 20 ms a second for 10 s",
        begin=_tell("clock_drift=0.02"),
        end=_tell("clock_drift=0"),
        lasts_s=10.0,
        check=checks.source("rtcp"),
    ),
    Fault(
        name="frame stamped hours off",
        what="one timestamp is 3 h ahead, the next is right",
        begin=_tell("stray_s=10800"),
        lasts_s=6.0,
        also=frozenset({State.CLOCK_STEP}),
        check=checks.source("rtcp"),
    ),
    Fault(
        name="no sender report",
        what="the camera never tells its clock",
        begin=_tell("sender_reports=off cut"),
        end=_tell("sender_reports=on"),
        states=(State.RECONNECTING,),
        lasts_s=3.0,
        also=AWAY,
        check=checks.source("arrival"),
    ),
    Fault(
        name="sender reports without a time",
        what="they carry the NTP timestamp 0",
        begin=_tell("ntp_zero=on cut"),
        end=_tell("ntp_zero=off"),
        states=(State.RECONNECTING,),
        lasts_s=3.0,
        also=AWAY,
        check=checks.all_of(checks.no_clock, checks.one_worker),
    ),
    Fault(
        name="text that is not UTF-8",
        what="in the session description, from one connection to the next",
        begin=_tell("sdp_latin1=on cut"),
        end=_tell("sdp_latin1=off"),
        states=(State.RECONNECTING,),
        lasts_s=3.0,
        also=AWAY,
        check=checks.one_worker,
    ),
    Fault(
        name="refused tracks",
        what="audio, talk-back and metadata are described and refused",
        begin=_tell("audio_refused=on talk_back_refused=on metadata_refused=on cut"),
        end=_tell("audio_refused=off talk_back_refused=off metadata_refused=off"),
        states=(State.RECONNECTING,),
        lasts_s=3.0,
        also=AWAY,
        check=checks.one_worker,
    ),
    Fault(
        name="refused OPTIONS",
        what="501, from one connection to the next",
        begin=_tell("options_refused=on cut"),
        end=_tell("options_refused=off"),
        states=(State.RECONNECTING,),
        lasts_s=3.0,
        also=AWAY,
        # A relay stands between, with a socket to listen on and one to each side.
        more_fds=3,
        check=checks.one_worker,
    ),
    Fault(
        name="video of an unknown codec",
        what="is described before the real one",
        begin=_tell("unknown_video_first=on cut"),
        end=_tell("unknown_video_first=off"),
        states=(State.RECONNECTING,),
        lasts_s=3.0,
        also=AWAY,
        check=checks.all_of(checks.online_of("video track 2 of 2"), checks.one_worker),
    ),
    Fault(
        name="video silent, other tracks not",
        what="for 8 s, longer than a read may take",
        begin=_tell("video_silent=on"),
        end=_tell("video_silent=off"),
        states=(State.STALLED,),
        detect_s=6.0,
        lasts_s=8.0,
        also=AWAY,
        prepare="other_tracks=on",
        check=checks.one_worker,
    ),
    Fault(
        name="frozen picture",
        what="one picture again and again while packets flow",
        begin=_tell("freeze=on"),
        end=_tell("freeze=off"),
        states=(State.FROZEN,),
        detect_s=12.0,
        settings={"frozen_after_s": 5},
    ),
    Fault(
        name="still scene",
        what="nothing moves but the sensor's noise, for 12 s",
        begin=_nothing,
        lasts_s=12.0,
        clip="grainy",
        settings={"frozen_after_s": 5},
    ),
    Fault(
        name="0.2 frames a second",
        what="a frame every 5 s, for 22 s",
        begin=_nothing,
        lasts_s=22.0,
        prepare="slowdown=50",
        settings={"read_timeout_s": 15},
        check=checks.rate(0.15, 0.25),
    ),
    Fault(
        name="60 frames a second",
        what="paced to 5, for 6 s",
        begin=_nothing,
        lasts_s=6.0,
        prepare="slowdown=0.1667",
        check=checks.rate(4.5, 5.5),
    ),
)

WORKER_FAULTS = (
    Fault(
        name="ingest worker killed",
        what="kill -9",
        begin=lambda faulty_camera: faulty_camera.signal_worker(signal.SIGKILL),
        states=(State.RECONNECTING, State.STARTING),
        detect_s=3.0,
        also=AWAY,
        home="alone",
    ),
    Fault(
        name="ingest worker stopped",
        what="SIGSTOP",
        begin=lambda faulty_camera: faulty_camera.signal_worker(signal.SIGSTOP),
        states=(State.RECONNECTING, State.STARTING),
        detect_s=4.0,
        also=AWAY,
        home="alone",
    ),
    Fault(
        name="ingest worker grows",
        what="the picture becomes 5120x2880, more than `ingest.max_rss_mib` allows",
        begin=_show("huge"),
        end=_show("moving"),
        states=(State.RECONNECTING, State.STARTING),
        reason="MiB",
        also=AWAY,
    ),
    Fault(
        name="ingest worker hangs",
        what="its capturing thread stands still, the others go on",
        begin=lambda faulty_camera: faulty_camera.hang_worker(),
        end=lambda faulty_camera: faulty_camera.undo(),
        states=(State.RECONNECTING, State.STARTING),
        # It may be in a read, which is given its timeout of 5 s.
        detect_s=10.0,
        also=AWAY,
        home="alone",
    ),
)
ALL_FAULTS = CAMERA_FAULTS + HOSTILE_FAULTS + WORKER_FAULTS
BY_NAME = {fault.name: fault for fault in ALL_FAULTS}
