"""A node with its cameras and Redis, as processes, and a subscriber; faults are run on it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.faults.fault import Fault
from tests.faults.faulty_camera import PASSWORD, FaultyCamera
from tests.faults.outcome import MOST_GROWTH_MIB, Outcome
from tests.faults.record import (
    Recorder,
    SeenMessage,
    SeenStatus,
    account_for,
    bound_s,
    is_patient,
    let_pass,
    longest_silence_s,
    wait_for,
)
from tests.support.clips import make_clip
from tests.support.hostile_rtsp import HostileRtsp
from tests.support.node import NodeProcess, running_node
from tests.support.redis_server import RedisServer, running_redis
from tests.support.simulator import Simulator
from tests.support.small_model import small_model
from tests.support.worker_processes import ResourceUse, resources_of
from vision.domain.status import CameraState

CONTROL_CAMERA = "control"
_USERNAME = "viewer"
# All cameras of a rig start at once, on as few cores as there are.
_START_S = 90.0
_WITNESS_SILENCE_S = 5.0
_CLOCK_WINDOW_S = 10.0
_CLIPS: Mapping[str, dict[str, Any]] = {
    "moving": {},
    "wide": {"width": 640, "height": 360},
    # Noise that repeats itself soon would be none.
    "grainy": {"pattern": "grainy", "seconds": 10},
    "detailed": {"pattern": "grainy", "seconds": 10, "width": 640, "height": 480},
    "hevc": {"codec": "hevc"},
    "refreshed": {"is_refreshed": True, "seconds": 20},
    "ycgco": {"matrix": "YCgCo"},
    "huge": {"width": 5120, "height": 2880, "fps": 5, "seconds": 1},
}


def make_clips(folder: Path, *names: str) -> dict[str, Path]:
    """Those of the clips of the scenes that are named."""
    folder.mkdir(exist_ok=True)
    return {name: make_clip(folder / f"{name}.mp4", **_CLIPS[name]) for name in names}


def base_settings(redis: RedisServer, model_folder: Path) -> dict[str, Any]:
    """Of a node that shows no page and looks at small pictures."""
    return {
        "redis": {"url": redis.settings().url},
        "web": {"enabled": False},
        "models_dir": str(model_folder),
        "model": {"name": "yolov8n", "input_size": 320},
        # A worker holds about 70.
        "ingest": {"max_rss_mib": 110},
    }


class FaultRig:
    """A running node with cameras that can be made faulty, and a control camera without faults."""

    def __init__(
        self,
        node: NodeProcess,
        redis: RedisServer,
        recorder: Recorder,
        faulty_cameras: Mapping[str, FaultyCamera],
    ) -> None:
        self.node = node
        self.redis = redis
        self.recorder = recorder
        self.faulty_cameras = faulty_cameras

    def held_by_node(self) -> ResourceUse | None:
        """What the node's own process holds."""
        assert self.node.process is not None
        return resources_of(self.node.process.pid)

    def is_up(self) -> bool:
        """Whether messages come from all cameras."""
        return all(self.recorder.seen[name] for name in self.faulty_cameras)

    def run(self, fault: Fault) -> Outcome:
        """Let a fault happen to its camera, and look what comes of it."""
        faulty_camera, recorder = self.faulty_cameras[slug(fault)], self.recorder
        outcome = Outcome(fault.name, fault.what)
        before, others = _held(faulty_camera), self._others_lost()
        known = len(recorder.seen[faulty_camera.name])
        began_s = ended_s = time.monotonic()
        fault.begin(faulty_camera)
        if fault.states:
            self._detect(fault, faulty_camera, outcome, began_s)
        let_pass(began_s + fault.lasts_s - time.monotonic())
        if fault.end is not None:
            fault.end(faulty_camera)
            ended_s = time.monotonic()
        self._recover(fault, faulty_camera, outcome, ended_s)
        self._verify(fault, faulty_camera, outcome, (began_s, known))
        outcome.others_lost = self._others_lost() - others
        outcome.expect(outcome.others_lost == 0, f"other cameras lost {outcome.others_lost}")
        _compare(outcome, before, _held(faulty_camera), fault.more_fds)
        return outcome

    def _detect(
        self, fault: Fault, faulty_camera: FaultyCamera, outcome: Outcome, began_s: float
    ) -> None:
        def told() -> SeenStatus | None:
            return self.recorder.first_status(
                faulty_camera.name,
                began_s,
                lambda item: item.state in fault.states and _fits(fault.reason, item.reason),
            )

        limit_s = bound_s(fault.detect_s)
        wait_for(lambda: told() is not None, limit_s)
        found = told()
        outcome.detect_s = found.arrived_s - began_s if found else None
        outcome.expect(found is not None, f"none of {[*fault.states]} told within {limit_s:.0f} s")

    def _recover(
        self, fault: Fault, faulty_camera: FaultyCamera, outcome: Outcome, ended_s: float
    ) -> None:
        # Frames that were on their way when the fault ended are of the time before.
        ended_utc_s = time.time() - (time.monotonic() - ended_s)

        def fresh() -> SeenMessage | None:
            return self.recorder.first_seen(
                faulty_camera.name, ended_s, lambda item: item.received_s >= ended_utc_s
            )

        def is_back() -> bool:
            return (
                fresh() is not None
                and self.recorder.state(faulty_camera.name) == CameraState.ONLINE
            )

        limit_s = bound_s(fault.recover_s)
        outcome.expect(
            wait_for(is_back, limit_s),
            f"not online with messages within {limit_s:.0f} s of its end",
        )
        found = fresh()
        outcome.recover_s = found.arrived_s - ended_s if found else None

    def control_camera_complaints(self) -> Iterator[str]:
        """What the camera without a fault noticed of those of the others."""
        seen, told = self.recorder.seen[CONTROL_CAMERA], self.recorder.told[CONTROL_CAMERA]
        fine = {CameraState.STARTING, CameraState.ONLINE}
        if is_patient():
            # A simulated camera that gets no processor time for a second sends nothing.
            fine.add(CameraState.STALLED)
        if {item.state for item in told} - fine:
            yield f"the control camera was {[item.state for item in told]}"
        if len({message.run for message in seen}) > 1:
            yield "the worker of the control camera was replaced"
        silence_s = longest_silence_s([message.received_s for message in seen])
        if silence_s > bound_s(_WITNESS_SILENCE_S):
            yield f"the control camera was silent for {silence_s:.1f} s"

    def _verify(
        self, fault: Fault, faulty_camera: FaultyCamera, outcome: Outcome, since: tuple[float, int]
    ) -> None:
        began_s, known = since
        seen = self.recorder.seen[faulty_camera.name][max(0, known - 1) :]
        told = [
            item for item in self.recorder.told[faulty_camera.name] if item.arrived_s >= began_s
        ]
        counted = account_for(seen)
        outcome.states = [item.state for item in told]
        outcome.skipped, outcome.lost = counted.skipped, counted.lost
        outcome.doubled = counted.doubled
        allowed = fault.also | {*fault.states, CameraState.ONLINE}
        strange = {item.state for item in told} - allowed
        outcome.expect(not strange, f"was {sorted(strange)}: {told}")
        outcome.expect(counted.lost <= fault.lost, f"{counted.lost} messages lost")
        outcome.expect(counted.doubled == 0, f"{counted.doubled} messages doubled")
        off_s = max((abs(item.received_s - item.captured_s) for item in seen), default=0.0)
        outcome.expect(off_s <= _CLOCK_WINDOW_S + 1, f"a capture time is {off_s:.0f} s off")
        if complaint := fault.check(seen, told):
            outcome.complaints.append(complaint)

    def _others_lost(self) -> int:
        return account_for(self.recorder.seen[CONTROL_CAMERA]).lost


