"""Each user of the stack's Redis can do its part on a real server, and nothing else."""

from __future__ import annotations

import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from redis.client import PubSub

from tests.support.compose_model import FOLDER
from tests.support.compose_redis import (
    USERS,
    StackRedis,
    require_stack_server,
    running_stack_redis,
    start_environment,
)
from tests.support.event_site import put, wait_for_events
from tests.support.messages import RUN, detection
from tests.support.publishing import RunningPublisher
from tests.support.visits import WalkingPerson, film
from tests.support.waiting import wait_until
from vision.config.core import PublishingSettings
from vision.config.settings import Settings
from vision.domain.losses import DropReason
from vision.events.metrics import EventMetrics
from vision.events.service import EventService
from vision.frames.preview_channel import Preview, PreviewReceiver, PreviewSender
from vision.frames.redis_scripts import lease_key, state_key
from vision.frames.redis_slot import Claim, ClaimOutcome, RedisSlot
from vision.publishing.reading.event_follower import EventFollower
from vision.publishing.reading.offsets import BridgeOffsets
from vision.publishing.writing.stream_runs import newest_stream_runs
from vision.telemetry.metrics import NodeMetrics

pytestmark = pytest.mark.integration
DETECTIONS = "vision:detections:{front}"
STATUS = "vision:status:{front}"
STATE = "vision:state:{front}"
EVENTS = "vision:events:{front}"
PIXELS = np.zeros(1000, np.uint8).tobytes()


def _slot(server: StackRedis, user: str) -> RedisSlot:
    return RedisSlot.connect(server.settings(user), server.password(user))


def test_a_frame_goes_from_ingest_to_infer(server: StackRedis) -> None:
    """The slot's own code runs with the rights of the two roles, over its whole life."""
    ingest, infer = _slot(server, "ingest"), _slot(server, "infer")
    assert ingest.newest("front").run == 0
    for seq in (1, 2):
        assert ingest.put("front", run=1, seq=seq, payload=PIXELS, ttl_ms=10_000).accepted
    ready = infer.wait(4, 5.0)
    (taken,) = infer.take([entry.camera for entry in ready], "reader")
    assert (taken.seq, taken.payload) == (2, PIXELS)
    assert infer.renew([taken]) == [True]
    assert ingest.put("front", run=1, seq=3, payload=PIXELS, ttl_ms=10_000).accepted
    infer.free([(taken, ClaimOutcome.SKIPPED)])
    assert [entry.camera for entry in infer.wait(4, 5.0)] == ["front"]
    ingest.close()
    infer.close()


def test_infer_publishes_and_a_subscriber_reads(server: StackRedis) -> None:
    """A detection reaches the channel and the stream, and whoever may read them."""
    with server.client("subscriber") as reader, server.client("infer") as infer:
        channel = PubSub(reader.connection_pool, ignore_subscribe_messages=True)
        channel.psubscribe("vision:detections:{*}")
        assert channel.get_message(timeout=5.0) is None
        stream_id = infer.xadd(DETECTIONS, {"message": "{}"}, id="1-1", maxlen=100)
        assert infer.publish(DETECTIONS, "{}") == 1
        assert infer.xrange(DETECTIONS, "1-1", "1-1", count=1)
        heard = None
        deadline_s = time.monotonic() + 10.0
        while heard is None and time.monotonic() < deadline_s:
            heard = channel.get_message(timeout=1.0)
        assert heard is not None
        assert heard["data"] == b"{}"
        channel.close()
        assert list(reader.scan_iter(match="vision:detections:{*}")) == [DETECTIONS.encode()]
        assert reader.xrevrange(DETECTIONS, count=1) == [(stream_id, {b"message": b"{}"})]
        assert reader.xread({DETECTIONS: "0"})


def test_a_worker_that_lost_its_camera_publishes_nothing(server: StackRedis) -> None:
    """The script that publishes reads and closes the account with the rights of the role."""
    ingest, infer = _slot(server, "ingest"), _slot(server, "infer")

    def take(seq: int) -> Claim:
        assert ingest.put("front", run=RUN, seq=seq, payload=PIXELS, ttl_ms=10_000).accepted
        (taken,) = infer.take(["front"], "reader")
        return taken

    running = RunningPublisher(
        server.settings("infer"),
        lambda: server.password("infer"),
        PublishingSettings(),
        is_fenced=True,
    )
    running.start()
    try:
        infer.free([(take(1), ClaimOutcome.DELIVERED)])
        running.publisher.publish(detection(1))
        late = take(2)
        with server.client("infer") as client:
            client.delete(lease_key("front"))
            newer = take(3)
            assert newer.before == late.before
            for seq in (2, 3):
                running.publisher.publish(detection(seq))
            running.wait_sent()
            assert running.observer.drops == {("front", DropReason.LEASE_LOST): 1}
            assert client.hmget(state_key("front"), ["seq", "open"]) == [b"3", None]
    finally:
        running.finish()
    ingest.close()
    infer.close()


def test_ingest_tells_of_its_camera_and_a_subscriber_reads(server: StackRedis) -> None:
    """A status reaches channel, stream and hash; the newest run of the camera can be read."""
    with server.client("infer") as infer, server.client("ingest") as ingest:
        infer.xadd(DETECTIONS, {"message": "{}"}, id="7-1")
        ingest.hset(STATE, mapping={"state": "online"})
        ingest.xadd(STATUS, {"message": "{}"}, id="1-1", maxlen=100)
        ingest.publish(STATUS, "{}")
    runs = newest_stream_runs(
        server.settings("ingest"), lambda: server.password("ingest"), ["front"]
    )
    assert runs == {"front": 7}
    with server.client("subscriber") as reader:
        assert reader.hgetall(STATE) == {b"state": b"online"}
        assert reader.xrange(STATUS) == [(b"1-1", {b"message": b"{}"})]


