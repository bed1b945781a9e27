"""A node with its cameras and Redis, as processes, and a subscriber; faults are run on it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.faults.fault import Fault
from tests.faults.outcome import MOST_GROWTH_MIB, Outcome
from tests.faults.record import (
    Recorder,
    Seen,
    Told,
    account,
    bound_s,
    is_patient,
    let_pass,
    longest_silence_s,
    wait_for,
)
from tests.faults.stage import PASSWORD, Stage
from tests.support.clips import make_clip
from tests.support.hostile_rtsp import HostileRtsp
from tests.support.node import NodeProcess, running_node
from tests.support.redis_server import RedisServer, running_redis
from tests.support.simulator import Simulator
from tests.support.small_model import small_model
from tests.support.worker_processes import Held, held_by
from vision.domain.status import CameraState

WITNESS = "witness"
_USERNAME = "viewer"
# All cameras of a scene start at once, on as few cores as there are.
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


class Scene:
    """A running node whose cameras are stages, and one more without a fault: the witness."""

    def __init__(
        self, node: NodeProcess, redis: RedisServer, recorder: Recorder, stages: Mapping[str, Stage]
    ) -> None:
        self.node = node
        self.redis = redis
        self.recorder = recorder
        self.stages = stages

    def held_by_node(self) -> Held | None:
        """What the node's own process holds."""
        assert self.node.process is not None
        return held_by(self.node.process.pid)

    def is_up(self) -> bool:
        """Whether messages come from all cameras."""
        return all(self.recorder.seen[name] for name in self.stages)

    def run(self, fault: Fault) -> Outcome:
        """Let a fault happen to its camera, and look what comes of it."""
        stage, recorder = self.stages[slug(fault)], self.recorder
        outcome = Outcome(fault.name, fault.what)
        before, others = _held(stage), self._others_lost()
        known = len(recorder.seen[stage.name])
        began_s = ended_s = time.monotonic()
        fault.begin(stage)
        if fault.states:
            self._detect(fault, stage, outcome, began_s)
        let_pass(began_s + fault.lasts_s - time.monotonic())
        if fault.end is not None:
            fault.end(stage)
            ended_s = time.monotonic()
        self._recover(fault, stage, outcome, ended_s)
        self._judge(fault, stage, outcome, (began_s, known))
        outcome.others_lost = self._others_lost() - others
        outcome.expect(outcome.others_lost == 0, f"other cameras lost {outcome.others_lost}")
        _compare(outcome, before, _held(stage), fault.more_fds)
        return outcome

    def _detect(self, fault: Fault, stage: Stage, outcome: Outcome, began_s: float) -> None:
        def told() -> Told | None:
            return self.recorder.first_told(
                stage.name,
                began_s,
                lambda item: item.state in fault.states and _fits(fault.reason, item.reason),
            )

        limit_s = bound_s(fault.detect_s)
        wait_for(lambda: told() is not None, limit_s)
        found = told()
        outcome.detect_s = found.arrived_s - began_s if found else None
        outcome.expect(found is not None, f"none of {[*fault.states]} told within {limit_s:.0f} s")

    def _recover(self, fault: Fault, stage: Stage, outcome: Outcome, ended_s: float) -> None:
        # Frames that were on their way when the fault ended are of the time before.
        ended_utc_s = time.time() - (time.monotonic() - ended_s)

        def fresh() -> Seen | None:
            return self.recorder.first_seen(
                stage.name, ended_s, lambda item: item.received_s >= ended_utc_s
            )

        def is_back() -> bool:
            return fresh() is not None and self.recorder.state(stage.name) == CameraState.ONLINE

        limit_s = bound_s(fault.recover_s)
        outcome.expect(
            wait_for(is_back, limit_s),
            f"not online with messages within {limit_s:.0f} s of its end",
        )
        found = fresh()
        outcome.recover_s = found.arrived_s - ended_s if found else None

    def witness_complaints(self) -> Iterator[str]:
        """What the camera without a fault noticed of those of the others."""
        seen, told = self.recorder.seen[WITNESS], self.recorder.told[WITNESS]
        fine = {CameraState.STARTING, CameraState.ONLINE}
        if is_patient():
            # A simulated camera that gets no processor time for a second sends nothing.
            fine.add(CameraState.STALLED)
        if {item.state for item in told} - fine:
            yield f"the witness was {[item.state for item in told]}"
        if len({message.run for message in seen}) > 1:
            yield "the worker of the witness was replaced"
        silence_s = longest_silence_s([message.received_s for message in seen])
        if silence_s > bound_s(_WITNESS_SILENCE_S):
            yield f"the witness was silent for {silence_s:.1f} s"

    def _judge(
        self, fault: Fault, stage: Stage, outcome: Outcome, since: tuple[float, int]
    ) -> None:
        began_s, known = since
        seen = self.recorder.seen[stage.name][max(0, known - 1) :]
        told = [item for item in self.recorder.told[stage.name] if item.arrived_s >= began_s]
        counted = account(seen)
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
        return account(self.recorder.seen[WITNESS]).lost


