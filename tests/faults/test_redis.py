"""Faults of Redis: detection goes on, and the streams are complete in the end."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.faults.contract import live_complaint
from tests.faults.node_rig import NodeRig, running_node_rig
from tests.faults.outcome import Outcome
from tests.faults.record import account_for, bound_s, is_patient, let_pass, wait_for
from tests.support.mutations import RUBBISH
from tests.support.node import validate
from tests.support.outside_subscriber import OutsideSubscriber

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

_FPS = 5
_CAMERAS = 8
_START_S, _DETECT_S, _RECOVER_S = 60.0, 10.0, 15.0
_WRONG = "not-it"
_AWAY = "publish.redis_away"
# Nodes of a stream hold some messages each: of fewer, none is whole enough to make way.
_ENOUGH = 250
_FULL_S, _MEANWHILE_S, _LESS_BYTES = 60.0, 3.0, 200_000


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeRig]:
    """A rig that publishes."""
    folder = tmp_path_factory.mktemp("redis")
    with running_node_rig(folder, cameras=_CAMERAS, fps=_FPS) as running:
        running.wait_for_messages()
        yield running


def outage(
    rig: NodeRig,
    name: str,
    what: str,
    *,
    begin: Callable[[], None],
    end: Callable[[], None],
    lasts_s: float,
    said: str = _AWAY,
    replaced: Sequence[str] = (),
) -> Outcome:
    """Let Redis be away, and count what is on the streams afterwards.

    ``said`` is what the node's log tells it as; the streams of the cameras that were ``replaced``
    have lost what they held before.
    """
    outcome = Outcome(name, what)
    recorder, away = rig.recorder, rig.node.log.count(said)
    began_s, began_utc_s = time.monotonic(), time.time()
    begin()
    noticed = wait_for(lambda: rig.node.log.count(said) > away, bound_s(min(lasts_s, _DETECT_S)))
    outcome.detect_s = time.monotonic() - began_s if noticed else None
    outcome.expect(noticed, f"the node did not say {said}")
    let_pass(began_s + lasts_s - time.monotonic())
    end()
    ended_s, ended_utc_s = time.monotonic(), time.time()
    outcome.recover_s = rig.back_after_s(ended_s, bound_s(_RECOVER_S))
    outcome.expect(outcome.recover_s is not None, f"not back {_RECOVER_S:.0f} s after its end")
    rates = []
    for camera in rig.cameras:
        counted = account_for(recorder.seen[camera])
        outcome.lost += counted.lost
        outcome.doubled += counted.doubled
        during = [
            item for item in recorder.seen[camera] if began_utc_s < item.received_s < ended_utc_s
        ]
        outcome.skipped += sum(item.skipped for item in during)
        rates.append(sum(1 + item.skipped for item in during) / (ended_utc_s - began_utc_s))
        if camera not in replaced:
            _compare(rig, camera, outcome)
    least = min(rates)
    outcome.notes = {"cameras": _CAMERAS, "frames_a_second_meanwhile": round(least, 1)}
    # A busy machine infers as many as it can.
    enough = 0 if is_patient() else _FPS / 2
    outcome.expect(least > enough, f"only {least:.1f} frames a second meanwhile")
    outcome.expect(outcome.lost == 0, f"{outcome.lost} messages lost")
    outcome.expect(outcome.doubled == 0, f"{outcome.doubled} messages doubled or out of order")
    return outcome


def _stream(rig: NodeRig, camera: str) -> list[dict[str, Any]]:
    """What is on a camera's stream, in order, each checked against its schema."""
    with rig.redis.client() as client:
        entries: Any = client.xrange(f"vision:detections:{{{camera}}}")
    return [validate(fields[b"message"]) for _, fields in entries]


