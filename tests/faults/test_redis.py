"""Faults of Redis: detection goes on, and the streams are complete in the end."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults.outcome import Outcome
from tests.faults.record import Recorder, account, let_pass, wait_for
from tests.faults.scene import base_settings, make_clips
from tests.support.node import NodeProcess, running_node, validate
from tests.support.redis_server import RedisServer, running_redis
from tests.support.simulator import Simulator
from tests.support.small_model import small_model

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

_FPS = 5
_CAMERAS = 8
_START_S, _DETECT_S, _RECOVER_S = 60.0, 10.0, 15.0
_WRONG = "not-it"


@dataclass(slots=True)
class Station:
    """A node with eight cameras, its Redis and a subscriber."""

    node: NodeProcess
    redis: RedisServer
    recorder: Recorder

    def stream(self, camera: str) -> list[dict[str, Any]]:
        """What is on a camera's stream, in order, each checked against its schema."""
        with self.redis.client() as client:
            entries: Any = client.xrange(f"vision:detections:{{{camera}}}")
        return [validate(fields[b"message"]) for _, fields in entries]

    def password(self, value: str) -> None:
        """Change the password in the node's secret file."""
        path = self.node.folder / "secrets" / "redis_password"
        beside = path.with_suffix(".new")
        beside.touch(mode=0o600)
        beside.write_text(value)
        beside.replace(path)

    def away(self) -> int:
        """How often the node has said that Redis is away."""
        return self.node.log.count("publish.redis_away")


@contextmanager
def station(folder: Path, password: str | None = None) -> Iterator[Station]:
    """A station; ``password`` replaces the right one in the secret file."""
    clips = make_clips(folder / "clips", "moving")
    names = [f"camera-{number}" for number in range(_CAMERAS)]
    with ExitStack() as running:
        redis = running.enter_context(running_redis(folder / "redis"))
        recorder = running.enter_context(Recorder(redis))
        simulator = Simulator(dict.fromkeys(names, clips["moving"]), folder / "cameras")
        simulator.start()
        running.callback(simulator.kill)
        settings = base_settings(redis, small_model(folder / "models"))
        settings["cameras"] = {
            name: {"url": url, "fps": _FPS} for name, url in simulator.urls.items()
        }
        secret = password or redis.password
        node = running.enter_context(running_node(folder, settings, redis_password=secret))
        yield Station(node, redis, recorder)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """A station that publishes."""
    with station(tmp_path_factory.mktemp("redis")) as running:
        names = [f"camera-{number}" for number in range(_CAMERAS)]
        up = wait_for(lambda: all(running.recorder.seen[name] for name in names), _START_S)
        assert up, running.node.log[-4000:]
        yield running


def outage(
    station: Station,
    name: str,
    what: str,
    *,
    begin: Callable[[], None],
    end: Callable[[], None],
    lasts_s: float,
) -> Outcome:
    """Let Redis be away, and count what is on the streams afterwards."""
    outcome = Outcome(name, what)
    recorder, away = station.recorder, station.away()
    began_s, began_utc_s = time.monotonic(), time.time()
    begin()
    noticed = wait_for(lambda: station.away() > away, min(lasts_s, _DETECT_S))
    outcome.detect_s = time.monotonic() - began_s if noticed else None
    outcome.expect(noticed, "the node did not say that Redis is away")
    let_pass(began_s + lasts_s - time.monotonic())
    end()
    ended_s, ended_utc_s = time.monotonic(), time.time()
    cameras = [f"camera-{number}" for number in range(_CAMERAS)]

    def back(camera: str) -> float | None:
        seen = recorder.first_seen(camera, ended_s, lambda item: item.received_s >= ended_utc_s)
        return seen.arrived_s - ended_s if seen else None

    up = wait_for(lambda: all(back(camera) is not None for camera in cameras), _RECOVER_S)
    outcome.expect(up, f"not all cameras are back {_RECOVER_S:.0f} s after its end")
    outcome.recover_s = max((back(camera) or 0.0) for camera in cameras)
    least = 1e9
    for camera in cameras:
        counted = account(recorder.seen[camera])
        outcome.lost += counted.lost
        outcome.doubled += counted.doubled
        during = [
            item for item in recorder.seen[camera] if began_utc_s < item.received_s < ended_utc_s
        ]
        outcome.skipped += sum(item.skipped for item in during)
        least = min(least, sum(1 + item.skipped for item in during) / (ended_utc_s - began_utc_s))
        _compare(station, camera, outcome)
    outcome.notes = {"cameras": _CAMERAS, "frames_a_second_meanwhile": round(least, 1)}
    outcome.expect(least > _FPS / 2, f"only {least:.1f} frames a second meanwhile")
    outcome.expect(outcome.lost == 0, f"{outcome.lost} messages lost")
    outcome.expect(outcome.doubled == 0, f"{outcome.doubled} messages doubled or out of order")
    return outcome