def slug(fault: Fault) -> str:
    """The name of a fault's camera."""
    return re.sub(r"[^a-z0-9]+", "-", fault.name.lower().replace("-10", "minus-10")).strip("-")


def _fits(pattern: str, reason: str) -> bool:
    return re.search(pattern, reason) is not None


def _held(stage: Stage) -> Held | None:
    pid = stage.worker()
    return held_by(pid) if pid else None


def _compare(outcome: Outcome, before: Held | None, after: Held | None, more_fds: int) -> None:
    if before is None or after is None:
        outcome.expect(after is not None, "no process serves the camera")
        return
    outcome.rss_mib, outcome.fds = (before.rss_mib, after.rss_mib), (before.fds, after.fds)
    grown = after.peak_mib - before.peak_mib
    outcome.expect(grown <= MOST_GROWTH_MIB, f"the worker's peak grew by {grown:.0f} MiB")
    outcome.expect(after.fds <= before.fds + more_fds, f"descriptors: {outcome.fds}")


@contextmanager
def running_scene(
    folder: Path, faults: Sequence[Fault], settings: Mapping[str, Any] | None = None
) -> Iterator[Scene]:
    """A scene with a camera for each fault and the witness, once messages come from all."""
    clips = make_clips(folder / "clips", *_CLIPS)
    with ExitStack() as running:
        redis = running.enter_context(running_redis(folder / "redis"))
        recorder = running.enter_context(Recorder(redis))
        stages = dict(_stages(folder, faults, clips, recorder, running))
        configured = base_settings(redis, small_model(folder / "models")) | dict(settings or {})
        configured["cameras"] = {
            stage.name: {"url": stage.url, "auth": "auto"} for stage in stages.values()
        }
        for fault in faults:
            configured["cameras"][slug(fault)].update(fault.settings)
        secrets = {"redis_password": redis.password}
        for fault in faults:
            if fault.home == "locked":
                secrets[f"camera_{slug(fault)}_username"] = _USERNAME
                secrets[f"camera_{slug(fault)}_password"] = PASSWORD
        node = running.enter_context(running_node(folder, configured, **secrets))
        for stage in stages.values():
            stage.node = node
        scene = Scene(node, redis, recorder, stages)
        assert wait_for(scene.is_up, bound_s(_START_S)), (
            f"no messages of {[name for name in stages if not recorder.seen[name]]}:\n"
            f"{node.log[-4000:]}"
        )
        # What all of them did to each other as they started at once is no fault of any.
        recorder.forget()
        yield scene


def _stages(
    folder: Path,
    faults: Sequence[Fault],
    clips: Mapping[str, Path],
    recorder: Recorder,
    running: ExitStack,
) -> Iterator[tuple[str, Stage]]:
    shown = {slug(fault): clips[fault.clip] for fault in faults if fault.home == "shared"}
    shared = _started(Simulator({WITNESS: clips["moving"]} | shown, folder / "shared"), running)
    for name in (WITNESS, *shown):
        relay = running.enter_context(HostileRtsp(shared.port))
        yield name, Stage(name, shared, relay, recorder, clips)
    for fault in faults:
        name = slug(fault)
        if fault.home != "shared":
            credentials = (_USERNAME, PASSWORD) if fault.home == "locked" else None
            own = _started(
                Simulator({name: clips[fault.clip]}, folder / name, credentials), running
            )
            yield name, Stage(name, own, None, recorder, clips)
        elif fault.prepare:
            shared.tell(f"{name} {fault.prepare}")


def _started(simulator: Simulator, running: ExitStack) -> Simulator:
    simulator.start()
    running.callback(simulator.kill)
    return simulator