def _compare(rig: NodeRig, camera: str, outcome: Outcome) -> None:
    """The subscriber has what is on the stream: the same ids, in the same order, once."""
    on_stream = [(int(message["run"]), message["seq"]) for message in _stream(rig, camera)]
    # What was there before somebody took the stream's name is no longer on it.
    handed = [
        identity
        for item in list(rig.recorder.seen[camera])
        if (identity := (item.run, item.seq)) >= on_stream[0]
    ]
    common = [identity for identity in on_stream if identity <= handed[-1]]
    outcome.expect(handed[: len(common)] == common, f"{camera}: stream and subscriber differ")
    outcome.expect(
        all(before < after for before, after in itertools.pairwise(on_stream)),
        f"{camera}: the stream is not in order",
    )


def test_killed_and_restarted(running: NodeRig, verify: Callable[[Outcome], None]) -> None:
    """A crash of Redis costs no message."""
    begin, end = running.redis.kill, running.redis.restart
    what = "kill -9, back after 3 s"
    verify(outage(running, "Redis killed", what, begin=begin, end=end, lasts_s=3))


def test_frozen(running: NodeRig, verify: Callable[[Outcome], None]) -> None:
    """A Redis that answers nothing, and later carries out what it was sent, doubles nothing."""
    begin, end = running.redis.pause, running.redis.resume
    what = "SIGSTOP for 5 s"
    verify(outage(running, "Redis stops answering", what, begin=begin, end=end, lasts_s=5))


def test_strangers_on_our_names(running: NodeRig, verify: Callable[[Outcome], None]) -> None:
    """One camera's stream becomes a list, and all channels carry rubbish: the others lose nothing."""
    taken, others = running.cameras[0], running.cameras[1:]
    key = f"vision:detections:{{{taken}}}"

    def begin() -> None:
        with running.redis.client() as client:
            for camera in others:
                channel = f"vision:detections:{{{camera}}}"
                known: Any = client.xrevrange(channel, count=1)
                message = json.loads(known[0][1][b"message"])
                message["time"]["captured"] = "yesterday"
                for payload in (*RUBBISH, json.dumps(message).encode()):
                    client.publish(channel, payload)
                client.xadd(f"vision:status:{{{camera}}}", {"message": b"\xff"})
            pipe = client.pipeline()
            pipe.delete(key)
            pipe.lpush(key, "somebody else's")
            pipe.execute()

    def end() -> None:
        with running.redis.client() as client:
            client.delete(key)

    what = "one camera's stream becomes a list for 5 s, and rubbish comes on all channels"
    outcome = outage(
        running,
        "strangers on our names",
        what,
        begin=begin,
        end=end,
        lasts_s=5,
        said="publish.held",
        replaced=[taken],
    )
    outcome.others_lost = sum(account_for(running.recorder.seen[name]).lost for name in others)
    verify(outcome)


@pytest.mark.parametrize("away_s", [8, pytest.param(60, marks=pytest.mark.soak)])
def test_away(running: NodeRig, verify: Callable[[Outcome], None], away_s: int) -> None:
    """Eight cameras of five frames a second wait in memory: none lost, none doubled, in order."""
    begin, end = running.redis.stop, running.redis.restart
    what = f"ended and started again, {_CAMERAS} cameras of {_FPS} frames a second"
    name = f"Redis away for {away_s} s"
    verify(outage(running, name, what, begin=begin, end=end, lasts_s=away_s))


def _full(rig: NodeRig, outcome: Outcome) -> None:
    """Let Redis have no room for more, and see that messages go on."""
    trimmed = rig.node.log.count("publish.trimmed")
    began_s = time.monotonic()
    with rig.redis.client() as client:
        used = client.info("memory")["used_memory"]
        # Less than it holds: what it holds beside the streams comes and goes.
        client.config_set("maxmemory", str(used - _LESS_BYTES))
        noticed = wait_for(
            lambda: rig.node.log.count("publish.trimmed") > trimmed, bound_s(_FULL_S)
        )
        outcome.detect_s = time.monotonic() - began_s if noticed else None
        outcome.expect(noticed, "nothing made way")
        let_pass(_MEANWHILE_S)
        # While it lasts: nothing is mended before.
        outcome.recover_s = rig.back_after_s(time.monotonic(), bound_s(_RECOVER_S))
        client.config_set("maxmemory", "0")
    outcome.expect(outcome.recover_s is not None, "no message at the limit")


