"""A Redis that grants less than it might: what is not needed is not asked for in vain."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from tests.support.messages import detection, status
from tests.support.publishing import publishing_to, stream_seqs
from tests.support.redis_processes import PlainServer, RedisProcesses, free_ports, wait_for_port
from tests.support.redis_server import RedisServer
from tests.support.restricted_user import SECRET, restricted_user
from tests.support.waiting import wait_until
from vision.domain.errors import PublishError
from vision.publishing.probe import probe_redis

pytestmark = pytest.mark.integration
# Commands that some host or other keeps from its users, and that no message depends on.
_OPTIONAL = (
    "ping",
    "hello",
    "info",
    "client",
    "config",
    "wait",
    "role",
    "time",
    "select",
    "command",
    "acl",
    "hget",
    "zadd",
    "xrevrange",
    "xinfo",
    "keys",
    "scan",
)


@pytest.mark.parametrize("command", _OPTIONAL)
def test_a_command_that_is_forbidden_costs_no_message(server: RedisServer, command: str) -> None:
    """``check`` says that all is well, and all is: messages and states arrive."""
    settings = restricted_user(server, f"-{command}")
    said = probe_redis(settings, lambda: SECRET)
    assert ("version unknown" in said) is (command == "info")
    with publishing_to(server, settings=settings, password=lambda: SECRET) as running:
        running.publisher.publish_status(status())
        for seq in range(1, 4):
            running.publisher.publish(detection(seq))
        running.wait_sent()
        with server.client() as client:
            wait_until(lambda: client.hget("vision:state:{front}", "state") == b"online", "state")
        assert not running.observer.drops
        assert not running.observer.held_for
    assert stream_seqs(server) == [1, 2, 3]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("xadd", "may not run XADD (NOPERM): allow +xadd in the ACL"),
        ("publish", "may not run PUBLISH (NOPERM): allow +publish in the ACL"),
    ],
)
def test_one_that_is_needed_is_named(
    server: RedisServer, command: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With the word that grants it."""
    settings = restricted_user(server, f"-{command}")
    with (
        server.client() as client,
        publishing_to(server, settings=settings, password=lambda: SECRET) as running,
    ):
        running.publisher.publish(detection(1))
        wait_until(lambda: "NOPERM" in caplog.text, "the complaint")
        client.acl_setuser("node", commands=[f"+{command}"])
        running.wait_sent()
    assert words in caplog.text or "that a script needs" in caplog.text


def test_renamed_commands_are_no_fault(tmp_path: Path) -> None:
    """INFO, HELLO and CLIENT turned off by a host: ok, and the version is unknown."""
    (port,) = free_ports(1)
    server = PlainServer(port, "a-secret")
    renamed = ("INFO", "HELLO", "CLIENT", "CONFIG", "ROLE", "XREVRANGE")
    with RedisProcesses(tmp_path) as processes:
        processes.start(
            "renamed",
            port,
            f"port {port}",
            f"requirepass {server.password}",
            *(f'rename-command {command} ""' for command in renamed),
        )
        wait_for_port(port, server.password)
        said = probe_redis(server.settings(), lambda: server.password)
        assert ", version unknown, answers in" in said
        with publishing_to(server) as running:
            running.publisher.publish(detection(1))
            running.wait_sent()
            assert not running.observer.drops


def test_a_proxy_that_hangs_up_at_hello_is_told_apart() -> None:
    """As some do with a command they do not know."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:

        def hang_up() -> None:
            client, _ = proxy.accept()
            with client:
                client.recv(4096)

        thread = threading.Thread(target=hang_up)
        thread.start()
        settings = PlainServer(proxy.getsockname()[1], "").settings()
        with pytest.raises(PublishError, match=r"at HELLO: .*name the server itself"):
            probe_redis(settings, lambda: None)
        thread.join()
