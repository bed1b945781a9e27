"""The reference subscriber against a real publisher and server."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.listening import Listener, listening_to
from tests.support.messages import RUN, detection, status
from tests.support.publishing import publishing_to
from tests.support.redis_server import RedisServer
from tests.support.waiting import PATIENCE_S, wait_until
from vision.domain.message import DetectionMessage, StatusMessage, utc_text
from vision.domain.status import CameraState
from vision.publishing.encoding import encode
from vision.publishing.reading.cursor import Cursor, DetectionCursor, Message, StatusCursor
from vision.publishing.reading.subscriber import ReceivedMessage

pytestmark = pytest.mark.integration
_KEY = "vision:detections:{front}"


@contextmanager
def _listening(
    server: RedisServer,
    cursor: type[Cursor[Message]],
    *cameras: str,
    replay: int = 0,
    command_timeout_s: float = 2.0,
    quiet_s: float = 5.0,
) -> Iterator[Listener[Message]]:
    """A subscriber that is subscribed."""
    with listening_to(
        server,
        cursor,
        cameras,
        replay=replay,
        command_timeout_s=command_timeout_s,
        quiet_s=quiet_s,
    ) as listener:
        with server.client() as client:
            wait_until(lambda: bool(client.client_list(_type="pubsub")), "the subscription")
        yield listener


def _seqs(received: list[ReceivedMessage[DetectionMessage]]) -> list[int]:
    return [item.message.seq for item in received]


def test_replays_then_goes_live(server: RedisServer) -> None:
    """The newest entries come first, oldest of them first, then what is published now."""
    with publishing_to(server) as running:
        for seq in range(1, 11):
            running.publisher.publish(detection(seq))
        running.wait_sent()
        with _listening(server, DetectionCursor, "front", replay=3) as listener:
            payload = running.publisher.publish(detection(11))
            received = listener.wait_for(4)
    assert _seqs(received) == [8, 9, 10, 11]
    assert [item.is_replayed for item in received] == [True, True, True, False]
    assert received[-1].payload == payload


def test_joins_a_busy_stream_without_hole_or_double(server: RedisServer) -> None:
    """Between replay and live nothing is missing, however much comes meanwhile."""
    with publishing_to(server) as running:
        running.publisher.publish(detection(1))
        running.wait_sent()
        end = threading.Event()

        def publish() -> None:
            for seq in range(2, 2001):
                running.publisher.publish(detection(seq))
                end.wait(0.0005)

        busy = threading.Thread(target=publish)
        busy.start()
        with _listening(server, DetectionCursor, "front", replay=5) as listener:
            wait_until(
                lambda: bool(listener.received) and listener.received[-1].message.seq == 2000,
                "the last message",
            )
            end.set()
            busy.join(PATIENCE_S)
    seqs = _seqs(listener.received)
    assert seqs == list(range(seqs[0], 2001))


def test_catches_up_after_an_outage(server: RedisServer) -> None:
    """A server that dies and returns leaves no hole, whether messages came late or live."""
    with publishing_to(server) as running, _listening(server, DetectionCursor) as listener:
        for seq in range(1, 6):
            running.publisher.publish(detection(seq))
        listener.wait_for(5)
        server.kill()
        running.publisher.publish(detection(6))
        running.wait_away()
        for seq in range(7, 11):
            running.publisher.publish(detection(seq))
        server.restart()
        running.wait_sent()
        running.publisher.publish(detection(11))
        assert _seqs(listener.wait_for(11)) == list(range(1, 12))


def test_reads_on_the_stream_what_never_was_live(server: RedisServer) -> None:
    """A message whose number shows a gap is handed on after what the stream has there."""
    with server.client() as client, _listening(server, DetectionCursor, "front") as listener:
        for seq in range(1, 4):
            client.xadd(_KEY, {"message": encode(detection(seq))}, id=f"{RUN}-{seq}")
        client.publish(_KEY, encode(detection(4)))
        received = listener.wait_for(4)
    assert _seqs(received) == [1, 2, 3, 4]


def test_all_cameras_include_those_that_come_later(server: RedisServer) -> None:
    """Without names every camera is heard, one that is added later from its first message."""
    with publishing_to(server) as running:
        running.publisher.publish(detection(1))
        running.wait_sent()
        with _listening(server, DetectionCursor, replay=1) as listener:
            running.publisher.publish(detection(1, camera="yard"))
            running.publisher.publish(detection(2))
            received = listener.wait_for(3)
    assert {(item.message.camera, item.message.seq) for item in received} == {
        ("front", 1),
        ("yard", 1),
        ("front", 2),
    }


def test_named_cameras_keep_others_out(server: RedisServer) -> None:
    """Who asks for one camera hears of no other."""
    with (
        publishing_to(server) as running,
        _listening(server, DetectionCursor, "yard") as listener,
    ):
        running.publisher.publish(detection(1))
        running.publisher.publish(detection(1, camera="yard"))
        assert listener.wait_for(1)[0].message.camera == "yard"


def test_a_run_that_starts_in_the_past_is_heard(server: RedisServer) -> None:
    """A publisher of another make may say what its stream refuses; the subscriber takes it."""
    with (
        publishing_to(server) as running,
        _listening(server, DetectionCursor) as listener,
        server.client() as client,
    ):
        running.publisher.publish(detection(5, skipped=4))
        listener.wait_for(1)
        for seq in (1, 2):
            client.publish("vision:detections:{front}", encode(detection(seq, run=RUN - 1000)))
        received = listener.wait_for(3)
    assert [(int(item.message.run), item.message.seq) for item in received] == [
        (RUN, 5),
        (RUN - 1000, 1),
        (RUN - 1000, 2),
    ]


def test_states_are_replayed_and_heard_once(server: RedisServer) -> None:
    """Statuses come once each, over a crash of the server as well."""
    states = [CameraState.STARTING, CameraState.ONLINE, CameraState.STALLED, CameraState.ONLINE]
    messages = [status(state, reason=str(number)) for number, state in enumerate(states)]
    with publishing_to(server) as running:
        running.publisher.publish_status(messages[0])
        running.publisher.publish_status(messages[1])
        running.wait_sent()
        with _listening(server, StatusCursor, replay=1) as listener:
            listener.wait_for(1)
            server.kill()
            running.publisher.publish_status(messages[2])
            running.wait_away()
            server.restart()
            listener.wait_for(2)
            running.publisher.publish_status(messages[3])
            received = listener.wait_for(3)
    assert [item.message for item in received] == messages[1:]


def _status_at(seconds: int, state: CameraState, camera: str = "front") -> StatusMessage:
    """A state that was told so many seconds after the run began."""
    at = utc_text((RUN + 1000 * seconds) * 1_000_000)
    return dataclasses.replace(status(state, camera=camera, reason=f"{seconds}"), at=at)


def test_states_come_in_the_order_of_their_stream_though_a_clock_was_put_back(
    server: RedisServer,
) -> None:
    """Those that are replayed too: between cameras by time, of one camera never."""
    front = [
        _status_at(7200, CameraState.ONLINE),
        _status_at(10, CameraState.STALLED),
        _status_at(11, CameraState.ONLINE),
    ]
    yard = [_status_at(seconds, CameraState.ONLINE, "yard") for seconds in (20, 7300)]
    with server.client() as client:
        for message in (*front, *yard):
            client.xadd(f"vision:status:{{{message.camera}}}", {"message": encode(message)})
        with _listening(server, StatusCursor, replay=5) as listener:
            received = [item.message for item in listener.wait_for(5)]
    assert received == [yard[0], *front, yard[1]]


def test_a_state_that_waited_comes_before_one_that_was_told_after_it(server: RedisServer) -> None:
    """It is on the stream alone; so is one that is the last of all."""
    key = "vision:status:{front}"
    waited, live, last = (_status_at(seconds, CameraState.RECONNECTING) for seconds in (3600, 1, 2))
    with server.client() as client, _listening(server, StatusCursor, "front") as listener:
        client.xadd(key, {"message": encode(waited)})
        client.xadd(key, {"message": encode(live)})
        client.publish(key, encode(live))
        assert [item.message for item in listener.wait_for(2)] == [waited, live]
        client.xadd(key, {"message": encode(last)})
        assert listener.wait_for(3)[-1].message == last


def test_what_is_no_message_is_skipped(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Garbage on channel and stream is said once and does not end the subscriber."""
    with server.client() as client:
        client.xadd(_KEY, {"other": "field"}, id="1-1")
        with _listening(server, DetectionCursor, "front", replay=10) as listener:
            client.publish(_KEY, b"\xff not json")
            strange = dataclasses.replace(detection(1), schema="vision.detections/9")
            client.publish(_KEY, encode(strange))
            client.publish(_KEY, encode(detection(1)))
            assert _seqs(listener.wait_for(1)) == [1]
    assert caplog.text.count("subscribe.skipped") == 1


