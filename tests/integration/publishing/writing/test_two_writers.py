"""Two processes publish one camera: both hear of it, and the state hash is the newer run's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from tests.support.logs import log_lines
from tests.support.messages import RUN, status
from tests.support.publishing import RunningPublisher, let_pass, publishing_to
from tests.support.redis_server import RedisServer
from tests.support.restricted_user import SECRET, restricted_user
from tests.support.waiting import wait_until
from vision.domain.message import StatusMessage
from vision.domain.status import CameraState
from vision.telemetry.redaction import process_redactor

pytestmark = pytest.mark.integration
_KEY = "vision:state:{front}"
_WRITERS = "vision:writers:{front}"


def of_run(run: int, state: CameraState = CameraState.ONLINE) -> StatusMessage:
    """A state of the camera in that run."""
    return replace(status(state), run=str(run))


def says(server: RedisServer, run: int, state: CameraState) -> bool:
    """Whether the hash is that run's and says ``state``."""
    with server.client() as client:
        return client.hmget(_KEY, ["run", "state"]) == [str(run).encode(), state.value.encode()]


@contextmanager
def two(server: RedisServer) -> Iterator[tuple[RunningPublisher, RunningPublisher]]:
    """An older and a newer one at work on the same camera."""
    with ExitStack() as stack:
        old, new = (stack.enter_context(publishing_to(server)) for _ in range(2))
        old.publisher.publish_status(of_run(RUN))
        wait_until(lambda: says(server, RUN, CameraState.ONLINE), "the state of the first")
        new.publisher.publish_status(of_run(RUN + 1))
        yield old, new


def test_both_hear_of_the_other_and_of_its_end(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """By run, within seconds; said in a line that tells what to do."""
    with two(server) as (old, new):
        wait_until(lambda: old.observer.others.get("front") == [str(RUN + 1)], "the older hears")
        wait_until(lambda: new.observer.others.get("front") == [str(RUN)], "the newer hears")
        new.finish()
        wait_until(lambda: old.observer.others["front"] == [], "the older is alone")
    lines = log_lines(caplog, "publish.other_writer")
    assert len(lines) == 2
    assert all("stop one of them" in line for line in lines)


def test_the_older_says_nothing_while_the_newer_is_at_work(server: RedisServer) -> None:
    """Neither that it has stopped nor anything else; once the newer has ended, its word counts."""
    with two(server) as (old, new):
        wait_until(lambda: says(server, RUN + 1, CameraState.ONLINE), "the newer's state")
        for state in (CameraState.RECONNECTING, CameraState.ONLINE, CameraState.STALLED):
            old.publisher.publish_status(of_run(RUN, state))
            old.wait_sent()
            assert says(server, RUN + 1, CameraState.ONLINE)
        new.publisher.publish_status(of_run(RUN + 1, CameraState.STOPPED))
        new.finish()
        assert says(server, RUN + 1, CameraState.STOPPED)
        wait_until(lambda: says(server, RUN, CameraState.STALLED), "the one that is left")


def test_the_end_of_the_older_does_not_show(server: RedisServer) -> None:
    """Also where it ends before it has heard of the newer."""
    with two(server) as (old, new):
        new.wait_sent()
        old.publisher.publish_status(of_run(RUN, CameraState.STOPPED))
        old.finish()
        assert says(server, RUN + 1, CameraState.ONLINE)
        new.publisher.publish_status(of_run(RUN + 1, CameraState.FROZEN))
        wait_until(lambda: says(server, RUN + 1, CameraState.FROZEN), "the newer goes on")


def test_one_that_was_killed_is_no_other(server: RedisServer) -> None:
    """A node that is started again at once finds the traces of its predecessor."""
    with server.client() as client:
        seconds, micros = client.time()
        client.zadd(_WRITERS, {f"{'0' * 16}:{RUN - 1}": seconds * 1000 + micros // 1000})
    with publishing_to(server) as running:
        running.publisher.publish_status(status())
        wait_until(lambda: "front" in running.observer.others, "a first look")
        let_pass(2.5)
        assert running.observer.others == {"front": []}


def test_a_newer_run_that_died_does_not_silence_for_long(server: RedisServer) -> None:
    """Its trace expires, and what the living one said meanwhile is written."""
    with server.client() as client:
        seconds, micros = client.time()
        client.zadd(_WRITERS, {f"{'0' * 16}:{RUN + 1}": seconds * 1000 + micros // 1000})
    with publishing_to(server) as running:
        running.publisher.publish_status(status())
        wait_until(lambda: says(server, RUN, CameraState.ONLINE), "its own state")


def test_a_server_that_forgets_its_scripts_is_taught_again(server: RedisServer) -> None:
    """As SCRIPT FLUSH or a restart does."""
    with publishing_to(server) as running, server.client() as client:
        running.publisher.publish_status(status())
        wait_until(lambda: says(server, RUN, CameraState.ONLINE), "the first state")
        client.script_flush()
        running.publisher.publish_status(status(CameraState.FROZEN))
        wait_until(lambda: says(server, RUN, CameraState.FROZEN), "the next state")


@pytest.mark.parametrize(
    "forbidden", ["-evalsha", "-script", "-zadd", "-time", "-pexpire", "-zrange", "-hget"]
)
def test_who_may_not_run_the_script_writes_plainly(
    server: RedisServer, forbidden: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A user of an older release: states are written, and it is said what goes unnoticed."""
    settings = restricted_user(server, forbidden)
    with publishing_to(server, settings=settings, password=lambda: SECRET) as running:
        running.publisher.publish_status(status())
        wait_until(lambda: says(server, RUN, CameraState.ONLINE), "the state")
        running.publisher.publish_status(status(CameraState.STOPPED))
        wait_until(lambda: says(server, RUN, CameraState.STOPPED), "the end")
    # HGET is asked only by who ends.
    (line,) = log_lines(caplog, "publish.writers_unwatched")
    assert "goes unnoticed" in line
    assert "may not run" in line


def test_a_key_of_another_type_is_said_and_mended(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody keeps a text where the state belongs; its stream goes on."""
    with publishing_to(server) as running, server.client() as client:
        client.set(_KEY, "mine")
        running.publisher.publish_status(status())
        running.wait_sent()
        wait_until(lambda: "WRONGTYPE" in caplog.text, "the complaint")
        assert "WRONGTYPE" in (running.observer.states_refused["front"] or "")
        client.delete(_KEY)
        wait_until(lambda: says(server, RUN, CameraState.ONLINE), "the state")
        wait_until(lambda: running.observer.states_refused == {"front": None}, "the end of it")


def test_no_credential_stands_in_the_hash(server: RedisServer) -> None:
    """A reason may quote what a camera said."""
    process_redactor.register("hunter2-of-the-yard")
    with publishing_to(server) as running:
        running.publisher.publish_status(status(reason="it said hunter2-of-the-yard"))
        running.wait_sent()
        with server.client() as client:
            kept = client.hgetall(_KEY)
    assert "hunter2" not in str(kept)
    assert "it said " in str(kept)