def _compare(station: Station, camera: str, outcome: Outcome) -> None:
    """The subscriber has what is on the stream: the same ids, in the same order, once."""
    on_stream = [(int(message["run"]), message["seq"]) for message in station.stream(camera)]
    handed = [(item.run, item.seq) for item in list(station.recorder.seen[camera])]
    common = [identity for identity in on_stream if identity <= handed[-1]]
    outcome.expect(handed[: len(common)] == common, f"{camera}: stream and subscriber differ")
    outcome.expect(
        all(before < after for before, after in itertools.pairwise(on_stream)),
        f"{camera}: the stream is not in order",
    )


def test_killed_and_restarted(running: Station, judge: Callable[[Outcome], None]) -> None:
    """A crash of Redis costs no message."""
    begin, end = running.redis.kill, running.redis.restart
    what = "kill -9, back after 3 s"
    judge(outage(running, "Redis killed", what, begin=begin, end=end, lasts_s=3))


def test_frozen(running: Station, judge: Callable[[Outcome], None]) -> None:
    """A Redis that answers nothing, and later carries out what it was sent, doubles nothing."""
    begin, end = running.redis.pause, running.redis.resume
    what = "SIGSTOP for 5 s"
    judge(outage(running, "Redis stops answering", what, begin=begin, end=end, lasts_s=5))


@pytest.mark.parametrize("away_s", [8, pytest.param(60, marks=pytest.mark.soak)])
def test_away(running: Station, judge: Callable[[Outcome], None], away_s: int) -> None:
    """Eight cameras of five frames a second wait in memory: none lost, none doubled, in order."""
    begin, end = running.redis.stop, running.redis.restart
    what = f"ended and started again, {_CAMERAS} cameras of {_FPS} frames a second"
    name = f"Redis away for {away_s} s"
    judge(outage(running, name, what, begin=begin, end=end, lasts_s=away_s))


def test_wrong_password(tmp_path: Path, judge: Callable[[Outcome], None]) -> None:
    """A node with a wrong password detects, says so, and makes up for it with the right one."""
    with station(tmp_path, _WRONG) as running:
        outcome = Outcome("wrong password for Redis", "from the start, mended once it was said")
        outcome.detect_s = _until(running, lambda: running.away() > 0, _START_S)
        outcome.expect(outcome.detect_s is not None, "not said")
        running.node.wait_for_log("state=online")
        let_pass(2.0)
        running.password(running.redis.password)
        outcome.recover_s = _until(
            running, lambda: bool(running.recorder.seen["camera-0"]), _START_S
        )
        outcome.expect(outcome.recover_s is not None, "no message with the right password")
        let_pass(1.0)
        for camera, seen in running.recorder.seen.items():
            first = seen[0]
            outcome.lost += account(seen).lost + first.seq - 1 - first.skipped
            _compare(running, camera, outcome)
        outcome.expect(outcome.lost == 0, f"{outcome.lost} messages lost")
        assert running.redis.password not in running.node.log
    judge(outcome)


def _until(running: Station, condition: Callable[[], bool], patience_s: float) -> float | None:
    began_s = time.monotonic()
    assert running.node.process is not None
    return time.monotonic() - began_s if wait_for(condition, patience_s) else None