def test_a_connection_that_went_silent_is_given_up(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that keeps the connection and says nothing more is noticed."""
    with _listening(
        server, DetectionCursor, "front", command_timeout_s=0.5, quiet_s=0.1
    ) as listener:
        server.pause()
        wait_until(lambda: "subscribe.redis_away" in caplog.text, "the loss")
        server.resume()
        with publishing_to(server) as running:
            running.publisher.publish(detection(1))
            assert _seqs(listener.wait_for(1)) == [1]


def test_all_cameras_are_heard_live_where_none_was_there_at_the_start(server: RedisServer) -> None:
    with publishing_to(server) as running, _listening(server, DetectionCursor) as listener:
        for seq in range(1, 31):
            running.publisher.publish(detection(seq))
        received = listener.wait_for(30)
    assert _seqs(received) == [*range(1, 31)]
    assert not any(item.is_replayed for item in received)


def test_the_cameras_to_follow_can_change_while_it_runs(server: RedisServer) -> None:
    with publishing_to(server) as running:
        running.publisher.publish(detection(1, camera="yard"))
        running.wait_sent()
        with _listening(server, DetectionCursor, "front") as listener:
            running.publisher.publish(detection(1))
            listener.wait_for(1)
            listener.subscriber.follow(["yard"])
            # What is stored of a camera that is new comes first.
            listener.wait_for(2)
            running.publisher.publish(detection(2))
            running.publisher.publish(detection(2, camera="yard"))
            received = listener.wait_for(3)
    found = [(item.message.camera, item.message.seq) for item in received]
    assert found == [("front", 1), ("yard", 1), ("yard", 2)]
