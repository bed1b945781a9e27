"""Redis answers, but with an error: what waits, what is lost, and who is told."""

from __future__ import annotations

import pytest

from tests.support.messages import RUN, detection, status
from tests.support.publishing import let_pass, publishing_to, stream_payloads, stream_seqs
from tests.support.raw_redis import RawSubscriber
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until
from vision.domain.errors import ConfigError
from vision.publishing.keys import Kind
from vision.publishing.observer import DropReason

pytestmark = pytest.mark.integration
_KEY = "vision:detections:{front}"
_FAR_AHEAD = f"{RUN + 10**12}-1"


def _log_lines(caplog: pytest.LogCaptureFixture, event: str) -> list[str]:
    lines = [record.getMessage() for record in caplog.records]
    return [line for line in lines if line.startswith(event)]


def test_a_full_server_gets_all_once_it_has_room(server: RedisServer) -> None:
    """Under OOM messages wait in order; those already live are not live again."""
    with (
        RawSubscriber(server, _KEY) as live,
        publishing_to(server) as running,
        server.client() as client,
    ):
        running.wait_connected()
        client.config_set("maxmemory", "1")
        payloads = [running.publisher.publish(detection(seq)) for seq in range(1, 201)]
        assert live.next_payload() == payloads[0]
        let_pass(0.3)
        assert running.observer.messages == 0
        client.config_set("maxmemory", "0")
        running.wait_sent()
        last = running.publisher.publish(detection(201))
        heard = live.payloads_until(last)
        running.wait_sent()
        assert len(heard) == len(set(heard))
        assert payloads[0] not in heard
        assert not running.observer.drops
    assert stream_seqs(server) == list(range(1, 202))


def test_a_refused_camera_holds_up_no_other(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A key of the wrong type stops its own camera only, until somebody removes it."""
    with publishing_to(server) as running, server.client() as client:
        client.set(_KEY, "not a stream")
        for seq in range(1, 11):
            running.publisher.publish(detection(seq))
            running.publisher.publish(detection(seq, camera="yard"))
        wait_until(lambda: running.publisher.depth == 10, "the other camera's messages")
        assert stream_seqs(server, "yard") == list(range(1, 11))
        client.delete(_KEY)
        running.wait_sent()
        assert not running.observer.drops
    assert stream_seqs(server) == list(range(1, 11))
    (line,) = _log_lines(caplog, "publish.held")
    assert line.startswith(f"publish.held stream={_KEY} code=WRONGTYPE")


def test_a_missing_permission_is_waited_for(server: RedisServer) -> None:
    """An ACL that forgets a camera costs nothing once it is mended."""
    with server.client() as client:
        client.acl_setuser(
            "node",
            enabled=True,
            passwords=["+node-secret"],
            keys=["vision:*{yard}"],
            channels=["*"],
            commands=["+@all"],
        )
        settings = server.settings().model_copy(update={"username": "node"})
        with publishing_to(server, settings=settings, password=lambda: "node-secret") as running:
            for seq in range(1, 4):
                running.publisher.publish(detection(seq))
                running.publisher.publish(detection(seq, camera="yard"))
            wait_until(lambda: running.publisher.depth == 3, "the permitted camera")
            client.acl_setuser("node", keys=["vision:*{front}"])
            running.wait_sent()
            assert not running.observer.drops
    assert stream_seqs(server) == stream_seqs(server, "yard") == [1, 2, 3]


def test_a_stream_that_is_ahead_is_a_loss_that_shows(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """After the clock went back, ids are refused: counted, logged once, still live."""
    with (
        server.client() as client,
        RawSubscriber(server, _KEY) as live,
        publishing_to(server) as running,
    ):
        client.xadd(_KEY, {"message": "of another run"}, id=_FAR_AHEAD)
        payloads = [running.publisher.publish(detection(seq)) for seq in range(1, 6)]
        assert [live.next_payload() for _ in payloads] == payloads
        running.wait_sent()
        wait_until(lambda: sum(running.observer.drops.values()) == 5, "the count")
        assert running.observer.drops == {("front", DropReason.REFUSED_ID): 5}
        assert running.observer.messages == 0
        assert list(stream_payloads(server)) == [_FAR_AHEAD]
        assert running.publisher.last_stream_runs(["front", "yard"]) == {"front": RUN + 10**12}
    assert len(_log_lines(caplog, "publish.lost")) == 1


def test_a_message_that_is_there_already_counts_as_delivered(server: RedisServer) -> None:
    """The same id on the stream is the same message: no loss and no second entry."""
    with server.client() as client, publishing_to(server) as running:
        client.xadd(_KEY, {"message": "first"}, id=f"{RUN}-1")
        running.publisher.publish(detection(1))
        running.wait_sent()
        wait_until(lambda: running.observer.messages == 1, "the confirmation")
        assert not running.observer.drops
    assert list(stream_payloads(server)) == [f"{RUN}-1"]


def test_a_status_is_kept_even_when_the_clock_went_back(server: RedisServer) -> None:
    """A status means something at any id: behind the newest entry it gets the next one."""
    with server.client() as client, publishing_to(server) as running:
        client.xadd("vision:status:{front}", {"message": "of another run"}, id="9999999999999-1")
        payloads = [
            running.publisher.publish_status(status(reason=reason)) for reason in ("a", "b")
        ]
        running.wait_sent()
        assert not running.observer.drops
    assert list(stream_payloads(server, kind=Kind.STATUS).values())[1:] == payloads


def test_a_rotated_password_needs_no_restart(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong password is one clear line without it; the right one is picked up by itself."""
    passwords = ["wrong-secret"]
    with publishing_to(server, password=lambda: passwords[0]) as running:
        running.publisher.publish(detection(1))
        let_pass(1.0)
        assert not running.publisher.connected
        passwords[0] = server.password
        running.wait_sent()
        with server.client() as client:
            client.config_set("requirepass", "another-secret")
            client.client_kill_filter(_type="normal", skipme=True)
            passwords[0] = "another-secret"
            running.publisher.publish(detection(2))
            running.wait_sent()
            client.config_set("requirepass", server.password)
    assert stream_seqs(server) == [1, 2]
    assert len(_log_lines(caplog, "publish.redis_away")) <= 2
    assert "check the secret file redis_password" in caplog.text
    for secret in ("wrong-secret", "another-secret", server.password):
        assert secret not in caplog.text


def test_an_unreadable_secret_does_not_end_the_loop(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A secret file with the wrong mode is named; mended, the node goes on."""
    is_mended = False

    def password() -> str:
        if not is_mended:
            raise ConfigError("secret file redis_password: others may read it")
        return server.password

    with publishing_to(server, password=password) as running:
        running.publisher.publish(detection(1))
        wait_until(lambda: "others may read it" in caplog.text, "the complaint")
        is_mended = True
        running.wait_sent()
    assert stream_seqs(server) == [1]


def test_the_newest_runs_are_known_at_the_start(server: RedisServer) -> None:
    """A new run can be chosen above the last one of each stream; without Redis there is none."""
    with publishing_to(server) as running:
        running.publisher.publish(detection(1, run=1000))
        running.publisher.publish(detection(1, run=2000))
        running.wait_sent()
        assert running.publisher.last_stream_runs(["front", "yard"]) == {"front": 2000}
        server.stop()
        assert running.publisher.last_stream_runs(["front", "yard"]) == {}
