"""What has to hold of the messages of a fault, beyond its row: complaints, empty without one."""

from __future__ import annotations

from collections.abc import Sequence

from tests.faults.fault import Check
from tests.faults.record import SeenMessage, SeenStatus, bound_s
from vision.domain.status import CameraState as State

_TICKS_PER_S = 90_000
_LATE_S, _LATE_MESSAGES = 4.0, 5


def widths(*pixels: int) -> Check:
    """Pictures of each of these widths came, and of no other."""

    def check(seen: Sequence[SeenMessage], _: Sequence[SeenStatus]) -> str:
        widths = {message.width for message in seen}
        return "" if widths == {*pixels} else f"widths are {widths}"

    return check


def one_worker(seen: Sequence[SeenMessage], _: Sequence[SeenStatus]) -> str:
    """The same worker went on."""
    runs = {message.run for message in seen}
    return "" if len(runs) == 1 else f"{len(runs)} workers"


def all_of(*checks: Check) -> Check:
    """Every one of these holds."""
    return lambda seen, told: "; ".join(filter(None, (check(seen, told) for check in checks)))


def online_of(track: str) -> Check:
    """It was watched meanwhile, by this one of its video tracks."""

    def check(_: Sequence[SeenMessage], told: Sequence[SeenStatus]) -> str:
        reasons = [item.reason for item in told if item.state == State.ONLINE]
        return "" if any(track in reason for reason in reasons) else f"online as {reasons}"

    return check


def no_clock(seen: Sequence[SeenMessage], _: Sequence[SeenStatus]) -> str:
    """The newest message is stamped on arrival and tells of no clock."""
    newest = seen[-1]
    is_right = newest.source == "arrival" and newest.offset_ms is None
    return "" if is_right else f"time is of {newest.source}, offset {newest.offset_ms}"


def inferred_all_the_same(seen: Sequence[SeenMessage], _: Sequence[SeenStatus]) -> str:
    """Frames that are five seconds old by the camera's clock are the freshest there are."""
    late = sum(message.received_s - message.captured_s > _LATE_S for message in seen)
    return "" if late >= _LATE_MESSAGES else f"only {late} messages with a late capture time"


def source(name: str) -> Check:
    """The newest capture time is by this clock."""
    return lambda seen, _: "" if seen[-1].source == name else f"time is of {seen[-1].source}"


def rate(least: float, most: float) -> Check:
    """So many frames a second were offered."""

    def check(seen: Sequence[SeenMessage], _: Sequence[SeenStatus]) -> str:
        # By frames, which those that another overtook are too.
        frames = seen[-1].seq - seen[0].seq
        if not frames:
            return "no frame came"
        fps = frames / (seen[-1].received_s - seen[0].received_s)
        return "" if 1 / fps <= bound_s(1 / least) and fps <= most else f"{fps:.2f} frames a second"

    return check


def ticks_go_on(seen: Sequence[SeenMessage], told: Sequence[SeenStatus]) -> str:
    """The time of the stream goes on as the clock does, over the wrap."""
    online_s = max(item.arrived_s for item in told if item.state == State.ONLINE)
    timed = [item for item in seen if item.pts is not None and item.arrived_s > online_s + 1]
    first, last = timed[0], timed[-1]
    assert first.pts is not None
    assert last.pts is not None
    ticks_s = (last.pts - first.pts) / _TICKS_PER_S
    passed_s = last.received_s - first.received_s
    return (
        ""
        if abs(ticks_s - passed_s) < bound_s(1)
        else f"{ticks_s:.1f} s by pts in {passed_s:.1f} s"
    )
