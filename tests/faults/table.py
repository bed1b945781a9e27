"""The table: what can happen to a camera or its worker, and what has to come of it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tests.faults.record import Seen, Told
from tests.faults.stage import Stage
from tests.support import hostile_rtsp as hostile
from vision.domain.status import CameraState as State

Step = Callable[[Stage], object]
Check = Callable[[Sequence[Seen], Sequence[Told]], str]
"""Looks at what was seen and told since a fault began; a complaint, empty without one."""

PASSWORD, WRONG = "right", "wrong"
_TICKS_PER_S = 90_000
# A refused path or password is tried again after up to a minute.
_QUICK_S, _SLOW_S = 12.0, 75.0
_LATE_S, _LATE_MESSAGES = 4.0, 20
# What a connection goes through that ends and is made again.
_AWAY = frozenset({State.STARTING, State.STALLED, State.RECONNECTING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A row.

    Attributes:
        name: As in the table of docs/reliability.md.
        what: What is done, in a phrase.
        begin: Does it.
        end: Undoes it; None for what happens at an instant.
        states: One of these has to be told; none where the camera has to stay online.
        reason: What the status' reason has to match.
        also: Further states that may be told.
        detect_s: Longest time until it is told.
        lasts_s: How long it lasts at least; it does until it was told.
        recover_s: Longest time from its end to the next message.
        lost: Messages that may be missing.
        home: Where the camera plays: with others, in a process of its own, or in one that
            asks for a password.
        prepare: Commands for the simulator before the node starts.
        clip: What it shows.
        settings: Of the camera.
        check: What else has to hold.
    """

    name: str
    what: str
    begin: Step
    end: Step | None = None
    states: tuple[State, ...] = ()
    reason: str = ""
    also: frozenset[State] = frozenset()
    detect_s: float = 5.0
    lasts_s: float = 0.0
    recover_s: float = _QUICK_S
    lost: int = 0
    home: Literal["shared", "alone", "locked"] = "shared"
    prepare: str = ""
    clip: str = "moving"
    settings: Mapping[str, Any] = field(default_factory=dict)
    check: Check = lambda _, __: ""


def _nothing(_: Stage) -> None:
    """The camera is odd by itself."""


def _tell(words: str) -> Step:
    return lambda stage: stage.tell(words)


def _show(clip: str) -> Step:
    return lambda stage: stage.tell(f"show={stage.clips[clip]}")


def _lock_out(stage: Stage) -> None:
    stage.password(WRONG)
    stage.tell("cut")


def _hostile(reply: hostile.Reply, **bounds: Any) -> Fault:
    name = reply.__name__.replace("_", " ")
    usual = Fault(
        name=f"hostile: {name}",
        what=(reply.__doc__ or name).rstrip(".").lower(),
        begin=lambda stage: stage.answer_with(reply),
        end=lambda stage: stage.answer_with(None),
        states=(State.RECONNECTING, State.NOT_FOUND, State.DECODE_ERROR),
        # The break before it is told too; what has to be told is what came after.
        reason=r"^(?!the camera closed)",
        also=_AWAY,
        detect_s=15.0,
        lasts_s=1.0,
        recover_s=20.0,
    )
    return replace(usual, **bounds)


def _widths(*pixels: int) -> Check:
    def check(seen: Sequence[Seen], _: Sequence[Told]) -> str:
        widths = {message.width for message in seen}
        return "" if widths == {*pixels} else f"widths are {widths}"

    return check


def _inferred_all_the_same(seen: Sequence[Seen], _: Sequence[Told]) -> str:
    """Frames that are five seconds old by the camera's clock are the freshest there are."""
    late = sum(message.received_s - message.captured_s > _LATE_S for message in seen)
    return "" if late >= _LATE_MESSAGES else f"only {late} messages with a late capture time"


def _source(name: str) -> Check:
    return lambda seen, _: "" if seen[-1].source == name else f"time is of {seen[-1].source}"


def _rate(least: float, most: float) -> Check:
    def check(seen: Sequence[Seen], _: Sequence[Told]) -> str:
        # By frames, which those that another overtook are too.
        frames = seen[-1].seq - seen[0].seq
        if not frames:
            return "no frame came"
        fps = frames / (seen[-1].received_s - seen[0].received_s)
        return "" if least <= fps <= most else f"{fps:.2f} frames a second"

    return check


def _ticks_go_on(seen: Sequence[Seen], told: Sequence[Told]) -> str:
    """The time of the stream goes on as the clock does, over the wrap."""
    online_s = max(item.arrived_s for item in told if item.state == State.ONLINE)
    timed = [item for item in seen if item.pts is not None and item.arrived_s > online_s + 1]
    first, last = timed[0], timed[-1]
    assert first.pts is not None
    assert last.pts is not None
    ticks_s = (last.pts - first.pts) / _TICKS_PER_S
    passed_s = last.received_s - first.received_s
    return "" if abs(ticks_s - passed_s) < 1 else f"{ticks_s:.1f} s by pts in {passed_s:.1f} s"


