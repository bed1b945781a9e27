"""What a publisher may do on Redis changes: permissions, passwords, secret files."""

from __future__ import annotations

import pytest

from tests.support.logs import log_lines
from tests.support.messages import detection
from tests.support.publishing import let_pass, publishing_to, stream_seqs
from tests.support.redis_server import RedisServer
from tests.support.restricted_user import SECRET, restricted_user
from tests.support.waiting import wait_until
from vision.domain.errors import ConfigError

pytestmark = pytest.mark.integration


def test_a_missing_permission_is_waited_for(server: RedisServer) -> None:
    """An ACL that forgets a camera costs nothing once it is mended."""
    settings = restricted_user(server, keys="vision:*{yard}")
    with (
        server.client() as client,
        publishing_to(server, settings=settings, password=lambda: SECRET) as running,
    ):
        for seq in range(1, 4):
            running.publisher.publish(detection(seq))
            running.publisher.publish(detection(seq, camera="yard"))
        wait_until(lambda: running.publisher.depth == 3, "the permitted camera")
        client.acl_setuser("node", keys=["vision:*{front}"])
        running.wait_sent()
        assert not running.observer.drops
    assert stream_seqs(server) == stream_seqs(server, "yard") == [1, 2, 3]


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
    assert len(log_lines(caplog, "publish.redis_away")) <= 2
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