def slug(fault: Fault) -> str:
    """The name of a fault's camera."""
    return re.sub(r"[^a-z0-9]+", "-", fault.name.lower().replace("-10", "minus-10")).strip("-")


def _fits(pattern: str, reason: str) -> bool:
    return re.search(pattern, reason) is not None


def _held(faulty_camera: FaultyCamera) -> ResourceUse | None:
    pid = faulty_camera.worker()
    return resources_of(pid) if pid else None


def _compare(
    outcome: Outcome, before: ResourceUse | None, after: ResourceUse | None, more_fds: int
) -> None:
    if before is None or after is None:
        outcome.expect(after is not None, "no process serves the camera")
        return
    outcome.rss_mib, outcome.fds = (before.rss_mib, after.rss_mib), (before.fds, after.fds)
    grown = after.peak_mib - before.peak_mib
    outcome.expect(grown <= MOST_GROWTH_MIB, f"the worker's peak grew by {grown:.0f} MiB")
    outcome.expect(after.fds <= before.fds + more_fds, f"descriptors: {outcome.fds}")


@contextmanager
def running_fault_rig(
    folder: Path, faults: Sequence[Fault], settings: Mapping[str, Any] | None = None
) -> Iterator[FaultRig]:
    """A rig with a camera for each fault and the control camera, once messages come from all."""
    clips = make_clips(folder / "clips", *_CLIPS)
    with ExitStack() as running:
        redis = running.enter_context(running_redis(folder / "redis"))
        recorder = running.enter_context(Recorder(redis))
        faulty_cameras = dict(_stages(folder, faults, clips, recorder, running))
        configured = base_settings(redis, small_model(folder / "models")) | dict(settings or {})
        configured["cameras"] = {
            faulty_camera.name: {"url": faulty_camera.url, "auth": "auto"}
            for faulty_camera in faulty_cameras.values()
        }
        for fault in faults:
            configured["cameras"][slug(fault)].update(fault.settings)
        secrets = {"redis_password": redis.password}
        for fault in faults:
            if fault.home == "locked":
                secrets[f"camera_{slug(fault)}_username"] = _USERNAME
                secrets[f"camera_{slug(fault)}_password"] = PASSWORD
        node = running.enter_context(running_node(folder, configured, **secrets))
        for faulty_camera in faulty_cameras.values():
            faulty_camera.node = node
        rig = FaultRig(node, redis, recorder, faulty_cameras)
        assert wait_for(rig.is_up, bound_s(_START_S)), (
            f"no messages of {[name for name in faulty_cameras if not recorder.seen[name]]}:\n"
            f"{node.log[-4000:]}"
        )
        # What all of them did to each other as they started at once is no fault of any.
        recorder.forget()
        yield rig


def _stages(
    folder: Path,
    faults: Sequence[Fault],
    clips: Mapping[str, Path],
    recorder: Recorder,
    running: ExitStack,
) -> Iterator[tuple[str, FaultyCamera]]:
    shown = {slug(fault): clips[fault.clip] for fault in faults if fault.home == "shared"}
    shared = _started(
        Simulator({CONTROL_CAMERA: clips["moving"]} | shown, folder / "shared"), running
    )
    for name in (CONTROL_CAMERA, *shown):
        relay = running.enter_context(HostileRtsp(shared.port))
        yield name, FaultyCamera(name, shared, relay, recorder, clips)
    for fault in faults:
        name = slug(fault)
        if fault.home != "shared":
            credentials = (_USERNAME, PASSWORD) if fault.home == "locked" else None
            own = _started(
                Simulator({name: clips[fault.clip]}, folder / name, credentials), running
            )
            yield name, FaultyCamera(name, own, None, recorder, clips)
        elif fault.prepare:
            shared.tell(f"{name} {fault.prepare}")


def _started(simulator: Simulator, running: ExitStack) -> Simulator:
    simulator.start()
    running.callback(simulator.kill)
    return simulator
