"""The small parts that the roles are put together from."""

from __future__ import annotations

import threading
import time

import pytest

from tests.support.frames import meta
from tests.support.web import camera_view
from vision.capture.counters import CaptureCounters
from vision.config.loader import settings_from
from vision.domain.errors import InferenceError
from vision.domain.status import CameraState, CameraStatus
from vision.runtime.cameras.inferred import InferredCameras
from vision.runtime.cameras.monitor import CameraMonitor
from vision.runtime.cameras.totals import GateView
from vision.runtime.components.model_loading import picture_size
from vision.runtime.components.threads import RoleThreads
from vision.runtime.health.node_health import node_health
from vision.runtime.health.role_liveness import (
    camera_facts,
    camera_reasons,
    outbox_reasons,
    stalled_threads,
)

SECOND = 1_000_000_000


def test_a_part_that_fails_ends_the_role_with_its_error() -> None:
    """The first failure is the one that is told: those after it are its consequence."""
    stop = threading.Event()
    parts = RoleThreads(stop)
    parts.raise_failure()

    def fail() -> None:
        raise InferenceError("the engine is gone")

    parts.start("first", fail).join(10)
    assert stop.is_set()
    parts.start("second", lambda: None).join(10)
    parts.start("third", lambda: next(iter(()))).join(10)
    with pytest.raises(InferenceError, match="the engine is gone"):
        parts.raise_failure()


def test_a_camera_is_known_from_its_first_frame_on() -> None:
    """Without a word about it in the settings."""
    told: list[CameraStatus] = []
    cameras = InferredCameras(told.append)
    assert cameras.views() == []
    for camera in ("yard", "front"):
        cameras.on_frame(meta(camera, mono_ns=time.monotonic_ns()))
    cameras.on_skipped("front", "stale", 2)
    cameras.check_stalls()
    views = cameras.views()
    assert [view.name for view in views] == ["front", "yard"]
    assert {view.state for view in views} == {CameraState.ONLINE}
    assert views[0].skipped == {"stale": 2}
    assert cameras.monitor("front") is cameras.monitor("front")
    assert [status.state for status in told] == [CameraState.ONLINE] * 2


def test_a_camera_behind_a_gate_is_quiet_and_not_stalled() -> None:
    """Frames are all that is heard of it: the next one may take three times its refresh."""
    now_ns = [1000 * SECOND]
    monitor = CameraMonitor("front", lambda _: None, lambda: now_ns[0], lambda: now_ns[0])

    def states(quiet_s: float, refresh_s: float) -> CameraState:
        monitor.on_frame(meta(mono_ns=now_ns[0], refresh_s=refresh_s))
        monitor.on_state(1, CameraState.ONLINE, "frames arrive")
        now_ns[0] += round(quiet_s * SECOND)
        monitor.check_stall()
        return monitor.state

    assert states(11, 0) is CameraState.STALLED
    assert states(80, 30) is CameraState.ONLINE
    assert states(91, 30) is CameraState.STALLED


def test_what_a_gate_does_is_read_off_the_frames() -> None:
    """Where the worker is out of hearing: a frame after a gap is a look at a still scene."""
    gate = GateView()
    gate.on_frame(meta(seq=1, gated=0, refresh_s=10))
    assert (gate.decisions, gate.is_still) == ({"passed": 1, "held": 0}, False)
    gate.on_frame(meta(seq=2, gated=48, refresh_s=10))
    assert (gate.decisions, gate.is_still) == ({"passed": 2, "held": 48}, True)
    gate.on_frame(meta(seq=3, gated=48, refresh_s=10))
    assert gate.is_still is False


def test_what_a_gate_does_is_known_best_by_its_worker() -> None:
    """Its heartbeat tells; frames then tell nothing more."""
    gate = GateView()
    gate.on_heartbeat(CaptureCounters(offered=9, gated=70, gate_opened=2, gate_closed=2))
    gate.on_frame(meta(seq=10, gated=70, refresh_s=10))
    assert gate.decisions == {"opened": 2, "closed": 2, "passed": 9, "held": 70}
    assert gate.is_still
    assert not gate.is_asleep
    gate.on_heartbeat(CaptureCounters(gate_opened=2, gate_closed=2, is_asleep=True))
    assert gate.is_asleep
    gate.on_heartbeat(CaptureCounters(offered=10, gated=70, gate_opened=3, gate_closed=2))
    assert not gate.is_still
    assert not gate.is_asleep


def test_a_camera_without_a_gate_has_none_to_show() -> None:
    """Neither its heartbeat nor its frames speak of one."""
    gate = GateView()
    gate.on_frame(meta())
    gate.on_heartbeat(CaptureCounters(offered=9))
    assert (gate.decisions, gate.is_still, gate.refresh_s) == ({}, False, 0)


@pytest.mark.parametrize(
    ("model", "size"),
    [
        ({}, 640),
        ({"input_size": 320}, 320),
        ({"name": "yolov8n", "input_size": 480}, 480),
        ({"name": "yolov8s-person", "input_size": 320}, 640),
        ({"name": "one of tomorrow", "input_size": 480}, 480),
    ],
)
def test_pictures_have_the_size_the_model_wants(model: dict[str, object], size: int) -> None:
    """Also where the model itself is somewhere else."""
    assert picture_size(settings_from({"model": model}, "test", {})) == size


def test_a_part_that_stands_still_is_complained_of() -> None:
    """After five seconds, not before."""
    now_ns = time.monotonic_ns()
    assert stalled_threads("inference", now_ns) == ()
    (complaint,) = stalled_threads("inference", now_ns - 7_000_000_000)
    assert complaint.startswith("inference has not moved for 7")


def test_waiting_messages_are_no_reason_before_the_bound() -> None:
    """Redis away costs nothing until the outbox is full."""
    publishing = settings_from({"publishing": {"outbox_messages": 100}}, "test", {}).publishing
    assert outbox_reasons(99, publishing) == ()
    assert outbox_reasons(100, publishing) == ("100 messages wait for Redis",)


MODEL = "yolov8n on openvino"


@pytest.mark.parametrize("state", CameraState)
def test_who_is_ready_and_who_is_not(state: CameraState) -> None:
    """A camera that delivers, or is switched off, is no reason to be down."""
    views = [camera_view("front"), camera_view("yard", state)]
    health = node_health(views, MODEL, "redis:6379", redis_connected=True, outbox_messages=0)
    is_fine = state.delivers or state.is_off
    assert health.ready is is_fine
    assert bool(camera_reasons(views)) is not is_fine
    assert len(camera_facts(views)) == 1 + state.delivers
    # A warning is told all the same.
    assert bool(health.reasons) is (state is not CameraState.ONLINE and not state.is_off)
    assert not node_health(
        views, MODEL, "redis:6379", redis_connected=False, outbox_messages=7
    ).ready