CAMERA_FAULTS = (
    Fault(
        name="camera killed",
        what="kill -9 of the camera, back after 2 s",
        begin=lambda stage: stage.simulator.kill(),
        end=lambda stage: stage.simulator.start(),
        states=(State.RECONNECTING,),
        detect_s=3.0,
        lasts_s=2.0,
        also=_AWAY,
        home="alone",
    ),
    Fault(
        name="camera stops answering",
        what="SIGSTOP of the camera for 8 s",
        begin=lambda stage: stage.simulator.signal(signal.SIGSTOP),
        end=lambda stage: stage.simulator.signal(signal.SIGCONT),
        states=(State.STALLED,),
        detect_s=6.0,
        lasts_s=8.0,
        also=_AWAY,
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
        also=_AWAY,
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
        also=_AWAY,
    ),
    Fault(
        name="closes in mid-stream",
        what="the connection is cut",
        begin=_tell("cut"),
        states=(State.RECONNECTING,),
        detect_s=3.0,
        also=_AWAY,
    ),
    Fault(
        name="wrong password",
        what="the secret file is wrong for a moment, then right",
        begin=_lock_out,
        end=lambda stage: stage.password(PASSWORD),
        states=(State.AUTH_FAILED,),
        detect_s=6.0,
        recover_s=_SLOW_S,
        also=_AWAY,
        home="locked",
    ),
    Fault(
        name="path gone",
        what="404 for a moment",
        begin=_tell("gone=on cut"),
        end=_tell("gone=off"),
        states=(State.NOT_FOUND,),
        detect_s=6.0,
        recover_s=_SLOW_S,
        also=_AWAY,
    ),
    Fault(
        name="corrupt RTP",
        what="a bit is flipped in 5 % of the packets for 8 s",
        begin=_tell("seed=1 corruption=0.05"),
        end=_tell("corruption=0"),
        lasts_s=8.0,
        also=_AWAY | {State.DECODE_ERROR},
        clip="detailed",
    ),
    Fault(
        name="packet loss",
        what="10 % of the packets are lost for 8 s",
        begin=_tell("seed=2 loss=0.1"),
        end=_tell("loss=0"),
        lasts_s=8.0,
        also=_AWAY | {State.DECODE_ERROR},
        clip="detailed",
    ),
    Fault(
        name="resolution change",
        what="320x240 becomes 640x360 in mid-stream",
        begin=_show("wide"),
        end=_show("moving"),
        lasts_s=3.0,
        check=_widths(320, 640),
    ),
    Fault(
        name="RTP timestamp wraps",
        what="the 32 bits overflow 4 s after connecting",
        begin=_tell(f"first_timestamp={(1 << 32) - 4 * _TICKS_PER_S} cut"),
        end=_tell("first_timestamp=none"),
        states=(State.RECONNECTING,),
        lasts_s=10.0,
        also=_AWAY,
        check=_ticks_go_on,
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
        check=_inferred_all_the_same,
    ),
    Fault(
        name="drifting clock",
        what="it gains 20 ms a second for 10 s",
        begin=_tell("clock_drift=0.02"),
        end=_tell("clock_drift=0"),
        lasts_s=10.0,
        check=_source("rtcp"),
    ),
    Fault(
        name="frame stamped hours off",
        what="one timestamp is 3 h ahead, the next is right",
        begin=_tell("stray_s=10800"),
        lasts_s=6.0,
        also=frozenset({State.CLOCK_STEP}),
        check=_source("rtcp"),
    ),
    Fault(
        name="no sender report",
        what="the camera never tells its clock",
        begin=_tell("sender_reports=off cut"),
        end=_tell("sender_reports=on"),
        states=(State.RECONNECTING,),
        lasts_s=3.0,
        also=_AWAY,
        check=_source("arrival"),
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
        check=_rate(0.15, 0.25),
    ),
    Fault(
        name="60 frames a second",
        what="paced to 5, for 6 s",
        begin=_nothing,
        lasts_s=6.0,
        prepare="slowdown=0.1667",
        check=_rate(4.5, 5.5),
    ),
    _hostile(hostile.oversized_header),
    _hostile(hostile.endless_header),
    _hostile(hostile.endless_headers),
    _hostile(hostile.endless_redirect),
    _hostile(hostile.negative_length),
    _hostile(hostile.enormous_length),
    _hostile(hostile.binary_junk),
    _hostile(hostile.half_an_answer),
    _hostile(hostile.garbage_description, recover_s=_SLOW_S),
    _hostile(
        hostile.junk_media,
        states=(State.RECONNECTING, State.STALLED, State.DECODE_ERROR),
    ),
)

WORKER_FAULTS = (
    Fault(
        name="ingest worker killed",
        what="kill -9",
        begin=lambda stage: stage.signal_worker(signal.SIGKILL),
        states=(State.RECONNECTING, State.STARTING),
        detect_s=3.0,
        also=_AWAY,
        home="alone",
    ),
    Fault(
        name="ingest worker stopped",
        what="SIGSTOP",
        begin=lambda stage: stage.signal_worker(signal.SIGSTOP),
        states=(State.RECONNECTING, State.STARTING),
        detect_s=4.0,
        also=_AWAY,
        home="alone",
    ),
    Fault(
        name="ingest worker grows",
        what="the picture becomes 5120x2880, more than `ingest.max_rss_mib` allows",
        begin=_show("huge"),
        end=_show("moving"),
        states=(State.RECONNECTING, State.STARTING),
        reason="MiB",
        also=_AWAY,
    ),
    Fault(
        name="ingest worker hangs",
        what="its capturing thread stands still, the others go on",
        begin=lambda stage: stage.hang_worker(),
        end=lambda stage: stage.undo(),
        states=(State.RECONNECTING, State.STARTING),
        # It may be in a read, which is given its timeout of 5 s.
        detect_s=10.0,
        also=_AWAY,
        home="alone",
    ),
)
ALL_FAULTS = CAMERA_FAULTS + WORKER_FAULTS
BY_NAME = {fault.name: fault for fault in ALL_FAULTS}