def _refused(rig: NodeRig, outcome: Outcome) -> None:
    """Let the stream of one camera be something else for a moment."""
    camera = rig.cameras[0]
    name, aside = f"vision:detections:{{{camera}}}", f"aside:{{{camera}}}"
    held = rig.node.log.count("publish.held")
    began_s = time.monotonic()
    with rig.redis.client() as client:
        client.rename(name, aside)
        client.set(name, "no stream")
        noticed = wait_for(lambda: rig.node.log.count("publish.held") > held, bound_s(_DETECT_S))
        outcome.detect_s = time.monotonic() - began_s if noticed else None
        outcome.expect(noticed, "the node did not say so")
        let_pass(_MEANWHILE_S)
        client.rename(aside, name)
    outcome.recover_s = rig.back_after_s(time.monotonic(), bound_s(_RECOVER_S))
    outcome.expect(outcome.recover_s is not None, f"not back {_RECOVER_S:.0f} s after its end")


@pytest.mark.parametrize(
    ("name", "what", "happen"),
    [
        ("Redis at its limit", "`maxmemory` is what it holds", _full),
        ("a stream refuses", "a key of another type in its place for 3 s", _refused),
    ],
)
def test_what_is_live_is_on_the_stream(
    tmp_path: Path,
    verify: Callable[[Outcome], None],
    name: str,
    what: str,
    happen: Callable[[NodeRig, Outcome], None],
) -> None:
    """A subscriber that knows nothing of us hears what the streams have, in order, once."""
    with running_node_rig(tmp_path, cameras=2, fps=10) as running:
        running.wait_for_messages(_ENOUGH)
        with OutsideSubscriber(running.redis) as outside:
            outcome = Outcome(name, what)
            happen(running, outcome)
            for camera in running.cameras:
                counted = account_for(running.recorder.seen[camera])
                outcome.lost += counted.lost
                outcome.doubled += counted.doubled
        for camera in running.cameras:
            with running.redis.client() as client:
                entries: Any = client.xrange(f"vision:detections:{{{camera}}}")
            on_stream = [fields[b"message"] for _, fields in entries]
            # What made way meanwhile was on the stream before all that is there now.
            heard = list(outside.payloads[camera])
            if name == "Redis at its limit" and on_stream[0] in heard:
                heard = heard[heard.index(on_stream[0]) :]
            outcome.expect(bool(heard), f"{camera}: nothing was live")
            wrong = live_complaint(heard, on_stream)
            outcome.expect(not wrong, f"{camera}: {wrong}")
        outcome.expect(outcome.lost == 0, f"{outcome.lost} messages lost")
        outcome.expect(outcome.doubled == 0, f"{outcome.doubled} messages doubled or out of order")
    verify(outcome)


def test_wrong_password(tmp_path: Path, verify: Callable[[Outcome], None]) -> None:
    """A node with a wrong password detects, says so, and makes up for it with the right one."""
    wrong = running_node_rig(tmp_path, cameras=_CAMERAS, fps=_FPS, redis_password=_WRONG)
    with wrong as running:
        outcome = Outcome("wrong password for Redis", "from the start, mended once it was said")
        started_s = time.monotonic()
        said = wait_for(lambda: running.node.log.count(_AWAY) > 0, bound_s(_START_S))
        outcome.detect_s = time.monotonic() - started_s
        outcome.expect(said, "the node did not say so")
        running.node.wait_for_log("state=online")
        let_pass(2.0)
        running.node.replace_secret("redis_password", running.redis.password)
        mended_s = time.monotonic()
        outcome.recover_s = running.back_after_s(mended_s, bound_s(_START_S))
        outcome.expect(outcome.recover_s is not None, "no message with the right password")
        for camera, seen in running.recorder.seen.items():
            first = seen[0]
            outcome.lost += account_for(seen).lost + first.seq - 1 - first.skipped
            _compare(running, camera, outcome)
        outcome.expect(outcome.lost == 0, f"{outcome.lost} messages lost")
        assert running.redis.password not in running.node.log
    verify(outcome)