def test_events_are_made_with_the_rights_of_their_role(server: StackRedis) -> None:
    """The worker's own code: leases, streams, states and channel; a subscriber hears of it."""
    settings = Settings.model_validate({"redis": server.settings("events").model_dump()})
    stop = threading.Event()
    part = EventService(
        settings,
        lambda: server.password("events"),
        EventMetrics(NodeMetrics(lambda: (), "events").create),
    )
    frames = film([WalkingPerson(0, 5)], 9, began_ns=time.time_ns())
    with server.client("infer") as infer, server.client("subscriber") as reader:
        channel = PubSub(reader.connection_pool, ignore_subscribe_messages=True)
        channel.psubscribe("vision:events:{*}")
        put(infer, frames[:1])
        working = threading.Thread(target=part.run, args=(stop,))
        working.start()
        try:
            put(infer, frames[1:])
            events = wait_for_events(reader, {"end": 1})
            wait_until(lambda: channel.get_message(timeout=1.0) is not None, "a live event")
        finally:
            stop.set()
            working.join(30)
        channel.close()
    assert events[-1]["end"] == "left"
    assert not working.is_alive()


@pytest.mark.parametrize("reader", ["web", "events"])
def test_a_picture_goes_from_infer_to_whoever_asks_for_it(server: StackRedis, reader: str) -> None:
    """The code of both sides runs with the rights of the two roles; unasked, nothing is sent."""
    sender = PreviewSender(server.settings("infer"), lambda: server.password("infer"))
    receiver = PreviewReceiver(server.settings(reader), lambda: server.password(reader))
    assert sender.watched(["front", "yard"]) == frozenset()
    stop = threading.Event()
    found: list[Preview] = []

    def receive() -> None:
        for picture in receiver.pictures(stop, lambda: ["front"]):
            found.append(picture)
            stop.set()

    receiving = threading.Thread(target=receive)
    receiving.start()
    try:
        wait_until(lambda: sender.watched(["yard", "front"]) == {"front"}, "somebody who asks")
        assert sender.send("front", Preview(b"{}", b"jpeg"))
        wait_until(lambda: bool(found), "the picture")
    finally:
        stop.set()
        receiving.join(30)
        sender.close()
    assert found == [Preview(b"{}", b"jpeg")]


def test_a_bridge_reads_events_and_remembers_where_it_was(server: StackRedis) -> None:
    """Its own code runs with its rights, over a restart."""
    stop = threading.Event()
    with server.client("admin") as admin:
        for number in (1, 2):
            follower = EventFollower(
                server.settings("bridge"),
                lambda: server.password("bridge"),
                BridgeOffsets("mqtt"),
                on_lost=lambda *_: None,
            )
            entries = follower.entries(stop)
            if number == 1:
                admin.xadd(EVENTS, {"message": "old"})
                first = threading.Timer(0.5, admin.xadd, (EVENTS, {"message": "1"}))
                first.start()
            else:
                admin.xadd(EVENTS, {"message": "2"})
            entry = next(entries)
            assert entry.payload == b"%d" % number
            follower.ack(entry)
            follower.store()


def test_what_a_script_wrote_is_there_after_a_restart(tmp_path: Path) -> None:
    """Redis reads its file with the rights of the default user, transactions included."""
    program = require_stack_server()
    with running_stack_redis(program, tmp_path) as server:
        ingest, infer = _slot(server, "ingest"), _slot(server, "infer")
        ingest.put("front", run=1, seq=5, payload=PIXELS, ttl_ms=60_000)
        (taken,) = infer.take(["front"], "reader")
        ingest.close()
        infer.close()
    with running_stack_redis(program, tmp_path) as server, server.client("admin") as admin:
        state = admin.hgetall("vision:frame-state:{front}")
        assert (state.get(b"run"), state.get(b"seq")) == (b"1", b"%d" % taken.seq)


def test_it_is_kept_as_the_stack_promises(server: StackRedis) -> None:
    """Append-only file and a snapshot every five minutes; no key is thrown away for memory."""
    with server.client("admin") as admin:
        assert admin.config_get("appendonly") == {"appendonly": "yes"}
        assert admin.config_get("save") == {"save": "300 1"}
        assert admin.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_no_password_lies_on_disk_or_on_the_command_line(server: StackRedis) -> None:
    """The file of users holds hashes; the server's command line and environment hold nothing."""
    assert server.acl_file.stat().st_mode & 0o077 == 0
    with server.client("admin") as admin:
        pid = admin.info("server")["process_id"]
    shown = server.acl_file.read_text()
    for name in ("cmdline", "environ"):
        shown += Path("/proc", str(pid), name).read_bytes().decode()
    assert not [user for user in USERS if server.password(user) in shown]


@pytest.mark.parametrize(
    ("content", "wrong"), [("\n", "redis_ingest_password: is empty"), (None, "compose/prepare.sh")]
)
def test_a_user_without_a_password_stops_the_start(
    tmp_path: Path, content: str | None, wrong: str
) -> None:
    """Empty, it would be open to all; missing, the user is new: one line with file and remedy."""
    if content is not None:
        (tmp_path / "redis_ingest_password").write_text(content)
    answer = subprocess.run(
        ["/bin/sh", FOLDER / "redis" / "start.sh", "true"],
        env=start_environment(tmp_path, tmp_path / "users.acl"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    (line,) = answer.stderr.splitlines()
    assert line.startswith("error: ")
    assert str(tmp_path / "redis_ingest_password") in line
    assert wrong in line
