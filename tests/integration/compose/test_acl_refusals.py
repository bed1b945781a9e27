"""What users of the stack's Redis are refused by a real server."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import redis

from tests.support.compose_redis import USERS, StackRedis

pytestmark = pytest.mark.integration
DETECTIONS = "vision:detections:{front}"
STATUS = "vision:status:{front}"
STATE = "vision:state:{front}"
EVENTS = "vision:events:{front}"
FRAME = "vision:frame:{front}"
PICTURE = "vision:picture:{front}"


@pytest.mark.parametrize(
    ("user", "command"),
    [
        ("health", ("GET", FRAME)),
        ("health", ("INFO",)),
        ("health", ("SUBSCRIBE", DETECTIONS)),
        *((user, ("FLUSHALL",)) for user in USERS if user != "admin"),
        *((user, ("CONFIG", "GET", "*")) for user in USERS if user != "admin"),
        *((user, ("KEYS", "*")) for user in USERS if user != "admin"),
        *((user, ("ACL", "LIST")) for user in USERS if user != "admin"),
        # A Sentinel closes the connections of a server that it demotes.
        *(
            (user, ("CLIENT", "KILL", "ID", "1"))
            for user in USERS
            if user not in ("admin", "sentinel")
        ),
        *((user, ("EVAL", "return 1", "0")) for user in USERS if user != "admin"),
        *((user, ("SET", "other", "1")) for user in USERS if user != "admin"),
        ("ingest", ("GET", FRAME)),
        ("ingest", ("GETDEL", "vision:frame-held:{front}:reader")),
        ("ingest", ("BZPOPMIN", "vision:frames:ready", "1")),
        ("ingest", ("XADD", DETECTIONS, "*", "message", "{}")),
        ("ingest", ("PUBLISH", DETECTIONS, "{}")),
        ("ingest", ("DEL", DETECTIONS)),
        ("ingest", ("SET", STATE, "1")),
        ("infer", ("XADD", STATUS, "*", "message", "{}")),
        ("infer", ("PUBLISH", STATUS, "{}")),
        ("infer", ("HSET", STATE, "state", "online")),
        ("infer", ("DEL", DETECTIONS)),
        ("events", ("XADD", DETECTIONS, "*", "message", "{}")),
        ("events", ("XADD", STATUS, "*", "message", "{}")),
        ("events", ("PUBLISH", DETECTIONS, "{}")),
        ("events", ("SUBSCRIBE", EVENTS)),
        ("events", ("PUBLISH", PICTURE, "pixels")),
        ("events", ("GET", FRAME)),
        ("events", ("GET", DETECTIONS)),
        ("events", ("HSET", STATE, "state", "online")),
        *(
            (user, ("XADD", EVENTS, "*", "message", "{}"))
            for user in ("infer", "web", "subscriber")
        ),
        *((user, ("GET", "vision:events-state:{front}")) for user in ("infer", "subscriber")),
        *(
            ("exporter", command)
            for command in (("GET", FRAME), ("XRANGE", DETECTIONS, "-", "+"), ("SUBSCRIBE", STATUS))
        ),
        ("subscriber", ("GET", FRAME)),
        ("subscriber", ("XADD", DETECTIONS, "*", "message", "{}")),
        ("subscriber", ("PUBLISH", DETECTIONS, "{}")),
        ("subscriber", ("SUBSCRIBE", "other")),
        ("subscriber", ("PSUBSCRIBE", "*")),
        ("subscriber", ("SUBSCRIBE", PICTURE)),
        ("infer", ("SUBSCRIBE", PICTURE)),
        ("infer", ("PUBSUB", "CHANNELS")),
        ("ingest", ("PUBLISH", PICTURE, "x")),
        ("bridge", ("XADD", EVENTS, "*", "message", "{}")),
        ("bridge", ("PUBLISH", EVENTS, "{}")),
        ("bridge", ("XDEL", EVENTS, "1-1")),
        ("bridge", ("SUBSCRIBE", PICTURE)),
        ("bridge", ("GET", FRAME)),
        ("bridge", ("HSET", STATE, "state", "online")),
        ("bridge", ("DEL", "vision:bridge:mqtt")),
        ("web", ("PUBLISH", PICTURE, "x")),
        ("web", ("PUBLISH", DETECTIONS, "{}")),
        ("web", ("GET", FRAME)),
        ("web", ("SUBSCRIBE", "other")),
        ("web", ("PSUBSCRIBE", "*")),
        ("web", ("XADD", DETECTIONS, "*", "message", "{}")),
        ("web", ("PUBSUB", "NUMSUB", PICTURE)),
        *(
            (user, command)
            for user in USERS
            for command in (
                ("MODULE", "LIST"),
                ("REPLICAOF", "NO", "ONE"),
                ("MIGRATE", "127.0.0.1", "1", "key", "0", "1"),
            )
        ),
        ("replica", ("GET", FRAME)),
        ("replica", ("XADD", DETECTIONS, "*", "message", "{}")),
        ("sentinel", ("GET", FRAME)),
        ("sentinel", ("XADD", DETECTIONS, "*", "message", "{}")),
        ("sentinel", ("CONFIG", "SET", "appendonly", "no")),
        ("sentinel", ("SUBSCRIBE", DETECTIONS)),
        ("subscriber", ("XGROUP", "CREATE", DETECTIONS, "group", "$", "MKSTREAM")),
    ],
)
def test_what_is_not_its_part_is_refused(
    server: StackRedis, user: str, command: Sequence[str]
) -> None:
    """Redis refuses, whether the keys exist or not."""
    with server.client(user) as client, pytest.raises(redis.ResponseError) as caught:
        client.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py leaves it so
    assert "NOPERM" in str(caught.value) or "no permissions" in str(caught.value)


def test_the_health_check_needs_no_secret(server: StackRedis) -> None:
    """Its user may ping with any password."""
    with server.client("health") as client:
        assert client.ping()


@pytest.mark.parametrize("command", [("PING",), ("GET", FRAME), ("AUTH", ""), ("AUTH", "any")])
def test_who_is_not_logged_in_can_do_nothing(server: StackRedis, command: Sequence[str]) -> None:
    """The default user, which has all rights, is out of reach."""
    with server.client(None) as client, pytest.raises(redis.AuthenticationError):
        client.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py leaves it so
